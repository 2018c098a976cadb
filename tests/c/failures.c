#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include "failures.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

static _Thread_local const char *armed; /* the function, or NULL */
static _Thread_local long calls_left;   /* before the one that fails */
static _Thread_local bool fails_after;
static _Thread_local bool has_failed;
static _Thread_local int failure_code;
static atomic_long failed;
static atomic_long live_blocks;
static bool hurries;
static atomic_llong ahead; /* nanoseconds that our code's clock is ahead */
static int forced_result = -1;
static long verify_result = -1;
static unsigned int version;
static bool old_libcurl;

void
failures_arm(const char *function, long nth, int code, bool all_after)
{
    armed = function;
    calls_left = nth - 1;
    failure_code = code;
    fails_after = all_after;
    has_failed = false;
}

bool
failures_disarm(void)
{
    armed = NULL;
    return has_failed;
}

long
failures_count(void)
{
    return atomic_load(&failed);
}

long
failures_live_blocks(void)
{
    return atomic_load(&live_blocks);
}

void
failures_set_hurry(bool hurry)
{
    hurries = hurry;
}

void
failures_set_result(int code)
{
    forced_result = code;
}

void
failures_set_verify_result(long reason)
{
    verify_result = reason;
}

void
failures_set_version(unsigned int other)
{
    version = other;
}

void
failures_set_old_libcurl(bool old)
{
    old_libcurl = old;
}

/* Whether this call of FUNCTION is one that fails. */
static bool
fails(const char *function)
{
    if (armed == NULL || strcmp(armed, function) != 0) {
        return false;
    }
    if (calls_left > 0) {
        calls_left--;
        return false;
    }
    if (has_failed && !fails_after) {
        return false;
    }
    has_failed = true;
    atomic_fetch_add(&failed, 1);
    return true;
}

/* ---- memory ---------------------------------------------------------------
 */

/* The linker's names for the wrapper and for what it wraps. */
#define WRAPPER(type, name, ...)     \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)

WRAPPER(void *, malloc, size_t size)
{
    void *block = fails(OUR_MEMORY) ? NULL : __real_malloc(size);
    live_blocks += block != NULL;
    return block;
}

WRAPPER(void *, calloc, size_t count, size_t size)
{
    void *block = fails(OUR_MEMORY) ? NULL : __real_calloc(count, size);
    live_blocks += block != NULL;
    return block;
}

WRAPPER(void, free, void *block)
{
    live_blocks -= block != NULL;
    __real_free(block);
}

static void *
curls_malloc(size_t size)
{
    return fails(CURLS_MEMORY) ? NULL : __real_malloc(size);
}

static void *
curls_calloc(size_t count, size_t size)
{
    return fails(CURLS_MEMORY) ? NULL : __real_calloc(count, size);
}

static void *
curls_realloc(void *block, size_t size)
{
    return fails(CURLS_MEMORY) ? NULL : realloc(block, size);
}

static char *
curls_strdup(const char *string)
{
    return fails(CURLS_MEMORY) ? NULL : strdup(string);
}

void
failures_start(void)
{
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, curls_malloc, __real_free,
                             curls_realloc, curls_strdup,
                             curls_calloc) != CURLE_OK) {
        abort();
    }
}

/* ---- libcurl ---------------------------------------------------------------
 */

WRAPPER(CURL *, curl_easy_init, void)
{
    return fails("curl_easy_init") ? NULL : __real_curl_easy_init();
}

WRAPPER(CURLM *, curl_multi_init, void)
{
    if (fails("curl_multi_init")) {
        errno = failure_code;
        return NULL;
    }
    return __real_curl_multi_init();
}

/* Every value that is passed is as wide as a pointer, or narrower. */
#define PASS_ON(real, handle, which)             \
    do {                                         \
        va_list arguments;                       \
        va_start(arguments, which);              \
        void *value = va_arg(arguments, void *); \
        va_end(arguments);                       \
        return real(handle, which, value);       \
    } while (0)

WRAPPER(CURLcode, curl_easy_setopt, CURL *easy, CURLoption option, ...)
{
#if LIBCURL_VERSION_NUM >= 0x075700
    if (old_libcurl && option == CURLOPT_QUICK_EXIT) {
        return CURLE_UNKNOWN_OPTION;
    }
#endif
    if (fails("curl_easy_setopt")) {
        return (CURLcode)failure_code;
    }
    PASS_ON(__real_curl_easy_setopt, easy, option);
}

