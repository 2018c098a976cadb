#include "handle.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libcurl.h"

enum { MAX_ROUTE = 8 * 1024 * 1024 }; /* four variables, and room to spare */

gl_handle *
gl_handle_new(gl_error *err)
{
    gl_handle *handle = calloc(1, sizeof *handle);
    if (handle == NULL) {
        (void)gl_error_memory(err);
        return NULL;
    }
    gl_buffer_init(&handle->route, MAX_ROUTE);
    handle->multi = curl_multi_init();
    handle->easy = curl_easy_init();
    if (handle->multi == NULL || handle->easy == NULL ||
        curl_multi_setopt(handle->multi, CURLMOPT_MAXCONNECTS, 1L) !=
            CURLM_OK) {
        gl_handle_free(handle);
        (void)gl_error_memory(err);
        return NULL;
    }
    return handle;
}

void
gl_handle_free(gl_handle *handle)
{
    curl_easy_cleanup(handle->easy);
    (void)curl_multi_cleanup(handle->multi);
    gl_buffer_free(&handle->route);
    free(handle);
}

#define SET(option, value)                                \
    do {                                                  \
        if (code == CURLE_OK) {                           \
            code = curl_easy_setopt(easy, option, value); \
        }                                                 \
    } while (0)

static CURLcode
set_security(CURL *easy)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
#if GL_OLDEST_LIBCURL >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    return code;
}

static CURLcode
set_manners(CURL *easy)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_POST, 1L);
    /* Take what comes compressed, ask for nothing: a header of ours says so. */
    SET(CURLOPT_ACCEPT_ENCODING, "");
    SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Do not wait for a resolver that hangs.  An older libcurl at run time may
     * not know the option. */
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    return code;
}

static CURLcode
set_ways(CURL *easy, const gl_route *route)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_PROXY, route->proxy);
    SET(CURLOPT_PROXYUSERNAME, route->proxy_user);
    SET(CURLOPT_PROXYPASSWORD, route->proxy_password);
    SET(CURLOPT_NOPROXY, route->no_proxy);
    if (route->ca_file != NULL) {
        SET(CURLOPT_CAINFO, route->ca_file);
        SET(CURLOPT_PROXY_CAINFO, route->ca_file);
        /* TLS libraries without such a directory refuse even "none". */
        (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        (void)curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
    }
    return code;
}

#undef SET

/* Append what tells VALUE from every other, and from NULL. */
static int
append_value(gl_buffer *out, const char *value, gl_error *err)
{
    if (value == NULL) {
        return gl_buffer_append(out, "-", 1, err);
    }
    return gl_buffer_append(out, "+", 1, err) < 0
               ? -1
               : gl_buffer_append(out, value, strlen(value) + 1, err);
}

/* Spell ROUTE so that two are equal when their spellings are. */
static int
spell(const gl_route *route, gl_buffer *out)
{
    gl_error ignored;
    const char *const values[] = {route->ca_file, route->proxy,
                                  route->proxy_user, route->proxy_password,
                                  route->no_proxy};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (append_value(out, values[i], &ignored) < 0) {
            return -1;
        }
    }
    return 0;
}

static bool
are_equal(const gl_buffer *a, const gl_buffer *b)
{
    return a->length == b->length && a->length > 0 &&
           memcmp(a->data, b->data, a->length) == 0;
}

/* Forget every option; connection and TLS sessions stay. */
static void
reset(gl_handle *handle)
{
    curl_easy_reset(handle->easy);
    gl_buffer_free(&handle->route);
}

/* Set EASY, which has no options yet, up for ROUTE. */
static CURLcode
set_up(CURL *easy, const gl_route *route)
{
    CURLcode code = set_security(easy);
    if (code == CURLE_OK) {
        code = set_manners(easy);
    }
    return code == CURLE_OK ? set_ways(easy, route) : code;
}

CURLcode
gl_handle_set_route(gl_handle *handle, const gl_route *route)
{
    gl_buffer wanted;
    CURLcode code = CURLE_OK;
    gl_buffer_init(&wanted, MAX_ROUTE);
    if (spell(route, &wanted) < 0) {
        code = CURLE_OUT_OF_MEMORY;
    }
    else if (!are_equal(&wanted, &handle->route)) {
        reset(handle);
        code = set_up(handle->easy, route);
        if (code == CURLE_OK) {
            handle->route = wanted;
            handle->has_secret = route->proxy_password != NULL;
            return CURLE_OK;
        }
    }
    gl_buffer_free(&wanted);
    return code;
}

void
gl_handle_clear(gl_handle *handle)
{
    CURL *easy = handle->easy;
    if (handle->has_secret || handle->route.length == 0 ||
        curl_easy_setopt(easy, CURLOPT_URL, NULL) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL) != CURLE_OK) {
        reset(handle);
    }
}
