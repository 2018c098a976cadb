#define GL_WITH_JSMN_BODY
#include "json_tokens.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- the check ---------------------------------------------------------- */

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

/* ---- the tokens --------------------------------------------------------- */

/* jsmn refuses a number or literal with nothing after it, so the one token of
 * such a document is made here.  TEXT has been checked. */
static jsmntok_t
lone_primitive(const char *text, size_t length)
{
    size_t start = 0;
    while (strchr(" \t\r\n", text[start]) != NULL) {
        start++;
    }
    size_t end = start;
    while (end < length && strchr(" \t\r\n", text[end]) == NULL) {
        end++;
    }
    return (jsmntok_t){.type = JSMN_PRIMITIVE,
                       .start = (int)start,
                       .end = (int)end,
                       .parent = -1};
}

static int
tokenize(gl_json *json, size_t length, gl_error *err)
{
    jsmn_parser parser;
    jsmn_init(&parser);
    const int found = jsmn_parse(&parser, json->text, length, json->tokens,
                                 (unsigned int)json->count);
    if (found == JSMN_ERROR_PART && json->count == 1) {
        json->tokens[0] = lone_primitive(json->text, length);
    }
    else if (found < 0 || (size_t)found != json->count) {
        gl_error_set(err, GL_ERROR_RESPONSE,
                     "jsmn does not take this JSON (code %d)", found);
        return -1;
    }
    return 0;
}

int
gl_json_parse(gl_json *json, const char *text, size_t length, gl_error *err)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    const size_t mark_length = sizeof byte_order_mark - 1;

    *json = (gl_json){0};
    if (length > GL_JSON_MAX_LENGTH) {
        gl_error_set(err, GL_ERROR_RESPONSE, "JSON of more than %d bytes",
                     GL_JSON_MAX_LENGTH);
        return -1;
    }
    checker c = {.length = length, .err = err};
    c.text = (const unsigned char *)text;
    size_t start = 0;
    if (length >= mark_length &&
        memcmp(text, byte_order_mark, mark_length) == 0) {
        start = c.position = mark_length;
    }
    if (check_document(&c) < 0) {
        return -1;
    }
    json->text = text + start;
    json->tokens = malloc(c.tokens * sizeof *json->tokens);
    if (json->tokens == NULL) {
        return gl_error_memory(err);
    }
    json->count = c.tokens;
    if (tokenize(json, length - start, err) < 0) {
        gl_json_free(json);
        return -1;
    }
    return 0;
}

void
gl_json_free(gl_json *json)
{
    free(json->tokens);
    *json = (gl_json){0};
}

/* ---- reading them ------------------------------------------------------- */

size_t
gl_json_after(const gl_json *json, size_t index)
{
    const int end = json->tokens[index].end;
    do {
        index++;
    } while (index < json->count && json->tokens[index].start < end);
    return index;
}

bool
gl_json_string_is(const gl_json *json, size_t index, const char *string)
{
    const jsmntok_t *token = &json->tokens[index];
    if (token->type != JSMN_STRING) {
        return false;
    }
    const char *raw = json->text + token->start;
    const size_t raw_length = (size_t)(token->end - token->start);
    const size_t length = strlen(string);
    if (memchr(raw, '\\', raw_length) == NULL) {
        return raw_length == length && memcmp(raw, string, length) == 0;
    }
    gl_buffer said;
    gl_error err;
    gl_buffer_init(&said, raw_length);
    const bool same = gl_json_append_string(json, index, &said, &err) == 0 &&
                      said.length == length &&
                      memcmp(said.data, string, length) == 0;
    gl_buffer_free(&said);
    return same;
}

size_t
gl_json_member(const gl_json *json, size_t index, const char *name)
{
    size_t found = 0;
    if (json->tokens[index].type != JSMN_OBJECT) {
        return 0;
    }
    const size_t end = gl_json_after(json, index);
    for (size_t key = index + 1; key < end;) {
        const size_t value = key + 1;
        if (gl_json_string_is(json, key, name)) {
            found = value;
        }
        key = gl_json_after(json, value);
    }
    return found;
}

static unsigned int
hex_digit_value(char digit)
{
    if (digit <= '9') {
        return (unsigned int)(digit - '0');
    }
    return (unsigned int)((digit | 0x20) - 'a') + 10;
}

/* The code unit of a \uXXXX whose X begin at DIGITS. */
static unsigned int
code_unit(const char *digits)
{
    unsigned int unit = 0;
    for (int i = 0; i < 4; i++) {
        unit = unit << 4 | hex_digit_value(digits[i]);
    }
    return unit;
}

/* Write CODE as UTF-8 to OUT, which has room for four bytes; returns how many.
 */
static size_t
encode_utf8(unsigned int code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* Resolve the \u escape at ESCAPE, and the one behind it when the two are a
 * surrogate pair.  Returns how many bytes of the text that was. */
static size_t
resolve_unicode_escape(const char *escape, const char *end, unsigned int *code)
{
    *code = code_unit(escape + 2);
    if (*code < 0xd800 || *code > 0xdbff || end - escape < 12 ||
        escape[6] != '\\' || escape[7] != 'u') {
        return 6;
    }
    const unsigned int low = code_unit(escape + 8);
    if (low < 0xdc00 || low > 0xdfff) {
        return 6;
    }
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

static char
resolve_short_escape(char letter)
{
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return letter;
    }
}

int
gl_json_append_string(const gl_json *json, size_t index, gl_buffer *out,
                      gl_error *err)
{
    const char *at = json->text + json->tokens[index].start;
    const char *end = json->text + json->tokens[index].end;
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        const char *plain_end = escape != NULL ? escape : end;
        if (gl_buffer_append(out, at, (size_t)(plain_end - at), err) < 0) {
            return -1;
        }
        at = plain_end;
        if (escape == NULL) {
            break;
        }
        char bytes[4];
        size_t length = 1;
        if (escape[1] == 'u') {
            unsigned int code;
            at += resolve_unicode_escape(escape, end, &code);
            length = encode_utf8(code, bytes);
        }
        else {
            bytes[0] = resolve_short_escape(escape[1]);
            at += 2;
        }
        if (gl_buffer_append(out, bytes, length, err) < 0) {
            return -1;
        }
    }
    return 0;
}
