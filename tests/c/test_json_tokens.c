/* json_tokens.c alone: which documents it takes, what it says of the others,
 * and what its readers make of the tokens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_tokens.h"

typedef struct {
    const char *text;
    size_t length; /* 0: up to the NUL */
} document;

typedef struct {
    const char *text;
    size_t length; /* 0: up to the NUL */
    const char *says;
} refusal;

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A document with NUL bytes in it: the length is the literal's. */
#define WITH_NUL(literal) (literal), sizeof(literal) - 1

static size_t
length_of(const char *text, size_t length)
{
    return length > 0 ? length : strlen(text);
}

/* Parse a copy of exactly LENGTH bytes, so that a sanitizer or valgrind sees a
 * read past the end. */
static int
parse(gl_json *json, char **copy, const char *text, size_t length,
      gl_error *err)
{
    *copy = malloc(length > 0 ? length : 1);
    assert_non_null(*copy);
    memcpy(*copy, text, length);
    return gl_json_parse(json, *copy, length, err);
}

static void
assert_valid(const char *text, size_t length, size_t tokens)
{
    gl_json json;
    gl_error err = GL_ERROR_INIT;
    char *copy;
    if (parse(&json, &copy, text, length, &err) < 0) {
        fail_msg("%.60s: %s", text, err.message);
    }
    if (tokens > 0) {
        assert_int_equal(json.count, tokens);
    }
    for (size_t i = 0; i < json.count; i++) {
        assert_true(json.tokens[i].start >= 0);
        assert_true(json.tokens[i].end >= json.tokens[i].start);
        assert_true((size_t)json.tokens[i].end <= length);
    }
    gl_json_free(&json);
    free(copy);
}

static void
assert_invalid(const char *text, size_t length, const char *says)
{
    gl_json json;
    gl_error err = GL_ERROR_INIT;
    char *copy;
    if (parse(&json, &copy, text, length, &err) == 0) {
        fail_msg("taken: %.60s", text);
    }
    assert_int_equal(err.kind, GL_ERROR_RESPONSE);
    assert_null(json.tokens);
    assert_int_equal(json.count, 0);
    if (says != NULL && strcmp(err.message, says) != 0) {
        fail_msg("%.60s: \"%s\" instead of \"%s\"", text, err.message, says);
    }
    gl_json_free(&json);
    free(copy);
}

/* ---- what is taken --------------------------------------------------------
 */

static void
test_every_kind_of_value_is_taken_at_the_top(void **state)
{
    (void)state;
    static const document documents[] = {
        {"0", 0},
        {"-0", 0},
        {"7", 0},
        {"1234567890", 0},
        {"-1", 0},
        {"0.5", 0},
        {"-0.0", 0},
        {"1e5", 0},
        {"1E+5", 0},
        {"1e-05", 0},
        {"0e0", 0},
        {"12.75E+02", 0},
        {"true", 0},
        {"false", 0},
        {"null", 0},
        {"\"\"", 0},
        {"\"a\"", 0},
        {"[]", 0},
        {"{}", 0},
        {" 7", 0},
        {"7 ", 0},
        {"\t\r\n null\t\r\n ", 0},
        {"\n[ \t]\r", 0},
        {"\xef\xbb\xbf{}", 0},
        {"\xef\xbb\xbf 7", 0},
    };
    for (size_t i = 0; i < COUNT(documents); i++) {
        assert_valid(documents[i].text, strlen(documents[i].text), 1);
    }
}

static void
test_strings_may_hold_what_rfc_8259_lets_them(void **state)
{
    (void)state;
    static const char *const strings[] = {
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u0000\\u001f\\uFFFF\\uabcd\\uABCD\"",
        "\"\\ud83d\\ude9a\"", /* a pair */
        "\"\\ud83d\"",        /* and halves, which are allowed */
        "\"\\ude9a\\ud83d\"",
        "\"\x7f\"",             /* DEL is no control character here */
        "\"\xc2\x80\"",         /* U+0080, the first of two bytes */
        "\"\xdf\xbf\"",         /* U+07FF, the last */
        "\"\xe0\xa0\x80\"",     /* U+0800, the first of three */
        "\"\xed\x9f\xbf\"",     /* U+D7FF, before the surrogates */
        "\"\xee\x80\x80\"",     /* U+E000, after them */
        "\"\xef\xbf\xbf\"",     /* U+FFFF, the last of three */
        "\"\xf0\x90\x80\x80\"", /* U+10000, the first of four */
        "\"\xf4\x8f\xbf\xbf\"", /* U+10FFFF, the last of all */
        "\"\xef\xbb\xbf\"",     /* a byte order mark inside is a character */
        "\"[{,:}]\"",
    };
    for (size_t i = 0; i < COUNT(strings); i++) {
        assert_valid(strings[i], strlen(strings[i]), 1);
    }
}

