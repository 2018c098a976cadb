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
 * that is not a loopback address; credentials, a query or a fragment; an IPv6
 * zone. */
int
gl_base_url_parse(gl_base_url *url, gl_text text, const char *path,
                  const char *name, gl_error *err);

/* Say by *SAME whether the URL TO has FROM's scheme, host and port, and no
 * credentials.  GL_ERROR_MEMORY. */
int
gl_same_origin(const char *from, const char *to, bool *same, gl_error *err);

/* Append URL without credentials, query and fragment; nothing when it is none.
 */
int
gl_url_append_shown(const char *url, gl_buffer *out, gl_error *err);

/* A proxy, in the pieces that libcurl takes; its URL holds no credentials, so
 * that whatever quotes it tells nothing. */
typedef struct {
    gl_buffer url;      /* scheme://host[:port] */
    gl_buffer user;     /* decoded; empty: none */
    gl_buffer password; /* decoded; empty: none */
    bool loopback;      /* on this machine */
    bool socks;
} gl_proxy;

void
gl_proxy_init(gl_proxy *proxy);

void
gl_proxy_free(gl_proxy *proxy);

/* Parse TEXT: [scheme://][user:password@]host[:port], the scheme one of http
 * (which is what it is without one), https, socks4, socks4a, socks5 and
 * socks5h. GL_ERROR_ARGUMENT for all else, without quoting TEXT. */
int
gl_proxy_parse(gl_proxy *proxy, gl_text text, const char *name, gl_error *err);

#endif
