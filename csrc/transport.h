/* One HTTP exchange through libcurl: on time, and to nowhere but the URL.
 *
 * A call ends by its deadline, whatever the network does.  While it waits it
 * asks a gl_stop, about every GL_STOP_INTERVAL seconds, whether to give up. TLS
 * certificates are always verified, cookies and .netrc never used, and
 * redirects followed only as 307 or 308 to the same origin.  Attempts that
 * failed in a way that may pass are made anew.
 */
#ifndef GL_TRANSPORT_H
#define GL_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "buffer.h"
#include "gl_error.h"
#include "pool.h"

#define GL_MAX_BODY 1048576  /* bytes of a response's body */
#define GL_MAX_HEADERS 65536 /* bytes of a response's headers */
#define GL_MAX_REDIRECTS 3
#define GL_MAX_REQUEST_HEADERS 8
#define GL_STOP_INTERVAL 0.05 /* seconds */

/* REQUESTED is called with CONTEXT from the waiting thread; true ends the call
 * with GL_ERROR_INTERRUPTED.  REQUESTED may be NULL. */
typedef struct {
    bool (*requested)(void *context);
    void *context;
} gl_stop;

typedef struct {
    gl_pool *pool;   /* where connections come from and go to */
    double deadline; /* on gl_monotonic()'s clock; the call ends by it */
    double timeout;  /* seconds from the call to DEADLINE, for messages */
    double connect_timeout; /* seconds for one connection to come up */
    int max_retries;        /* attempts after the first */
    gl_route route;
    gl_stop stop;
    bool wants_date; /* whether to read the answer's Date, which takes long */
} gl_transport_options;

typedef struct {
    const char *url;
    const char *origin;         /* of URL, for messages: no path, no query */
    const char *const *headers; /* "name: value", or "name:" to send none */
    size_t header_count;        /* 1 to GL_MAX_REQUEST_HEADERS */
    const char *body;           /* NULL for an empty one */
    size_t body_length;
} gl_http_request;

typedef struct {
    long status;
    double retry_after; /* seconds the server asked to wait; < 0: it did not */
    time_t date;        /* of its Date header; -1: none was wanted or sent */
    double date_at;     /* when that came, on gl_monotonic()'s clock */
    gl_buffer body;     /* decompressed */
    gl_buffer location; /* absolute URL of a redirect that was not followed */
    int attempts;       /* how often the request was made, redirects apart */
} gl_http_response;

/* Whether the same request may be answered differently later: 408, 429, 500,
 * 502, 503, 504. */
bool
gl_status_is_retryable(long status);

void
gl_http_response_init(gl_http_response *response);

void
gl_http_response_free(gl_http_response *response);

/* POST REQUEST and fill RESPONSE with the last attempt's answer, of any status.
 * After a failure only its attempts count. GL_ERROR_CONNECT, GL_ERROR_TIMEOUT,
 * GL_ERROR_TLS, GL_ERROR_TRANSPORT, GL_ERROR_INTERRUPTED, GL_ERROR_MEMORY, or
 * GL_ERROR_RESPONSE for an answer over one of the limits.  Where ERR has a
 * curl_code and is no timeout, its message is libcurl's own text, and advice.
 */
int
gl_transport_post(const gl_http_request *request,
                  const gl_transport_options *options,
                  gl_http_response *response, gl_error *err);

#endif