static void
test_tokens_are_counted_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t tokens;
    } documents[] = {
        {"[1,2,3]", 4},
        {"[ 1 , [ ] , { } , \"\" , null ]", 6},
        {"{\"a\":1,\"b\":[true,{\"c\":null}]}", 9},
        {"{\"\":\"\"}", 3},
        {"{\"a\":1,\"a\":2}", 5},
    };
    for (size_t i = 0; i < COUNT(documents); i++) {
        assert_valid(documents[i].text, strlen(documents[i].text),
                     documents[i].tokens);
    }
}

/* ---- what is refused ------------------------------------------------------
 */

static void
test_errors_say_what_and_where(void **state)
{
    (void)state;
    static const refusal refusals[] = {
        {"", 0, "invalid JSON at byte 0: the document ends, expected a value"},
        {"  ", 0,
         "invalid JSON at byte 2: the document ends, expected a value"},
        {"{\"a\" 1}", 0, "invalid JSON at byte 5: expected ':' after a key"},
        {"{\"some-long-key\" 1}", 0,
         "invalid JSON at byte 17: expected ':' after a key"},
        {"{1:2}", 0, "invalid JSON at byte 1: expected a key in double quotes"},
        {"[1 2]", 0, "invalid JSON at byte 3: expected ',' or ']'"},
        {"{\"a\":1 \"b\":2}", 0, "invalid JSON at byte 7: expected ',' or '}'"},
        {"[1", 0,
         "invalid JSON at byte 2: the document ends, expected ',' or ']'"},
        {"[1,]", 0, "invalid JSON at byte 3: expected a value"},
        {"{\"a\":1,}", 0,
         "invalid JSON at byte 7: expected a key in double quotes"},
        {"{}{}", 0, "invalid JSON at byte 2: expected nothing after the value"},
        {"nul", 0,
         "invalid JSON at byte 3: the document ends, expected true, false or "
         "null"},
        {"-", 0, "invalid JSON at byte 1: the document ends, expected a digit"},
        {"1.x", 0, "invalid JSON at byte 2: expected a digit"},
        {"\"\\x\"", 0,
         "invalid JSON at byte 2: expected an escape after a backslash"},
        {"\"\\u12G4\"", 0,
         "invalid JSON at byte 5: expected four hexadecimal digits after \\u"},
        {"\"\n\"", 0,
         "invalid JSON at byte 1: expected a control character to be escaped"},
        {"\"\xff\"", 0, "invalid JSON at byte 1: expected UTF-8"},
        {"\"abc", 0,
         "invalid JSON at byte 4: the document ends, expected '\"' at the end "
         "of a string"},
        {"\xef\xbb\xbf[", 0,
         "invalid JSON at byte 4: the document ends, expected a value"},
    };
    for (size_t i = 0; i < COUNT(refusals); i++) {
        assert_invalid(refusals[i].text,
                       length_of(refusals[i].text, refusals[i].length),
                       refusals[i].says);
    }
}

