/* The GenLogs contract: which request makes a token, and what an answer means.
 *
 * POST {base_url}/auth/token with the headers accept and x-api-key, and the
 * credentials in the query (percent-encoded) or in a JSON body.  A 200 holds an
 * object with access_token_data.token and access_token_data.expires.
 */
#ifndef GL_TOKEN_REQUEST_H
#define GL_TOKEN_REQUEST_H

#include <stdbool.h>

#include "base_url.h"
#include "buffer.h"
#include "gl_error.h"
#include "json_tokens.h"
#include "text.h"
#include "transport.h"

#define GL_MAX_ARGUMENT 65536 /* bytes of an argument, in UTF-8 */

typedef enum {
    GL_CREDENTIALS_IN_QUERY,
    GL_CREDENTIALS_IN_BODY,
    GL_CREDENTIALS_AUTO /* query; body if a 422 asks for it */
} gl_credentials_in;

#define GL_USER_AGENT_SIZE 64

/* All that a call needs.  The texts are borrowed, valid UTF-8. */
typedef struct {
    const char *user_agent; /* of gl_user_agent's making */
    gl_text email;
    gl_text password;
    gl_text api_key;
    gl_credentials_in credentials_in;
    const gl_base_url *url; /* of gl_token_request_parse_url's making */
    gl_proxy proxy;         /* of gl_token_request_set_proxy's */
    gl_transport_options transport;
} gl_token_request;

/* A checked answer.  JSON borrows BODY's bytes. */
typedef struct {
    gl_buffer body;
    gl_json json;
    double date;  /* the server's clock, since 1970; < 0: unknown or unwanted */
    bool in_body; /* it took the credentials in the body */
    int attempts; /* how often the request was made */
} gl_token_response;

/* Write "genlogs-ext/VERSION libcurl/VERSION" to OUT.  Asking libcurl costs
 * enough to do it once for many calls. */
void
gl_user_agent(char out[GL_USER_AGENT_SIZE]);

void
gl_token_request_init(gl_token_request *request);

void
gl_token_request_free(gl_token_request *request);

/* Check the credentials.  No network is touched.  GL_ERROR_ARGUMENT, naming the
 * argument and not its value. */
int
gl_token_request_check(const gl_token_request *request, gl_error *err);

/* Parse BASE_URL, called NAME in messages, for REQUEST's url.
 * GL_ERROR_ARGUMENT. */
int
gl_token_request_parse_url(gl_base_url *url, gl_text base_url, const char *name,
                           gl_error *err);

/* Send a checked REQUEST, with its url, through PROXY; empty for none.  NAME is
 * what messages call it.  GL_ERROR_ARGUMENT when it is not a proxy, or would
 * see the credentials unencrypted. */
int
gl_token_request_set_proxy(gl_token_request *request, gl_text proxy,
                           const char *name, gl_error *err);

void
gl_token_response_init(gl_token_response *response);

void
gl_token_response_free(gl_token_response *response);

/* Get a token with a REQUEST that has been checked.  transport.timeout counts
 * from here, both attempts of GL_CREDENTIALS_AUTO included.  Errors: those of
 * gl_transport_post, GL_ERROR_API for any status but a 2xx, GL_ERROR_RESPONSE
 * for a 2xx that breaks the contract.  No secret is in ERR. */
int
gl_token_request_send(gl_token_request *request, gl_token_response *response,
                      gl_error *err);

#endif
