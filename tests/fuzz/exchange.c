#define _GNU_SOURCE /* socketpair's flags, memmem */

#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libcurl.h"
#include "spellings.h"

#define TIMEOUT 30.0 /* seconds of a clock that we move ourselves */
#define SERVER_PORT 8001
#define PROXY_PORT 8002

enum { MOST_CONNECTIONS = 128 };

static const char *const secrets[] = {EXCHANGE_PASSWORD, EXCHANGE_API_KEY,
                                      EXCHANGE_PROXY_PASSWORD};

void
require(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "%s\n", what);
        abort();
    }
}

/* ---- the server -----------------------------------------------------------
 */

static struct {
    const exchange *said;
    size_t taken; /* bytes of its answers */
    int peers[MOST_CONNECTIONS];
    size_t count;
    size_t requests;
    double now;
} world;

/* Send the next answer to PEER. */
static void
answer(int peer)
{
    const exchange *e = world.said;
    const char *start = (const char *)e->answers + world.taken;
    const size_t left = e->size - world.taken;
    const size_t gap = strlen(EXCHANGE_SEPARATOR);
    if (left == 0) {
        return;
    }
    const char *end = memmem(start, left, EXCHANGE_SEPARATOR, gap);
    const size_t length = end != NULL ? (size_t)(end - start) : left;
    world.taken += end != NULL ? length + gap : length;
    /* The client may have hung up, and a socket takes more than an input has.
     */
    (void)send(peer, start, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (e->closes) {
        (void)shutdown(peer, SHUT_WR);
    }
}

/* Answer whoever has asked; returns whether somebody had. */
static bool
serve(void)
{
    static const char by_server[] = "POST /";
    static const char by_proxy[] = "CONNECT 127.0.0.1:";
    /* Longer than any: libFuzzer's inputs have 4,096 bytes at most, and a byte
     * of a redirect takes three in the URL that follows it. */
    static char request[32 * 1024];
    bool served = false;
    for (size_t i = 0; i < world.count; i++) {
        const ssize_t length =
            recv(world.peers[i], request, sizeof request, MSG_DONTWAIT);
        if (length <= 0) {
            continue;
        }
        if (!world.said->by_proxy) {
            require(memcmp(request, by_server, sizeof by_server - 1) == 0,
                    "something else than a POST was sent");
        }
        else if (request[0] == 'C') {
            require(memcmp(request, by_proxy, sizeof by_proxy - 1) == 0,
                    "the proxy was asked for another host");
        }
        else {
            require(request[0] == 0x16 || request[0] == 0x15,
                    "the proxy was sent something else than TLS");
        }
        world.requests++;
        served = true;
        answer(world.peers[i]);
    }
    return served;
}

/* ---- the world as the call sees it ----------------------------------------
 */

static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)context;
    (void)purpose;
    struct sockaddr_in wanted;
    int pair[2];
    memcpy(&wanted, &address->addr, sizeof wanted);
    const int port = world.said->by_proxy ? PROXY_PORT : SERVER_PORT;
    require(address->family == AF_INET && ntohs(wanted.sin_port) == port &&
                ntohl(wanted.sin_addr.s_addr) == INADDR_LOOPBACK,
            "it connects to somebody else");
    require(world.count < MOST_CONNECTIONS, "connections without end");
    const int kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    require(socketpair(AF_UNIX, kind, 0, pair) == 0, "no socket pair");
    world.peers[world.count++] = pair[1];
    if (world.said->speaks_first) {
        answer(pair[1]);
    }
    return pair[0];
}

/* The system's own, for libcurl, too: a pair needs no connecting.  Not by
 * CURL_SOCKOPT_ALREADY_CONNECTED, which some libcurls do not heed. */
int
connect(int socket, const struct sockaddr *address, socklen_t length);

int
connect(int socket, const struct sockaddr *address, socklen_t length)
{
    (void)socket;
    (void)address;
    (void)length;
    return 0;
}

CURLcode
__real_gl_handle_set_route(gl_handle *handle, const gl_route *route);

CURLcode
__wrap_gl_handle_set_route(gl_handle *handle, const gl_route *route);

