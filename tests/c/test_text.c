/* Text that goes out and comes in: its spellings, secrets taken out of it, an
 * error answer's own words, and the messages that are made of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "json_tokens.h"
#include "redactor.h"
#include "server_message.h"
#include "text.h"

#define TEXT(literal) ((gl_text){(literal), sizeof(literal) - 1})
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- spellings -------------------------------------------------------------
 */

typedef int (*speller)(gl_text text, gl_buffer *out, gl_error *err);

/* Spell TEXT into buffers of every limit: all of it, or an error. */
static void
assert_spelled(speller spell, gl_text text, const char *expected)
{
    const size_t length = strlen(expected);
    for (size_t limit = 0; limit <= length; limit++) {
        gl_error err = GL_ERROR_INIT;
        gl_buffer out;
        gl_buffer_init(&out, limit);
        const int status = spell(text, &out, &err);
        if (limit == length) {
            assert_int_equal(status, 0);
            assert_string_equal(out.data, expected);
        }
        else {
            assert_int_equal(status, -1);
            assert_int_equal(err.kind, GL_ERROR_RESPONSE);
            assert_true(out.length <= limit);
        }
        gl_buffer_free(&out);
    }
}

static void
test_each_way_to_spell_a_text(void **state)
{
    (void)state;
    assert_spelled(gl_text_percent_encode, TEXT("a b+\xc3\xbc~-._Z9/"),
                   "a%20b%2B%C3%BC~-._Z9%2F");
    assert_spelled(gl_text_json_quote, TEXT("a\"b\\c\n\x01\xc3\xbc"),
                   "\"a\\\"b\\\\c\\u000a\\u0001\xc3\xbc\"");
    assert_spelled(gl_text_to_latin1, TEXT("k\xc3\xa9y\xc2\xa0\xc3\xbf"),
                   "k\xe9y\xa0\xff");
    assert_true(gl_text_is_latin1(TEXT("\xc3\xbf")));
    assert_false(gl_text_is_latin1(TEXT("\xc4\x80")));
}

/* ---- messages --------------------------------------------------------------
 */

static void
test_characters_that_steer_a_terminal(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"", 0},
        {"a", 0},
        {" ", 0},
        {"\x1f", 1},
        {"\x7f", 1},
        {"\xc2", 0},
        {"\xc2\x7f", 0},
        {"\xc2\x80", 2},
        {"\xc2\x9f", 2},
        {"\xc2\xa0", 0},
        {"\xc3\x80", 0},
        {"\xe2\x80", 0},
        {"\xe1\x80\xa8", 0},
        {"\xe2\x80\xa7", 0},
        {"\xe2\x80\xa8", 3},
        {"\xe2\x80\xae", 3},
        {"\xe2\x80\xaf", 0},
        {"\xe2\x81\xa5", 0},
        {"\xe2\x81\xa6", 3},
        {"\xe2\x81\xa9", 3},
        {"\xe2\x81\xaa", 0},
        {"\xe2\x82\xa8", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const size_t length = strlen(cases[i].text);
        assert_int_equal(gl_control_length(cases[i].text, length),
                         cases[i].length);
    }
}

/* Set a message of LENGTH bytes, C's repeated behind AS letters. */
static void
set_long_text(gl_error *err, size_t as, const char *c, size_t length)
{
    char text[GL_ERROR_MESSAGE_SIZE * 2];
    assert_true(length <= sizeof text);
    memset(text, 'a', as);
    for (size_t i = as; i < length; i++) {
        text[i] = c[(i - as) % strlen(c)];
    }
    gl_error_set_text(err, text, length);
}

static void
test_a_long_message_is_cut_between_two_characters(void **state)
{
    static const char euro[] = "\xe2\x82\xac";
    const size_t most = GL_ERROR_MESSAGE_SIZE - 1;
    (void)state;
    for (size_t as = 0; as < 3; as++) {
        gl_error err = GL_ERROR_INIT;
        set_long_text(&err, as, euro, most * 3 / 2);
        const size_t length = strlen(err.message);
        assert_true(length <= most && length > most - 6);
        assert_string_equal(err.message + length - 3, "...");
        assert_int_equal((length - 3 - as) % 3, 0);
    }
    /* What does not begin a character anywhere is cut to nothing. */
    gl_error err = GL_ERROR_INIT;
    set_long_text(&err, 0, "\x80", most * 2);
    assert_string_equal(err.message, "...");
}

