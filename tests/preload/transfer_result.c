/* Preloaded: a libcurl whose transfers end with the CURLcode that
 * transfer_result_set says, whatever became of them. */
#define _GNU_SOURCE
#include <dlfcn.h>

#include <curl/curl.h>

void
transfer_result_set(int code);

static int result = -1; /* as they do */

void
transfer_result_set(int code)
{
    result = code;
}

CURLMsg *
curl_multi_info_read(CURLM *multi, int *left)
{
    static CURLMsg *(*original)(CURLM *, int *);
    if (original == NULL) {
        /* Python loads it for one module alone: RTLD_NEXT would not find it. */
        void *libcurl = dlopen("libcurl.so.4", RTLD_LAZY | RTLD_NOLOAD);
        *(void **)&original = dlsym(libcurl, "curl_multi_info_read");
    }
    CURLMsg *message = original(multi, left);
    if (message != NULL && result >= 0) {
        message->data.result = (CURLcode)result;
    }
    return message;
}
