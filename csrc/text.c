#include "text.h"

#include <assert.h>
#include <stdio.h>

/* RFC 3986, section 2.3.  Not isalnum(): that follows the locale. */
static bool
is_unreserved(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' ||
           byte == '_' || byte == '~';
}

int
gl_text_percent_encode(gl_text text, gl_buffer *out, gl_error *err)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t start = 0; /* of the bytes that stay as they are */
    for (size_t i = 0; i < text.length; i++) {
        const unsigned char byte = (unsigned char)text.bytes[i];
        const char encoded[] = {'%', hex[byte >> 4], hex[byte & 15]};
        if (is_unreserved(text.bytes[i])) {
            continue;
        }
        if (gl_buffer_append(out, text.bytes + start, i - start, err) < 0 ||
            gl_buffer_append(out, encoded, sizeof encoded, err) < 0) {
            return -1;
        }
        start = i + 1;
    }
    return gl_buffer_append(out, text.bytes + start, text.length - start, err);
}

/* Append one byte of a JSON string.  UTF-8 beyond ASCII needs no escape. */
static int
append_json_byte(char byte, gl_buffer *out, gl_error *err)
{
    char escaped[8];
    if (byte == '"' || byte == '\\') {
        const char pair[] = {'\\', byte};
        return gl_buffer_append(out, pair, sizeof pair, err);
    }
    if ((unsigned char)byte < 0x20) {
        const int length = snprintf(escaped, sizeof escaped, "\\u%04x",
                                    (unsigned int)(unsigned char)byte);
        return gl_buffer_append(out, escaped, (size_t)length, err);
    }
    return gl_buffer_append(out, &byte, 1, err);
}

int
gl_text_json_quote(gl_text text, gl_buffer *out, gl_error *err)
{
    if (gl_buffer_append(out, "\"", 1, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (append_json_byte(text.bytes[i], out, err) < 0) {
            return -1;
        }
    }
    return gl_buffer_append(out, "\"", 1, err);
}

/* How many of the LENGTH bytes at BYTES are ASCII before the first that is not.
 */
static size_t
ascii_prefix(const char *bytes, size_t length)
{
    size_t count = 0;
    while (count < length && (unsigned char)bytes[count] < 0x80) {
        count++;
    }
    return count;
}

bool
gl_text_is_latin1(gl_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.bytes[i] > 0xc3) {
            return false;
        }
    }
    return true;
}

int
gl_text_to_latin1(gl_text text, gl_buffer *out, gl_error *err)
{
    assert(gl_text_is_latin1(text));
    for (size_t i = 0; i < text.length;) {
        const size_t plain = ascii_prefix(text.bytes + i, text.length - i);
        if (gl_buffer_append(out, text.bytes + i, plain, err) < 0) {
            return -1;
        }
        i += plain;
        if (i + 1 < text.length) {
            /* U+0080 to U+00FF are C2 or C3 and a continuation byte. */
            const char byte = (char)(((unsigned char)text.bytes[i] & 3) << 6 |
                                     ((unsigned char)text.bytes[i + 1] & 0x3f));
            if (gl_buffer_append(out, &byte, 1, err) < 0) {
                return -1;
            }
        }
        i += 2;
    }
    return 0;
}
