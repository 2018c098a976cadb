/* Takes secrets out of text that a server or libcurl wrote.
 *
 * Servers echo what they were sent: in validation errors, in "no route for
 * /auth/token?email=...&password=...".  A redactor knows the secrets of one
 * call and puts "***" wherever one stands, in each spelling a request or an
 * answer may have given it: as it is, percent-encoded (with capitals, small
 * letters, or "+" for a space), or escaped for JSON.  What stands behind
 * "password=" or "email=" goes too, whoever's it is.
 */
#ifndef GL_REDACTOR_H
#define GL_REDACTOR_H

#include <stddef.h>

#include "buffer.h"
#include "gl_error.h"
#include "text.h"

#define GL_REDACTOR_MAX_SECRETS 4
#define GL_REDACTOR_SPELLINGS 5 /* of each */

typedef struct {
    gl_buffer spellings[GL_REDACTOR_MAX_SECRETS * GL_REDACTOR_SPELLINGS];
    size_t count;
} gl_redactor;

/* One that knows no secret. */
void
gl_redactor_init(gl_redactor *redactor);

void
gl_redactor_free(gl_redactor *redactor);

/* Learn SECRET, at most GL_REDACTOR_MAX_SECRETS of them.  An empty one is
 * passed over. */
int
gl_redactor_add(gl_redactor *redactor, gl_text secret, gl_error *err);

/* Redact TEXT in place.  On failure, which is GL_ERROR_MEMORY, TEXT is empty:
 * better no words than the wrong ones. */
int
gl_redactor_apply(const gl_redactor *redactor, gl_buffer *text, gl_error *err);

#endif
