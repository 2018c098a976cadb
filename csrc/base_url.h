/* The two URLs a caller may give: where the API is, and the proxy to it.
 *
 * Credentials travel to the first, so it is held to more than URL syntax:
 * https, or http to this very machine, and nothing but an origin and a path.
 */
#ifndef GL_BASE_URL_H
#define GL_BASE_URL_H

#include <stdbool.h>

#include "buffer.h"
#include "gl_error.h"
#include "text.h"

#define GL_DEFAULT_BASE_URL "https://api.genlogs.io"

typedef struct {
    gl_buffer endpoint; /* the whole URL, without a query */
    gl_buffer origin;   /* scheme://host[:port], as messages show it */
    bool encrypted;     /* https */
} gl_base_url;

void
gl_base_url_init(gl_base_url *url);

void
gl_base_url_free(gl_base_url *url);

/* Parse TEXT and put PATH ("/auth/token") behind its own path; a slash at its
 * end makes no difference.  NAME ("base_url") is what messages call it.
 * GL_ERROR_ARGUMENT for: syntax; a scheme but http and https; http to a host
 * that is not a loopback address; credentials, a query or a fragment. */
int
gl_base_url_parse(gl_base_url *url, gl_text text, const char *path,
                  const char *name, gl_error *err);

/* Check that TEXT is a proxy libcurl can use: [scheme://][user:password@]host
 * [:port] with http, https, socks4, socks4a, socks5 or socks5h.  Set *LOOPBACK
 * to whether it is on this machine.  GL_ERROR_ARGUMENT otherwise, without
 * quoting TEXT. */
int
gl_proxy_check(gl_text text, const char *name, bool *loopback, gl_error *err);

#endif
