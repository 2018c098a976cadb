/* From a gl_error to a Python exception.
 *
 * The classes are written in Python (genlogs_ext/errors.py).  They are loaded
 * once per interpreter into its module state.
 */
#ifndef GL_EXCEPTIONS_H
#define GL_EXCEPTIONS_H

#include <Python.h>

#include "gl_error.h"

typedef struct {
    PyObject *transport;        /* TransportError */
    PyObject *connect;          /* ConnectError */
    PyObject *timeout;          /* TimeoutError */
    PyObject *tls;              /* TLSError */
    PyObject *api;              /* APIError */
    PyObject *invalid_response; /* InvalidResponseError */
} gl_exceptions;

/* Import the classes.  -1 with a Python exception on failure. */
int
gl_exceptions_load(gl_exceptions *exceptions);

int
gl_exceptions_traverse(gl_exceptions *exceptions, visitproc visit, void *arg);

void
gl_exceptions_clear(gl_exceptions *exceptions);

/* Set the Python exception that says what ERR says.  For GL_ERROR_INTERRUPTED
 * it is set already. */
void
gl_exceptions_raise(const gl_exceptions *exceptions, const gl_error *err);

#endif