/* What jsmn alone would take, and more of its kind. */
static void
test_structure_is_checked(void **state)
{
    (void)state;
    static const document documents[] = {
        {"{\"a\" \"b\"}", 0},
        {"{\"a\"}", 0},
        {"{\"a\":}", 0},
        {"{:1}", 0},
        {"{\"a\"::1}", 0},
        {"{\"a\":1:2}", 0},
        {"{\"a\":1,,\"b\":2}", 0},
        {"{,\"a\":1}", 0},
        {"{\"a\":1,}", 0},
        {"{\"a\",\"b\"}", 0},
        {"{null:1}", 0},
        {"{[]:1}", 0},
        {"{{}:1}", 0},
        {"{'a':1}", 0},
        {"{a:1}", 0},
        {"[,1]", 0},
        {"[1,,2]", 0},
        {"[1,]", 0},
        {"[,]", 0},
        {"[1:2]", 0},
        {"[\"a\":1]", 0},
        {"[1 true]", 0},
        {"[\"a\" \"b\"]", 0},
        {"[[] []]", 0},
        {"[}", 0},
        {"{]", 0},
        {"[1}", 0},
        {"{\"a\":[}", 0},
        {"]", 0},
        {"}", 0},
        {"[", 0},
        {"{", 0},
        {"[]]", 0},
        {"{}}", 0},
        {"[[]", 0},
        {"[1],", 0},
        {",", 0},
        {":", 0},
        {"1 2", 0},
        {"1,2", 0},
        {"\"a\" \"b\"", 0},
        {"{\"a\":1}x", 0},
        {"[]//", 0},
        {"[/**/]", 0},
        {"#", 0},
        {"\xef\xbb\xbf", 0},
        {"\xef\xbb\xbf\xef\xbb\xbf[]", 0},
        {"\xef\xbb[]", 0},
        {"\xc2\xa0[]", 0},
        {"\x0b[]", 0},
        {"\x0c[]", 0},
        {"[\xe2\x80\x89]", 0},
        {WITH_NUL("\0")},
        {WITH_NUL("[]\0")},
        {WITH_NUL("[\0]")},
        {WITH_NUL("\0[]")},
        {WITH_NUL("1\0")},
        {WITH_NUL("[1]\0garbage")},
        {WITH_NUL("\"a\0b\"")},
        {WITH_NUL("{\"a\"\0:1}")},
    };
    for (size_t i = 0; i < COUNT(documents); i++) {
        assert_invalid(documents[i].text,
                       length_of(documents[i].text, documents[i].length), NULL);
    }
}

static void
test_numbers_and_literals_are_checked(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "01",        "-01",          "00",  "-",         "--1",    "+1",
        "1+",        ".5",           "-.5", "5.",        "1.e5",   "1..2",
        "1.2.3",     "1e",           "1e+", "1e1.5",     "1ee1",   "0x10",
        "1_0",       "1a",           "-a",  "- 1",       "1 .5",   "Inf",
        "Infinity",  "NaN",          "nan", "-Infinity", "tru",    "truee",
        "True",      "TRUE",         "t",   "fals",      "falsey", "nul",
        "nulll",     "None",         "n",   "null0",     "true1",  "truefalse",
        "undefined", "\xef\xbc\x91", /* a fullwidth 1 */
    };
    for (size_t i = 0; i < COUNT(documents); i++) {
        char nested[64];
        assert_invalid(documents[i], strlen(documents[i]), NULL);
        (void)snprintf(nested, sizeof nested, "[%s]", documents[i]);
        assert_invalid(nested, strlen(nested), NULL);
        (void)snprintf(nested, sizeof nested, "{\"a\":%s}", documents[i]);
        assert_invalid(nested, strlen(nested), NULL);
    }
}

static void
test_escapes_are_checked(void **state)
{
    (void)state;
    static const char *const strings[] = {
        "\"\\\"",      "\"\\",        "\"\\a\"",        "\"\\x41\"",
        "\"\\'\"",     "\"\\U0041\"", "\"\\u\"",        "\"\\u1\"",
        "\"\\u12\"",   "\"\\u123\"",  "\"\\u123",       "\"\\u 123\"",
        "\"\\u+123\"", "\"\\u-123\"", "\"\\uxyzw\"",    "\"\\u00g0\"",
        "\"\\0\"",     "\"\\\n\"",    "\"\\\xc3\xa9\"",
    };
    for (size_t i = 0; i < COUNT(strings); i++) {
        assert_invalid(strings[i], strlen(strings[i]), NULL);
    }
}

static void
test_control_characters_are_refused(void **state)
{
    (void)state;
    for (int byte = 0; byte < 0x20; byte++) {
        const char string[] = {'"', 'a', (char)byte, 'b', '"'};
        const char between[] = {'[', (char)byte, ']'};
        const bool space = byte == '\t' || byte == '\n' || byte == '\r';
        assert_invalid(string, sizeof string, NULL);
        if (!space) {
            assert_invalid(between, sizeof between, NULL);
        }
    }
}

/* Whether LENGTH bytes are one character by the grammar of RFC 3629, section 4.
 */
