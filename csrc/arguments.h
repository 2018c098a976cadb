/* From create_token's Python arguments to a checked gl_token_request.
 *
 * Types and ranges are checked here; what an email, a key or a URL must be,
 * token_request.c knows.  Every error is a TypeError or ValueError that names
 * the argument, or the environment variable that stood in for it, and not its
 * value.
 */
#ifndef GL_ARGUMENTS_H
#define GL_ARGUMENTS_H

#include <Python.h>

#include "ca_store.h"
#include "exceptions.h"
#include "token_request.h"

#define GL_ARGUMENTS 10

/* NULL: not given.  References are held: a request borrows from the strings,
 * and other code runs before it is done. */
typedef struct {
    PyObject *values[GL_ARGUMENTS];
} gl_arguments;

/* What a request borrows from, beside the arguments.  The buffers are copies of
 * environment variables: another thread may change those while the GIL is away.
 */
typedef struct {
    PyObject *ca_file; /* bytes, or NULL */
    PyObject *url;     /* of gl_url_cache_get's making, or NULL */
    gl_buffer ca_variable;
    gl_buffer proxy;
    gl_buffer no_proxy;
} gl_lent;

/* What calls of a module have in common. */
typedef struct {
    PyObject *urls; /* of gl_url_cache_new's making */
    /* Where the system keeps its CAs, once that was found; else NULL. */
    _Atomic(const gl_ca_place *) ca_place;
    gl_exceptions exceptions;
} gl_shared;

void
gl_lent_init(gl_lent *l);

void
gl_lent_free(gl_lent *l);

/* Sort what Python passed, by the convention of METH_FASTCALL | METH_KEYWORDS,
 * into A, which was all NULL.  -1 with a TypeError when that is not
 * create_token's signature; release A also then. */
int
gl_arguments_parse(PyObject *const *args, Py_ssize_t count, PyObject *names,
                   gl_arguments *a);

/* Let go of what gl_arguments_parse holds. */
void
gl_arguments_release(gl_arguments *a);

/* Check every argument and fill REQUEST, which then borrows from A and L.  -1
 * with a Python exception. */
int
gl_arguments_take(const gl_arguments *a, gl_token_request *request, gl_lent *l,
                  gl_shared *shared);

/* Lend the characters of OBJECT, which messages call NAME, while it lives.  -1
 * with a TypeError or ValueError when it is no str of whole characters. */
int
gl_take_text(PyObject *object, const char *name, gl_text *text);

/* Raise TypeError: NAME must be EXPECTED, not GIVEN's type.  Returns -1. */
int
gl_wrong_type(const char *name, const char *expected, PyObject *given);

#endif