/* ---- secrets ---------------------------------------------------------------
 */

static void
assert_redacted(gl_text text, gl_text secret, const char *expected)
{
    gl_error err = GL_ERROR_INIT;
    gl_buffer out;
    gl_buffer_init(&out, 1000);
    assert_int_equal(gl_redact(text, &secret, 1, 1000, &out, &err), 0);
    assert_string_equal(out.data, expected);
    gl_buffer_free(&out);
}

#define HIDES(text, secret) assert_redacted(TEXT(text), TEXT(secret), "***")
#define SHOWS(text, secret) assert_redacted(TEXT(text), TEXT(secret), text)

static void
test_a_secret_is_found_in_each_spelling(void **state)
{
    (void)state;
    HIDES("s\xe2\x82\xac"
          "cret",
          "s\xe2\x82\xac"
          "cret");
    HIDES("s\\u20accret", "s\xe2\x82\xac"
                          "cret");
    HIDES("s\\u20ACcret", "s\xe2\x82\xac"
                          "cret");
    HIDES("s\\U000020accret", "s\xe2\x82\xac"
                              "cret");
    HIDES("s%E2%82%accret", "s\xe2\x82\xac"
                            "cret");
    HIDES("s&#8364;cret", "s\xe2\x82\xac"
                          "cret");
    HIDES("s&#x20ac;cret", "s\xe2\x82\xac"
                           "cret");
    HIDES("\\ud83d\\ude00cret", "\xf0\x9f\x98\x80"
                                "cret");
    HIDES("s\\x65cret", "secret");
    HIDES("s\\/cret", "s/cret");
    HIDES("s\\ncret", "s\ncret");
    HIDES("s\ncret", "s cret");
    HIDES("s+cret", "s cret");
    HIDES("s&amp;cret", "s&cret");
    HIDES("s&nbsp;cret", "s\xc2\xa0"
                         "cret");
}

static void
test_what_only_looks_like_a_secret_is_shown(void **state)
{
    (void)state;
    SHOWS("s%E2%82%abcret", "s\xe2\x82\xac"
                            "cret");
    SHOWS("s%E2%82%", "s\xe2\x82\xac"
                      "cret");
    SHOWS("s%2gcret", "s/cret");
    SHOWS("s%2`cret", "s/cret");
    SHOWS("s%2~cret", "s/cret");
    SHOWS("s%", "s%cr");
    SHOWS("s%2", "s/c");
    SHOWS("s\\u20adcret", "s\xe2\x82\xac"
                          "cret");
    SHOWS("s\\u20a", "s\xe2\x82\xac");
    SHOWS("s\\U0000", "s\xe2\x82\xac");
    SHOWS("s\\U000020adcret", "s\xe2\x82\xac"
                              "cret");
    SHOWS("\\ud83d\\ude01cret", "\xf0\x9f\x98\x80"
                                "cret");
    SHOWS("\\ud83e\\ude00cret", "\xf0\x9f\x98\x80"
                                "cret");
    SHOWS("\\ud83d----------", "\xf0\x9f\x98\x80"
                               "cret");
    SHOWS("\\x6", "abc");
    SHOWS("s\\x6gcret", "secret");
    SHOWS("s\\x66cret", "secret");
    SHOWS("s\\zcret", "secret");
    SHOWS("s\\ncret", "s\rcret");
    SHOWS("secre\\", "secret");
    SHOWS("s\\\0cret", "secret");
    SHOWS("s&#8365;cret", "s\xe2\x82\xac"
                          "cret");
    SHOWS("s&#8364,cret", "s\xe2\x82\xac"
                          "cret");
    SHOWS("s&#;---cret", "s\xe2\x82\xac"
                         "cret");
    SHOWS("secre&#", "secret");
    SHOWS("s&lt;cret", "s>cret");
}

/* Secrets come from Python, as UTF-8; what is none is not read past its end. */
static void
test_a_secret_that_is_no_utf_8(void **state)
{
    (void)state;
    HIDES("cret\xe2\x82", "cret\xe2\x82");
    SHOWS("%63ret\xe3\x82", "cret\xe2\x82");
}

