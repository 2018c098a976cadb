/* A string somebody else owns, and the three ways a request has to spell one.
 */
#ifndef GL_TEXT_H
#define GL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"

/* LENGTH bytes of UTF-8, borrowed.  May hold NUL bytes; need not end in one. */
typedef struct {
    const char *bytes;
    size_t length;
} gl_text;

/* Append TEXT with everything but RFC 3986's unreserved characters
 * percent-encoded, in capitals. */
int
gl_text_percent_encode(gl_text text, gl_buffer *out, gl_error *err);

/* Append TEXT as a JSON string, quotes included. */
int
gl_text_json_quote(gl_text text, gl_buffer *out, gl_error *err);

/* Whether every character of TEXT, valid UTF-8, is in ISO 8859-1 (Latin-1), the
 * encoding of HTTP header values. */
bool
gl_text_is_latin1(gl_text text);

/* Append TEXT, of which gl_text_is_latin1 holds, in that encoding. */
int
gl_text_to_latin1(gl_text text, gl_buffer *out, gl_error *err);

#endif
