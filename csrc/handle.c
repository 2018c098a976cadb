#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* pthread, fcntl */
#endif

#include "handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libcurl.h"

#if !defined(_WIN32)
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

enum { MAX_ROUTE = 8 * 1024 * 1024 }; /* four variables, and room to spare */

/* ---- making and freeing ---------------------------------------------------
 */

/* Ask libcurl not to wait for a resolver that hangs.  Options are newer than
 * the oldest libcurl that runs, and since 8.20.0 the multi handle waits. */
static void
set_quick_exit(gl_handle *handle)
{
    bool eased = false;
    bool multi_eased =
        curl_version_info(CURLVERSION_NOW)->version_num < 0x081400;
#if LIBCURL_VERSION_NUM >= 0x075700
    eased = curl_easy_setopt(handle->easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
#endif
#if LIBCURL_VERSION_NUM >= 0x081400
    multi_eased =
        curl_multi_setopt(handle->multi, CURLMOPT_QUICK_EXIT, 1L) == CURLM_OK;
#endif
    handle->leaves_resolver = eased && multi_eased;
}

void
gl_handle_close(gl_handle *handle)
{
    curl_easy_cleanup(handle->easy);
    (void)curl_multi_cleanup(handle->multi);
    handle->easy = NULL;
    handle->multi = NULL;
    gl_buffer_free(&handle->route);
}

/* Say why libcurl has no handle for us: memory, or what it waits with. */
static int
set_no_handle(int os_error, gl_error *err)
{
    if (os_error != EMFILE && os_error != ENFILE) {
        return gl_error_memory(err);
    }
    gl_error_set(err, GL_ERROR_CONNECT,
                 "no connection: too many files are open (%s)",
                 os_error == EMFILE ? "EMFILE" : "ENFILE");
    err->retryable = true;
    return -1;
}

static int
open_curl(gl_handle *handle, gl_error *err)
{
    errno = 0;
    handle->multi = curl_multi_init();
    handle->easy = curl_easy_init();
    if (handle->multi == NULL || handle->easy == NULL ||
        curl_multi_setopt(handle->multi, CURLMOPT_MAXCONNECTS, 1L) !=
            CURLM_OK) {
        const int os_error = errno;
        gl_handle_close(handle);
        return set_no_handle(os_error, err);
    }
    return 0;
}

bool
gl_handle_is_good(const gl_handle *handle)
{
    return handle->easy != NULL;
}

gl_handle *
gl_handle_new(gl_error *err)
{
    gl_handle *handle = calloc(1, sizeof *handle);
    if (handle == NULL) {
        (void)gl_error_memory(err);
        return NULL;
    }
    gl_buffer_init(&handle->route, MAX_ROUTE);
    if (open_curl(handle, err) < 0) {
        free(handle);
        return NULL;
    }
    return handle;
}

void
gl_handle_free(gl_handle *handle)
{
    gl_handle_close(handle);
    free(handle);
}

/* ---- options --------------------------------------------------------------
 */

#if !defined(_WIN32)

/* A socket that does not block, and that programs started meanwhile do not
 * get.  libcurl goes on with one that it could not keep from blocking, and
 * then waits in it for as long as the server likes. */
static curl_socket_t
open_socket(void *os_error, curlsocktype purpose, struct curl_sockaddr *to)
{
    (void)purpose;
    const int fd = socket(to->family, to->socktype, to->protocol);
    if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) != -1 &&
        fcntl(fd, F_SETFL, O_NONBLOCK) != -1) {
        return fd;
    }
    *(int *)os_error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    return CURL_SOCKET_BAD;
}

#endif

#define SET(option, value) GL_SETOPT(code, easy, option, value)

static CURLcode
set_security(CURL *easy)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
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
    /* A libcurl that was built without .netrc need not be told. */
    const CURLcode netrc =
        curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    return code == CURLE_OK && netrc != CURLE_UNKNOWN_OPTION ? netrc : code;
}

static CURLcode
set_manners(CURL *easy)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A newer libcurl would remember that a name was unknown, and another
     * attempt be none. */
    SET(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    SET(CURLOPT_POST, 1L);
    /* Take what comes compressed, ask for nothing: a header of ours says so. */
    SET(CURLOPT_ACCEPT_ENCODING, "");
    SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
#if !defined(_WIN32)
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
#endif
    return code;
}

