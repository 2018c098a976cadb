#include "json_check.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What may come next, white space aside. */
typedef enum {
    VALUE,         /* a value */
    FIRST_ELEMENT, /* a value, or the end of the array just opened */
    KEY,           /* a key */
    FIRST_KEY,     /* a key, or the end of the object just opened */
    AFTER_VALUE    /* a separator, a closing bracket, or the end */
} expectation;

typedef struct {
    const unsigned char *text;
    size_t length;
    size_t position; /* of the next byte to look at */
    size_t tokens;   /* how many jsmn will find */
    size_t depth;    /* how many arrays and objects are open */
    gl_error *err;
    char open[GL_JSON_MAX_DEPTH]; /* their brackets, outermost first */
} checker;

static int
fail(checker *c, const char *expected)
{
    gl_error_set(c->err, GL_ERROR_RESPONSE, "invalid JSON at byte %zu: %s%s",
                 c->position,
                 c->position < c->length ? "" : "the document ends, ",
                 expected);
    return -1;
}

/* The next byte, or -1 at the end of the text. */
static int
peek(const checker *c)
{
    return c->position < c->length ? c->text[c->position] : -1;
}

static void
skip_space(checker *c)
{
    while (c->position < c->length) {
        const unsigned char byte = c->text[c->position];
        if (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t') {
            return;
        }
        c->position++;
    }
}

static bool
is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

static bool
is_hex_digit(int byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') ||
           (byte >= 'A' && byte <= 'F');
}

/* Skip at least one digit. */
static int
check_digits(checker *c)
{
    if (!is_digit(peek(c))) {
        return fail(c, "expected a digit");
    }
    while (is_digit(peek(c))) {
        c->position++;
    }
    return 0;
}

static int
check_number(checker *c)
{
    if (peek(c) == '-') {
        c->position++;
    }
    if (peek(c) == '0') {
        c->position++;
    }
    else if (check_digits(c) < 0) {
        return -1;
    }
    if (peek(c) == '.') {
        c->position++;
        if (check_digits(c) < 0) {
            return -1;
        }
    }
    if (peek(c) == 'e' || peek(c) == 'E') {
        c->position++;
        if (peek(c) == '+' || peek(c) == '-') {
            c->position++;
        }
        if (check_digits(c) < 0) {
            return -1;
        }
    }
    c->tokens++;
    return 0;
}

static int
check_literal(checker *c, const char *literal)
{
    for (const char *expected = literal; *expected != '\0'; expected++) {
        if (peek(c) != (unsigned char)*expected) {
            return fail(c, "expected true, false or null");
        }
        c->position++;
    }
    c->tokens++;
    return 0;
}

/* Skip what follows a backslash. */
static int
check_escape(checker *c)
{
    switch (peek(c)) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        c->position++;
        return 0;
    case 'u':
        c->position++;
        for (int i = 0; i < 4; i++) {
            if (!is_hex_digit(peek(c))) {
                return fail(c, "expected four hexadecimal digits after \\u");
            }
            c->position++;
        }
        return 0;
    default:
        return fail(c, "expected an escape after a backslash");
    }
}

/* Skip one character of two to four bytes: the ranges of RFC 3629, section 4,
 * which leave out overlong forms, surrogates and what lies past U+10FFFF. */
static int
check_utf8(checker *c)
{
    const unsigned char lead = c->text[c->position];
    size_t more = 1;
    int lowest = 0x80;
    int highest = 0xbf;
    if (lead < 0xc2 || lead > 0xf4) {
        return fail(c, "expected UTF-8");
    }
    if (lead >= 0xf0) {
        more = 3;
        lowest = lead == 0xf0 ? 0x90 : 0x80;
        highest = lead == 0xf4 ? 0x8f : 0xbf;
    }
    else if (lead >= 0xe0) {
        more = 2;
        lowest = lead == 0xe0 ? 0xa0 : 0x80;
        highest = lead == 0xed ? 0x9f : 0xbf;
    }
    c->position++;
    for (; more > 0; more--) {
        const int byte = peek(c);
        if (byte < lowest || byte > highest) {
            return fail(c, "expected UTF-8");
        }
        c->position++;
        lowest = 0x80;
        highest = 0xbf;
    }
    return 0;
}

/* Whether one of eight bytes is a control character, a quote, a backslash, or
 * not ASCII.  The usual arithmetic on eight bytes at once: (x - 1) & ~x has a
 * byte's highest bit set if that byte of x was 0, and (x - n) & ~x if it was
 * below n; borrows can only add a wrong yes, behind a right one. */