CURLcode
__wrap_gl_handle_set_route(gl_handle *handle, const gl_route *route)
{
    CURLcode code = __real_gl_handle_set_route(handle, route);
    GL_SETOPT(code, handle->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    return code;
}

double
__wrap_gl_monotonic(void);

double
__wrap_gl_monotonic(void)
{
    return world.now;
}

CURLMcode
__real_curl_multi_poll(CURLM *multi, struct curl_waitfd *fds,
                       unsigned int count, int milliseconds, int *ready);

CURLMcode
__wrap_curl_multi_poll(CURLM *multi, struct curl_waitfd *fds,
                       unsigned int count, int milliseconds, int *ready);

CURLMcode
__wrap_curl_multi_poll(CURLM *multi, struct curl_waitfd *fds,
                       unsigned int count, int milliseconds, int *ready)
{
    int found = 0;
    (void)ready;
    const bool served = serve();
    const CURLMcode code = __real_curl_multi_poll(multi, fds, count, 0, &found);
    if (!served && found == 0) {
        world.now += milliseconds * 1e-3;
    }
    return code;
}

/* ---- one call -------------------------------------------------------------
 */

static void
check_success(const gl_token_response *response)
{
    const gl_json *json = &response->json;
    require(json->count > 0, "success without an answer");
    const size_t data = gl_json_member(json, 0, "access_token_data");
    const size_t token = gl_json_member(json, data, "token");
    const size_t expires = gl_json_member(json, data, "expires");
    require(data > 0 && token > 0 && expires > 0, "success without a token");
    require(json->tokens[token].type == JSMN_STRING &&
                json->tokens[expires].type == JSMN_STRING,
            "a token that is no string");
    require(response->attempts >= 1, "success without an attempt");
}

static void
check_failure(const exchange *e, const gl_error *err)
{
    const bool documented =
        err->kind == GL_ERROR_TRANSPORT || err->kind == GL_ERROR_CONNECT ||
        err->kind == GL_ERROR_TIMEOUT || err->kind == GL_ERROR_TLS ||
        err->kind == GL_ERROR_API || err->kind == GL_ERROR_RESPONSE;
    require(documented, "an error of another kind");
    require(err->kind == GL_ERROR_API || err->message[0] != '\0',
            "an error without a word");
    require((err->kind == GL_ERROR_API) == (err->http_status != 0),
            "a status where there is none, or none where there is one");
    require(err->attempts >= 1 && err->attempts <= 2 * (e->max_retries + 1),
            "another number of attempts");
    require(strchr(err->location, '?') == NULL, "a query is shown");
    const size_t count = sizeof secrets / sizeof *secrets;
    /* Without a proxy its password is none of the call's. */
    for (size_t i = 0; i < (e->by_proxy ? count : count - 1); i++) {
        require(!is_spelled_in(err->message, secrets[i]) &&
                    !is_spelled_in(err->location, secrets[i]),
                "a secret is shown");
    }
}

static gl_text
text_of(const char *string)
{
    return (gl_text){string, strlen(string)};
}

static void
fill_request(gl_token_request *request, const exchange *e, gl_base_url *url)
{
    gl_error err;
    char proxy[64] = "";
    const char *base_url =
        e->by_proxy ? "https://127.0.0.1:8001" : "http://127.0.0.1:8001";
    request->user_agent = "fuzz";
    request->email = text_of("ada@example.com");
    request->password = text_of(EXCHANGE_PASSWORD);
    request->api_key = text_of(EXCHANGE_API_KEY);
    request->credentials_in =
        e->in_body ? GL_CREDENTIALS_IN_BODY : GL_CREDENTIALS_AUTO;
    request->transport.timeout = TIMEOUT;
    request->transport.connect_timeout = TIMEOUT / 3;
    request->transport.wants_date = true;
    request->transport.max_retries = e->max_retries;
    request->transport.route.no_proxy = "";
    /* A directory without certificates, which costs nothing to load. */
    request->transport.route.ca_path = "/proc/self/fdinfo";
    if (e->by_proxy) {
        (void)snprintf(proxy, sizeof proxy,
                       "http://u:" EXCHANGE_PROXY_PASSWORD "@127.0.0.1:%d",
                       PROXY_PORT);
    }
    require(gl_token_request_parse_url(url, text_of(base_url), "u", &err) == 0,
            "no URL");
    request->url = url;
    require(gl_token_request_set_proxy(request, text_of(proxy), "p", &err) == 0,
            "no proxy");
    require(gl_token_request_check(request, &err) == 0, "no request");
}

static int
call(const exchange *e, gl_token_response *response, gl_error *err)
{
    gl_token_request request;
    gl_base_url url;
    world.said = e;
    world.taken = 0;
    world.count = 0;
    world.requests = 0;
    world.now = 1000.0;
    require(gl_libcurl_start(err) == 0, "libcurl does not start");
    gl_base_url_init(&url);
    gl_token_request_init(&request);
    fill_request(&request, e, &url);
    request.transport.pool = gl_pool_new();
    require(request.transport.pool != NULL, "no pool");
    const int status = gl_token_request_send(&request, response, err);
    require(world.now <= 1000.0 + TIMEOUT + 0.01, "it ends after its deadline");
    if (status == 0) {
        check_success(response);
    }
    else {
        check_failure(e, err);
    }
    gl_pool_free(request.transport.pool);
    gl_token_request_free(&request);
    gl_base_url_free(&url);
    for (size_t i = 0; i < world.count; i++) {
        (void)close(world.peers[i]);
    }
    return status;
}

/* A good answer is taken: else nothing below is tried at all. */
static void
check_itself(void)
{
    static const char said[] =
        "HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n" EXCHANGE_SEPARATOR
        "HTTP/1.1 200 OK\r\n\r\n"
        "{\"access_token_data\": {\"token\": \"t\", \"expires\": \"e\"}}";
    const exchange e = {.answers = (const uint8_t *)said,
                        .size = sizeof said - 1,
                        .closes = true,
                        .max_retries = 1};
    gl_token_response response;
    gl_error err = GL_ERROR_INIT;
    gl_token_response_init(&response);
    require(call(&e, &response, &err) == 0 && response.attempts == 2,
            "a good answer is not taken");
    gl_token_response_free(&response);
}

int
exchange_call(const exchange *e, gl_token_response *response, gl_error *err)
{
    static bool checked;
    if (!checked) {
        checked = true;
        check_itself();
    }
    return call(e, response, err);
}
