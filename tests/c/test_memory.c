/* Memory that runs out: each allocation on the way of a call fails once, and
 * then it and all after it, for each way a call can end.
 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "failures.h"
#include "libcurl.h"
#include "outcomes.h"

/* A thread that closes a handle for an older libcurl takes a moment. */
static void
assert_nothing_is_left(long blocks)
{
    for (int i = 0; i < 5000 && failures_live_blocks() != blocks; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_int_equal(failures_live_blocks(), blocks);
}

static long trying_nth; /* for messages */
static int trying_how;

static void
assert_ends_so(const outcome *o, int status, const gl_error *err)
{
    if (!outcome_is(o, status, err)) {
        fail_msg("%s (n %ld, how %d): status %d, kind %d, HTTP %ld: %s",
                 o->name, trying_nth, trying_how, status, (int)err->kind,
                 err->http_status, err->message);
    }
}

/* What a call of which an allocation failed may end in.  Ours: a lack of
 * memory, or, where it only costs words, what it would have ended in.  libcurl
 * has other words for some of its own. */
static void
assert_is_documented(const outcome *o, const char *whose, int status,
                     const gl_error *err)
{
    if (status < 0) {
        assert_true(strlen(err->message) > 0 || err->kind == GL_ERROR_API);
        assert_null(strstr(err->message, "canary"));
        assert_null(strstr(err->location, "canary-"));
    }
    if (status < 0 && err->kind == GL_ERROR_MEMORY) {
        return;
    }
    if (strcmp(whose, OUR_MEMORY) == 0) {
        assert_ends_so(o, status, err);
        return;
    }
    /* Its URL parser may call a URL wrong that it has no memory for. */
    if (status < 0 && err->kind != GL_ERROR_ARGUMENT &&
        (err->kind < GL_ERROR_TRANSPORT || err->kind > GL_ERROR_RESPONSE)) {
        fail_msg("%s (n %ld, how %d): kind %d: %s", o->name, trying_nth,
                 trying_how, (int)err->kind, err->message);
    }
}

/* One call of O whose allocation number NTH of WHOSE fails, on a fresh pool or
 * on one with a connection; then one that must go well.  False when there are
 * fewer allocations. */
static bool
fail_once(const outcome *o, const char *whose, long nth, bool all_after,
          bool warm)
{
    gl_error err;
    const long blocks = failures_live_blocks();
    trying_nth = nth;
    trying_how = all_after + 2 * warm;
    gl_pool *pool = gl_pool_new();
    assert_non_null(pool);
    if (warm) {
        assert_ends_so(o, outcome_call(o, pool, &err), &err);
    }
    failures_arm(whose, nth, 0, all_after);
    int status = outcome_call(o, pool, &err);
    const bool failed = failures_disarm();
    if (failed) {
        assert_is_documented(o, whose, status, &err);
        status = outcome_call(o, pool, &err);
    }
    assert_ends_so(o, status, &err);
    gl_pool_free(pool);
    assert_nothing_is_left(blocks);
    return failed;
}

static void
fail_each(const char *whose)
{
    const long before = failures_count();
    for (size_t i = 0; i < outcome_count; i++) {
        for (int how = 0; how < 4; how++) {
            long nth = 1;
            while (fail_once(&outcomes[i], whose, nth, how & 1, how & 2)) {
                nth++;
            }
            assert_true(nth > 1 || outcomes[i].kind == GL_ERROR_ARGUMENT);
        }
    }
    print_message("             %ld failures of %s\n",
                  failures_count() - before, whose);
}

static void
test_every_allocation_of_ours_may_fail(void **state)
{
    (void)state;
    fail_each(OUR_MEMORY);
}

static void
test_every_allocation_of_libcurls_may_fail(void **state)
{
    (void)state;
    fail_each(CURLS_MEMORY);
}

/* Most buffers begin with room for all there is.  With arguments of each length
 * every append is the one that has to make room, some time. */
static void
test_every_growth_may_fail(void **state)
{
    const outcome grown[] = {
        {"a token, long arguments", "auto", .kind = GL_ERROR_NONE},
        {"no proxy to a long name", "", .kind = GL_ERROR_CONNECT,
         .base_url = "https://a", .proxy = "http://", .refused = true},
    };
    (void)state;
    for (outcome_filler = 90; outcome_filler < 245; outcome_filler++) {
        for (size_t i = 0; i < sizeof grown / sizeof *grown; i++) {
            long nth = 1;
            while (fail_once(&grown[i], OUR_MEMORY, nth, false, false)) {
                nth++;
            }
            assert_true(nth > 1);
        }
    }
    outcome_filler = 0;
}

/* It is there for the process's last moments, in which memory may be short. */
static void
test_closing_a_pool_waits_without_memory(void **state)
{
    static const char *const whose[] = {OUR_MEMORY, CURLS_MEMORY};
    gl_error err;
    (void)state;
    for (size_t i = 0; i < sizeof whose / sizeof *whose; i++) {
        gl_pool *pool = gl_pool_new();
        assert_non_null(pool);
        gl_handle *handle = gl_pool_take(pool, &err);
        assert_non_null(handle);
        failures_arm(whose[i], 1, 0, true);
        const double start = gl_monotonic();
        gl_pool_close(pool, 0.05);
        assert_true(gl_monotonic() - start >= 0.05);
        (void)failures_disarm();
        assert_true(gl_pool_is_closed(pool));
        gl_pool_give(pool, handle);
        gl_pool_free(pool);
    }
}

static void
test_a_pool_needs_memory(void **state)
{
    (void)state;
    failures_arm(OUR_MEMORY, 1, 0, false);
    assert_null(gl_pool_new());
    assert_true(failures_disarm());
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_of_ours_may_fail),
        cmocka_unit_test(test_every_allocation_of_libcurls_may_fail),
        cmocka_unit_test(test_every_growth_may_fail),
        cmocka_unit_test(test_a_pool_needs_memory),
        cmocka_unit_test(test_closing_a_pool_waits_without_memory),
    };
    failures_start();
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
