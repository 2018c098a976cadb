/* libcurl and the system fail us: each call that we make of them on the way
 * fails once, in each of several ways; and each way a transfer can end.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "curl_errors.h"
#include "failures.h"
#include "libcurl.h"
#include "outcomes.h"

#define LONGEST 6.0 /* seconds: the calls' own timeout, and a busy machine */

/* A function, the code it fails with, and the kind of error that is right for
 * it, unless the call ends as it would have; NONE: any kind of libcurl's. */
typedef struct {
    const char *function;
    int code;
    gl_error_kind kind;
} failure;

static const failure failures[] = {
    {"curl_easy_init", 0, GL_ERROR_MEMORY},
    {"curl_multi_init", ENOMEM, GL_ERROR_MEMORY},
    {"curl_multi_init", EMFILE, GL_ERROR_CONNECT},
    {"curl_multi_init", ENFILE, GL_ERROR_CONNECT},
    {"curl_easy_setopt", CURLE_OUT_OF_MEMORY, GL_ERROR_MEMORY},
    {"curl_easy_setopt", CURLE_UNKNOWN_OPTION, GL_ERROR_TRANSPORT},
    {"curl_easy_setopt", CURLE_NOT_BUILT_IN, GL_ERROR_TRANSPORT},
    {"curl_easy_setopt", CURLE_BAD_FUNCTION_ARGUMENT, GL_ERROR_TRANSPORT},
    {"curl_multi_setopt", CURLM_OUT_OF_MEMORY, GL_ERROR_MEMORY},
    {"curl_multi_setopt", CURLM_UNKNOWN_OPTION, GL_ERROR_MEMORY},
    {"curl_easy_getinfo", CURLE_OUT_OF_MEMORY, GL_ERROR_TRANSPORT},
    {"curl_easy_getinfo", CURLE_BAD_FUNCTION_ARGUMENT, GL_ERROR_TRANSPORT},
    {"curl_multi_add_handle", CURLM_OUT_OF_MEMORY, GL_ERROR_MEMORY},
    {"curl_multi_add_handle", CURLM_ADDED_ALREADY, GL_ERROR_TRANSPORT},
    {"curl_multi_remove_handle", CURLM_BAD_EASY_HANDLE, GL_ERROR_TRANSPORT},
    {"curl_multi_remove_handle", CURLM_RECURSIVE_API_CALL, GL_ERROR_TRANSPORT},
    {"curl_multi_perform", CURLM_OUT_OF_MEMORY, GL_ERROR_MEMORY},
    {"curl_multi_perform", CURLM_INTERNAL_ERROR, GL_ERROR_TRANSPORT},
    {"curl_multi_poll", CURLM_OUT_OF_MEMORY, GL_ERROR_MEMORY},
    {"curl_multi_poll", CURLM_UNRECOVERABLE_POLL, GL_ERROR_TRANSPORT},
    {"curl_multi_info_read", 0, GL_ERROR_TRANSPORT},
    {"curl_url", 0, GL_ERROR_MEMORY},
    {"curl_url_set", CURLUE_OUT_OF_MEMORY, GL_ERROR_MEMORY},
    {"curl_url_set", CURLUE_MALFORMED_INPUT, GL_ERROR_ARGUMENT},
    {"curl_url_get", CURLUE_OUT_OF_MEMORY, GL_ERROR_MEMORY},
    {"curl_url_get", CURLUE_URLDECODE, GL_ERROR_ARGUMENT},
    {"curl_url_get", CURLUE_NO_SCHEME, GL_ERROR_ARGUMENT},
    {"curl_getdate", 0, GL_ERROR_NONE},
    {"clock_gettime", EINVAL, GL_ERROR_TIMEOUT},
    {"clock_gettime", EPERM, GL_ERROR_TIMEOUT},
};

static void
assert_ends_so(const outcome *o, const failure *f, long nth, int status,
               const gl_error *err)
{
    if (!outcome_is(o, status, err)) {
        fail_msg("%s after %s (n %ld, code %d): status %d, kind %d, HTTP %ld: "
                 "%s",
                 o->name, f->function, nth, f->code, status, (int)err->kind,
                 err->http_status, err->message);
    }
}

/* Whether a call that ended otherwise than it would have ended as F makes it.
 * What libcurl does not tell of a transfer may be its status, its time or its
 * target; a clock that fails has the time be over, or not yet begun: that ends
 * in one of the errors of an exchange.  A redirect whose URL
 * cannot be split is not followed. */
