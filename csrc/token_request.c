#include "token_request.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "redactor.h"
#include "server_message.h"

#define TOKEN_PATH "/auth/token"

/* A URL of three arguments, each byte of which may become three. */
enum { MAX_REQUEST = 16 * GL_MAX_ARGUMENT };

/* ---- the arguments --------------------------------------------------------
 */

void
gl_user_agent(char out[GL_USER_AGENT_SIZE])
{
    (void)snprintf(out, GL_USER_AGENT_SIZE,
                   "genlogs-ext/" GENLOGS_EXT_VERSION " libcurl/%s",
                   curl_version_info(CURLVERSION_NOW)->version);
}

void
gl_token_request_init(gl_token_request *request)
{
    *request = (gl_token_request){.credentials_in = GL_CREDENTIALS_AUTO};
    gl_proxy_init(&request->proxy);
}

void
gl_token_request_free(gl_token_request *request)
{
    gl_proxy_free(&request->proxy);
}

static int
check_text(gl_text text, const char *name, gl_error *err)
{
    if (text.length == 0) {
        return gl_error_argument(err, name, "must not be empty");
    }
    if (text.length > GL_MAX_ARGUMENT) {
        return gl_error_argument(err, name, "must not be longer than 64 KiB");
    }
    if (memchr(text.bytes, '\0', text.length) != NULL) {
        return gl_error_argument(err, name, "must not hold a NUL character");
    }
    return 0;
}

/* What an HTTP header can carry unchanged: RFC 9110, section 5.5. */
static int
check_api_key(gl_text key, gl_error *err)
{
    static const char name[] = "api_key";
    const char last = key.bytes[key.length - 1];
    for (size_t i = 0; i < key.length; i++) {
        const unsigned char byte = (unsigned char)key.bytes[i];
        if (byte == '\r' || byte == '\n') {
            return gl_error_argument(
                err, name,
                "must not hold a line break: strip it if the key was "
                "read from a file");
        }
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return gl_error_argument(err, name,
                                     "must not hold control characters");
        }
    }
    if (strchr(" \t", key.bytes[0]) != NULL || strchr(" \t", last) != NULL) {
        return gl_error_argument(
            err, name,
            "must not begin or end with white space: HTTP would drop "
            "it");
    }
    if (!gl_text_is_latin1(key)) {
        return gl_error_argument(
            err, name,
            "must be Latin-1 to go into an HTTP header: it has a "
            "character beyond that");
    }
    return 0;
}

int
gl_token_request_check(const gl_token_request *request, gl_error *err)
{
    if (check_text(request->email, "email", err) < 0 ||
        check_text(request->password, "password", err) < 0 ||
        check_text(request->api_key, "api_key", err) < 0) {
        return -1;
    }
    return check_api_key(request->api_key, err);
}

int
gl_token_request_parse_url(gl_base_url *url, gl_text base_url, const char *name,
                           gl_error *err)
{
    return check_text(base_url, name, err) < 0
               ? -1
               : gl_base_url_parse(url, base_url, TOKEN_PATH, name, err);
}

int
gl_token_request_set_proxy(gl_token_request *request, gl_text text,
                           const char *name, gl_error *err)
{
    const gl_proxy *proxy = &request->proxy;
    request->transport.route.proxy = "";
    if (text.length == 0) {
        return 0;
    }
    if (text.length > GL_MAX_ARGUMENT) {
        return gl_error_argument(err, name, "must not be longer than 64 KiB");
    }
    if (gl_proxy_parse(&request->proxy, text, name, err) < 0) {
        return -1;
    }
    if (!request->url->encrypted && (!proxy->loopback || proxy->socks)) {
        return gl_error_argument(
            err, name,
            "must be an HTTP proxy on this machine when base_url is http: the "
            "password would travel unencrypted");
    }
    request->transport.route.proxy = proxy->url.data;
    request->transport.route.proxy_user = proxy->user.data;
    request->transport.route.proxy_password = proxy->password.data;
    return 0;
}

/* ---- the request ----------------------------------------------------------
 */

/* The parts of an HTTP request that hold secrets. */
typedef struct {
    gl_buffer url;
    gl_buffer key_header;
    gl_buffer agent_header;
    gl_buffer body;
} message;

static void
init_message(message *m)
{
    gl_buffer_init(&m->url, MAX_REQUEST);
    gl_buffer_init(&m->key_header, MAX_REQUEST);
    gl_buffer_init(&m->agent_header, MAX_REQUEST);
    gl_buffer_init(&m->body, MAX_REQUEST);
}

static void
free_message(message *m)
{
    gl_buffer_free(&m->url);
    gl_buffer_free(&m->key_header);
    gl_buffer_free(&m->agent_header);
    gl_buffer_free(&m->body);
}

static int
append_query(const gl_token_request *request, gl_buffer *url, gl_error *err)
{
    if (gl_buffer_append_string(url, "?email=", err) < 0 ||
        gl_text_percent_encode(request->email, url, err) < 0 ||
        gl_buffer_append_string(url, "&password=", err) < 0) {
        return -1;
    }
    return gl_text_percent_encode(request->password, url, err);
}

