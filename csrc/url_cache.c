#include "url_cache.h"

#include <stdlib.h>

#include "arguments.h"
#include "token_request.h"

/* The cache is a dict from text to capsule.  Nothing is ever taken out of it,
 * so that a reference borrowed from it stays good without a GIL, too. */

static const char capsule_name[] = "genlogs_ext._core.base_url";

PyObject *
gl_url_cache_new(void)
{
    return PyDict_New();
}

static void
free_held(PyObject *holder)
{
    gl_base_url *url = PyCapsule_GetPointer(holder, capsule_name);
    gl_base_url_free(url);
    free(url);
}

/* Parse TEXT, an exact str.  Returns a capsule. */
static PyObject *
parse(PyObject *text, const char *name, const gl_exceptions *exceptions)
{
    gl_text characters;
    gl_error err;
    gl_base_url *url;
    PyObject *holder = NULL;
    if (gl_take_text(text, name, &characters) < 0) {
        return NULL;
    }
    url = malloc(sizeof *url);
    if (url == NULL) {
        return PyErr_NoMemory();
    }
    gl_base_url_init(url);
    if (gl_token_request_parse_url(url, characters, name, &err) < 0) {
        gl_exceptions_raise(exceptions, &err);
    }
    else {
        holder = PyCapsule_New(url, capsule_name, free_held);
    }
    if (holder == NULL) {
        gl_base_url_free(url);
        free(url);
    }
    return holder;
}

PyObject *
gl_url_cache_get(PyObject *cache, PyObject *text, const char *name,
                 const gl_exceptions *exceptions)
{
    /* A subclass could have a hash of its own. */
    PyObject *key = PyUnicode_FromObject(text);
    PyObject *holder;
    if (key == NULL) {
        return NULL;
    }
    holder = Py_XNewRef(PyDict_GetItemWithError(cache, key));
    if (holder == NULL && !PyErr_Occurred()) {
        holder = parse(key, name, exceptions);
        if (holder != NULL && PyDict_Size(cache) < GL_URL_CACHE_SIZE &&
            PyDict_SetItem(cache, key, holder) < 0) {
            Py_CLEAR(holder);
        }
    }
    Py_DECREF(key);
    return holder;
}

const gl_base_url *
gl_url_held(PyObject *holder)
{
    return PyCapsule_GetPointer(holder, capsule_name);
}
