/* A string somebody else owns, and the three ways a request has to spell one.
 */
#ifndef GL_TEXT_H
#define GL_TEXT_H

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

/* Append TEXT in ISO 8859-1, the encoding of HTTP header values.  A character
 * beyond it is GL_ERROR_ARGUMENT; TEXT must be valid UTF-8. */
int
gl_text_to_latin1(gl_text text, gl_buffer *out, gl_error *err);

#endif
