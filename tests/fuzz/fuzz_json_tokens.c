/* libFuzzer target: json_tokens.c alone.  Whatever the bytes, the parser ends,
 * stays in its memory, and what it hands out is what its header promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json_tokens.h"

static void
require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* Every token lies in the text and in its parent; every reader takes it. */
static void
check_token(const gl_json *json, size_t index, size_t length)
{
    const jsmntok_t *token = &json->tokens[index];
    require(token->start >= 0 && token->end >= token->start);
    require((size_t)token->end <= length);
    require((token->parent == -1) == (index == 0));
    if (index > 0) {
        const jsmntok_t *parent = &json->tokens[token->parent];
        require((size_t)token->parent < index);
        require(parent->type != JSMN_PRIMITIVE);
        require(parent->size > 0);
    }
    const size_t next = gl_json_after(json, index);
    require(next > index && next <= json->count);
    (void)gl_json_string_is(json, index, "token");
    (void)gl_json_member(json, index, "a");
    if (token->type == JSMN_STRING) {
        gl_error err;
        gl_buffer said;
        gl_buffer_init(&said, (size_t)(token->end - token->start));
        require(gl_json_append_string(json, index, &said, &err) == 0);
        gl_buffer_free(&said);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gl_json json;
    gl_error err = GL_ERROR_INIT;
    char *text = malloc(size > 0 ? size : 1);
    require(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    if (gl_json_parse(&json, text, size, &err) == 0) {
        require(json.count > 0 && gl_json_after(&json, 0) == json.count);
        const size_t length = size - (size_t)(json.text - text);
        for (size_t i = 0; i < json.count && i < 2000; i++) {
            check_token(&json, i, length);
        }
    }
    else {
        require(err.kind == GL_ERROR_RESPONSE && err.message[0] != '\0');
        require(json.tokens == NULL && json.count == 0);
    }
    gl_json_free(&json);
    free(text);
    return 0;
}
