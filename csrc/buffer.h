/* Bytes with a limit, wiped when they are freed.
 *
 * Everything that can hold a secret (URL, headers, body, response) lives in a
 * gl_buffer.  Growing one moves the bytes and wipes the place they came from,
 * so that no copy stays behind in freed memory.
 */
#ifndef GL_BUFFER_H
#define GL_BUFFER_H

#include <stddef.h>

#include "gl_error.h"

typedef struct {
    char *data;      /* LENGTH bytes and a NUL; NULL before the first append */
    size_t length;   /* bytes held, the NUL not counted */
    size_t capacity; /* bytes allocated */
    size_t limit;    /* the most that LENGTH may reach */
} gl_buffer;

/* An empty buffer that will hold at most LIMIT bytes.  Allocates nothing. */
void
gl_buffer_init(gl_buffer *buffer, size_t limit);

/* Wipe and free what BUFFER holds; it is empty afterwards and may be used
 * again. */
void
gl_buffer_free(gl_buffer *buffer);

/* Forget all but the first LENGTH bytes, of which there must be so many.  The
 * others are wiped. */
void
gl_buffer_truncate(gl_buffer *buffer, size_t length);

/* Append LENGTH bytes.  On failure nothing was appended: GL_ERROR_MEMORY, or
 * GL_ERROR_RESPONSE when LIMIT would be passed (only responses come near
 * theirs). */
int
gl_buffer_append(gl_buffer *buffer, const char *bytes, size_t length,
                 gl_error *err);

/* The same for a NUL-terminated string. */
int
gl_buffer_append_string(gl_buffer *buffer, const char *string, gl_error *err);

/* Overwrite LENGTH bytes with zeros in a way no compiler removes. */
void
gl_wipe(void *bytes, size_t length);

#endif