static int
append_json(const gl_token_request *request, gl_buffer *body, gl_error *err)
{
    if (gl_buffer_append_string(body, "{\"email\": ", err) < 0 ||
        gl_text_json_quote(request->email, body, err) < 0 ||
        gl_buffer_append_string(body, ", \"password\": ", err) < 0 ||
        gl_text_json_quote(request->password, body, err) < 0) {
        return -1;
    }
    return gl_buffer_append_string(body, "}", err);
}

static int
build_message(const gl_token_request *request, bool in_body, message *m,
              gl_error *err)
{
    const gl_buffer *endpoint = &request->url->endpoint;
    if (gl_buffer_append(&m->url, endpoint->data, endpoint->length, err) < 0 ||
        gl_buffer_append_string(&m->key_header, "x-api-key: ", err) < 0 ||
        gl_text_to_latin1(request->api_key, &m->key_header, err) < 0 ||
        gl_buffer_append_string(&m->agent_header, "user-agent: ", err) < 0 ||
        gl_buffer_append_string(&m->agent_header, request->user_agent, err) <
            0) {
        return -1;
    }
    return in_body ? append_json(request, &m->body, err)
                   : append_query(request, &m->url, err);
}

static int
post(const gl_token_request *request, bool in_body, gl_http_response *response,
     gl_error *err)
{
    message m;
    init_message(&m);
    int status = build_message(request, in_body, &m, err);
    if (status == 0) {
        const char *headers[] = {
            "accept: application/json",
            m.key_header.data,
            m.agent_header.data,
            in_body ? "Content-Type: application/json" : "Content-Type:",
            "Accept-Encoding:", /* not asked for, but understood */
        };
        const gl_http_request http = {
            .url = m.url.data,
            .origin = request->url->origin.data,
            .headers = headers,
            .header_count = sizeof headers / sizeof *headers,
            .body = m.body.data,
            .body_length = m.body.length,
        };
        status = gl_transport_post(&http, &request->transport, response, err);
    }
    free_message(&m);
    return status;
}

/* ---- the answer -----------------------------------------------------------
 */

void
gl_token_response_init(gl_token_response *response)
{
    *response = (gl_token_response){.date = -1.0};
    gl_buffer_init(&response->body, GL_MAX_BODY);
}

void
gl_token_response_free(gl_token_response *response)
{
    gl_json_free(&response->json);
    gl_buffer_free(&response->body);
}

/* The error is ours to word here, and holds nothing of the answer. */
static int
broken_contract(const char *what, gl_error *err)
{
    gl_error_set(err, GL_ERROR_RESPONSE,
                 "the server's answer is not what the API promises: %s", what);
    return -1;
}

static int
check_contract(const gl_json *json, gl_error *err)
{
    if (json->tokens[0].type != JSMN_OBJECT) {
        return broken_contract("the JSON is not an object", err);
    }
    const size_t data = gl_json_member(json, 0, "access_token_data");
    if (data == 0 || json->tokens[data].type != JSMN_OBJECT) {
        return broken_contract("it has no object access_token_data", err);
    }
    static const char *const names[] = {"token", "expires"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t member = gl_json_member(json, data, names[i]);
        if (member == 0 || json->tokens[member].type != JSMN_STRING ||
            json->tokens[member].end == json->tokens[member].start) {
            return broken_contract(
                i == 0 ? "it has no string access_token_data.token"
                       : "it has no string access_token_data.expires",
                err);
        }
    }
    return 0;
}

/* Take the body of a 2xx over into RESPONSE, if it keeps the contract. */
static int
take_success(gl_http_response *http, gl_token_response *response, gl_error *err)
{
    if (http->status != 200) {
        gl_error_set(err, GL_ERROR_RESPONSE,
                     "the server's answer is not what the API promises: status "
                     "%ld instead of 200",
                     http->status);
        return -1;
    }
    gl_error json_error;
    if (gl_json_parse(&response->json, http->body.data, http->body.length,
                      &json_error) < 0) {
        if (json_error.kind == GL_ERROR_MEMORY) {
            return gl_error_memory(err);
        }
        return broken_contract(json_error.message, err);
    }
    if (check_contract(&response->json, err) < 0) {
        gl_json_free(&response->json);
        return -1;
    }
    gl_buffer_free(&response->body);
    response->body = http->body;
    gl_buffer_init(&http->body, GL_MAX_BODY);
    return 0;
}

/* Append TEXT without REQUEST's secrets.  Where memory is short it may be cut.
 */
static void
redact(const gl_token_request *request, gl_text text, gl_buffer *out)
{
    gl_error ignored;
    const gl_proxy *proxy = &request->proxy;
    const gl_text secrets[] = {
        request->password,
        request->api_key,
        {proxy->password.data, proxy->password.length},
    };
    (void)gl_redact(text, secrets, sizeof secrets / sizeof *secrets,
                    GL_ERROR_MESSAGE_SIZE, out, &ignored);
}

