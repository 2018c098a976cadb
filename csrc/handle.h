/* A libcurl handle that keeps its connection, and how it is set up.
 *
 * Options that are the same from call to call stay set, since setting them
 * anew would cost a twentieth of a call; libcurl 8.1.0 and newer allow that.
 * What belongs to one attempt (URL, headers, body, where the answer goes) is
 * set for it and taken away after it, and so is everything where a proxy has a
 * password: an idle handle holds no secret of ours.
 */
#ifndef GL_HANDLE_H
#define GL_HANDLE_H

#include <stdbool.h>

#include <curl/curl.h>

#include "buffer.h"
#include "gl_error.h"

/* How servers are reached.  Without ca_file and ca_path libcurl's own. */
typedef struct {
    const char *ca_file;        /* PEM file of trusted CAs, or NULL */
    const char *ca_path;        /* directory of them, or NULL */
    const char *proxy;          /* its URL, without credentials; "" for none */
    const char *proxy_user;     /* NULL: none */
    const char *proxy_password; /* NULL: none */
    const char *no_proxy; /* hosts to reach without it, as curl takes them */
} gl_route;

typedef struct gl_handle {
    CURLM *multi; /* of its own, which keeps the connection open */
    CURL *easy;
    gl_buffer route;        /* what EASY is set up for; empty: nothing */
    bool has_secret;        /* of that */
    bool leaves_resolver;   /* libcurl does not wait for one that hangs */
    double idle_since;      /* on gl_monotonic()'s clock; the pool's */
    struct gl_handle *next; /* the pool's */
} gl_handle;

/* NULL, ERR filled, when memory is short, or descriptors are. */
gl_handle *
gl_handle_new(gl_error *err);

/* Close HANDLE's connection, and all of libcurl's that it has: it is good for
 * gl_handle_free only afterwards. */
void
gl_handle_close(gl_handle *handle);

/* Close the connection, too. */
void
gl_handle_free(gl_handle *handle);

/* Set HANDLE's options for ROUTE, and those that no call changes: TLS is
 * verified, and 1.2 at least; nothing but HTTP and HTTPS; no redirects, cookies
 * or .netrc; sockets never block, and are not inherited: CURLOPT_OPENSOCKETDATA
 * has to be an int, for the errno where there is none.  CURLE_OK, or why
 * libcurl refuses. */
CURLcode
gl_handle_set_route(gl_handle *handle, const gl_route *route);

/* End the attempt that EASY is in MULTI for, finished or not, and take away
 * what belongs to it.  A libcurl that would wait for a resolver that hangs does
 * so in a thread of its own, and HANDLE begins anew.  One older than 8.1.0, for
 * which it is not safe to use EASY again, gets a new one; the connection stays.
 * As gl_handle_new when it cannot; then it is good for gl_handle_free only. */
int
gl_handle_end_attempt(gl_handle *handle, gl_error *err);

/* Take away what belongs to one attempt, EASY not being in MULTI. */
void
gl_handle_clear(gl_handle *handle);

/* Whether it is of use still. */
bool
gl_handle_is_good(const gl_handle *handle);

#endif
