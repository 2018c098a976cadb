#include "gl_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
gl_error_set(gl_error *err, gl_error_kind kind, const char *format, ...)
{
    *err = (gl_error)GL_ERROR_INIT;
    err->kind = kind;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
}

int
gl_error_argument(gl_error *err, const char *name, const char *reason)
{
    gl_error_set(err, GL_ERROR_ARGUMENT, "%s %s", name, reason);
    return -1;
}

void
gl_error_set_text(gl_error *err, const char *text, size_t length)
{
    static const char ellipsis[] = "...";
    const size_t room = sizeof err->message - sizeof ellipsis;
    const size_t kept = length < room ? length : room;
    for (size_t i = 0; i < kept; i++) {
        const unsigned char byte = (unsigned char)text[i];
        err->message[i] = byte < 0x20 || byte == 0x7f ? ' ' : text[i];
    }
    size_t end = kept;
    if (kept < length) {
        while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80) {
            end--;
        }
        memcpy(err->message + end, ellipsis, sizeof ellipsis - 1);
        end += sizeof ellipsis - 1;
    }
    err->message[end] = '\0';
}

int
gl_error_memory(gl_error *err)
{
    gl_error_set(err, GL_ERROR_MEMORY, "out of memory");
    return -1;
}