static void
test_out_of_room_is_an_error_for_each_piece(void **state)
{
    const gl_text text = TEXT("a email=x secret");
    const gl_text secret = TEXT("secret");
    static const char expected[] = "a email=*** ***";
    (void)state;
    for (size_t limit = 0; limit < sizeof expected; limit++) {
        gl_error err = GL_ERROR_INIT;
        gl_buffer out;
        gl_buffer_init(&out, limit);
        const int status = gl_redact(text, &secret, 1, 1000, &out, &err);
        assert_int_equal(status, limit == sizeof expected - 1 ? 0 : -1);
        gl_buffer_free(&out);
    }
}

/* ---- an error answer's own words -------------------------------------------
 */

/* Take BODY's words into buffers of every limit: all of them, or an error. */
static void
assert_says(const char *body, const char *expected)
{
    const size_t length = strlen(expected);
    gl_json json;
    gl_error err = GL_ERROR_INIT;
    assert_int_equal(gl_json_parse(&json, body, strlen(body), &err), 0);
    for (size_t limit = 0; limit <= length; limit++) {
        gl_buffer out;
        gl_buffer_init(&out, limit);
        const int status = gl_server_message(&json, &out, &err);
        assert_int_equal(status, limit == length ? 0 : -1);
        if (limit == length && length > 0) {
            assert_string_equal(out.data, expected);
        }
        gl_buffer_free(&out);
    }
    gl_json_free(&json);
}

static void
test_the_words_of_an_error_answer(void **state)
{
    (void)state;
    assert_says("{\"detail\": \"no\"}", "no");
    assert_says("{\"detail\": {\"message\": \"no\"}}", "no");
    assert_says("{\"detail\": \"\", \"message\": \"no\"}", "no");
    assert_says("{\"detail\": [{\"loc\": [\"query\", 0, \"a\\u0062\", []], "
                "\"msg\": \"m\"}, {\"msg\": \"n\"}]}",
                "query.0.ab.: m; n");
    assert_says(
        "{\"detail\": [{\"msg\": 1, \"loc\": 2}, {\"msg\": \"\"}, 3, {}, "
        "{\"msg\": \"m\", \"loc\": []}, {\"msg\": \"n\", \"loc\": 4}]}",
        "m; n");
    assert_says("{\"detail\": [{\"msg\": \"1\"}, {\"msg\": \"2\"}, "
                "{\"msg\": \"3\"}, {\"msg\": \"4\"}, {\"msg\": \"5\"}, "
                "{\"msg\": \"6\"}, {\"msg\": \"7\"}, {\"msg\": \"8\"}, "
                "{\"msg\": \"9\"}]}",
                "1; 2; 3; 4; 5; 6; 7; 8");
    assert_says("{\"detail\": [], \"message\": \"no\"}", "no");
    assert_says("{\"detail\": 1, \"message\": 2}", "");
    assert_says("[]", "");
}

static bool
wants_body(const char *body)
{
    gl_json json;
    gl_error err = GL_ERROR_INIT;
    assert_int_equal(gl_json_parse(&json, body, strlen(body), &err), 0);
    const bool wants = gl_server_wants_body(&json);
    gl_json_free(&json);
    return wants;
}

static void
test_when_credentials_are_wanted_in_the_body(void **state)
{
    (void)state;
    assert_true(wants_body("{\"detail\": [{\"loc\": [\"body\"]}]}"));
    assert_true(wants_body("{\"detail\": [{}, {\"loc\": [\"body\", 1]}]}"));
    assert_false(
        wants_body("{\"detail\": [{\"loc\": [\"query\", \"body\"]}]}"));
    assert_false(wants_body("{\"detail\": [{\"loc\": [1]}, {\"loc\": []}]}"));
    assert_false(wants_body("{\"detail\": [{\"loc\": \"body\"}, 1]}"));
    assert_false(wants_body("{\"detail\": \"body\"}"));
    assert_false(wants_body("{}"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_way_to_spell_a_text),
        cmocka_unit_test(test_characters_that_steer_a_terminal),
        cmocka_unit_test(test_a_long_message_is_cut_between_two_characters),
        cmocka_unit_test(test_a_secret_is_found_in_each_spelling),
        cmocka_unit_test(test_what_only_looks_like_a_secret_is_shown),
        cmocka_unit_test(test_a_secret_that_is_no_utf_8),
        cmocka_unit_test(test_out_of_room_is_an_error_for_each_piece),
        cmocka_unit_test(test_the_words_of_an_error_answer),
        cmocka_unit_test(test_when_credentials_are_wanted_in_the_body),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
