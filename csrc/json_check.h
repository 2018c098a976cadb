/* Whether a text is JSON: RFC 8259 and RFC 3629 to the letter, byte by byte.
 *
 * This is what jsmn does not check, and it comes before jsmn, which is
 * therefore only ever given a document that is known to be JSON and not nested
 * deeply.
 */
#ifndef GL_JSON_CHECK_H
#define GL_JSON_CHECK_H

#include <stddef.h>

#include "gl_error.h"

#define GL_JSON_MAX_DEPTH 256 /* arrays and objects inside another */

/* Check what TEXT of LENGTH bytes holds from START on, and set *TOKENS to how
 * many values and keys that is.  On failure -1, with GL_ERROR_RESPONSE and what
 * was expected at which byte of TEXT, counted from 0; nothing of TEXT is
 * quoted.  Time is linear in LENGTH; nothing is allocated; there is no
 * recursion. */
int
gl_json_check(const char *text, size_t length, size_t start, size_t *tokens,
              gl_error *err);

#endif
