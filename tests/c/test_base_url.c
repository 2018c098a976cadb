/* Which base URLs and proxies are taken, and when two URLs have one origin.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base_url.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static gl_text
text_of(const char *string)
{
    return (gl_text){string, strlen(string)};
}

static void
test_base_urls_and_where_they_lead(void **state)
{
    static const struct {
        const char *url;
        const char *endpoint;
        const char *origin;
    } cases[] = {
        {"https://a", "https://a/auth/token", "https://a"},
        {"HTTPS://a/", "https://a/auth/token", "https://a"},
        {"https://a:8443/b//", "https://a:8443/b/auth/token", "https://a:8443"},
        {"https://[2001:db8::1]", "https://[2001:db8::1]/auth/token",
         "https://[2001:db8::1]"},
        {"http://localhost:1", "http://localhost:1/auth/token",
         "http://localhost:1"},
        {"http://127.1", "http://127.0.0.1/auth/token", "http://127.0.0.1"},
        {"http://[::1]/", "http://[::1]/auth/token", "http://[::1]"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        gl_base_url url;
        gl_error err = GL_ERROR_INIT;
        gl_base_url_init(&url);
        if (gl_base_url_parse(&url, text_of(cases[i].url), "/auth/token",
                              "base_url", &err) < 0) {
            fail_msg("%s: %s", cases[i].url, err.message);
        }
        assert_string_equal(url.endpoint.data, cases[i].endpoint);
        assert_string_equal(url.origin.data, cases[i].origin);
        assert_int_equal(url.encrypted, cases[i].origin[4] == 's');
        gl_base_url_free(&url);
    }
}

static void
test_what_is_no_base_url(void **state)
{
    static const struct {
        const char *url;
        const char *says;
    } cases[] = {
        {"", "must not be empty"},
        {"a", "is not a URL"},
        {"https:", "is not a URL"},
        {"https:/a", "is not a URL"},
        {"https:///a", "is not a URL"},
        {"https://", "is not a URL"},
        {"https://:443", "is not a URL"},
        {"file:///a", "is not a URL"},
        {"https://a%62", "is not a URL"},
        {"https://[fe80::1%25eth0]", "is not a URL"},
        {"https://a b", "printable ASCII"},
        {"https://\xc3\xbc", "printable ASCII"},
        {"https://a\x7f", "printable ASCII"},
        {"https://a?b", "query or fragment"},
        {"https://a#b", "query or fragment"},
        {"ftp://a", "must begin with https://"},
        {"x://a", "must begin with https://"},
        {"https://user@a", "user name or password"},
        {"https://:password@a", "user name or password"},
        {"http://a", "over plain http"},
        {"http://128.0.0.1", "over plain http"},
        {"http://[::2]", "over plain http"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        gl_base_url url;
        gl_error err = GL_ERROR_INIT;
        gl_base_url_init(&url);
        const int status = gl_base_url_parse(&url, text_of(cases[i].url),
                                             "/auth/token", "base_url", &err);
        if (status == 0 || err.kind != GL_ERROR_ARGUMENT ||
            strstr(err.message, cases[i].says) == NULL) {
            fail_msg("%s: %d, %s", cases[i].url, status, err.message);
        }
        gl_base_url_free(&url);
    }
}

static void
test_which_urls_have_one_origin(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        bool same;
    } cases[] = {
        {"https://a/b", "https://a/c?d", true},
        {"https://a", "HTTPS://A:443/", true},
        {"https://a:443", "https://a", true},
        {"http://a", "http://a:80", true},
        {"http://a:80", "http://a", true},
        {"https://a:444", "https://a:444", true},
        {"https://a", "http://a", false},
        {"https://a", "http://a:443", false},
        {"https://a", "https://b", false},
        {"https://a", "https://a:444", false},
        {"https://a", "https://user@a", false},
        {"https://a", "https://:password@a", false},
        {"https://a", "https://[", false},
        {"https://[", "https://a", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        gl_error err = GL_ERROR_INIT;
        bool same = !cases[i].same;
        assert_int_equal(
            gl_same_origin(cases[i].from, cases[i].to, &same, &err), 0);
        if (same != cases[i].same) {
            fail_msg("%s, %s", cases[i].from, cases[i].to);
        }
    }
}

static void
test_a_url_is_shown_without_what_may_be_secret(void **state)
{
    static const struct {
        const char *url;
        const char *shown;
    } cases[] = {
        {"https://a/b/c?d#e", "https://a/b/c"},
        {"https://user:password@a:1", "https://a:1/"},
        {"x://a", "x://a/"},
        {"file:///a", ""},
        {"https://[", ""},
        {"no URL", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const size_t length = strlen(cases[i].shown);
        for (size_t limit = 0; limit <= length; limit++) {
            gl_error err = GL_ERROR_INIT;
            gl_buffer out;
            gl_buffer_init(&out, limit);
            assert_int_equal(gl_url_append_shown(cases[i].url, &out, &err),
                             limit == length ? 0 : -1);
            if (limit == length && length > 0) {
                assert_string_equal(out.data, cases[i].shown);
            }
            gl_buffer_free(&out);
        }
    }
}

static void
test_proxies_in_their_pieces(void **state)
{
    static const struct {
        const char *text;
        const char *url;
        const char *user; /* NULL: none */
        const char *password;
        bool loopback;
        bool socks;
    } cases[] = {
        {"proxy", "http://proxy", NULL, NULL, false, false},
        {"p", "http://p", NULL, NULL, false, false},
        {"proxy:8080", "http://proxy:8080", NULL, NULL, false, false},
        {"https://proxy/", "https://proxy", NULL, NULL, false, false},
        {"127.0.0.1:1", "http://127.0.0.1:1", NULL, NULL, true, false},
        {"socks5h://[::1]:1", "socks5h://[::1]:1", NULL, NULL, true, true},
        {"SOCKS4://localhost", "SOCKS4://localhost", NULL, NULL, true, true},
        {"u%40:p%2f@proxy", "http://proxy", "u@", "p/", false, false},
        {"http://u@proxy:1", "http://proxy:1", "u", NULL, false, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        gl_proxy proxy;
        gl_error err = GL_ERROR_INIT;
        gl_proxy_init(&proxy);
        if (gl_proxy_parse(&proxy, text_of(cases[i].text), "proxy", &err) < 0) {
            fail_msg("%s: %s", cases[i].text, err.message);
        }
        if (cases[i].text[0] == 'S') {
            assert_int_equal(proxy.url.length, strlen(cases[i].url));
        }
        else {
            assert_string_equal(proxy.url.data, cases[i].url);
        }
        assert_int_equal(proxy.loopback, cases[i].loopback);
        assert_int_equal(proxy.socks, cases[i].socks);
        assert_int_equal(proxy.user.data != NULL, cases[i].user != NULL);
        assert_int_equal(proxy.password.data != NULL,
                         cases[i].password != NULL);
        if (cases[i].user != NULL) {
            assert_string_equal(proxy.user.data, cases[i].user);
        }
        if (cases[i].password != NULL) {
            assert_string_equal(proxy.password.data, cases[i].password);
        }
        gl_proxy_free(&proxy);
    }
}

