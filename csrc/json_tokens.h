/* JSON text to checked tokens.
 *
 * jsmn splits the text into tokens but is lenient about what stands between and
 * inside them, and slow on texts made to be slow.  So the text is checked
 * first, byte by byte, against RFC 8259, and jsmn is only ever given a document
 * that is known to be JSON and not nested deeply.  Whoever walks the tokens
 * afterwards may rely on that: brackets match, every key is a string followed
 * by exactly one value, strings are valid UTF-8 (RFC 3629) with valid escapes.
 *
 * Cost: linear in the length of the text.  Memory: 20 bytes a token, one
 * allocation, at most ten times the length of the text.  No recursion.
 */
#ifndef GL_JSON_TOKENS_H
#define GL_JSON_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"
#include "gl_error.h"
#include "json_check.h"

/* jsmn's body is compiled once, into json_tokens.c; the others see its types.
 * With parent links its cost per closing bracket is the nesting depth; without
 * them it can be the length of the document. */
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#ifndef GL_WITH_JSMN_BODY
#define JSMN_HEADER
#endif
#include <jsmn.h>

#define GL_JSON_MAX_LENGTH 1048576 /* bytes of text */

/* A parsed document: TOKENS in the order of the text, a container before what
 * it holds.  Token 0 is the document's value.  The size of an array is the
 * number of its elements, of an object the number of its keys. */
typedef struct {
    const char *text; /* borrowed: must outlive the gl_json */
    jsmntok_t *tokens;
    size_t count;
} gl_json;

/* Parse LENGTH bytes of TEXT, which may begin with a UTF-8 byte order mark.  On
 * failure JSON is empty and ERR says what was expected at which byte (counted
 * from 0): GL_ERROR_RESPONSE, or GL_ERROR_MEMORY.  ERR quotes nothing of TEXT,
 * since that may be a token.  Free with gl_json_free in any case. */
int
gl_json_parse(gl_json *json, const char *text, size_t length, gl_error *err);

/* Free the tokens.  The text is the caller's. */
void
gl_json_free(gl_json *json);

/* Index of the first token after the one at INDEX and all that it holds. */
size_t
gl_json_after(const gl_json *json, size_t index);

/* Index of the value of NAME in the object at INDEX; of its last one where
 * there are several, as in Python.  0 (which is never a member) when INDEX is
 * not an object, or NAME is not in it. */
size_t
gl_json_member(const gl_json *json, size_t index, const char *name);

/* Whether the token at INDEX is a string that says exactly STRING. */
bool
gl_json_string_is(const gl_json *json, size_t index, const char *string);

/* Append what the string at INDEX says, escapes resolved.  Half of a surrogate
 * pair, which JSON allows in an escape, becomes three bytes as if it were a
 * character ("surrogatepass" in Python). */
int
gl_json_append_string(const gl_json *json, size_t index, gl_buffer *out,
                      gl_error *err);

#endif
