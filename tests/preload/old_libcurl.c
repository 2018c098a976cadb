/* Preloaded: a libcurl that does not know CURLOPT_QUICK_EXIT, as before 7.87.0,
 * and waits for its resolver. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>

enum { QUICK_EXIT = 322, UNKNOWN_OPTION = 48 }; /* of curl/curl.h */

int
curl_easy_setopt(void *easy, int option, ...);

int
curl_easy_setopt(void *easy, int option, ...)
{
    static int (*original)(void *, int, ...);
    va_list arguments;
    if (option == QUICK_EXIT) {
        return UNKNOWN_OPTION;
    }
    if (original == 0) {
        /* Python loads it for one module alone: RTLD_NEXT would not find it. */
        void *libcurl = dlopen("libcurl.so.4", RTLD_LAZY | RTLD_NOLOAD);
        *(void **)&original = dlsym(libcurl, "curl_easy_setopt");
    }
    va_start(arguments, option);
    void *value = va_arg(arguments, void *); /* as wide as every other kind */
    va_end(arguments);
    return original(easy, option, value);
}
