#include "arguments.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SECONDS 86400.0 /* a day */
#define MOST_RETRIES 100
#define MAX_VARIABLE 1048576 /* bytes of an environment variable */

/* create_token's arguments, in the order of its signature. */
enum {
    EMAIL,
    PASSWORD,
    API_KEY,
    BASE_URL,
    CREDENTIALS_IN,
    TIMEOUT,
    CONNECT_TIMEOUT,
    MAX_RETRIES,
    CA_FILE,
    PROXY
};

void
gl_lent_init(gl_lent *l)
{
    l->ca_file = NULL;
    gl_buffer_init(&l->base_url, MAX_VARIABLE);
    gl_buffer_init(&l->proxy, MAX_VARIABLE);
    gl_buffer_init(&l->no_proxy, MAX_VARIABLE);
}

void
gl_lent_free(gl_lent *l)
{
    Py_CLEAR(l->ca_file);
    gl_buffer_free(&l->base_url);
    gl_buffer_free(&l->proxy);
    gl_buffer_free(&l->no_proxy);
}

int
gl_wrong_type(const char *name, const char *expected, PyObject *given)
{
    PyObject *type_name =
        PyObject_GetAttrString((PyObject *)Py_TYPE(given), "__name__");
    if (type_name != NULL) {
        PyErr_Format(PyExc_TypeError, "%s must be %s, not %S", name, expected,
                     type_name);
        Py_DECREF(type_name);
    }
    return -1;
}

/* Raise ValueError: NAME REASON.  Returns -1. */
static int
wrong_value(const char *name, const char *reason)
{
    PyErr_Format(PyExc_ValueError, "%s %s", name, reason);
    return -1;
}

static int
take_text(PyObject *object, const char *name, gl_text *text)
{
    Py_ssize_t length;
    if (!PyUnicode_Check(object)) {
        return gl_wrong_type(name, "str", object);
    }
    text->bytes = PyUnicode_AsUTF8AndSize(object, &length);
    if (text->bytes != NULL) {
        text->length = (size_t)length;
        return 0;
    }
    if (!PyErr_ExceptionMatches(PyExc_UnicodeError)) {
        return -1;
    }
    /* Python's own exception carries the whole value. */
    PyErr_Clear();
    return wrong_value(name, "must not hold half of a surrogate pair");
}

static int
take_seconds(PyObject *object, const char *name, double *seconds)
{
    if (object == NULL) {
        return 0;
    }
    *seconds = PyFloat_AsDouble(object);
    if (*seconds == -1.0 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            return gl_wrong_type(name, "a number of seconds", object);
        }
        if (!PyErr_ExceptionMatches(PyExc_OverflowError)) {
            return -1;
        }
        PyErr_Clear();
    }
    if (!(*seconds > 0.0 && *seconds <= MAX_SECONDS)) {
        return wrong_value(name,
                           "must be more than 0 and at most 86400 seconds");
    }
    return 0;
}

static int
take_max_retries(PyObject *object, int *max_retries)
{
    static const char name[] = "max_retries";
    if (object == NULL) {
        return 0;
    }
    if (!PyLong_Check(object)) {
        return gl_wrong_type(name, "int", object);
    }
    int overflow;
    const long value = PyLong_AsLongAndOverflow(object, &overflow);
    if (value == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (overflow != 0 || value < 0 || value > MOST_RETRIES) {
        return wrong_value(name, "must be from 0 to 100");
    }
    *max_retries = (int)value;
    return 0;
}

static int
take_credentials_in(PyObject *object, gl_credentials_in *credentials_in)
{
    static const char name[] = "credentials_in";
    static const struct {
        const char *word;
        gl_credentials_in meaning;
    } words[] = {
        {"auto", GL_CREDENTIALS_AUTO},
        {"query", GL_CREDENTIALS_IN_QUERY},
        {"body", GL_CREDENTIALS_IN_BODY},
    };
    if (object == NULL) {
        return 0;
    }
    if (!PyUnicode_Check(object)) {
        return gl_wrong_type(name, "str", object);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (PyUnicode_CompareWithASCIIString(object, words[i].word) == 0) {
            *credentials_in = words[i].meaning;
            return 0;
        }
    }
    return wrong_value(name, "must be 'auto', 'query' or 'body'");
}

static int
take_ca_file(PyObject *object, gl_lent *l, const char **ca_file)
{
    static const char name[] = "ca_file";
    if (object == NULL || object == Py_None) {
        return 0;
    }
    if (!PyUnicode_FSConverter(object, &l->ca_file)) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            return gl_wrong_type(name, "a path (str, bytes or os.PathLike)",
                                 object);
        }
        if (PyErr_ExceptionMatches(PyExc_ValueError)) {
            PyErr_Clear();
            return wrong_value(name, "is not a path a file can have");
        }
        return -1;
    }
    *ca_file = PyBytes_AsString(l->ca_file);
    if (*ca_file == NULL) {
        return -1;
    }
    return **ca_file ? 0 : wrong_value(name, "must not be empty");
}

/* Copy the first of the NULL-ended NAMES that the environment has with
 * something in it.  *FOUND is its name, or NULL. */