/* TLS libraries without such a directory refuse even "none". */
static CURLcode
set_directory(CURL *easy, CURLoption option, const char *path)
{
    const CURLcode code = curl_easy_setopt(easy, option, path);
    const bool unknown =
        code == CURLE_UNKNOWN_OPTION || code == CURLE_NOT_BUILT_IN;
    return unknown && path == NULL ? CURLE_OK : code;
}

static CURLcode
set_ways(CURL *easy, const gl_route *route)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PROXY, route->proxy);
    SET(CURLOPT_PROXYUSERNAME, route->proxy_user);
    SET(CURLOPT_PROXYPASSWORD, route->proxy_password);
    SET(CURLOPT_NOPROXY, route->no_proxy);
    if (route->ca_file != NULL || route->ca_path != NULL) {
        SET(CURLOPT_CAINFO, route->ca_file);
        SET(CURLOPT_PROXY_CAINFO, route->ca_file);
        if (code == CURLE_OK) {
            code = set_directory(easy, CURLOPT_CAPATH, route->ca_path);
        }
        if (code == CURLE_OK) {
            code = set_directory(easy, CURLOPT_PROXY_CAPATH, route->ca_path);
        }
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
    const char *const values[] = {route->ca_file,        route->ca_path,
                                  route->proxy,          route->proxy_user,
                                  route->proxy_password, route->no_proxy};
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
        set_quick_exit(handle);
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

/* Take back what was lent, not copied. */
static bool
take_back(CURL *easy)
{
    return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL) == CURLE_OK;
}

void
gl_handle_clear(gl_handle *handle)
{
    if (handle->has_secret || handle->route.length == 0 ||
        !take_back(handle->easy) ||
        curl_easy_setopt(handle->easy, CURLOPT_URL, NULL) != CURLE_OK) {
        reset(handle);
    }
}

/* ---- the end of an attempt ------------------------------------------------
 */

#if !defined(_WIN32) /* where libcurl comes with us, and is newer */

static void *
close_in_thread(void *context)
{
    gl_handle *handle = context;
    (void)curl_multi_remove_handle(handle->multi, handle->easy);
    gl_handle_free(handle);
    return NULL;
}

/* Move what HANDLE has to a thread that waits for the resolver and closes it.
 * False when there is none to be had. */
static bool
leave_to_thread(gl_handle *handle)
{
    pthread_attr_t attributes;
    pthread_t thread;
    gl_handle *left = malloc(sizeof *left);
    if (left == NULL) {
        return false;
    }
    *left = *handle;
    if (pthread_attr_init(&attributes) != 0) {
        free(left);
        return false;
    }
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    const int failed =
        pthread_create(&thread, &attributes, close_in_thread, left);
    (void)pthread_attr_destroy(&attributes);
    if (failed != 0) {
        free(left);
        return false;
    }
    gl_buffer_init(&handle->route, MAX_ROUTE);
    return true;
}

/* Whether taking EASY out of MULTI means waiting for a resolver. */
static bool
would_wait(const gl_handle *handle)
{
    curl_off_t resolved = 0;
    (void)curl_easy_getinfo(handle->easy, CURLINFO_NAMELOOKUP_TIME_T,
                            &resolved);
    return !handle->leaves_resolver && resolved == 0;
}

#endif

/* Whether an easy handle that is used again may read memory that was freed: up
 * to 8.0.1 it remembers the last header of the answer before, and takes it up
 * where the next answer begins with a line that continues another. */
static bool
remembers_last_header(void)
{
    return curl_version_info(CURLVERSION_NOW)->version_num < 0x080100;
}

/* Put a new easy handle in place of HANDLE's; the connection is MULTI's. */
static int
renew_easy(gl_handle *handle, gl_error *err)
{
    gl_buffer_free(&handle->route);
    curl_easy_cleanup(handle->easy);
    handle->easy = curl_easy_init();
    if (handle->easy == NULL) {
        gl_handle_close(handle);
        return gl_error_memory(err);
    }
    return 0;
}

int
gl_handle_end_attempt(gl_handle *handle, gl_error *err)
{
#if !defined(_WIN32)
    if (would_wait(handle) && take_back(handle->easy) &&
        leave_to_thread(handle)) {
        return open_curl(handle, err);
    }
#endif
    if (curl_multi_remove_handle(handle->multi, handle->easy) != CURLM_OK) {
        /* It still is in there, and would be refused the next time. */
        gl_handle_close(handle);
        return open_curl(handle, err);
    }
    if (remembers_last_header()) {
        return renew_easy(handle, err);
    }
    gl_handle_clear(handle);
    return 0;
}