static bool
is_right(const failure *f, int status, const gl_error *err)
{
    if (status == 0) {
        return false;
    }
    if (strcmp(f->function, "curl_easy_getinfo") == 0 ||
        strcmp(f->function, "clock_gettime") == 0) {
        return err->kind >= GL_ERROR_TRANSPORT &&
               err->kind <= GL_ERROR_RESPONSE;
    }
    if (f->kind == GL_ERROR_ARGUMENT && err->kind == GL_ERROR_API) {
        return err->http_status == 307;
    }
    return err->kind == f->kind && err->message[0] != '\0';
}

/* A thread that closes a handle for an older libcurl takes a moment. */
static void
wait_until_freed(long blocks)
{
    CURLM *multi = curl_multi_init();
    for (int i = 0; i < 1000 && failures_live_blocks() != blocks; i++) {
        (void)curl_multi_poll(multi, NULL, 0, 5, NULL);
    }
    (void)curl_multi_cleanup(multi);
    assert_int_equal(failures_live_blocks(), blocks);
}

/* One call of O of which the call number NTH fails as F says, then one that
 * must go well.  False when there are fewer. */
static bool
fail_once(const outcome *o, const failure *f, long nth)
{
    gl_error err;
    const long blocks = failures_live_blocks();
    gl_pool *pool = gl_pool_new();
    assert_non_null(pool);
    failures_arm(f->function, nth, f->code, false);
    int status = outcome_call(o, pool, &err);
    const bool failed = failures_disarm();
    if (failed) {
        if (!is_right(f, status, &err)) {
            assert_ends_so(o, f, nth, status, &err);
        }
        assert_null(strstr(err.message, "canary"));
        const double start = gl_monotonic();
        status = outcome_call(o, pool, &err);
        assert_true(o->hurries || gl_monotonic() - start < LONGEST);
    }
    assert_ends_so(o, f, nth, status, &err);
    gl_pool_free(pool);
    wait_until_freed(blocks);
    return failed;
}

static void
test_each_call_may_fail(void **state)
{
    (void)state;
    const long before = failures_count();
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        long reached = 0;
        for (size_t j = 0; j < outcome_count; j++) {
            long nth = 1;
            while (fail_once(&outcomes[j], &failures[i], nth)) {
                nth++;
            }
            reached += nth - 1;
        }
        if (reached == 0) {
            fail_msg("nobody calls %s", failures[i].function);
        }
    }
    print_message("             %ld failures\n", failures_count() - before);
}

/* ---- how a transfer ends ---------------------------------------------------
 */

typedef struct {
    int code;
    gl_error_kind kind;
    bool retryable;
} ending;

/* Those that are not TRANSPORT, or are worth another attempt; as
 * docs/reliability.md has it. */
static const ending endings[] = {
    {CURLE_COULDNT_RESOLVE_PROXY, GL_ERROR_CONNECT, true},
    {CURLE_COULDNT_RESOLVE_HOST, GL_ERROR_CONNECT, true},
    {CURLE_COULDNT_CONNECT, GL_ERROR_CONNECT, true},
    {CURLE_PROXY, GL_ERROR_CONNECT, false},
    {CURLE_HTTP2, GL_ERROR_TRANSPORT, true},
    {CURLE_PARTIAL_FILE, GL_ERROR_TRANSPORT, true},
    {CURLE_OPERATION_TIMEDOUT, GL_ERROR_TIMEOUT, true},
    {CURLE_SSL_CONNECT_ERROR, GL_ERROR_TLS, true},
    {CURLE_GOT_NOTHING, GL_ERROR_TRANSPORT, true},
    {CURLE_SEND_ERROR, GL_ERROR_TRANSPORT, true},
    {CURLE_RECV_ERROR, GL_ERROR_TRANSPORT, true},
    {CURLE_SSL_CERTPROBLEM, GL_ERROR_TLS, false},
    {CURLE_SSL_CIPHER, GL_ERROR_TLS, false},
    {CURLE_PEER_FAILED_VERIFICATION, GL_ERROR_TLS, false},
    {CURLE_USE_SSL_FAILED, GL_ERROR_TLS, false},
    {CURLE_SSL_ENGINE_INITFAILED, GL_ERROR_TLS, false},
    {CURLE_SSL_CACERT_BADFILE, GL_ERROR_TLS, false},
    {CURLE_SSL_ISSUER_ERROR, GL_ERROR_TLS, false},
    {CURLE_SSL_INVALIDCERTSTATUS, GL_ERROR_TLS, false},
    {CURLE_HTTP2_STREAM, GL_ERROR_TRANSPORT, true},
    /* With an answer begun: libcurl's way to say that headers are too long. */
    {CURLE_OUT_OF_MEMORY, GL_ERROR_RESPONSE, false},
    {100 /* CURLE_TOO_LARGE */, GL_ERROR_RESPONSE, false},
};