static int
copy_environment(const char *const *names, const char **found, gl_buffer *out,
                 gl_error *err)
{
    *found = NULL;
    for (; *names != NULL; names++) {
        /* Whoever changes os.environ holds the GIL, too, where there is one. */
        const char *value = getenv(*names); /* NOLINT(concurrency-mt-unsafe) */
        if (value != NULL && value[0] != '\0') {
            *found = *names;
            if (strlen(value) > MAX_VARIABLE) {
                return gl_error_argument(err, *names,
                                         "must not be longer than 1 MiB");
            }
            return gl_buffer_append_string(out, value, err);
        }
    }
    return 0;
}

/* base_url, else GENLOGS_BASE_URL, else the API's own. */
static int
check_request(const gl_arguments *a, gl_token_request *request, gl_lent *l,
              const gl_exceptions *exceptions)
{
    static const char *const names[] = {"GENLOGS_BASE_URL", NULL};
    gl_text base_url = {GL_DEFAULT_BASE_URL, sizeof GL_DEFAULT_BASE_URL - 1};
    const char *name = "base_url";
    gl_error err;
    if (a->values[BASE_URL] != NULL && a->values[BASE_URL] != Py_None) {
        if (take_text(a->values[BASE_URL], name, &base_url) < 0) {
            return -1;
        }
    }
    else {
        const char *found;
        if (copy_environment(names, &found, &l->base_url, &err) < 0) {
            gl_exceptions_raise(exceptions, &err);
            return -1;
        }
        if (found != NULL) {
            name = found;
            base_url = (gl_text){l->base_url.data, l->base_url.length};
        }
    }
    if (gl_token_request_check(request, base_url, name, &err) < 0) {
        gl_exceptions_raise(exceptions, &err);
        return -1;
    }
    return 0;
}

/* The environment's proxy, by curl's rules.  http is for loopback addresses,
 * which no proxy reaches. */
static int
find_proxy(const gl_token_request *request, gl_lent *l, gl_text *proxy,
           const char **name, gl_error *err)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY",
                                        "all_proxy", "ALL_PROXY", NULL};
    static const char *const exceptions[] = {"no_proxy", "NO_PROXY", NULL};
    const char *found;
    *proxy = (gl_text){"", 0};
    if (!request->url.encrypted) {
        return 0;
    }
    if (copy_environment(names, name, &l->proxy, err) < 0 ||
        copy_environment(exceptions, &found, &l->no_proxy, err) < 0) {
        return -1;
    }
    *proxy = (gl_text){l->proxy.data, l->proxy.length};
    return 0;
}

/* Set REQUEST's proxy, which is the argument's, else the environment's. */
static int
take_proxy(const gl_arguments *a, gl_token_request *request, gl_lent *l,
           const gl_exceptions *exceptions)
{
    const char *name = "proxy";
    gl_text proxy;
    gl_error err;
    int status = 0;
    if (a->values[PROXY] == NULL || a->values[PROXY] == Py_None) {
        status = find_proxy(request, l, &proxy, &name, &err);
    }
    else if (take_text(a->values[PROXY], name, &proxy) < 0) {
        return -1;
    }
    if (status == 0) {
        status = gl_token_request_set_proxy(request, proxy, name, &err);
    }
    if (status < 0) {
        gl_exceptions_raise(exceptions, &err);
        return -1;
    }
    request->transport.no_proxy =
        l->no_proxy.length > 0 ? l->no_proxy.data : "";
    return 0;
}

int
gl_arguments_take(const gl_arguments *a, gl_token_request *request, gl_lent *l,
                  const gl_exceptions *exceptions)
{
    gl_transport_options *transport = &request->transport;
    transport->timeout = 30.0;
    transport->connect_timeout = 10.0;
    transport->max_retries = 2;
    if (take_text(a->values[EMAIL], "email", &request->email) < 0 ||
        take_text(a->values[PASSWORD], "password", &request->password) < 0 ||
        take_text(a->values[API_KEY], "api_key", &request->api_key) < 0 ||
        take_credentials_in(a->values[CREDENTIALS_IN],
                            &request->credentials_in) < 0 ||
        take_seconds(a->values[TIMEOUT], "timeout", &transport->timeout) < 0 ||
        take_seconds(a->values[CONNECT_TIMEOUT], "connect_timeout",
                     &transport->connect_timeout) < 0 ||
        take_max_retries(a->values[MAX_RETRIES], &transport->max_retries) < 0 ||
        take_ca_file(a->values[CA_FILE], l, &transport->ca_file) < 0 ||
        check_request(a, request, l, exceptions) < 0) {
        return -1;
    }
    return take_proxy(a, request, l, exceptions);
}

void
gl_arguments_release(gl_arguments *a)
{
    for (int i = 0; i < GL_ARGUMENTS; i++) {
        Py_CLEAR(a->values[i]);
    }
}

int
gl_arguments_parse(PyObject *args, PyObject *kwargs, gl_arguments *a)
{
    char *names[] = {
        "email",
        "password",
        "api_key",
        "base_url",
        "credentials_in",
        "timeout",
        "connect_timeout",
        "max_retries",
        "ca_file",
        "proxy",
        NULL,
    };
    PyObject **v = a->values;
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "OOO|$OOOOOOO:create_token", names, &v[EMAIL],
            &v[PASSWORD], &v[API_KEY], &v[BASE_URL], &v[CREDENTIALS_IN],
            &v[TIMEOUT], &v[CONNECT_TIMEOUT], &v[MAX_RETRIES], &v[CA_FILE],
            &v[PROXY])) {
        return -1;
    }
    for (int i = 0; i < GL_ARGUMENTS; i++) {
        Py_XINCREF(v[i]);
    }
    return 0;
}