static bool
has_special_byte(const unsigned char *bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highest = ones * 0x80;
    uint64_t x;
    memcpy(&x, bytes, sizeof x);
    const uint64_t quote = x ^ (ones * '"');
    const uint64_t backslash = x ^ (ones * '\\');
    return ((x | ((x - ones * 0x20) & ~x) | ((quote - ones) & ~quote) |
             ((backslash - ones) & ~backslash)) &
            highest) != 0;
}

/* Skip bytes of a string that need no look of their own. */
static void
skip_plain(checker *c)
{
    const unsigned char *text = c->text;
    size_t i = c->position;
    while (c->length - i >= 8 && !has_special_byte(text + i)) {
        i += 8;
    }
    while (i < c->length && text[i] >= 0x20 && text[i] < 0x80 &&
           text[i] != '"' && text[i] != '\\') {
        i++;
    }
    c->position = i;
}

static int
check_string(checker *c)
{
    c->position++;
    c->tokens++;
    for (;;) {
        int status = -1;
        skip_plain(c);
        const int byte = peek(c);
        if (byte == '"') {
            c->position++;
            return 0;
        }
        if (byte == '\\') {
            c->position++;
            status = check_escape(c);
        }
        else if (byte >= 0x80) {
            status = check_utf8(c);
        }
        else if (byte < 0) {
            fail(c, "expected '\"' at the end of a string");
        }
        else {
            fail(c, "expected a control character to be escaped");
        }
        if (status < 0) {
            return -1;
        }
    }
}

static int
open_container(checker *c, char bracket, expectation *next)
{
    if (c->depth == GL_JSON_MAX_DEPTH) {
        gl_error_set(c->err, GL_ERROR_RESPONSE,
                     "JSON nested more than %d deep at byte %zu",
                     GL_JSON_MAX_DEPTH, c->position);
        return -1;
    }
    c->open[c->depth++] = bracket;
    c->position++;
    c->tokens++;
    *next = bracket == '{' ? FIRST_KEY : FIRST_ELEMENT;
    return 0;
}

static int
close_container(checker *c, expectation *next)
{
    c->depth--;
    c->position++;
    *next = AFTER_VALUE;
    return 0;
}

static int
check_value(checker *c, expectation *next)
{
    const int byte = peek(c);
    if (byte == ']' && *next == FIRST_ELEMENT) {
        return close_container(c, next);
    }
    if (byte == '{' || byte == '[') {
        return open_container(c, (char)byte, next);
    }
    *next = AFTER_VALUE;
    switch (byte) {
    case '"':
        return check_string(c);
    case 't':
        return check_literal(c, "true");
    case 'f':
        return check_literal(c, "false");
    case 'n':
        return check_literal(c, "null");
    default:
        if (byte == '-' || is_digit(byte)) {
            return check_number(c);
        }
        return fail(c, "expected a value");
    }
}

static int
check_key(checker *c, expectation *next)
{
    if (peek(c) == '}' && *next == FIRST_KEY) {
        return close_container(c, next);
    }
    if (peek(c) != '"') {
        return fail(c, "expected a key in double quotes");
    }
    if (check_string(c) < 0) {
        return -1;
    }
    skip_space(c);
    if (peek(c) != ':') {
        return fail(c, "expected ':' after a key");
    }
    c->position++;
    *next = VALUE;
    return 0;
}

static int
check_after_value(checker *c, expectation *next)
{
    const bool in_object = c->open[c->depth - 1] == '{';
    const int byte = peek(c);
    if (byte == ',') {
        c->position++;
        *next = in_object ? KEY : VALUE;
        return 0;
    }
    if (byte == (in_object ? '}' : ']')) {
        return close_container(c, next);
    }
    return fail(c, in_object ? "expected ',' or '}'" : "expected ',' or ']'");
}

/* Check the whole text and count its tokens. */
static int
check_document(checker *c)
{
    expectation next = VALUE;
    skip_space(c);
    while (c->depth > 0 || next != AFTER_VALUE) {
        int status;
        switch (next) {
        case KEY:
        case FIRST_KEY:
            status = check_key(c, &next);
            break;
        case AFTER_VALUE:
            status = check_after_value(c, &next);
            break;
        default:
            status = check_value(c, &next);
        }
        if (status < 0) {
            return -1;
        }
        skip_space(c);
    }
    if (c->position < c->length) {
        return fail(c, "expected nothing after the value");
    }
    return 0;
}

int
gl_json_check(const char *text, size_t length, size_t start, size_t *tokens,
              gl_error *err)
{
    checker c = {.length = length, .position = start, .err = err};
    c.text = (const unsigned char *)text;
    if (check_document(&c) < 0) {
        return -1;
    }
    *tokens = c.tokens;
    return 0;
}