static ending
expected_ending(int code)
{
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (endings[i].code == code) {
            return endings[i];
        }
    }
    return (ending){code, GL_ERROR_TRANSPORT, false};
}

static void
test_each_end_of_a_transfer_has_its_error(void **state)
{
    (void)state;
    const outcome answered = outcomes[1];
    gl_pool *pool = gl_pool_new();
    gl_error err;
    for (int code = 1; code <= CURL_LAST + 1; code++) {
        const ending wanted = expected_ending(code);
        failures_set_result(code);
        assert_int_equal(outcome_call(&answered, pool, &err), -1);
        failures_set_result(-1);
        if (err.kind != wanted.kind || err.retryable != wanted.retryable) {
            fail_msg("CURLcode %d: kind %d, retryable %d: %s", code,
                     (int)err.kind, err.retryable, err.message);
        }
        assert_int_equal(err.curl_code,
                         wanted.kind == GL_ERROR_RESPONSE ? 0 : code);
        assert_true(err.message[0] != '\0');
        assert_int_equal(outcome_call(&answered, pool, &err), 0);
    }
    gl_pool_free(pool);
}

/* Not from a transfer, but from setting one up. */
static void
test_each_code_means_the_same_without_a_transfer(void **state)
{
    (void)state;
    CURL *easy = curl_easy_init();
    assert_non_null(easy);
    for (int code = 1; code <= CURL_LAST + 1; code++) {
        const ending wanted = expected_ending(code);
        gl_error err = GL_ERROR_INIT;
        gl_curl_error((CURLcode)code, easy, "", 0, &err);
        if (code == CURLE_OUT_OF_MEMORY) {
            assert_int_equal(err.kind, GL_ERROR_MEMORY);
        }
        else if (wanted.kind != GL_ERROR_RESPONSE) {
            assert_int_equal(err.kind, wanted.kind);
            assert_int_equal(err.retryable, wanted.retryable);
            assert_int_equal(err.curl_code, code);
            assert_true(err.message[0] != '\0');
        }
    }
    curl_easy_cleanup(easy);
}

static void
test_a_certificate_that_is_wanting_comes_with_advice(void **state)
{
    static const struct {
        long reason; /* X509_V_ERR_... */
        const char *advice;
    } reasons[] = {
        {0, "another host"},     {1, "another host"},     {9, "clock right"},
        {10, "clock right"},     {18, "pass the file"},   {19, "pass the file"},
        {20, "CA is not known"}, {21, "CA is not known"}, {62, "another host"},
        {64, "another host"},
    };
    static const char words[] = "libcurl's own words";
    gl_error err;
    (void)state;
    CURL *easy = curl_easy_init();
    assert_non_null(easy);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        failures_set_verify_result(reasons[i].reason);
        gl_curl_error(CURLE_PEER_FAILED_VERIFICATION, easy, words, 0, &err);
        assert_non_null(strstr(err.message, words));
        assert_non_null(strstr(err.message, reasons[i].advice));
    }
    failures_set_verify_result(23); /* revoked */
    gl_curl_error(CURLE_PEER_FAILED_VERIFICATION, easy, words, 0, &err);
    assert_string_equal(err.message, words);
    failures_set_verify_result(-1);
    curl_easy_cleanup(easy);
}

/* Twelve waits of 8 s at most, where doubled each time they would be 2,000 s.
 */
static void
test_waits_between_attempts_stop_growing(void **state)
{
    const outcome refused = {
        "408",           "408",           .kind = GL_ERROR_API,
        .status = 408,   .hurries = true, .max_retries = 12,
        .timeout = 10000};
    (void)state;
    gl_pool *pool = gl_pool_new();
    gl_error err;
    const double start = gl_monotonic();
    const int status = outcome_call(&refused, pool, &err);
    assert_true(outcome_is(&refused, status, &err));
    assert_int_equal(err.attempts, 13);
    assert_true(gl_monotonic() - start < 200.0);
    gl_pool_free(pool);
}

static void
test_too_old_a_libcurl_is_refused(void **state)
{
    (void)state;
    gl_error err;
    failures_set_version(GL_OLDEST_LIBCURL - 1);
    assert_int_equal(gl_libcurl_start(&err), -1);
    assert_int_equal(err.kind, GL_ERROR_TRANSPORT);
    assert_non_null(strstr(err.message, "is older than"));
    failures_set_version(GL_OLDEST_LIBCURL);
    assert_int_equal(gl_libcurl_start(&err), 0);
    failures_set_version(0);
}

