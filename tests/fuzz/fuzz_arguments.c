/* libFuzzer target: base URLs, proxies and credentials.  What is taken keeps
 * the promises of base_url.h, text.h and token_request.h; what is refused is
 * refused by a message that quotes nothing of it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "token_request.h"

#define CANARY "canary" /* an input has it where its secrets are */

static void
require(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "%s\n", what);
        abort();
    }
}

/* Make valid UTF-8 of DATA, which is what callers give: bytes beyond ASCII
 * become characters of two, three or four bytes. */
static void
make_text(const uint8_t *data, size_t size, gl_buffer *out)
{
    static const char *const wide[] = {"\xe2\x80\xa8", "\xef\xbc\x8f",
                                       "\xf0\x9f\x9a\x9a"};
    gl_error err;
    for (size_t i = 0; i < size; i++) {
        const uint8_t byte = data[i];
        const char two[] = {(char)(0xc0 | byte >> 6),
                            (char)(0x80 | (byte & 0x3f)), '\0'};
        const char one[] = {(char)byte, '\0'};
        const char *character = byte < 0x80   ? one
                                : byte < 0xfd ? two
                                              : wide[byte - 0xfd];
        const size_t length = byte < 0x80 ? 1 : strlen(character);
        require(gl_buffer_append(out, character, length, &err) == 0, "memory");
    }
}

static gl_text
text_of(const gl_buffer *buffer)
{
    return (gl_text){buffer->data != NULL ? buffer->data : "", buffer->length};
}

static void
check_refusal(const gl_error *err, const char *name)
{
    require(err->kind == GL_ERROR_ARGUMENT, "an error of another kind");
    require(strncmp(err->message, name, strlen(name)) == 0,
            "an error that does not name the argument");
    require(strstr(err->message, CANARY) == NULL, "an argument is quoted");
}

/* ---- base_url --------------------------------------------------------------
 */

/* Whether URL is what credentials may be sent to, by its spelling alone. */
static bool
is_safe(const char *url)
{
    static const char *const safe[] = {"https://", "http://127.",
                                       "http://localhost", "http://[::1]"};
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++) {
        if (curl_strnequal(url, safe[i], strlen(safe[i]))) {
            return true;
        }
    }
    return false;
}

static void
check_base_url(gl_text text)
{
    static const char path[] = "/auth/token";
    gl_base_url url;
    gl_base_url again;
    gl_error err;
    gl_base_url_init(&url);
    gl_base_url_init(&again);
    if (gl_token_request_parse_url(&url, text, "base_url", &err) < 0) {
        check_refusal(&err, "base_url");
    }
    else {
        const char *endpoint = url.endpoint.data;
        const size_t length = url.endpoint.length;
        require(length == strlen(endpoint), "a NUL in a URL");
        require(strncmp(endpoint, url.origin.data, url.origin.length) == 0,
                "an endpoint of another origin");
        require(strcmp(endpoint + length - strlen(path), path) == 0,
                "an endpoint without its path");
        require(strpbrk(endpoint, "?# \r\n\t") == NULL, "more than a path");
        require(is_safe(endpoint), "not a safe place");
        require(url.encrypted == (curl_strnequal(endpoint, "https:", 6) != 0),
                "encrypted or not");
        bool same = false;
        require(gl_same_origin(endpoint, endpoint, &same, &err) == 0 && same,
                "another origin than its own");
        const gl_text origin = text_of(&url.origin);
        require(gl_token_request_parse_url(&again, origin, "u", &err) == 0 &&
                    strcmp(again.origin.data, url.origin.data) == 0,
                "an origin that is none");
    }
    gl_base_url_free(&url);
    gl_base_url_free(&again);
}

/* What may be shown of any URL is a URL without what is secret in it. */
static void
check_shown(const char *url)
{
    gl_buffer shown;
    gl_error err;
    gl_buffer_init(&shown, GL_MAX_BODY);
    require(gl_url_append_shown(url, &shown, &err) == 0, "it fails");
    if (shown.length > 0) {
        const char *host = strstr(shown.data, "://");
        require(host != NULL && strpbrk(shown.data, "?#") == NULL,
                "a query is shown");
        const size_t length = strcspn(host + 3, "/");
        require(memchr(host + 3, '@', length) == NULL, "a user is shown");
    }
    gl_buffer_free(&shown);
}

