#include "redactor.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define STARS "***"

/* Bytes a spelling can need per byte of the secret: \u0000 in JSON. */
enum { LONGEST_SPELLING = 6, QUOTES = 2 };

void
gl_redactor_init(gl_redactor *redactor)
{
    redactor->count = 0;
}

void
gl_redactor_free(gl_redactor *redactor)
{
    for (size_t i = 0; i < redactor->count; i++) {
        gl_buffer_free(&redactor->spellings[i]);
    }
    redactor->count = 0;
}

static gl_buffer *
new_spelling(gl_redactor *redactor, size_t secret_length)
{
    assert(redactor->count <
           sizeof redactor->spellings / sizeof *redactor->spellings);
    gl_buffer *spelling = &redactor->spellings[redactor->count++];
    gl_buffer_init(spelling, secret_length * LONGEST_SPELLING + QUOTES);
    return spelling;
}

static void
lower_percent_escapes(gl_buffer *spelling)
{
    for (size_t i = 0; i + 2 < spelling->length; i++) {
        if (spelling->data[i] == '%') {
            for (size_t j = i + 1; j <= i + 2; j++) {
                if (spelling->data[j] >= 'A') {
                    spelling->data[j] |= 0x20;
                }
            }
        }
    }
}

static void
turn_spaces_to_plus(gl_buffer *spelling)
{
    size_t to = 0;
    for (size_t from = 0; from < spelling->length; from++, to++) {
        spelling->data[to] = spelling->data[from];
        if (strncmp(spelling->data + from, "%20", 3) == 0) {
            spelling->data[to] = '+';
            from += 2;
        }
    }
    spelling->length = to;
}

static void
take_quotes_off(gl_buffer *spelling)
{
    spelling->length -= QUOTES;
    memmove(spelling->data, spelling->data + 1, spelling->length);
}

int
gl_redactor_add(gl_redactor *redactor, gl_text secret, gl_error *err)
{
    if (secret.length == 0) {
        return 0;
    }
    gl_buffer *raw = new_spelling(redactor, secret.length);
    gl_buffer *capitals = new_spelling(redactor, secret.length);
    gl_buffer *small = new_spelling(redactor, secret.length);
    gl_buffer *form = new_spelling(redactor, secret.length);
    gl_buffer *json = new_spelling(redactor, secret.length);
    if (gl_buffer_append(raw, secret.bytes, secret.length, err) < 0 ||
        gl_text_percent_encode(secret, capitals, err) < 0 ||
        gl_text_percent_encode(secret, small, err) < 0 ||
        gl_text_percent_encode(secret, form, err) < 0 ||
        gl_text_json_quote(secret, json, err) < 0) {
        return -1;
    }
    lower_percent_escapes(small);
    turn_spaces_to_plus(form);
    take_quotes_off(json);
    return 0;
}

/* Mark every place of TEXT where SPELLING stands, overlapping ones included. */
static void
mark_spelling(const gl_buffer *text, const gl_buffer *spelling, char *marks)
{
    const size_t length = spelling->length;
    for (size_t i = 0; i + length <= text->length; i++) {
        if (text->data[i] == spelling->data[0] &&
            memcmp(text->data + i, spelling->data, length) == 0) {
            memset(marks + i, 1, length);
        }
    }
}

static bool
ends_parameter(char byte)
{
    return (unsigned char)byte <= ' ' || strchr("&\"'<>`;,)]}", byte) != NULL;
}

/* Mark what stands behind NAME ("password="). */
static void
mark_parameter(const gl_buffer *text, const char *name, char *marks)
{
    const size_t length = strlen(name);
    for (size_t i = 0; i + length <= text->length; i++) {
        if (memcmp(text->data + i, name, length) != 0) {
            continue;
        }
        for (i += length; i < text->length && !ends_parameter(text->data[i]);
             i++) {
            marks[i] = 1;
        }
    }
}

/* Append to CLEAN what is not marked of TEXT, and stars for every run that is.
 */
static int
append_unmarked(const gl_buffer *text, const char *marks, gl_buffer *clean,
                gl_error *err)
{
    for (size_t i = 0; i < text->length; i++) {
        int status = 0;
        if (!marks[i]) {
            status = gl_buffer_append(clean, text->data + i, 1, err);
        }
        else if (i == 0 || !marks[i - 1]) {
            status = gl_buffer_append_string(clean, STARS, err);
        }
        if (status < 0) {
            return -1;
        }
    }
    return 0;
}

int
gl_redactor_apply(const gl_redactor *redactor, gl_buffer *text, gl_error *err)
{
    if (text->length == 0) {
        return 0;
    }
    char *marks = calloc(text->length, 1);
    if (marks == NULL) {
        gl_buffer_free(text);
        return gl_error_memory(err);
    }
    for (size_t i = 0; i < redactor->count; i++) {
        mark_spelling(text, &redactor->spellings[i], marks);
    }
    mark_parameter(text, "password=", marks);
    mark_parameter(text, "email=", marks);

    gl_buffer clean;
    gl_buffer_init(&clean, text->length * (sizeof STARS - 1));
    const int status = append_unmarked(text, marks, &clean, err);
    free(marks);
    gl_buffer_free(text);
    if (status < 0) {
        gl_buffer_free(&clean);
        return -1;
    }
    clean.limit = text->limit;
    *text = clean;
    return 0;
}
