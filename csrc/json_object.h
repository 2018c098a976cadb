/* From checked JSON tokens to Python objects.
 *
 * Value and type are those of json.loads: int for a number without fraction and
 * exponent, else float; the last of equal keys wins.  Iterative: the depth of
 * the document is no depth of C's stack.
 */
#ifndef GL_JSON_OBJECT_H
#define GL_JSON_OBJECT_H

#include <Python.h>

#include "exceptions.h"
#include "json_tokens.h"

/* Digits of an integer, a minus sign not counted: as many as Python's int()
 * takes by default.  Converting is quadratic in them. */
#define GL_JSON_MAX_DIGITS 4300

/* New reference, or NULL with a Python exception: MemoryError, or
 * InvalidResponseError for an integer of more digits than GL_JSON_MAX_DIGITS or
 * sys.set_int_max_str_digits allow.  A NUL must follow the document's text. */
PyObject *
gl_json_to_python(const gl_json *json, const gl_exceptions *exceptions);

#endif