static void
test_libcurl_that_did_not_start_is_started_again(void **state)
{
    (void)state;
    gl_error err;
    failures_arm("curl_global_init", 1, CURLE_OUT_OF_MEMORY, false);
    assert_int_equal(gl_libcurl_start(&err), -1);
    assert_int_equal(err.kind, GL_ERROR_MEMORY);
    failures_arm("curl_global_init", 1, CURLE_FAILED_INIT, false);
    assert_int_equal(gl_libcurl_start(&err), -1);
    assert_int_equal(err.kind, GL_ERROR_TRANSPORT);
    assert_true(failures_disarm());
    assert_int_equal(gl_libcurl_start(&err), 0);
    assert_int_equal(gl_libcurl_start(&err), 0);
}

/* End an attempt that did not get to its server's address, with a libcurl that
 * waits for resolvers, while FUNCTION fails with CODE; 0: nothing does. */
static void
end_attempt_while(const char *function, int code)
{
    gl_error err;
    const gl_route route = {.proxy = "", .no_proxy = ""};
    const long blocks = failures_live_blocks();
    failures_set_old_libcurl(true);
    gl_handle *handle = gl_handle_new(&err);
    assert_non_null(handle);
    assert_int_equal(gl_handle_set_route(handle, &route), CURLE_OK);
    assert_int_equal(curl_multi_add_handle(handle->multi, handle->easy),
                     CURLM_OK);
    failures_arm(function, 1, code, false);
    assert_int_equal(gl_handle_end_attempt(handle, &err), 0);
    assert_true(failures_disarm() || code == 0);
    assert_true(gl_handle_is_good(handle));
    /* Again, with what it is now. */
    assert_int_equal(gl_handle_set_route(handle, &route), CURLE_OK);
    assert_int_equal(curl_multi_add_handle(handle->multi, handle->easy),
                     CURLM_OK);
    assert_int_equal(curl_multi_remove_handle(handle->multi, handle->easy),
                     CURLM_OK);
    gl_handle_free(handle);
    failures_set_old_libcurl(false);
    wait_until_freed(blocks);
}

static void
test_without_a_thread_the_resolver_is_waited_for(void **state)
{
    (void)state;
    end_attempt_while("nothing", 0);
    end_attempt_while(OUR_MEMORY, ENOMEM);
    end_attempt_while("pthread_attr_init", ENOMEM);
    end_attempt_while("pthread_create", EAGAIN);
}

/* How many of the options for ROUTE may be refused, with NOT_BUILT_IN, and it
 * is set all the same. */
static int
count_needless(const gl_route *route)
{
    gl_error err;
    int needless = 0;
    bool failed = true;
    for (long nth = 1; failed; nth++) {
        gl_handle *handle = gl_handle_new(&err);
        assert_non_null(handle);
        failures_arm("curl_easy_setopt", nth, CURLE_NOT_BUILT_IN, false);
        const CURLcode code = gl_handle_set_route(handle, route);
        failed = failures_disarm();
        assert_int_equal(code == CURLE_OK, handle->route.length > 0);
        needless += failed && code == CURLE_OK;
        gl_handle_free(handle);
    }
    return needless;
}

static void
test_a_directory_of_authorities_that_is_refused_is_not_done_without(
    void **state)
{
    const gl_route none = {.proxy = "", .no_proxy = ""};
    const gl_route file = {.proxy = "", .no_proxy = "", .ca_file = "/f.pem"};
    const gl_route directory = {.proxy = "", .no_proxy = "", .ca_path = "/d"};
    (void)state;
    /* That libcurl leaves its resolver alone. */
    const int always = count_needless(&none);
    assert_in_range(always, 0, 1);
    /* To take back directories that are not set. */
    assert_int_equal(count_needless(&file), always + 2);
    assert_int_equal(count_needless(&directory), always);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_libcurl_that_did_not_start_is_started_again),
        cmocka_unit_test(test_too_old_a_libcurl_is_refused),
        cmocka_unit_test(test_waits_between_attempts_stop_growing),
        cmocka_unit_test(test_each_end_of_a_transfer_has_its_error),
        cmocka_unit_test(test_each_code_means_the_same_without_a_transfer),
        cmocka_unit_test(test_a_certificate_that_is_wanting_comes_with_advice),
        cmocka_unit_test(test_without_a_thread_the_resolver_is_waited_for),
        cmocka_unit_test(
            test_a_directory_of_authorities_that_is_refused_is_not_done_without),
        cmocka_unit_test(test_each_call_may_fail),
    };
    failures_start();
    return cmocka_run_group_tests_name("failures", tests, NULL, NULL);
}
