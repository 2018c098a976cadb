/* Base URLs that were parsed before.
 *
 * Taking a URL apart and checking it costs a fourteenth of a call, and it is
 * nearly always the same one.  A cache belongs to one module; any number of
 * threads may share it.
 */
#ifndef GL_URL_CACHE_H
#define GL_URL_CACHE_H

#include <Python.h>

#include "base_url.h"
#include "exceptions.h"

#define GL_URL_CACHE_SIZE 32 /* URLs kept; others are parsed each time */

/* NULL with a MemoryError. */
PyObject *
gl_url_cache_new(void);

/* The URL that TEXT, a str that messages call NAME, says.  A new reference to
 * what holds it, for gl_url_held; NULL with a ValueError. */
PyObject *
gl_url_cache_get(PyObject *cache, PyObject *text, const char *name,
                 const gl_exceptions *exceptions);

/* What HOLDER, of gl_url_cache_get's making, holds. */
const gl_base_url *
gl_url_held(PyObject *holder);

#endif
