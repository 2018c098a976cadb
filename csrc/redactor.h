/* Takes secrets out of text that a server or libcurl wrote.
 *
 * Servers echo what they were sent: in validation errors, in "no route for
 * /auth/token?email=...&password=...".  A redactor knows the secrets of one
 * call and puts "***" wherever one stands, however it is spelled: as it is;
 * with any of its characters percent-encoded (or "+" for a space); with any of
 * them escaped with a backslash, as JSON, JavaScript and Python do; with any of
 * them as an HTML entity.  What stands behind "password=" or "email=" goes too,
 * whoever's it is.  A secret that was changed in another way is not recognised.
 */
#ifndef GL_REDACTOR_H
#define GL_REDACTOR_H

#include <stddef.h>

#include "buffer.h"
#include "gl_error.h"
#include "text.h"

/* Append TEXT to OUT without the COUNT secrets, up to about MOST bytes, which
 * bounds the cost: at most MOST times the secrets' length, plus TEXT's.  Empty
 * secrets are passed over.  When a secret of fewer than 4 bytes stands in TEXT,
 * nothing is appended: the stars would say where it stood, and so what it is.
 */
int
gl_redact(gl_text text, const gl_text *secrets, size_t count, size_t most,
          gl_buffer *out, gl_error *err);

#endif