static void
test_what_is_no_proxy(void **state)
{
    static const char *const texts[] = {
        "ftp://proxy",
        "http://",
        "proxy/path",
        "http://p/a@proxy",
        "http://u:p?@proxy",
        "http://u:p#@proxy",
        "proxy?a",
        "proxy#a",
        "a b",
        "pr%6fxy",
        "http://u:%00@proxy",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        gl_proxy proxy;
        gl_error err = GL_ERROR_INIT;
        gl_proxy_init(&proxy);
        const int status =
            gl_proxy_parse(&proxy, text_of(texts[i]), "proxy", &err);
        if (status == 0 || err.kind != GL_ERROR_ARGUMENT ||
            strstr(err.message, "is not a proxy such as") == NULL) {
            fail_msg("%s: %d, %s", texts[i], status, err.message);
        }
        gl_proxy_free(&proxy);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_urls_and_where_they_lead),
        cmocka_unit_test(test_what_is_no_base_url),
        cmocka_unit_test(test_which_urls_have_one_origin),
        cmocka_unit_test(test_a_url_is_shown_without_what_may_be_secret),
        cmocka_unit_test(test_proxies_in_their_pieces),
        cmocka_unit_test(test_what_is_no_proxy),
    };
    return cmocka_run_group_tests_name("base_url", tests, NULL, NULL);
}