WRAPPER(CURLMcode, curl_multi_setopt, CURLM *multi, CURLMoption option, ...)
{
    if (fails("curl_multi_setopt")) {
        return (CURLMcode)failure_code;
    }
    PASS_ON(__real_curl_multi_setopt, multi, option);
}

WRAPPER(CURLcode, curl_easy_getinfo, CURL *easy, CURLINFO info, ...)
{
    if (fails("curl_easy_getinfo")) {
        return (CURLcode)failure_code;
    }
    if (info == CURLINFO_SSL_VERIFYRESULT && verify_result >= 0) {
        va_list arguments;
        va_start(arguments, info);
        *va_arg(arguments, long *) = verify_result;
        va_end(arguments);
        return CURLE_OK;
    }
    PASS_ON(__real_curl_easy_getinfo, easy, info);
}

WRAPPER(CURLMcode, curl_multi_add_handle, CURLM *multi, CURL *easy)
{
    return fails("curl_multi_add_handle")
               ? (CURLMcode)failure_code
               : __real_curl_multi_add_handle(multi, easy);
}

WRAPPER(CURLMcode, curl_multi_remove_handle, CURLM *multi, CURL *easy)
{
    return fails("curl_multi_remove_handle")
               ? (CURLMcode)failure_code
               : __real_curl_multi_remove_handle(multi, easy);
}

WRAPPER(CURLMcode, curl_multi_perform, CURLM *multi, int *running)
{
    return fails("curl_multi_perform")
               ? (CURLMcode)failure_code
               : __real_curl_multi_perform(multi, running);
}

WRAPPER(CURLMcode, curl_multi_poll, CURLM *multi, struct curl_waitfd fds[],
        unsigned int count, int milliseconds, int *ready)
{
    if (fails("curl_multi_poll")) {
        return (CURLMcode)failure_code;
    }
    if (hurries) {
        ahead += (long long)milliseconds * 1000000;
        milliseconds = 1;
    }
    return __real_curl_multi_poll(multi, fds, count, milliseconds, ready);
}

WRAPPER(CURLMsg *, curl_multi_info_read, CURLM *multi, int *left)
{
    if (fails("curl_multi_info_read")) {
        return NULL;
    }
    CURLMsg *message = __real_curl_multi_info_read(multi, left);
    if (message != NULL && forced_result >= 0) {
        message->data.result = (CURLcode)forced_result;
    }
    return message;
}

WRAPPER(CURLU *, curl_url, void)
{
    return fails("curl_url") ? NULL : __real_curl_url();
}

WRAPPER(CURLUcode, curl_url_set, CURLU *url, CURLUPart part, const char *text,
        unsigned int flags)
{
    return fails("curl_url_set") ? (CURLUcode)failure_code
                                 : __real_curl_url_set(url, part, text, flags);
}

WRAPPER(CURLUcode, curl_url_get, const CURLU *url, CURLUPart part, char **text,
        unsigned int flags)
{
    return fails("curl_url_get") ? (CURLUcode)failure_code
                                 : __real_curl_url_get(url, part, text, flags);
}

WRAPPER(time_t, curl_getdate, const char *text, const time_t *unused)
{
    return fails("curl_getdate") ? -1 : __real_curl_getdate(text, unused);
}

WRAPPER(curl_version_info_data *, curl_version_info, CURLversion stamp)
{
    static _Thread_local curl_version_info_data other;
    curl_version_info_data *own = __real_curl_version_info(stamp);
    if (version == 0) {
        return own;
    }
    other = *own;
    other.version_num = version;
    return &other;
}

WRAPPER(CURLcode, curl_global_init, long flags)
{
    return fails("curl_global_init") ? (CURLcode)failure_code
                                     : __real_curl_global_init(flags);
}

/* ---- the system ------------------------------------------------------------
 */

WRAPPER(int, clock_gettime, clockid_t clock, struct timespec *now)
{
    if (fails("clock_gettime")) {
        errno = failure_code;
        return -1;
    }
    const int status = __real_clock_gettime(clock, now);
    const long long nanoseconds = now->tv_nsec + atomic_load(&ahead);
    now->tv_sec += (time_t)(nanoseconds / 1000000000);
    now->tv_nsec = (long)(nanoseconds % 1000000000);
    return status;
}

WRAPPER(int, pthread_attr_init, pthread_attr_t *attributes)
{
    return fails("pthread_attr_init") ? failure_code
                                      : __real_pthread_attr_init(attributes);
}

WRAPPER(int, pthread_create, pthread_t *thread,
        const pthread_attr_t *attributes, void *(*run)(void *), void *context)
{
    return fails("pthread_create")
               ? failure_code
               : __real_pthread_create(thread, attributes, run, context);
}