static bool
is_utf8_character(const unsigned char *b, size_t length)
{
#define TAIL(i) (b[i] >= 0x80 && b[i] <= 0xbf)
    switch (length) {
    case 1:
        return b[0] < 0x80;
    case 2:
        return b[0] >= 0xc2 && b[0] <= 0xdf && TAIL(1);
    case 3:
        return TAIL(2) && ((b[0] == 0xe0 && b[1] >= 0xa0 && b[1] <= 0xbf) ||
                           (b[0] >= 0xe1 && b[0] <= 0xec && TAIL(1)) ||
                           (b[0] == 0xed && b[1] >= 0x80 && b[1] <= 0x9f) ||
                           (b[0] >= 0xee && b[0] <= 0xef && TAIL(1)));
    default:
        return TAIL(2) && TAIL(3) &&
               ((b[0] == 0xf0 && b[1] >= 0x90 && b[1] <= 0xbf) ||
                (b[0] >= 0xf1 && b[0] <= 0xf3 && TAIL(1)) ||
                (b[0] == 0xf4 && b[1] >= 0x80 && b[1] <= 0x8f));
    }
#undef TAIL
}

static bool
is_utf8(const unsigned char *bytes, size_t length)
{
    for (size_t first = 1; first <= 4 && first <= length; first++) {
        if (is_utf8_character(bytes, first)) {
            return first == length || is_utf8(bytes + first, length - first);
        }
    }
    return false;
}

static void
assert_utf8_judged(const unsigned char *bytes, size_t length)
{
    char string[8];
    string[0] = '"';
    memcpy(string + 1, bytes, length);
    string[length + 1] = '"';
    if (is_utf8(bytes, length)) {
        assert_valid(string, length + 2, 1);
    }
    else {
        assert_invalid(string, length + 2, NULL);
    }
}

/* Up to four bytes, the first any above ASCII, the others from around each
 * limit that the grammar has. */
static void
test_utf8_is_rfc_3629s(void **state)
{
    (void)state;
    static const unsigned char more[] = {0x7f, 0x80, 0x8f, 0x90, 0x9f,
                                         0xa0, 0xbf, 0xc0, 0xc2, 0xff};
    unsigned char bytes[4];
    for (int lead = 0x80; lead <= 0xff; lead++) {
        bytes[0] = (unsigned char)lead;
        assert_utf8_judged(bytes, 1);
        for (size_t i = 0; i < COUNT(more); i++) {
            bytes[1] = more[i];
            assert_utf8_judged(bytes, 2);
            for (size_t j = 0; j < COUNT(more); j++) {
                bytes[2] = more[j];
                assert_utf8_judged(bytes, 3);
                for (size_t k = 0; k < COUNT(more); k++) {
                    bytes[3] = more[k];
                    assert_utf8_judged(bytes, 4);
                }
            }
        }
    }
}

/* A document cut anywhere is refused, and nothing past its end is read. */
static void
test_every_prefix_is_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\": [1.5e-3, true, \"\\u00e9\xc3\xa9\\n\"], \"b\": {\"c\": null}}";
    assert_valid(text, sizeof text - 1, 10);
    for (size_t length = 0; length < sizeof text - 1; length++) {
        assert_invalid(text, length, NULL);
    }
}

/* ---- limits ---------------------------------------------------------------
 */

static void
assert_depth(const char *opening, const char *closing, size_t depth, bool taken)
{
    const size_t step = strlen(opening);
    char *text = malloc(depth * (step + 1) + 1);
    size_t length = 0;
    assert_non_null(text);
    for (size_t i = 0; i < depth; i++) {
        memcpy(text + length, opening, step);
        length += step;
    }
    if (closing[0] == '}') {
        text[length++] = '0';
    }
    for (size_t i = 0; i < depth; i++) {
        text[length++] = closing[0];
    }
    if (taken) {
        assert_valid(text, length, 0);
    }
    else {
        assert_invalid(text, length, NULL);
    }
    free(text);
}

static void
test_depth_is_limited(void **state)
{
    (void)state;
    assert_depth("[", "]", GL_JSON_MAX_DEPTH, true);
    assert_depth("{\"a\":", "}", GL_JSON_MAX_DEPTH, true);
    assert_depth("[", "]", GL_JSON_MAX_DEPTH + 1, false);
    assert_depth("{\"a\":", "}", GL_JSON_MAX_DEPTH + 1, false);
    assert_depth("[", "]", 500000, false);
    assert_invalid("[[[[", 4, NULL);
}

