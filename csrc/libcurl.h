/* libcurl itself: which one will do, its start, and how options are set.
 */
#ifndef GL_LIBCURL_H
#define GL_LIBCURL_H

#include <curl/curl.h>

#include "gl_error.h"

/* The oldest libcurl that has every option we set: CURLOPT_PROTOCOLS_STR came
 * with 7.85.0, and what it took the place of is gone from newer headers' good
 * books. */
#if LIBCURL_VERSION_NUM >= 0x075500
#define GL_OLDEST_LIBCURL 0x075500
#elif LIBCURL_VERSION_NUM >= 0x075100
#define GL_OLDEST_LIBCURL 0x075100
#else
#error "genlogs-ext needs libcurl 7.81.0 or newer"
#endif

/* Set an option of EASY, unless CODE, a variable, tells that an earlier one
 * failed. */
#define GL_SETOPT(code, easy, option, value)                  \
    do {                                                      \
        if ((code) == CURLE_OK) {                             \
            (code) = curl_easy_setopt((easy), option, value); \
        }                                                     \
    } while (0)

/* Ready libcurl, once per process.  GL_ERROR_MEMORY; GL_ERROR_TRANSPORT when it
 * refuses, or when the one that runs is older than GL_OLDEST_LIBCURL. */
int
gl_libcurl_start(gl_error *err);

#endif
