#include "base_url.h"

#include <string.h>

#include <curl/curl.h>

#if defined(_WIN32)
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#endif

#define NOT_A_URL "is not a URL such as " GL_DEFAULT_BASE_URL

enum { MAX_URL = 512 * 1024 };

void
gl_base_url_init(gl_base_url *url)
{
    *url = (gl_base_url){0};
    gl_buffer_init(&url->endpoint, MAX_URL);
    gl_buffer_init(&url->origin, MAX_URL);
}

void
gl_base_url_free(gl_base_url *url)
{
    gl_buffer_free(&url->endpoint);
    gl_buffer_free(&url->origin);
}

static bool
is_printable_ascii(gl_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] <= 0x20 || text.bytes[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

/* Whether TEXT goes on with "://" and a host behind its scheme.  libcurl would
 * also take https:/host, and the "path" of https:///path for the host. */
static bool
has_authority(gl_text text)
{
    static const char slashes[] = "://";
    const size_t length = sizeof slashes - 1;
    const char *colon = memchr(text.bytes, ':', text.length);
    if (colon == NULL) {
        return false;
    }
    const size_t left = text.length - (size_t)(colon - text.bytes);
    return left > length && memcmp(colon, slashes, length) == 0 &&
           colon[length] != '/';
}

/* libcurl resolves "localhost" itself, to loopback addresses and no others,
 * since 7.78.0; and its URL parser has spelled out forms like 127.1 before a
 * host gets here. */
static bool
is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    char bare[INET6_ADDRSTRLEN];
    const size_t length = strlen(host);
    if (curl_strequal(host, "localhost")) {
        return true;
    }
    if (inet_pton(AF_INET, host, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    if (length < 2 || host[0] != '[' || length - 2 >= sizeof bare) {
        return false;
    }
    memcpy(bare, host + 1, length - 2);
    bare[length - 2] = '\0';
    return inet_pton(AF_INET6, bare, &v6) == 1 &&
           memcmp(&v6, &in6addr_loopback, sizeof v6) == 0;
}

/* libcurl's copies of a URL's parts; NULL for those it does not have.  A path
 * it always has, of one slash at least. */
typedef struct {
    char *scheme, *host, *port, *path, *user, *password, *zone;
} url_parts;

static void
free_parts(url_parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->host);
    curl_free(parts->port);
    curl_free(parts->path);
    curl_free(parts->user);
    if (parts->password != NULL) {
        gl_wipe(parts->password, strlen(parts->password));
    }
    curl_free(parts->password);
    curl_free(parts->zone);
}

/* Get every part that there is.  Scheme, host and path have to be; a part that
 * there is and that cannot be had, such as a user name that is not to be
 * decoded, is not taken for missing. */
static CURLUcode
get_parts(CURLU *parsed, url_parts *parts)
{
    const struct {
        char **to;
        CURLUPart which;
        unsigned int flags;
        CURLUcode missing; /* the code that says so, where it may be */
    } wanted[] = {
        {&parts->scheme, CURLUPART_SCHEME, 0, CURLUE_OK},
        {&parts->host, CURLUPART_HOST, 0, CURLUE_OK},
        {&parts->port, CURLUPART_PORT, 0, CURLUE_NO_PORT},
        {&parts->path, CURLUPART_PATH, 0, CURLUE_OK},
        {&parts->user, CURLUPART_USER, CURLU_URLDECODE, CURLUE_NO_USER},
        {&parts->password, CURLUPART_PASSWORD, CURLU_URLDECODE,
         CURLUE_NO_PASSWORD},
        {&parts->zone, CURLUPART_ZONEID, 0, CURLUE_NO_ZONEID},
    };
    CURLUcode code = CURLUE_OK;
    for (size_t i = 0; code == CURLUE_OK && i < sizeof wanted / sizeof *wanted;
         i++) {
        code = curl_url_get(parsed, wanted[i].which, wanted[i].to,
                            wanted[i].flags);
        if (code == wanted[i].missing) {
            code = CURLUE_OK;
        }
    }
    return code;
}

/* Whether TEXT's host is percent-encoded.  libcurl decodes it, and would do so
 * once more, or take what it decoded for a number, when it gets what is made of
 * it: another host than was checked. */
static bool
has_encoded_host(gl_text text)
{
    size_t start = 0;
    size_t end = text.length;
    bool encoded = false;
    const char *colon = memchr(text.bytes, ':', text.length);
    if (colon != NULL) {
        start = (size_t)(colon - text.bytes) + 1;
    }
    while (start < end && text.bytes[start] == '/') {
        start++; /* libcurl takes more than two, too */
    }
    for (size_t i = start; i < end; i++) {
        const char byte = text.bytes[i];
        if (byte == '@') {
            encoded = false; /* a user name or password may be */
        }
        else if (byte == '%') {
            encoded = true;
        }
        else if (byte == '/' || byte == '?' || byte == '#') {
            end = i;
        }
    }
    return encoded;
}

/* Split TEXT with libcurl's own parser, so that what is checked here is what
 * libcurl will use.  FLAGS are curl_url_set's. */
static int
split(gl_text text, unsigned int flags, const char *name, url_parts *parts,
      gl_error *err)
{
    *parts = (url_parts){0};
    gl_buffer copy;
    gl_buffer_init(&copy, MAX_URL);
    CURLU *parsed = curl_url();
    int status = -1;
    if (parsed == NULL) {
        gl_error_memory(err);
        goto done;
    }
    if (gl_buffer_append(&copy, text.bytes, text.length, err) < 0) {
        goto done;
    }
    CURLUcode code = curl_url_set(parsed, CURLUPART_URL, copy.data, flags);
    if (code == CURLUE_OK) {
        code = get_parts(parsed, parts);
    }
    if (code == CURLUE_OUT_OF_MEMORY) {
        gl_error_memory(err);
        goto done;
    }
    if (code == CURLUE_UNSUPPORTED_SCHEME) {
        gl_error_argument(err, name, "must begin with https://");
        goto done;
    }
    if (code != CURLUE_OK || parts->host[0] == '\0' || parts->zone != NULL ||
        has_encoded_host(text)) {
        gl_error_argument(err, name, NOT_A_URL);
        goto done;
    }
    status = 0;
done:
    curl_url_cleanup(parsed);
    gl_buffer_free(&copy);
    return status;
}

static int
check_base_url(const url_parts *parts, const char *name, gl_error *err)
{
    const bool https = curl_strequal(parts->scheme, "https");
    if (!https && !curl_strequal(parts->scheme, "http")) {
        return gl_error_argument(err, name, "must begin with https://");
    }
    if (parts->user != NULL || parts->password != NULL) {
        return gl_error_argument(
            err, name,
            "must not hold a user name or password: pass them as "
            "email and password");
    }
    if (!https && !is_loopback(parts->host)) {
        return gl_error_argument(
            err, name,
            "must begin with https://: over plain http anyone on the "
            "way could read the password (http is for loopback "
            "addresses such as http://127.0.0.1:8000)");
    }
    return 0;
}

/* Append scheme://host[:port]. */
static int
append_origin(const url_parts *parts, gl_buffer *out, gl_error *err)
{
    if (gl_buffer_append_string(out, parts->scheme, err) < 0 ||
        gl_buffer_append_string(out, "://", err) < 0 ||
        gl_buffer_append_string(out, parts->host, err) < 0) {
        return -1;
    }
    if (parts->port == NULL) {
        return 0;
    }
    return gl_buffer_append_string(out, ":", err) < 0
               ? -1
               : gl_buffer_append_string(out, parts->port, err);
}

static int
assemble(gl_base_url *url, const url_parts *parts, const char *path,
         gl_error *err)
{
    const char *prefix = parts->path;
    size_t prefix_length = strlen(prefix);
    while (prefix_length > 0 && prefix[prefix_length - 1] == '/') {
        prefix_length--;
    }
    if (append_origin(parts, &url->origin, err) < 0 ||
        append_origin(parts, &url->endpoint, err) < 0 ||
        gl_buffer_append(&url->endpoint, prefix, prefix_length, err) < 0) {
        return -1;
    }
    return gl_buffer_append_string(&url->endpoint, path, err);
}

int
gl_base_url_parse(gl_base_url *url, gl_text text, const char *path,
                  const char *name, gl_error *err)
{
    url_parts parts;
    if (text.length == 0) {
        return gl_error_argument(err, name, "must not be empty");
    }
    if (!is_printable_ascii(text)) {
        return gl_error_argument(
            err, name,
            "must be printable ASCII without spaces: percent-encode "
            "other characters");
    }
    if (memchr(text.bytes, '?', text.length) != NULL ||
        memchr(text.bytes, '#', text.length) != NULL) {
        return gl_error_argument(
            err, name, "must not have a query or fragment ('?' or '#')");
    }
    int status = split(text, 0, name, &parts, err);
    if (status == 0 && !has_authority(text)) {
        status = gl_error_argument(err, name, NOT_A_URL);
    }
    if (status == 0) {
        status = check_base_url(&parts, name, err);
    }
    if (status == 0) {
        url->encrypted = curl_strequal(parts.scheme, "https") != 0;
        status = assemble(url, &parts, path, err);
    }
    free_parts(&parts);
    return status;
}

/* ---- redirects --------------------------------------------------------------
 */

static int
split_string(const char *url, url_parts *parts, gl_error *err)
{
    const gl_text text = {url, strlen(url)};
    return split(text, CURLU_NON_SUPPORT_SCHEME, "URL", parts, err);
}

static const char *
port_of(const url_parts *parts)
{
    if (parts->port != NULL) {
        return parts->port;
    }
    return curl_strequal(parts->scheme, "https") ? "443" : "80";
}

int
gl_same_origin(const char *from, const char *to, bool *same, gl_error *err)
{
    url_parts a;
    url_parts b = {0};
    int status = split_string(from, &a, err);
    if (status == 0) {
        status = split_string(to, &b, err);
    }
    *same = status == 0 && curl_strequal(a.scheme, b.scheme) &&
            curl_strequal(a.host, b.host) &&
            strcmp(port_of(&a), port_of(&b)) == 0 && b.user == NULL &&
            b.password == NULL;
    free_parts(&a);
    free_parts(&b);
    return status < 0 && err->kind == GL_ERROR_MEMORY ? -1 : 0;
}

int
gl_url_append_shown(const char *url, gl_buffer *out, gl_error *err)
{
    gl_error ignored;
    url_parts parts;
    int status = 0;
    if (split_string(url, &parts, &ignored) == 0) {
        status = append_origin(&parts, out, err);
        if (status == 0) {
            status = gl_buffer_append_string(out, parts.path, err);
        }
    }
    free_parts(&parts);
    return status;
}

/* ---- proxies ---------------------------------------------------------------
 */

void
gl_proxy_init(gl_proxy *proxy)
{
    *proxy = (gl_proxy){.loopback = true};
    gl_buffer_init(&proxy->url, MAX_URL);
    gl_buffer_init(&proxy->user, MAX_URL);
    gl_buffer_init(&proxy->password, MAX_URL);
}

void
gl_proxy_free(gl_proxy *proxy)
{
    gl_buffer_free(&proxy->url);
    gl_buffer_free(&proxy->user);
    gl_buffer_free(&proxy->password);
}

static bool
is_proxy_scheme(const char *scheme)
{
    static const char *const known[] = {"http",    "https",  "socks4",
                                        "socks4a", "socks5", "socks5h"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (curl_strequal(scheme, known[i])) {
            return true;
        }
    }
    return false;
}

static bool
is_proxy(const url_parts *parts, gl_text text)
{
    /* A path, query or fragment may be the rest of a password that should have
     * been percent-encoded. */
    return is_proxy_scheme(parts->scheme) && strcmp(parts->path, "/") == 0 &&
           memchr(text.bytes, '?', text.length) == NULL &&
           memchr(text.bytes, '#', text.length) == NULL;
}

static int
take_proxy(gl_proxy *proxy, const url_parts *parts, gl_error *err)
{
    proxy->loopback = is_loopback(parts->host);
    proxy->socks = parts->scheme[0] == 's' || parts->scheme[0] == 'S';
    if (append_origin(parts, &proxy->url, err) < 0) {
        return -1;
    }
    if (parts->user != NULL &&
        gl_buffer_append_string(&proxy->user, parts->user, err) < 0) {
        return -1;
    }
    return parts->password == NULL
               ? 0
               : gl_buffer_append_string(&proxy->password, parts->password,
                                         err);
}

int
gl_proxy_parse(gl_proxy *proxy, gl_text text, const char *name, gl_error *err)
{
    static const char wrong[] =
        "is not a proxy such as http://proxy.example:8080 (schemes: http, "
        "https, socks4, socks4a, socks5, socks5h; percent-encode what is "
        "special "
        "in a user name or password)";
    url_parts parts = {0};
    gl_buffer whole;
    gl_buffer_init(&whole, MAX_URL);
    int status = is_printable_ascii(text) ? 0 : -1;
    if (status < 0) {
        gl_error_argument(err, name, wrong);
    }
    if (status == 0 && !has_authority(text)) {
        status = gl_buffer_append_string(&whole, "http://", err);
    }
    if (status == 0) {
        status = gl_buffer_append(&whole, text.bytes, text.length, err);
    }
    if (status == 0) {
        const gl_text url = {whole.data, whole.length};
        status = split(url, CURLU_NON_SUPPORT_SCHEME, name, &parts, err);
        if (status == 0 && !is_proxy(&parts, url)) {
            status = -1;
            err->kind = GL_ERROR_ARGUMENT;
        }
        if (status < 0 && err->kind == GL_ERROR_ARGUMENT) {
            gl_error_argument(err, name, wrong);
        }
    }
    if (status == 0) {
        status = take_proxy(proxy, &parts, err);
    }
    free_parts(&parts);
    gl_buffer_free(&whole);
    return status;
}
