/* Many threads, one pool: calls that succeed, fail, are interrupted and run out
 * of time, against a server on loopback.  What this shows it shows to the
 * sanitizer or valgrind that it runs under. */
#define _GNU_SOURCE /* memmem, pthread, sockets */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libcurl.h"
#include "token_request.h"

enum { THREADS = 8, CALLS = 24, MOST_CLIENTS = 256 };

#define TIMEOUT 0.3 /* seconds of a call that gets no answer */

/* ---- a server -------------------------------------------------------------
 */

typedef struct {
    int listener;
    int port;
    atomic_bool stopping;
    pthread_t thread;
} server;

/* Answer a request by how the email ends that is in it; false: hang up. */
static bool
answer(int client, const char *request, size_t length)
{
    static const char success[] =
        "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "content-length: 55\r\n\r\n"
        "{\"access_token_data\":{\"token\":\"token\",\"expires\":\"now\"}}";
    static const char failure[] =
        "HTTP/1.1 401 x\r\ncontent-length: 16\r\n\r\n{\"detail\": \"no\"}";
    const char *text = NULL;
    if (memmem(request, length, "email=ok", 8) != NULL) {
        text = success;
    }
    else if (memmem(request, length, "email=wrong", 11) != NULL) {
        text = failure;
    }
    else if (memmem(request, length, "email=closed", 12) != NULL) {
        return false;
    }
    return text == NULL || send(client, text, strlen(text), MSG_NOSIGNAL) > 0;
}

static void *
serve(void *context)
{
    server *s = context;
    struct pollfd fds[MOST_CLIENTS] = {{.fd = s->listener, .events = POLLIN}};
    nfds_t count = 1;
    char request[4096];
    while (!atomic_load(&s->stopping)) {
        if (poll(fds, count, 10) <= 0) {
            continue;
        }
        for (nfds_t i = count; i-- > 1;) {
            if (fds[i].revents == 0) {
                continue;
            }
            const ssize_t length =
                recv(fds[i].fd, request, sizeof request, MSG_DONTWAIT);
            if (length <= 0 || !answer(fds[i].fd, request, (size_t)length)) {
                (void)close(fds[i].fd);
                fds[i] = fds[--count];
            }
        }
        if (fds[0].revents != 0 && count < MOST_CLIENTS) {
            fds[count++] = (struct pollfd){
                .fd = accept(s->listener, NULL, NULL), .events = POLLIN};
        }
    }
    while (count > 0) {
        (void)close(fds[--count].fd);
    }
    return NULL;
}

static int
start_server(void **state)
{
    static server s;
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    gl_error err;
    s.listener = socket(AF_INET, SOCK_STREAM, 0);
    if (gl_libcurl_start(&err) < 0 ||
        bind(s.listener, (struct sockaddr *)&here, size) < 0 ||
        listen(s.listener, MOST_CLIENTS) < 0 ||
        getsockname(s.listener, (struct sockaddr *)&here, &size) < 0) {
        return -1;
    }
    s.port = ntohs(here.sin_port);
    atomic_init(&s.stopping, false);
    *state = &s;
    return pthread_create(&s.thread, NULL, serve, &s);
}

static int
stop_server(void **state)
{
    server *s = *state;
    atomic_store(&s->stopping, true);
    return pthread_join(s->thread, NULL);
}

/* ---- callers --------------------------------------------------------------
 */

typedef struct {
    gl_pool *pool;
    const gl_base_url *url;
    int number;
    atomic_int *wrong; /* calls that did not end as they should */
} caller;

static bool
always(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
    return true;
}

static gl_text
text_of(const char *string)
{
    return (gl_text){string, strlen(string)};
}

static gl_error_kind
call_once(const caller *c, const char *email, bool interrupted)
{
    gl_token_request request;
    gl_token_response response;
    gl_error err = GL_ERROR_INIT;
    atomic_int asked = 0;
    gl_token_request_init(&request);
    gl_token_response_init(&response);
    request.user_agent = "test";
    request.email = text_of(email);
    request.password = text_of("password");
    request.api_key = text_of("key");
    request.url = c->url;
    request.transport.pool = c->pool;
    request.transport.timeout = interrupted ? 60.0 : TIMEOUT * 100;
    if (strcmp(email, "silent") == 0 && !interrupted) {
        request.transport.timeout = TIMEOUT;
    }
    request.transport.connect_timeout = 60.0;
    request.transport.route.no_proxy = "";
    if (interrupted) {
        request.transport.stop = (gl_stop){always, &asked};
    }
    if (gl_token_request_set_proxy(&request, text_of(""), "proxy", &err) == 0) {
        (void)gl_token_request_send(&request, &response, &err);
    }
    gl_token_response_free(&response);
    gl_token_request_free(&request);
    return err.kind;
}

static void *
call_often(void *context)
{
    static const struct {
        const char *email;
        bool interrupted;
        gl_error_kind kind;
    } cases[] = {
        {"ok", false, GL_ERROR_NONE},
        {"wrong", false, GL_ERROR_API},
        {"closed", false, GL_ERROR_TRANSPORT},
        {"ok", false, GL_ERROR_NONE},
        {"silent", true, GL_ERROR_INTERRUPTED},
        {"silent", false, GL_ERROR_TIMEOUT},
    };
    const caller *c = context;
    for (int i = 0; i < CALLS; i++) {
        const size_t which =
            (size_t)(i + c->number) % (sizeof cases / sizeof *cases);
        const gl_error_kind kind =
            call_once(c, cases[which].email, cases[which].interrupted);
        if (kind != cases[which].kind) {
            atomic_fetch_add(c->wrong, 1);
        }
    }
    return NULL;
}

/* Run so many callers at once on POOL; returns how many calls went wrong. */
static int
run_callers(const server *s, gl_pool *pool, double close_after)
{
    pthread_t threads[THREADS];
    caller callers[THREADS];
    atomic_int wrong = 0;
    char base_url[64];
    gl_base_url url;
    gl_error err;
    gl_base_url_init(&url);
    (void)snprintf(base_url, sizeof base_url, "http://127.0.0.1:%d", s->port);
    assert_int_equal(
        gl_token_request_parse_url(&url, text_of(base_url), "base_url", &err),
        0);
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (caller){pool, &url, i, &wrong};
        assert_int_equal(
            pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    if (close_after > 0) {
        (void)poll(NULL, 0, (int)(close_after * 1e3));
        gl_pool_close(pool, 10.0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    gl_base_url_free(&url);
    return atomic_load(&wrong);
}

/* ---- tests ----------------------------------------------------------------
 */

static void
test_threads_share_a_pool_and_each_gets_its_own_outcome(void **state)
{
    gl_pool *pool = gl_pool_new();
    assert_non_null(pool);
    assert_int_equal(run_callers(*state, pool, 0), 0);
    gl_pool_free(pool);
}

static void
test_closing_a_pool_ends_what_is_under_way(void **state)
{
    gl_pool *pool = gl_pool_new();
    assert_non_null(pool);
    /* Silent calls end with another kind then. */
    assert_true(run_callers(*state, pool, 0.2) > 0);
    assert_true(gl_pool_is_closed(pool));
    gl_pool_free(pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_threads_share_a_pool_and_each_gets_its_own_outcome),
        cmocka_unit_test(test_closing_a_pool_ends_what_is_under_way),
    };
    return cmocka_run_group_tests_name("threads", tests, start_server,
                                       stop_server);
}
