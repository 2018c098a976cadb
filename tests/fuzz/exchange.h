/* A server for fuzzing, in the same thread: what it says is the input.
 *
 * The target is linked with --wrap for gl_handle_set_route, curl_multi_poll and
 * gl_monotonic.  Every connection is then one end of a socket pair, which this
 * server answers whenever the call would wait; and the clock goes on only when
 * there is nothing to wait for, so that timeouts and pauses cost no time and an
 * input always does the same.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gl_error.h"
#include "token_request.h"

/* The call's secrets.  Each spelling has something to escape in them. */
#define EXCHANGE_PASSWORD "canary pass\"/1<&"
#define EXCHANGE_API_KEY "canary-key"
#define EXCHANGE_PROXY_PASSWORD "canary-proxy"

/* Between the answers of an input. */
#define EXCHANGE_SEPARATOR "|--|"

typedef struct {
    const uint8_t *answers; /* one for each request, then silence */
    size_t size;
    bool closes;       /* the connection after each answer */
    bool speaks_first; /* without waiting for a request */
    bool in_body;      /* where credentials go; else query, then body */
    bool by_proxy;     /* https through an http proxy: CONNECT */
    int max_retries;
} exchange;

/* End the process unless CONDITION holds. */
void
require(bool condition, const char *what);

/* Make one call.  Whatever the server says, it ends in time, in 0 with what
 * RESPONSE promises, or in -1 with a kind of error that its header names and
 * without a secret in it. */
int
exchange_call(const exchange *e, gl_token_response *response, gl_error *err);

#endif
