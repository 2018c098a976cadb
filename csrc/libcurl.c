#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* pthread */
#endif

#include "libcurl.h"

#include <stdbool.h>

#if !defined(_WIN32)
#include <pthread.h>
#endif

/* The process's only mutable state of ours: libcurl is started once, and never
 * stopped, since other libraries may use the same one.  A start that failed is
 * tried again. */
static CURLcode
start_curl(void)
{
#if defined(_WIN32)
    /* counted, and locked, by libcurl 7.84.0 and newer */
    return curl_global_init(CURL_GLOBAL_DEFAULT);
#else
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool started;
    CURLcode code = CURLE_OK;
    (void)pthread_mutex_lock(&lock);
    if (!started) {
        code = curl_global_init(CURL_GLOBAL_DEFAULT);
        started = code == CURLE_OK;
    }
    (void)pthread_mutex_unlock(&lock);
    return code;
#endif
}

int
gl_libcurl_start(gl_error *err)
{
    const CURLcode code = start_curl();
    const curl_version_info_data *running = curl_version_info(CURLVERSION_NOW);
    if (running->version_num < GL_OLDEST_LIBCURL) {
        gl_error_set(err, GL_ERROR_TRANSPORT,
                     "libcurl %s is older than the one genlogs-ext was built "
                     "for (" LIBCURL_VERSION ")",
                     running->version);
        return -1;
    }
    if (code == CURLE_OUT_OF_MEMORY) {
        return gl_error_memory(err);
    }
    if (code != CURLE_OK) {
        gl_error_set(err, GL_ERROR_TRANSPORT, "libcurl does not start: %s",
                     curl_easy_strerror(code));
        return -1;
    }
    return 0;
}
