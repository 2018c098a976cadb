#if defined(__linux__) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* explicit_bzero */
#endif

#include "buffer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <windows.h>
#endif

enum { SMALLEST_CAPACITY = 256 };

void
gl_wipe(void *bytes, size_t length)
{
    if (length == 0) {
        return;
    }
#if defined(_WIN32)
    SecureZeroMemory(bytes, length);
#elif defined(__linux__) || defined(__FreeBSD__) || defined(__OpenBSD__)
    explicit_bzero(bytes, length);
#else
    volatile unsigned char *byte = bytes;
    while (length-- > 0) {
        *byte++ = 0;
    }
#endif
}

void
gl_buffer_init(gl_buffer *buffer, size_t limit)
{
    *buffer = (gl_buffer){.limit = limit};
}

void
gl_buffer_free(gl_buffer *buffer)
{
    gl_wipe(buffer->data, buffer->length);
    free(buffer->data);
    gl_buffer_init(buffer, buffer->limit);
}

void
gl_buffer_truncate(gl_buffer *buffer, size_t length)
{
    assert(length <= buffer->length);
    if (buffer->data != NULL) {
        gl_wipe(buffer->data + length, buffer->length - length);
    }
    buffer->length = length;
}

/* Make room for LENGTH bytes and a NUL.  realloc() would leave the old bytes
 * behind when it moves them, hence the new block and the wiped old one. */
static int
reserve(gl_buffer *buffer, size_t length, gl_error *err)
{
    if (length < buffer->capacity) {
        return 0;
    }
    size_t capacity = buffer->capacity ? buffer->capacity : SMALLEST_CAPACITY;
    while (capacity <= length) {
        capacity *= 2;
    }
    char *data = malloc(capacity);
    if (data == NULL) {
        return gl_error_memory(err);
    }
    if (buffer->length > 0) {
        memcpy(data, buffer->data, buffer->length);
        gl_wipe(buffer->data, buffer->length);
    }
    free(buffer->data);
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

int
gl_buffer_append(gl_buffer *buffer, const char *bytes, size_t length,
                 gl_error *err)
{
    if (length > buffer->limit - buffer->length) {
        gl_error_set(err, GL_ERROR_RESPONSE, "more than %zu bytes",
                     buffer->limit);
        return -1;
    }
    if (reserve(buffer, buffer->length + length, err) < 0) {
        return -1;
    }
    if (length > 0) {
        memcpy(buffer->data + buffer->length, bytes, length);
    }
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
    return 0;
}

int
gl_buffer_append_string(gl_buffer *buffer, const char *string, gl_error *err)
{
    return gl_buffer_append(buffer, string, strlen(string), err);
}
