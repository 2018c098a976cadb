#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* pthread_once */
#endif

#include "libcurl.h"

#if !defined(_WIN32)
#include <pthread.h>
#endif

/* The process's only mutable state of ours: libcurl is started once, and never
 * stopped, since other libraries may use the same one. */
static CURLcode curl_started;

static void
start_curl(void)
{
    curl_started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

int
gl_libcurl_start(gl_error *err)
{
#if defined(_WIN32)
    start_curl(); /* counted, and locked, by libcurl 7.84.0 and newer */
#else
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, start_curl);
#endif
    const curl_version_info_data *running = curl_version_info(CURLVERSION_NOW);
    if (running->version_num < GL_OLDEST_LIBCURL) {
        gl_error_set(err, GL_ERROR_TRANSPORT,
                     "libcurl %s is older than the one genlogs-ext was built "
                     "for (" LIBCURL_VERSION ")",
                     running->version);
        return -1;
    }
    if (curl_started != CURLE_OK) {
        gl_error_set(err, GL_ERROR_TRANSPORT, "libcurl does not start: %s",
                     curl_easy_strerror(curl_started));
        return -1;
    }
    return 0;
}
