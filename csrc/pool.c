#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* clock_gettime, pthread, getpid */
#endif

#include "pool.h"

#include <stdlib.h>

#if defined(_WIN32)
#include <windows.h>
typedef SRWLOCK lock;
#else
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>
typedef pthread_mutex_t lock;
#endif

struct gl_pool {
    lock lock;       /* of the members below */
    gl_handle *idle; /* the last given back first */
    int lent;        /* handles lent out */
    bool closed;
#if !defined(_WIN32)
    _Atomic(long) owner; /* process whose handles these are; 0: being reset */
#endif
};

double
gl_monotonic(void)
{
#if defined(_WIN32)
    LARGE_INTEGER frequency, ticks;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&ticks);
    return (double)ticks.QuadPart / (double)frequency.QuadPart;
#else
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
#endif
}

/* ---- lock and process -----------------------------------------------------
 */

static void
init_lock(gl_pool *pool)
{
#if defined(_WIN32)
    InitializeSRWLock(&pool->lock);
#else
    (void)pthread_mutex_init(&pool->lock, NULL);
#endif
}

/* After a fork, begin anew.  The lock may have been held by a thread that the
 * child does not have, so it is made anew, too; the first thread that comes by
 * does it, the others wait for that. */
static void
forget_parents_handles(gl_pool *pool)
{
#if !defined(_WIN32)
    const long self = (long)getpid();
    long owner = atomic_load(&pool->owner);
    while (owner != self) {
        if (owner != 0 &&
            atomic_compare_exchange_strong(&pool->owner, &owner, 0)) {
            init_lock(pool);
            pool->idle = NULL;
            pool->lent = 0;
            atomic_store(&pool->owner, self);
            return;
        }
        owner = atomic_load(&pool->owner);
    }
#else
    (void)pool;
#endif
}

static void
acquire(gl_pool *pool)
{
    forget_parents_handles(pool);
#if defined(_WIN32)
    AcquireSRWLockExclusive(&pool->lock);
#else
    (void)pthread_mutex_lock(&pool->lock);
#endif
}

static void
release(gl_pool *pool)
{
#if defined(_WIN32)
    ReleaseSRWLockExclusive(&pool->lock);
#else
    (void)pthread_mutex_unlock(&pool->lock);
#endif
}

/* ---- handles ---------------------------------------------------------------
 */

static void
free_all(gl_handle *handle)
{
    while (handle != NULL) {
        gl_handle *next = handle->next;
        gl_handle_free(handle);
        handle = next;
    }
}

/* Cut off and return what is too old, or too much to keep; the lock is held. */
static gl_handle *
cut_off_surplus(gl_pool *pool)
{
    const double oldest = gl_monotonic() - GL_POOL_IDLE_LIFE;
    gl_handle **link = &pool->idle;
    int kept = 0;
    while (*link != NULL && kept < GL_POOL_SIZE &&
           (*link)->idle_since >= oldest) {
        link = &(*link)->next;
        kept++;
    }
    gl_handle *surplus = *link;
    *link = NULL;
    return surplus;
}

/* ---- the end ----------------------------------------------------------------
 */

bool
gl_pool_is_closed(gl_pool *pool)
{
    acquire(pool);
    const bool closed = pool->closed;
    release(pool);
    return closed;
}

static int
count_lent(gl_pool *pool)
{
    acquire(pool);
    const int lent = pool->lent;
    release(pool);
    return lent;
}

/* Five milliseconds, whether there is memory or not. */
static void
sleep_briefly(void)
{
#if defined(_WIN32)
    Sleep(5);
#else
    const struct timespec length = {.tv_nsec = 5000000};
    (void)nanosleep(&length, NULL);
#endif
}

void
gl_pool_close(gl_pool *pool, double seconds)
{
    const double end = gl_monotonic() + seconds;
    acquire(pool);
    pool->closed = true;
    release(pool);
    while (count_lent(pool) > 0 && gl_monotonic() < end) {
        sleep_briefly();
    }
}

/* ---- the pool --------------------------------------------------------------
 */

gl_pool *
gl_pool_new(void)
{
    gl_pool *pool = calloc(1, sizeof *pool);
    if (pool != NULL) {
        init_lock(pool);
#if !defined(_WIN32)
        atomic_init(&pool->owner, (long)getpid());
#endif
    }
    return pool;
}

void
gl_pool_free(gl_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    forget_parents_handles(pool);
    free_all(pool->idle);
#if !defined(_WIN32)
    (void)pthread_mutex_destroy(&pool->lock);
#endif
    free(pool);
}

gl_handle *
gl_pool_take(gl_pool *pool, gl_error *err)
{
    acquire(pool);
    gl_handle *surplus = cut_off_surplus(pool);
    gl_handle *handle = pool->idle;
    if (handle != NULL) {
        pool->idle = handle->next;
    }
    pool->lent++;
    release(pool);
    free_all(surplus);
    if (handle == NULL) {
        handle = gl_handle_new(err);
    }
    if (handle == NULL) {
        acquire(pool);
        pool->lent--;
        release(pool);
    }
    return handle;
}

void
gl_pool_give(gl_pool *pool, gl_handle *handle)
{
    const bool good = gl_handle_is_good(handle);
    handle->idle_since = gl_monotonic();
    acquire(pool);
    if (good) {
        handle->next = pool->idle;
        pool->idle = handle;
    }
    pool->lent--;
    gl_handle *surplus = cut_off_surplus(pool);
    release(pool);
    if (!good) {
        gl_handle_free(handle);
    }
    free_all(surplus);
}
