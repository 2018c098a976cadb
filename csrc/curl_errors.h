/* libcurl's failures in our words.
 */
#ifndef GL_CURL_ERRORS_H
#define GL_CURL_ERRORS_H

#include <curl/curl.h>

#include "gl_error.h"

/* Fill ERR with what CODE, which ended a transfer of EASY, means: its kind,
 * whether to try again, and TEXT (libcurl's own for it; may be empty) with
 * advice on what to do where there is some, or the system's reason.  OS_ERROR
 * is an errno that libcurl does not know of; 0: ask libcurl. */
void
gl_curl_error(CURLcode code, CURL *easy, const char *text, int os_error,
              gl_error *err);

#endif
