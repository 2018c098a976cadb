/* What an error answer of the API says: its own text, fit to be shown.
 */
#ifndef GL_SERVER_MESSAGE_H
#define GL_SERVER_MESSAGE_H

#include <stdbool.h>

#include "buffer.h"
#include "gl_error.h"
#include "json_tokens.h"

/* Append the server's own text from the document ERROR_BODY: "detail" when it
 * is a string, the "loc" and "msg" of each entry when it is a list, its
 * "message" when it is an object; else "message".  Nothing when there is none,
 * or it is empty.  Never an entry's "input", which echoes what was sent. */
int
gl_server_message(const gl_json *error_body, gl_buffer *out, gl_error *err);

/* Whether ERROR_BODY, of a 422, says that the server wants the credentials in
 * the request's body: an entry of "detail" has a "loc" that begins with "body".
 */
bool
gl_server_wants_body(const gl_json *error_body);

#endif