/* ---- proxy -----------------------------------------------------------------
 */

static void
check_proxy(gl_text text, bool encrypted)
{
    const gl_base_url url = {.encrypted = encrypted};
    gl_token_request request;
    gl_error err;
    gl_token_request_init(&request);
    request.url = &url;
    if (gl_token_request_set_proxy(&request, text, "proxy", &err) < 0) {
        check_refusal(&err, "proxy");
    }
    else if (text.length > 0) {
        const gl_route *route = &request.transport.route;
        gl_proxy again;
        require(strpbrk(route->proxy, "@?# \r\n\t") == NULL,
                "more than an origin");
        require(encrypted || is_safe(route->proxy) ||
                    strstr(route->proxy, "://") != NULL,
                "no URL");
        require(encrypted || request.proxy.loopback, "a proxy elsewhere");
        gl_proxy_init(&again);
        const gl_text origin = text_of(&request.proxy.url);
        require(gl_proxy_parse(&again, origin, "p", &err) == 0 &&
                    strcmp(again.url.data, route->proxy) == 0 &&
                    again.password.length == 0,
                "an origin that is none");
        gl_proxy_free(&again);
    }
    gl_token_request_free(&request);
}

/* ---- credentials -----------------------------------------------------------
 */

/* TEXT can be read back from its three spellings. */
static void
check_spellings(gl_text text)
{
    gl_error err;
    gl_buffer out;
    gl_json json;
    int length = 0;
    gl_buffer_init(&out, GL_MAX_BODY);
    require(gl_text_percent_encode(text, &out, &err) == 0, "memory");
    char *back = curl_easy_unescape(NULL, out.data, (int)out.length, &length);
    require(back != NULL && (size_t)length == text.length &&
                memcmp(back, text.bytes, text.length) == 0,
            "percent-encoded it is another");
    curl_free(back);
    gl_buffer_truncate(&out, 0);
    require(gl_text_json_quote(text, &out, &err) == 0, "memory");
    require(gl_json_parse(&json, out.data, out.length, &err) == 0, "no JSON");
    gl_buffer said;
    gl_buffer_init(&said, GL_MAX_BODY);
    require(gl_json_append_string(&json, 0, &said, &err) == 0 &&
                said.length == text.length &&
                memcmp(said.data, text.bytes, text.length) == 0,
            "quoted it is another");
    gl_buffer_free(&said);
    gl_json_free(&json);
    gl_buffer_free(&out);
}

static void
check_credentials(gl_text text)
{
    static const char *const names[] = {"email", "password", "api_key"};
    gl_token_request request;
    gl_error err;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        gl_token_request_init(&request);
        request.email = i == 0 ? text : (gl_text){"e", 1};
        request.password = i == 1 ? text : (gl_text){"p", 1};
        request.api_key = i == 2 ? text : (gl_text){"k", 1};
        if (gl_token_request_check(&request, &err) < 0) {
            check_refusal(&err, names[i]);
        }
        else if (i < 2) {
            check_spellings(text);
        }
        else {
            gl_buffer header;
            gl_buffer_init(&header, GL_MAX_BODY);
            require(gl_text_to_latin1(text, &header, &err) == 0, "memory");
            require(strlen(header.data) == header.length, "a NUL");
            for (size_t j = 0; j < header.length; j++) {
                const unsigned char byte = (unsigned char)header.data[j];
                require((byte >= 0x20 && byte != 0x7f) || byte == '\t',
                        "a control character in a header");
            }
            gl_buffer_free(&header);
        }
        gl_token_request_free(&request);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gl_buffer text;
    gl_error err;
    gl_buffer_init(&text, GL_MAX_BODY);
    make_text(data, size, &text);
    require(gl_buffer_append(&text, "", 0, &err) == 0, "memory");
    check_base_url(text_of(&text));
    check_proxy(text_of(&text), true);
    check_proxy(text_of(&text), false);
    check_shown(text.data);
    if (text.length > 0) {
        check_credentials(text_of(&text));
    }
    gl_buffer_free(&text);
    return 0;
}
