#include "text.h"

#include <stdbool.h>
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
    for (size_t i = 0; i < text.length; i++) {
        const unsigned char byte = (unsigned char)text.bytes[i];
        const char encoded[] = {'%', hex[byte >> 4], hex[byte & 15]};
        const bool plain = is_unreserved(text.bytes[i]);
        if (gl_buffer_append(out, plain ? text.bytes + i : encoded,
                             plain ? 1 : sizeof encoded, err) < 0) {
            return -1;
        }
    }
    return 0;
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

int
gl_text_to_latin1(gl_text text, gl_buffer *out, gl_error *err)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (byte > 0xc3) {
            gl_error_set(err, GL_ERROR_ARGUMENT,
                         "has a character beyond Latin-1");
            return -1;
        }
        /* U+0080 to U+00FF are C2 or C3 and a continuation byte. */
        if (byte >= 0xc2 && i + 1 < text.length) {
            i++;
            byte = (unsigned char)((byte & 3) << 6 |
                                   ((unsigned char)text.bytes[i] & 0x3f));
        }
        if (gl_buffer_append(out, (const char *)&byte, 1, err) < 0) {
            return -1;
        }
    }
    return 0;
}