static void
test_length_is_limited(void **state)
{
    (void)state;
    const size_t most = GL_JSON_MAX_LENGTH;
    char *text = malloc(most + 1);
    assert_non_null(text);
    memset(text, ' ', most + 1);
    text[0] = '7';
    assert_valid(text, most, 1);
    assert_invalid(text, most + 1, "JSON of more than 1048576 bytes");
    free(text);
}

/* ---- reading --------------------------------------------------------------
 */

static void
assert_member(const char *text, const char *name, const char *raw)
{
    gl_json json;
    gl_error err = GL_ERROR_INIT;
    assert_int_equal(gl_json_parse(&json, text, strlen(text), &err), 0);
    const size_t member = gl_json_member(&json, 0, name);
    if (raw == NULL) {
        assert_int_equal(member, 0);
    }
    else {
        const jsmntok_t *token = &json.tokens[member];
        assert_int_not_equal(member, 0);
        assert_int_equal(token->end - token->start, strlen(raw));
        assert_memory_equal(json.text + token->start, raw, strlen(raw));
    }
    gl_json_free(&json);
}

static void
test_members_are_found(void **state)
{
    (void)state;
    assert_member("{\"a\": 1, \"b\": 2}", "a", "1");
    assert_member("{\"a\": 1, \"b\": 2}", "b", "2");
    assert_member("{\"a\": {\"b\": 3}, \"b\": 2}", "b", "2");
    assert_member("{\"x\": [{\"b\": 3}, [4]], \"b\": [2]}", "b", "[2]");
    assert_member("{\"a\": 1, \"a\": 2}", "a", "2");
    assert_member("{\"\\u0061\": 1}", "a", "1");
    assert_member("{\"a\": 1, \"\\u0061\": 2}", "a", "2");
    assert_member("\xef\xbb\xbf{\"a\": 1}", "a", "1");
    assert_member("{\"\": 1}", "", "1");
    assert_member("{}", "a", NULL);
    assert_member("{\"b\": \"a\"}", "a", NULL);
    assert_member("{\"ab\": 1}", "a", NULL);
    assert_member("{\"a\\u0000\": 1}", "a", NULL);
    assert_member("[\"a\", 1]", "a", NULL);
    assert_member("\"a\"", "a", NULL);
    assert_member("7", "a", NULL);
}

static void
assert_says(const char *text, const char *said, size_t length)
{
    gl_json json;
    gl_error err = GL_ERROR_INIT;
    gl_buffer out;
    gl_buffer_init(&out, GL_JSON_MAX_LENGTH);
    assert_int_equal(gl_json_parse(&json, text, strlen(text), &err), 0);
    assert_int_equal(gl_json_append_string(&json, 0, &out, &err), 0);
    assert_int_equal(out.length, length);
    if (length > 0) {
        assert_memory_equal(out.data, said, length);
    }
    gl_buffer_free(&out);
    gl_json_free(&json);
}

