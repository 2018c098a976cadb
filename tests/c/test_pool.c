/* Which handles a pool lends, keeps and drops. */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* pthread, nanosleep */
#endif

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include <cmocka.h>

#include "pool.h"

/* ---- the world around it --------------------------------------------------
 */

static time_t ahead; /* seconds that the clock is ahead */
static int closed;   /* connections closed so far */

int
__real_clock_gettime(clockid_t clock, struct timespec *now);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *now);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    const int status = __real_clock_gettime(clock, now);
    now->tv_sec += ahead;
    return status;
}

void
__real_curl_easy_cleanup(CURL *easy);

void
__wrap_curl_easy_cleanup(CURL *easy);

void
__wrap_curl_easy_cleanup(CURL *easy)
{
    closed++;
    __real_curl_easy_cleanup(easy);
}

static pid_t child; /* this process's number, once it has "forked"; else 0 */
static atomic_int asked; /* how often its number was asked for since then */

pid_t
__real_getpid(void);

pid_t
__wrap_getpid(void);

pid_t
__wrap_getpid(void)
{
    atomic_fetch_add(&asked, 1);
    return child != 0 ? child : __real_getpid();
}

static void (*at_new_lock)(void); /* NULL: nothing */

int
__real_pthread_mutex_init(pthread_mutex_t *mutex,
                          const pthread_mutexattr_t *attributes);

int
__wrap_pthread_mutex_init(pthread_mutex_t *mutex,
                          const pthread_mutexattr_t *attributes);

int
__wrap_pthread_mutex_init(pthread_mutex_t *mutex,
                          const pthread_mutexattr_t *attributes)
{
    if (at_new_lock != NULL) {
        at_new_lock();
    }
    return __real_pthread_mutex_init(mutex, attributes);
}

static int
set_up(void **state)
{
    ahead = 0;
    closed = 0;
    child = 0;
    at_new_lock = NULL;
    *state = gl_pool_new();
    return *state == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
    gl_pool_free(*state);
    return 0;
}

static gl_handle *
take(gl_pool *pool)
{
    gl_error err;
    gl_handle *handle = gl_pool_take(pool, &err);
    assert_non_null(handle);
    return handle;
}

/* ---- tests ----------------------------------------------------------------
 */

static void
test_lends_the_last_given_back_first(void **state)
{
    gl_handle *first = take(*state);
    gl_handle *second = take(*state);
    assert_ptr_not_equal(first, second);
    gl_pool_give(*state, first);
    gl_pool_give(*state, second);
    assert_ptr_equal(take(*state), second);
    assert_ptr_equal(take(*state), first);
    gl_pool_give(*state, first);
    gl_pool_give(*state, second);
    assert_int_equal(closed, 0);
}

static void
test_keeps_so_many(void **state)
{
    gl_handle *handles[GL_POOL_SIZE + 5];
    const size_t count = sizeof handles / sizeof *handles;
    for (size_t i = 0; i < count; i++) {
        handles[i] = take(*state);
    }
    for (size_t i = 0; i < count; i++) {
        gl_pool_give(*state, handles[i]);
    }
    assert_int_equal(closed, 5);
}

static void
test_drops_what_is_idle_for_long(void **state)
{
    gl_handle *warm = take(*state);
    gl_handle *cold = take(*state);
    gl_pool_give(*state, cold);
    ahead += (time_t)GL_POOL_IDLE_LIFE - 1;
    gl_pool_give(*state, warm);
    assert_int_equal(closed, 0);
    ahead += 2;
    assert_ptr_equal(take(*state), warm);
    assert_int_equal(closed, 1);
    gl_pool_give(*state, warm);
}

static void
test_takes_no_broken_handle_back(void **state)
{
    gl_handle *handle = take(*state);
    curl_easy_cleanup(handle->easy);
    handle->easy = NULL;
    gl_pool_give(*state, handle);
    handle = take(*state);
    assert_true(gl_handle_is_good(handle));
    gl_pool_give(*state, handle);
}

static void
test_waits_until_all_is_given_back(void **state)
{
    gl_handle *handle = take(*state);
    const double start = gl_monotonic();
    assert_false(gl_pool_is_closed(*state));
    gl_pool_close(*state, 0.05);
    assert_true(gl_pool_is_closed(*state));
    assert_true(gl_monotonic() - start >= 0.05);
    gl_pool_give(*state, handle);
    gl_pool_close(*state, 1000.0); /* returns at once */
}

/* ---- forks ----------------------------------------------------------------
 */

static void
test_a_forked_child_has_none_of_its_parents_handles(void **state)
{
    gl_handle *idle = take(*state);
    gl_handle *lent = take(*state);
    gl_pool_give(*state, idle);
    child = __real_getpid() + 1;
    gl_handle *own = take(*state);
    assert_ptr_not_equal(own, idle);
    gl_pool_give(*state, own);
    assert_ptr_equal(take(*state), own);
    gl_pool_give(*state, own);
    gl_pool_close(*state, 1000.0); /* the lent one is not waited for */
    assert_int_equal(closed, 0);
    gl_handle_free(idle);
    gl_handle_free(lent);
}

static gl_pool *forked; /* the pool, for a second thread */
static pthread_t second;

static void *
come_by(void *context)
{
    (void)context;
    assert_false(gl_pool_is_closed(forked));
    return NULL;
}

/* While the first thread makes the lock anew: let a second one come by, and
 * look more than once whether it is done. */
static void
let_another_come_by(void)
{
    at_new_lock = NULL;
    atomic_store(&asked, 0);
    assert_int_equal(pthread_create(&second, NULL, come_by, NULL), 0);
    while (atomic_load(&asked) == 0) {
        (void)sched_yield();
    }
    (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static void
test_threads_of_a_forked_child_wait_for_the_new_lock(void **state)
{
    forked = *state;
    child = __real_getpid() + 1;
    at_new_lock = let_another_come_by;
    gl_handle *own = take(*state);
    assert_int_equal(pthread_join(second, NULL), 0);
    gl_pool_give(*state, own);
    assert_ptr_equal(take(*state), own);
    gl_pool_give(*state, own);
}

int
main(void)
{
#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_lends_the_last_given_back_first),
        TEST(test_keeps_so_many),
        TEST(test_drops_what_is_idle_for_long),
        TEST(test_takes_no_broken_handle_back),
        TEST(test_waits_until_all_is_given_back),
        TEST(test_a_forked_child_has_none_of_its_parents_handles),
        TEST(test_threads_of_a_forked_child_wait_for_the_new_lock),
    };
#undef TEST
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
