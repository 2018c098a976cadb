#define GL_WITH_JSMN_BODY
#include "json_tokens.h"

#include <stdlib.h>
#include <string.h>

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

/* Fill JSON's tokens; returns how many that are, or jsmn's error code. */
static int
tokenize(gl_json *json, size_t length)
{
    jsmn_parser parser;
    jsmn_init(&parser);
    const int found = jsmn_parse(&parser, json->text, length, json->tokens,
                                 (unsigned int)json->count);
    if (found == JSMN_ERROR_PART && json->count == 1) {
        json->tokens[0] = lone_primitive(json->text, length);
        return 1;
    }
    return found;
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
    size_t start = 0;
    if (length >= mark_length &&
        memcmp(text, byte_order_mark, mark_length) == 0) {
        start = mark_length;
    }
    size_t tokens;
    if (gl_json_check(text, length, start, &tokens, err) < 0) {
        return -1;
    }
    json->text = text + start;
    json->tokens = malloc(tokens * sizeof *json->tokens);
    if (json->tokens == NULL) {
        return gl_error_memory(err);
    }
    json->count = tokens;
    const int found = tokenize(json, length - start);
    if (found != (int)tokens) {
        /* GCOVR_EXCL_START: jsmn takes all that gl_json_check lets pass */
        gl_error_set(err, GL_ERROR_RESPONSE,
                     "jsmn does not take this JSON (code %d)", found);
        gl_json_free(json);
        return -1;
        /* GCOVR_EXCL_STOP */
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

/* Take the next piece off the string from *AT to END: a run of bytes that stand
 * for themselves, or an escape, resolved into RESOLVED.  Returns the piece and
 * its *LENGTH. */
static const char *
next_piece(const char **at, const char *end, char resolved[4], size_t *length)
{
    const char *start = *at;
    unsigned int code;
    if (*start != '\\') {
        const char *escape = memchr(start, '\\', (size_t)(end - start));
        *at = escape != NULL ? escape : end;
        *length = (size_t)(*at - start);
        return start;
    }
    if (start[1] == 'u') {
        *at += resolve_unicode_escape(start, end, &code);
        *length = encode_utf8(code, resolved);
    }
    else {
        *at += 2;
        *length = 1;
        resolved[0] = resolve_short_escape(start[1]);
    }
    return resolved;
}

bool
gl_json_string_is(const gl_json *json, size_t index, const char *string)
{
    const jsmntok_t *token = &json->tokens[index];
    const char *at = json->text + token->start;
    const char *end = json->text + token->end;
    size_t left = strlen(string);
    if (token->type != JSMN_STRING) {
        return false;
    }
    while (at < end) {
        char resolved[4];
        size_t length;
        const char *piece = next_piece(&at, end, resolved, &length);
        if (length > left || memcmp(piece, string, length) != 0) {
            return false;
        }
        string += length;
        left -= length;
    }
    return left == 0;
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

int
gl_json_append_string(const gl_json *json, size_t index, gl_buffer *out,
                      gl_error *err)
{
    const char *at = json->text + json->tokens[index].start;
    const char *end = json->text + json->tokens[index].end;
    while (at < end) {
        char resolved[4];
        size_t length;
        const char *piece = next_piece(&at, end, resolved, &length);
        if (gl_buffer_append(out, piece, length, err) < 0) {
            return -1;
        }
    }
    return 0;
}
