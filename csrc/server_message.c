#include "server_message.h"

#include <stddef.h>

/* Entries of a validation error that are quoted; a request has few members. */
enum { MAX_ENTRIES = 8 };

static bool
is_text(const gl_json *json, size_t index)
{
    const jsmntok_t *token = &json->tokens[index];
    return token->type == JSMN_STRING && token->end > token->start;
}

/* Append "query.email: " for the list at LOC. */
static int
append_location(const gl_json *json, size_t loc, gl_buffer *out, gl_error *err)
{
    const size_t end = gl_json_after(json, loc);
    for (size_t i = loc + 1; i < end; i = gl_json_after(json, i)) {
        const jsmntok_t *token = &json->tokens[i];
        if (i > loc + 1 && gl_buffer_append_string(out, ".", err) < 0) {
            return -1;
        }
        if (token->type == JSMN_STRING) {
            if (gl_json_append_string(json, i, out, err) < 0) {
                return -1;
            }
        }
        else if (token->type == JSMN_PRIMITIVE &&
                 gl_buffer_append(out, json->text + token->start,
                                  (size_t)(token->end - token->start),
                                  err) < 0) {
            return -1;
        }
    }
    return gl_buffer_append_string(out, ": ", err);
}

static int
append_entry(const gl_json *json, size_t entry, gl_buffer *out, gl_error *err)
{
    const size_t msg = gl_json_member(json, entry, "msg");
    const size_t loc = gl_json_member(json, entry, "loc");
    if (msg == 0 || !is_text(json, msg)) {
        return 0;
    }
    if (out->length > 0 && gl_buffer_append_string(out, "; ", err) < 0) {
        return -1;
    }
    if (loc != 0 && json->tokens[loc].type == JSMN_ARRAY &&
        json->tokens[loc].size > 0 &&
        append_location(json, loc, out, err) < 0) {
        return -1;
    }
    return gl_json_append_string(json, msg, out, err);
}

static int
append_entries(const gl_json *json, size_t list, gl_buffer *out, gl_error *err)
{
    const size_t end = gl_json_after(json, list);
    int taken = 0;
    for (size_t i = list + 1; i < end && taken < MAX_ENTRIES; taken++) {
        if (append_entry(json, i, out, err) < 0) {
            return -1;
        }
        i = gl_json_after(json, i);
    }
    return 0;
}

int
gl_server_message(const gl_json *error_body, gl_buffer *out, gl_error *err)
{
    size_t text = gl_json_member(error_body, 0, "detail");
    if (text != 0 && error_body->tokens[text].type == JSMN_ARRAY) {
        if (append_entries(error_body, text, out, err) < 0) {
            return -1;
        }
        if (out->length > 0) {
            return 0;
        }
    }
    if (text != 0 && error_body->tokens[text].type == JSMN_OBJECT) {
        text = gl_json_member(error_body, text, "message");
    }
    if (text == 0 || !is_text(error_body, text)) {
        text = gl_json_member(error_body, 0, "message");
    }
    if (text == 0 || !is_text(error_body, text)) {
        return 0;
    }
    return gl_json_append_string(error_body, text, out, err);
}

bool
gl_server_wants_body(const gl_json *error_body)
{
    const size_t detail = gl_json_member(error_body, 0, "detail");
    if (detail == 0 || error_body->tokens[detail].type != JSMN_ARRAY) {
        return false;
    }
    const size_t end = gl_json_after(error_body, detail);
    for (size_t i = detail + 1; i < end; i = gl_json_after(error_body, i)) {
        const size_t loc = gl_json_member(error_body, i, "loc");
        if (loc != 0 && error_body->tokens[loc].type == JSMN_ARRAY &&
            error_body->tokens[loc].size > 0 &&
            gl_json_string_is(error_body, loc + 1, "body")) {
            return true;
        }
    }
    return false;
}