static void
test_escapes_are_resolved(void **state)
{
    (void)state;
    assert_says("\"\"", "", 0);
    assert_says("\"plain \xc3\xa9\"", "plain \xc3\xa9", 8);
    assert_says("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
    assert_says("\"\\u0000\"", "\0", 1);
    assert_says("\"\\u007F\\u0080\"", "\x7f\xc2\x80", 3);
    assert_says("\"\\u07ff\\u0800\\uFFFF\"", "\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf",
                8);
    assert_says("\"\\ud83d\\ude9a\"", "\xf0\x9f\x9a\x9a", 4);
    assert_says("\"\\uD800\\uDC00\\uDBFF\\uDFFF\"",
                "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8);
    assert_says("\"\\ud83d\"", "\xed\xa0\xbd", 3);
    assert_says("\"\\ude9a\"", "\xed\xba\x9a", 3);
    assert_says("\"\\ud83dx\\ude9a\"", "\xed\xa0\xbdx\xed\xba\x9a", 7);
    assert_says("\"\\ud83d\\u0041\"", "\xed\xa0\xbd\x41", 4);
    assert_says("\"\\ud83d\\ud83d\\ude9a\"", "\xed\xa0\xbd\xf0\x9f\x9a\x9a", 7);
    assert_says("\"\\ud83d\\n\"", "\xed\xa0\xbd\n", 4);
}

static void
test_a_full_buffer_is_an_error(void **state)
{
    (void)state;
    static const char *const texts[] = {"\"abcd\"", "\"abc\\n\"",
                                        "\"a\\u20ac\""};
    for (size_t i = 0; i < COUNT(texts); i++) {
        gl_json json;
        gl_error err = GL_ERROR_INIT;
        gl_buffer out;
        gl_buffer_init(&out, 3);
        assert_int_equal(gl_json_parse(&json, texts[i], strlen(texts[i]), &err),
                         0);
        assert_int_equal(gl_json_append_string(&json, 0, &out, &err), -1);
        assert_int_equal(err.kind, GL_ERROR_RESPONSE);
        gl_buffer_free(&out);
        gl_json_free(&json);
    }
}

static void
test_after_steps_over_what_a_value_holds(void **state)
{
    (void)state;
    static const char text[] = "[[1, [2]], {\"a\": [3]}, 4]";
    gl_json json;
    gl_error err = GL_ERROR_INIT;
    assert_int_equal(gl_json_parse(&json, text, strlen(text), &err), 0);
    assert_int_equal(json.count, 10);
    assert_int_equal(gl_json_after(&json, 0), 10);
    assert_int_equal(gl_json_after(&json, 1), 5);
    assert_int_equal(gl_json_after(&json, 5), 9);
    assert_int_equal(gl_json_after(&json, 9), 10);
    gl_json_free(&json);
}

static void
test_what_is_no_string_is_not_compared(void **state)
{
    static const char text[] = "[1, {}, \"1\"]";
    gl_json json;
    gl_error err = GL_ERROR_INIT;
    (void)state;
    assert_int_equal(gl_json_parse(&json, text, strlen(text), &err), 0);
    assert_false(gl_json_string_is(&json, 0, ""));
    assert_false(gl_json_string_is(&json, 1, "1"));
    assert_false(gl_json_string_is(&json, 2, ""));
    assert_true(gl_json_string_is(&json, 3, "1"));
    assert_int_equal(gl_json_member(&json, 1, "1"), 0);
    gl_json_free(&json);
}

/* Half a pair, whatever stands behind it, is resolved alone. */
static void
test_halves_of_surrogate_pairs(void **state)
{
    static const struct {
        const char *text;
        const char *resolved;
    } cases[] = {
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"\\ud83d\"", "\xed\xa0\xbd"},
        {"\"\\ud83dabcdefg\"", "\xed\xa0\xbd"
                               "abcdefg"},
        {"\"\\ud83d\\nabcdef\"", "\xed\xa0\xbd\nabcdef"},
        {"\"\\ud83d\\u0041\"", "\xed\xa0\xbd"
                               "A"},
        {"\"\\ud83d\\ue000\"", "\xed\xa0\xbd\xee\x80\x80"},
        {"\"\\ude00\\ud83d\"", "\xed\xb8\x80\xed\xa0\xbd"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        gl_json json;
        gl_error err = GL_ERROR_INIT;
        gl_buffer out;
        gl_buffer_init(&out, 100);
        assert_int_equal(
            gl_json_parse(&json, cases[i].text, strlen(cases[i].text), &err),
            0);
        assert_int_equal(gl_json_append_string(&json, 0, &out, &err), 0);
        assert_string_equal(out.data, cases[i].resolved);
        gl_buffer_free(&out);
        gl_json_free(&json);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_value_is_taken_at_the_top),
        cmocka_unit_test(test_strings_may_hold_what_rfc_8259_lets_them),
        cmocka_unit_test(test_tokens_are_counted_exactly),
        cmocka_unit_test(test_errors_say_what_and_where),
        cmocka_unit_test(test_structure_is_checked),
        cmocka_unit_test(test_numbers_and_literals_are_checked),
        cmocka_unit_test(test_escapes_are_checked),
        cmocka_unit_test(test_control_characters_are_refused),
        cmocka_unit_test(test_utf8_is_rfc_3629s),
        cmocka_unit_test(test_every_prefix_is_refused),
        cmocka_unit_test(test_depth_is_limited),
        cmocka_unit_test(test_length_is_limited),
        cmocka_unit_test(test_members_are_found),
        cmocka_unit_test(test_escapes_are_resolved),
        cmocka_unit_test(test_a_full_buffer_is_an_error),
        cmocka_unit_test(test_after_steps_over_what_a_value_holds),
        cmocka_unit_test(test_what_is_no_string_is_not_compared),
        cmocka_unit_test(test_halves_of_surrogate_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
