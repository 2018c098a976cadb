#include "exceptions.h"

#include <assert.h>
#include <string.h>

int
gl_exceptions_load(gl_exceptions *exceptions)
{
    const struct {
        const char *name;
        PyObject **to;
    } wanted[] = {
        {"TransportError", &exceptions->transport},
        {"ConnectError", &exceptions->connect},
        {"TimeoutError", &exceptions->timeout},
        {"TLSError", &exceptions->tls},
        {"APIError", &exceptions->api},
        {"InvalidResponseError", &exceptions->invalid_response},
    };
    PyObject *errors = PyImport_ImportModule("genlogs_ext.errors");
    int status = errors != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < sizeof wanted / sizeof *wanted; i++) {
        *wanted[i].to = PyObject_GetAttrString(errors, wanted[i].name);
        status = *wanted[i].to != NULL ? 0 : -1;
    }
    Py_XDECREF(errors);
    return status;
}

int
gl_exceptions_traverse(gl_exceptions *exceptions, visitproc visit, void *arg)
{
    Py_VISIT(exceptions->transport);
    Py_VISIT(exceptions->connect);
    Py_VISIT(exceptions->timeout);
    Py_VISIT(exceptions->tls);
    Py_VISIT(exceptions->api);
    Py_VISIT(exceptions->invalid_response);
    return 0;
}

void
gl_exceptions_clear(gl_exceptions *exceptions)
{
    Py_CLEAR(exceptions->transport);
    Py_CLEAR(exceptions->connect);
    Py_CLEAR(exceptions->timeout);
    Py_CLEAR(exceptions->tls);
    Py_CLEAR(exceptions->api);
    Py_CLEAR(exceptions->invalid_response);
}

/* A text of ours as str.  Half of a surrogate pair in a server's text is
 * replaced: an exception must be printable. */
static PyObject *
message_of(const char *text)
{
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

static PyObject *
new_transport_error(PyObject *type, const gl_error *err)
{
    PyObject *exception = NULL;
    PyObject *args = Py_BuildValue("(N)", message_of(err->message));
    PyObject *kwargs = Py_BuildValue(
        "{s:i,s:N,s:i}", "curl_code", err->curl_code, "retryable",
        PyBool_FromLong(err->retryable), "attempts", err->attempts);
    if (args != NULL && kwargs != NULL) {
        exception = PyObject_Call(type, args, kwargs);
    }
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    return exception;
}

static PyObject *
new_api_error(PyObject *type, const gl_error *err)
{
    PyObject *retry_after = err->retry_after < 0
                                ? Py_NewRef(Py_None)
                                : PyFloat_FromDouble(err->retry_after);
    /* PyObject_CallMethod would lose the arguments when there is no memory for
     * the method's name. */
    PyObject *args =
        Py_BuildValue("(lNNNiN)", err->http_status, message_of(err->message),
                      retry_after, PyBool_FromLong(err->retryable),
                      err->attempts, message_of(err->location));
    PyObject *maker =
        args != NULL ? PyObject_GetAttrString(type, "from_status") : NULL;
    PyObject *exception =
        maker != NULL ? PyObject_CallObject(maker, args) : NULL;
    Py_XDECREF(maker);
    Py_XDECREF(args);
    return exception;
}

static PyObject *
new_exception(const gl_exceptions *exceptions, const gl_error *err)
{
    switch (err->kind) {
    case GL_ERROR_CONNECT:
        return new_transport_error(exceptions->connect, err);
    case GL_ERROR_TIMEOUT:
        return new_transport_error(exceptions->timeout, err);
    case GL_ERROR_TLS:
        return new_transport_error(exceptions->tls, err);
    case GL_ERROR_API:
        return new_api_error(exceptions->api, err);
    case GL_ERROR_RESPONSE:
        return PyObject_CallFunction(exceptions->invalid_response, "(N)",
                                     message_of(err->message));
    default:
        return new_transport_error(exceptions->transport, err);
    }
}

void
gl_exceptions_raise(const gl_exceptions *exceptions, const gl_error *err)
{
    if (err->kind == GL_ERROR_INTERRUPTED) {
        assert(PyErr_Occurred());
        return;
    }
    if (err->kind == GL_ERROR_MEMORY) {
        PyErr_NoMemory();
        return;
    }
    if (err->kind == GL_ERROR_ARGUMENT) {
        PyErr_SetString(PyExc_ValueError, err->message);
        return;
    }
    PyObject *exception = new_exception(exceptions, err);
    if (exception != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        Py_DECREF(exception);
    }
}