/* Say in ERR where HTTP redirects to. */
static void
set_location(const gl_token_request *request, const gl_http_response *http,
             gl_error *err)
{
    gl_error said = GL_ERROR_INIT;
    gl_buffer url;
    gl_buffer shown;
    gl_buffer_init(&url, GL_MAX_BODY);
    gl_buffer_init(&shown, GL_MAX_BODY);
    if (http->location.length > 0 &&
        gl_url_append_shown(http->location.data, &url, &said) == 0) {
        redact(request, (gl_text){url.data, url.length}, &shown);
        gl_error_set_text(&said, shown.data, shown.length);
        if (strlen(said.message) < sizeof err->location) {
            memcpy(err->location, said.message, strlen(said.message) + 1);
        }
    }
    gl_buffer_free(&url);
    gl_buffer_free(&shown);
}

/* Turn an answer of an error status into ERR. */
static void
set_api_error(const gl_token_request *request, const gl_http_response *http,
              const gl_json *json, gl_error *err)
{
    gl_error ignored;
    gl_buffer said;
    gl_buffer shown;
    gl_buffer_init(&said, GL_MAX_BODY);
    gl_buffer_init(&shown, GL_MAX_BODY);
    gl_error_set(err, GL_ERROR_API, "%s", "");
    err->http_status = http->status;
    err->retry_after = http->retry_after;
    err->retryable = gl_status_is_retryable(http->status);
    set_location(request, http, err);
    if (json->count > 0 && gl_server_message(json, &said, &ignored) == 0) {
        redact(request, (gl_text){said.data, said.length}, &shown);
        gl_error_set_text(err, shown.data, shown.length);
    }
    gl_buffer_free(&said);
    gl_buffer_free(&shown);
}

/* Say what could not be done, before libcurl's own text, which may quote what
 * libcurl was given. */
static void
word_failure(const gl_token_request *request, gl_error *err)
{
    static const char colon[] = ": ";
    const char *failed = "no answer from";
    if (err->curl_code == 0 || err->kind == GL_ERROR_TIMEOUT) {
        return;
    }
    if (err->kind == GL_ERROR_CONNECT) {
        failed = "cannot connect to";
    }
    else if (err->kind == GL_ERROR_TLS) {
        failed = "no secure connection to";
    }
    gl_error short_of;
    gl_buffer sentence;
    gl_buffer_init(&sentence, GL_MAX_BODY);
    if (gl_buffer_append_string(&sentence, failed, &short_of) < 0 ||
        gl_buffer_append_string(&sentence, " ", &short_of) < 0 ||
        gl_buffer_append_string(&sentence, request->url->origin.data,
                                &short_of) < 0 ||
        gl_buffer_append_string(&sentence, colon, &short_of) < 0) {
        *err = short_of; /* libcurl's text cannot be shown as it is */
        gl_buffer_free(&sentence);
        return;
    }
    const size_t length = sentence.length;
    const gl_text said = {err->message, strlen(err->message)};
    redact(request, said, &sentence);
    if (sentence.length == length) {
        gl_buffer_truncate(&sentence, length - strlen(colon));
    }
    gl_error_set_text(err, sentence.data, sentence.length);
    gl_buffer_free(&sentence);
}

/* Send once, and count the attempts.  *WANTS_BODY says whether the server
 * refused the query form only. */
static int
send_once(const gl_token_request *request, bool in_body,
          gl_token_response *response, bool *wants_body, int *attempts,
          gl_error *err)
{
    gl_http_response http;
    gl_json json;
    *wants_body = false;
    gl_http_response_init(&http);
    int status = post(request, in_body, &http, err);
    *attempts += http.attempts;
    if (status == 0 && http.status < 300) { /* libcurl keeps 1xx to itself */
        status = take_success(&http, response, err);
        /* Its Date, and what has passed since that came. */
        response->date =
            http.date == -1 ? -1.0
                            : (double)http.date + gl_monotonic() - http.date_at;
        response->in_body = in_body;
        response->attempts = *attempts;
    }
    else if (status == 0) {
        status = -1;
        if (gl_json_parse(&json, http.body.data, http.body.length, err) == 0 ||
            err->kind != GL_ERROR_MEMORY) {
            set_api_error(request, &http, &json, err);
            *wants_body = http.status == 422 && json.count > 0 &&
                          gl_server_wants_body(&json);
        }
        gl_json_free(&json);
    }
    gl_http_response_free(&http);
    return status;
}

int
gl_token_request_send(gl_token_request *request, gl_token_response *response,
                      gl_error *err)
{
    bool wants_body;
    int attempts = 0;
    request->transport.deadline = gl_monotonic() + request->transport.timeout;
    int status =
        send_once(request, request->credentials_in == GL_CREDENTIALS_IN_BODY,
                  response, &wants_body, &attempts, err);
    if (status < 0 && wants_body &&
        request->credentials_in == GL_CREDENTIALS_AUTO) {
        status =
            send_once(request, true, response, &wants_body, &attempts, err);
    }
    if (status < 0) {
        word_failure(request, err);
        err->attempts = attempts;
    }
    return status;
}
