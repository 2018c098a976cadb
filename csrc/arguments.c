#include "arguments.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "url_cache.h"

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
    l->url = NULL;
    gl_buffer_init(&l->ca_variable, MAX_VARIABLE);
    gl_buffer_init(&l->proxy, MAX_VARIABLE);
    gl_buffer_init(&l->no_proxy, MAX_VARIABLE);
}

void
gl_lent_free(gl_lent *l)
{
    Py_CLEAR(l->ca_file);
    Py_CLEAR(l->url);
    gl_buffer_free(&l->ca_variable);
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

int
gl_take_text(PyObject *object, const char *name, gl_text *text)
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

/* base_url, else GENLOGS_BASE_URL, else the API's own; and by *NAME which.  A
 * new reference to a str. */
static PyObject *
find_base_url(PyObject *given, const char **name)
{
    static const char variable[] = "GENLOGS_BASE_URL";
    *name = "base_url";
    if (given != NULL && given != Py_None) {
        if (!PyUnicode_Check(given)) {
            gl_wrong_type(*name, "str", given);
            return NULL;
        }
        return Py_NewRef(given);
    }
    /* As in copy_environment. */
    const char *value = getenv(variable); /* NOLINT(concurrency-mt-unsafe) */
    if (value == NULL || value[0] == '\0') {
        return PyUnicode_FromString(GL_DEFAULT_BASE_URL);
    }
    *name = variable;
    /* Any bytes will do: what is not ASCII is no URL. */
    return PyUnicode_DecodeLatin1(value, (Py_ssize_t)strlen(value), NULL);
}

static int
take_base_url(PyObject *given, gl_token_request *request, gl_lent *l,
              gl_shared *shared)
{
    const char *name;
    PyObject *text = find_base_url(given, &name);
    if (text == NULL) {
        return -1;
    }
    l->url = gl_url_cache_get(shared->urls, text, name, &shared->exceptions);
    Py_DECREF(text);
    if (l->url == NULL) {
        return -1;
    }
    request->url = gl_url_held(l->url);
    return 0;
}

static int
check_credentials(const gl_token_request *request,
                  const gl_exceptions *exceptions)
{
    gl_error err;
    if (gl_token_request_check(request, &err) < 0) {
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
    if (!request->url->encrypted) {
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
    else if (gl_take_text(a->values[PROXY], name, &proxy) < 0) {
        return -1;
    }
    if (status == 0) {
        status = gl_token_request_set_proxy(request, proxy, name, &err);
    }
    if (status < 0) {
        gl_exceptions_raise(exceptions, &err);
        return -1;
    }
    request->transport.route.no_proxy =
        l->no_proxy.length > 0 ? l->no_proxy.data : "";
    return 0;
}

/* The path of certifi's file; a new reference to bytes.  NULL without an
 * exception where certifi is not installed. */
static PyObject *
ask_certifi(void)
{
    PyObject *certifi = PyImport_ImportModule("certifi");
    PyObject *path = NULL;
    PyObject *encoded = NULL;
    if (certifi != NULL) {
        path = PyObject_CallMethod(certifi, "where", NULL);
        Py_DECREF(certifi);
    }
    if (path != NULL && !PyUnicode_FSConverter(path, &encoded)) {
        encoded = NULL;
    }
    Py_XDECREF(path);
    if (encoded == NULL && PyErr_ExceptionMatches(PyExc_Exception) &&
        !PyErr_ExceptionMatches(PyExc_MemoryError)) {
        PyErr_Clear();
    }
    return encoded;
}

/* Take the system's CAs, else certifi's. */
static int
find_system_ca(gl_route *route, gl_lent *l, gl_shared *shared)
{
    const gl_ca_place *place = atomic_load(&shared->ca_place);
    gl_error err;
    if (place == NULL) {
        place = gl_ca_place_find();
        atomic_store(&shared->ca_place, place);
    }
    if (place != NULL) {
        route->ca_file = place->path;
        return 0;
    }
    l->ca_file = ask_certifi();
    if (l->ca_file != NULL) {
        route->ca_file = PyBytes_AsString(l->ca_file);
    }
    else if (!PyErr_Occurred()) {
        gl_ca_place_set_missing(&err);
        gl_exceptions_raise(&shared->exceptions, &err);
    }
    return route->ca_file != NULL ? 0 : -1;
}

/* Without a ca_file: the environment's, else the system's, for all that goes by
 * TLS. */
static int
find_ca(gl_token_request *request, gl_lent *l, gl_shared *shared)
{
    static const char *const names[] = {"SSL_CERT_FILE", "CURL_CA_BUNDLE",
                                        "REQUESTS_CA_BUNDLE", NULL};
    gl_route *route = &request->transport.route;
    const char *found;
    gl_error err;
    if (route->ca_file != NULL ||
        (!request->url->encrypted && route->proxy[0] == '\0')) {
        return 0;
    }
    if (copy_environment(names, &found, &l->ca_variable, &err) < 0) {
        gl_exceptions_raise(&shared->exceptions, &err);
        return -1;
    }
    if (found == NULL) {
        return find_system_ca(route, l, shared);
    }
    if (gl_is_directory(l->ca_variable.data)) {
        route->ca_path = l->ca_variable.data;
    }
    else {
        route->ca_file = l->ca_variable.data;
    }
    return 0;
}

int
gl_arguments_take(const gl_arguments *a, gl_token_request *request, gl_lent *l,
                  gl_shared *shared)
{
    gl_transport_options *transport = &request->transport;
    transport->timeout = 30.0;
    transport->connect_timeout = 10.0;
    transport->max_retries = 2;
    if (gl_take_text(a->values[EMAIL], "email", &request->email) < 0 ||
        gl_take_text(a->values[PASSWORD], "password", &request->password) < 0 ||
        gl_take_text(a->values[API_KEY], "api_key", &request->api_key) < 0 ||
        take_credentials_in(a->values[CREDENTIALS_IN],
                            &request->credentials_in) < 0 ||
        take_seconds(a->values[TIMEOUT], "timeout", &transport->timeout) < 0 ||
        take_seconds(a->values[CONNECT_TIMEOUT], "connect_timeout",
                     &transport->connect_timeout) < 0 ||
        take_max_retries(a->values[MAX_RETRIES], &transport->max_retries) < 0 ||
        take_ca_file(a->values[CA_FILE], l, &transport->route.ca_file) < 0 ||
        check_credentials(request, &shared->exceptions) < 0 ||
        take_base_url(a->values[BASE_URL], request, l, shared) < 0 ||
        take_proxy(a, request, l, &shared->exceptions) < 0) {
        return -1;
    }
    return find_ca(request, l, shared);
}

void
gl_arguments_release(gl_arguments *a)
{
    for (int i = 0; i < GL_ARGUMENTS; i++) {
        Py_CLEAR(a->values[i]);
    }
}

/* ---- Python's calling convention ------------------------------------------
 */

static const char function_name[] = "create_token";

static const char *const argument_names[GL_ARGUMENTS] = {
    "email",   "password",        "api_key",     "base_url", "credentials_in",
    "timeout", "connect_timeout", "max_retries", "ca_file",  "proxy",
};

enum { POSITIONAL = API_KEY + 1 }; /* and required */

/* Which argument NAME is, or GL_ARGUMENTS. */
static int
find_argument(PyObject *name)
{
    int i = 0;
    while (i < GL_ARGUMENTS &&
           PyUnicode_CompareWithASCIIString(name, argument_names[i]) != 0) {
        i++;
    }
    return i;
}

static int
take_keyword(PyObject *name, PyObject *value, gl_arguments *a)
{
    const int i = find_argument(name);
    if (i == GL_ARGUMENTS) {
        PyErr_Format(PyExc_TypeError,
                     "%s() got an unexpected keyword argument '%U'",
                     function_name, name);
        return -1;
    }
    if (a->values[i] != NULL) {
        PyErr_Format(PyExc_TypeError,
                     "%s() got multiple values for argument '%s'",
                     function_name, argument_names[i]);
        return -1;
    }
    a->values[i] = Py_NewRef(value);
    return 0;
}

int
gl_arguments_parse(PyObject *const *args, Py_ssize_t count, PyObject *names,
                   gl_arguments *a)
{
    const Py_ssize_t named = names != NULL ? PyTuple_Size(names) : 0;
    if (count > POSITIONAL) {
        PyErr_Format(PyExc_TypeError,
                     "%s() takes %d positional arguments but %zd were given",
                     function_name, POSITIONAL, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        a->values[i] = Py_NewRef(args[i]);
    }
    for (Py_ssize_t i = 0; i < named; i++) {
        PyObject *name = PyTuple_GetItem(names, i);
        if (name == NULL || take_keyword(name, args[count + i], a) < 0) {
            return -1;
        }
    }
    for (int i = 0; i < POSITIONAL; i++) {
        if (a->values[i] == NULL) {
            PyErr_Format(PyExc_TypeError,
                         "%s() is missing the required argument '%s'",
                         function_name, argument_names[i]);
            return -1;
        }
    }
    return 0;
}
