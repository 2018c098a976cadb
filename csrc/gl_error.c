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

size_t
gl_control_length(const char *text, size_t left)
{
    const unsigned char *at = (const unsigned char *)text;
    if (left == 0) {
        return 0;
    }
    if (at[0] < 0x20 || at[0] == 0x7f) {
        return 1;
    }
    if (left >= 2 && at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) {
        return 2;
    }
    if (left >= 3 && at[0] == 0xe2 &&
        ((at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||
         (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9))) {
        return 3;
    }
    return 0;
}

void
gl_error_set_text(gl_error *err, const char *text, size_t length)
{
    static const char ellipsis[] = "...";
    const unsigned char *bytes = (const unsigned char *)text;
    char *message = err->message;
    size_t end = 0;
    size_t i = 0;
    memset(message, 0, sizeof err->message);
    while (i < length && end + sizeof ellipsis < sizeof err->message) {
        const size_t control = gl_control_length(text + i, length - i);
        message[end++] = control > 0 ? ' ' : text[i];
        i += control > 0 ? control : 1;
    }
    if (i == length) {
        return;
    }
    while (end > 0 && (bytes[i] & 0xc0) == 0x80) {
        end--;
        i--;
    }
    memcpy(message + end, ellipsis, sizeof ellipsis);
}

int
gl_error_memory(gl_error *err)
{
    gl_error_set(err, GL_ERROR_MEMORY, "out of memory");
    return -1;
}
