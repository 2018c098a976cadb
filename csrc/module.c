/* genlogs_ext._core: where Python's calling conventions are known.
 *
 * create_token turns Python arguments into a gl_token_request, lets the GIL go
 * while it is sent, and turns the answer into a dict.
 */
#include <Python.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "exceptions.h"
#include "json_object.h"
#include "token_request.h"

/* A slot's function as a void *, which POSIX has and ISO C does not know. */
#if defined(__GNUC__)
#define FUNCTION_SLOT(function) __extension__(void *)(function)
#else
#define FUNCTION_SLOT(function) (void *)(function)
#endif

#define MAX_SECONDS 86400.0 /* a day */
#define MOST_RETRIES 100
#define MAX_VARIABLE 1048576 /* bytes of an environment variable */

typedef struct {
    gl_exceptions exceptions;
    PyObject *call_type; /* Call */
    gl_pool *pool;       /* connections of every call in this interpreter */
} module_state;

/* ---- arguments ------------------------------------------------------------
 */

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
    PROXY,
    ARGUMENTS
};

/* NULL: not given.  References are held: a request borrows from the strings,
 * and other code runs before it is done. */
typedef struct {
    PyObject *values[ARGUMENTS];
} arguments;

/* What a request borrows from, beside the arguments.  The buffers are copies of
 * environment variables: another thread may change those while the GIL is away.
 */
typedef struct {
    PyObject *ca_file; /* bytes, or NULL */
    gl_buffer base_url;
    gl_buffer proxy;
    gl_buffer no_proxy;
} lent;

static void
lent_init(lent *l)
{
    l->ca_file = NULL;
    gl_buffer_init(&l->base_url, MAX_VARIABLE);
    gl_buffer_init(&l->proxy, MAX_VARIABLE);
    gl_buffer_init(&l->no_proxy, MAX_VARIABLE);
}

static void
lent_free(lent *l)
{
    Py_CLEAR(l->ca_file);
    gl_buffer_free(&l->base_url);
    gl_buffer_free(&l->proxy);
    gl_buffer_free(&l->no_proxy);
}

/* Raise TypeError: NAME must be EXPECTED.  Returns -1. */
static int
wrong_type(const char *name, const char *expected, PyObject *given)
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
        return wrong_type(name, "str", object);
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
            return wrong_type(name, "a number of seconds", object);
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
        return wrong_type(name, "int", object);
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
        return wrong_type(name, "str", object);
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
take_ca_file(PyObject *object, lent *l, const char **ca_file)
{
    static const char name[] = "ca_file";
    if (object == NULL || object == Py_None) {
        return 0;
    }
    if (!PyUnicode_FSConverter(object, &l->ca_file)) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            return wrong_type(name, "a path (str, bytes or os.PathLike)",
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
check_request(const arguments *a, gl_token_request *request, lent *l,
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
find_proxy(const gl_token_request *request, lent *l, gl_text *proxy,
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
take_proxy(const arguments *a, gl_token_request *request, lent *l,
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

/* Check every argument and fill REQUEST.  -1 with a Python exception. */
static int
take_arguments(const arguments *a, gl_token_request *request, lent *l,
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

static void
release_arguments(arguments *a)
{
    for (int i = 0; i < ARGUMENTS; i++) {
        Py_CLEAR(a->values[i]);
    }
}

static int
parse_arguments(PyObject *args, PyObject *kwargs, arguments *a)
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
    for (int i = 0; i < ARGUMENTS; i++) {
        Py_XINCREF(v[i]);
    }
    return 0;
}

/* ---- create_token ----------------------------------------------------------
 */

/* gl_stop: whether a signal's Python handler raised.  CONTEXT points to the
 * thread state that was saved when the GIL was let go. */
static bool
signal_raised(void *context)
{
    PyThreadState **saved = context;
    PyEval_RestoreThread(*saved);
    const bool raised = PyErr_CheckSignals() < 0;
    *saved = PyEval_SaveThread();
    return raised;
}

/* gl_stop: whether a Call was cancelled.  Needs no GIL. */
static bool
is_cancelled(void *context)
{
    atomic_bool *cancelled = context;
    return atomic_load(cancelled);
}

/* Send REQUEST without the GIL.  CANCELLED, if not NULL, is looked at in place
 * of signals. */
static PyObject *
send_request(gl_token_request *request, atomic_bool *cancelled,
             const gl_exceptions *exceptions)
{
    gl_token_response response;
    gl_error err;
    PyObject *tokens = NULL;
    gl_token_response_init(&response);

    PyThreadState *saved = PyEval_SaveThread();
    request->transport.stop = cancelled != NULL
                                  ? (gl_stop){is_cancelled, cancelled}
                                  : (gl_stop){signal_raised, &saved};
    const int status = gl_token_request_send(request, &response, &err);
    PyEval_RestoreThread(saved);

    if (status == 0) {
        tokens = gl_json_to_python(&response.json, exceptions);
    }
    else if (err.kind == GL_ERROR_INTERRUPTED && cancelled != NULL) {
        gl_error_set(&err, GL_ERROR_TRANSPORT, "the call was cancelled");
        gl_exceptions_raise(exceptions, &err);
    }
    else {
        gl_exceptions_raise(exceptions, &err);
    }
    gl_token_response_free(&response);
    return tokens;
}

/* Take Python's arguments, send what they ask for, give back the answer. */
static PyObject *
make_call(const module_state *state, PyObject *args, PyObject *kwargs,
          atomic_bool *cancelled)
{
    arguments a = {0};
    gl_token_request request;
    lent l;
    PyObject *tokens = NULL;
    if (parse_arguments(args, kwargs, &a) < 0) {
        return NULL;
    }
    gl_token_request_init(&request);
    lent_init(&l);
    request.transport.pool = state->pool;
    if (take_arguments(&a, &request, &l, &state->exceptions) == 0) {
        tokens = send_request(&request, cancelled, &state->exceptions);
    }
    lent_free(&l);
    gl_token_request_free(&request);
    release_arguments(&a);
    return tokens;
}

PyDoc_STRVAR(
    create_token_doc,
    "create_token(email, password, api_key, *, base_url=None, "
    "credentials_in='auto', timeout=30.0, connect_timeout=10.0, max_retries=2, "
    "ca_file=None, proxy=None)\n"
    "--\n"
    "\n"
    "Make a GenLogs access token from an email, a password and an API key.\n"
    "\n"
    "One POST to /auth/token.  The GIL is released while it is under way.\n"
    "\n"
    "Args:\n"
    "    email: Of the GenLogs user.\n"
    "    password: Of that user.\n"
    "    api_key: Provided by GenLogs; sent as the header x-api-key.\n"
    "    base_url: Where the API is: an https URL, or http to a loopback\n"
    "        address. Default: the environment's GENLOGS_BASE_URL, else\n"
    "        https://api.genlogs.io.\n"
    "    credentials_in: Where email and password travel: \"query\", as the\n"
    "        endpoint's documentation says; \"body\", as JSON; \"auto\": in "
    "the\n"
    "        query, then in the body if the server asks for that (HTTP 422).\n"
    "    timeout: Seconds for the whole call, retries included; at most "
    "86400.\n"
    "    connect_timeout: Seconds for one connection to come up.\n"
    "    max_retries: Attempts after the first when a connection fails or the\n"
    "        server answers 408, 429, 500, 502, 503 or 504; 0 to 100.\n"
    "    ca_file: Path of a PEM file of the certificate authorities to trust.\n"
    "        Default: libcurl's own, as a rule the system's.\n"
    "    proxy: URL of the proxy, \"\" for none. Default: the environment's\n"
    "        https_proxy, all_proxy and no_proxy, as curl takes them; none "
    "for\n"
    "        http.\n"
    "\n"
    "Returns:\n"
    "    A dict of all that the server sent. access_token_data.token and\n"
    "    access_token_data.expires are there and not empty.\n"
    "\n"
    "Raises:\n"
    "    TypeError, ValueError: An argument cannot be used. Nothing was sent.\n"
    "    AuthenticationError: Email or password is wrong (401).\n"
    "    PermissionDeniedError: The API key is wrong (403).\n"
    "    APIError: The server answered with another error.\n"
    "    TransportError: No usable answer came.\n"
    "    InvalidResponseError: The answer is not what the API promises.\n"
    "    KeyboardInterrupt: Ctrl-C was pressed.\n"
    "\n"
    "Example:\n"
    "    >>> import genlogs_ext\n"
    "    >>> from genlogs_ext.testing import StubServer\n"
    "    >>> with StubServer(users={'ada@example.com': '1234+'},\n"
    "    ...                 api_keys={'key'}) as server:\n"
    "    ...     tokens = genlogs_ext.create_token(\n"
    "    ...         'ada@example.com', '1234+', 'key',\n"
    "    ...         base_url=server.base_url)\n"
    "    >>> sorted(tokens['access_token_data'])\n"
    "    ['expires', 'token']\n");

static PyObject *
create_token(PyObject *module, PyObject *args, PyObject *kwargs)
{
    return make_call(PyModule_GetState(module), args, kwargs, NULL);
}

/* ---- Call -------------------------------------------------------------------
 */

typedef struct {
    PyObject_HEAD atomic_bool cancelled;
} call_object;

PyDoc_STRVAR(call_doc,
             "Call()\n"
             "--\n"
             "\n"
             "A create_token that another thread can end. Not public.\n");

PyDoc_STRVAR(call_create_token_doc,
             "create_token($self, /, *args, **kwargs)\n"
             "--\n"
             "\n"
             "As the function; signals are left to the main thread.\n"
             "\n"
             "Raises:\n"
             "    TransportError: `cancel` was called.\n");

PyDoc_STRVAR(call_cancel_doc,
             "cancel($self, /)\n"
             "--\n"
             "\n"
             "End the call within 0.1 seconds, from any thread.\n");

static PyObject *
call_create_token(PyObject *self, PyObject *args, PyObject *kwargs)
{
    const module_state *state = PyType_GetModuleState(Py_TYPE(self));
    call_object *call = (call_object *)self;
    return make_call(state, args, kwargs, &call->cancelled);
}

static PyObject *
call_cancel(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    call_object *call = (call_object *)self;
    atomic_store(&call->cancelled, true);
    return Py_NewRef(Py_None);
}

static PyObject *
call_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    char *names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":Call", names)) {
        return NULL;
    }
    call_object *call = (call_object *)PyType_GenericAlloc(type, 0);
    if (call != NULL) {
        atomic_init(&call->cancelled, false);
    }
    return (PyObject *)call;
}

static void
call_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMethodDef call_methods[] = {
    {"create_token", (PyCFunction)(void (*)(void))call_create_token,
     METH_VARARGS | METH_KEYWORDS, call_create_token_doc},
    {"cancel", call_cancel, METH_NOARGS, call_cancel_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot call_slots[] = {
    {Py_tp_doc, (void *)call_doc},
    {Py_tp_new, FUNCTION_SLOT(call_new)},
    {Py_tp_dealloc, FUNCTION_SLOT(call_dealloc)},
    {Py_tp_methods, call_methods},
    {0, NULL},
};

static PyType_Spec call_spec = {
    .name = "genlogs_ext._core.Call",
    .basicsize = sizeof(call_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = call_slots,
};

/* ---- loads -----------------------------------------------------------------
 */

PyDoc_STRVAR(loads_doc,
             "loads(document, /)\n"
             "--\n"
             "\n"
             "Parse JSON as create_token parses an answer. Not public.\n"
             "\n"
             "Args:\n"
             "    document: The bytes, in UTF-8.\n"
             "\n"
             "Returns:\n"
             "    What json.loads would return.\n"
             "\n"
             "Raises:\n"
             "    InvalidResponseError: It is not JSON, or over a limit.\n");

static PyObject *
loads(PyObject *module, PyObject *document)
{
    const module_state *state = PyModule_GetState(module);
    PyObject *object = NULL;
    char *text;
    Py_ssize_t length;
    gl_json json;
    gl_error err;
    if (!PyBytes_Check(document)) {
        wrong_type("document", "bytes", document);
        return NULL;
    }
    if (PyBytes_AsStringAndSize(document, &text, &length) < 0) {
        return NULL;
    }
    if (gl_json_parse(&json, text, (size_t)length, &err) == 0) {
        object = gl_json_to_python(&json, &state->exceptions);
    }
    else {
        gl_exceptions_raise(&state->exceptions, &err);
    }
    gl_json_free(&json);
    return object;
}

/* ---- the module ------------------------------------------------------------
 */

#define LONGEST_FAREWELL 1.0 /* seconds */

PyDoc_STRVAR(end_calls_doc, "end_calls()\n"
                            "--\n"
                            "\n"
                            "End every call that is under way, and all later "
                            "ones. For the exit of the\n"
                            "interpreter; not public.\n");

/* A call that went on in a daemon thread while the process exits would use TLS
 * after OpenSSL has cleaned up behind itself. */
static PyObject *
end_calls(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    const module_state *state = PyModule_GetState(module);
    PyThreadState *saved = PyEval_SaveThread();
    gl_pool_close(state->pool, LONGEST_FAREWELL);
    PyEval_RestoreThread(saved);
    return Py_NewRef(Py_None);
}

static int
module_exec(PyObject *module)
{
    module_state *state = PyModule_GetState(module);
    gl_error err;
    if (gl_exceptions_load(&state->exceptions) < 0) {
        return -1;
    }
    if (gl_transport_init(&err) < 0) {
        PyErr_SetString(PyExc_ImportError, err.message);
        return -1;
    }
    state->pool = gl_pool_new();
    if (state->pool == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    state->call_type = PyType_FromModuleAndSpec(module, &call_spec, NULL);
    if (state->call_type == NULL ||
        PyModule_AddObjectRef(module, "Call", state->call_type) < 0) {
        return -1;
    }
    return PyModule_AddStringConstant(module, "__version__",
                                      GENLOGS_EXT_VERSION);
}

static int
module_traverse(PyObject *module, visitproc visit, void *arg)
{
    module_state *state = PyModule_GetState(module);
    Py_VISIT(state->call_type);
    return gl_exceptions_traverse(&state->exceptions, visit, arg);
}

static int
module_clear(PyObject *module)
{
    module_state *state = PyModule_GetState(module);
    Py_CLEAR(state->call_type);
    gl_exceptions_clear(&state->exceptions);
    return 0;
}

/* The collector calls module_clear; a module that dies without it needs this.
 */
static void
module_free(void *module)
{
    module_state *state = PyModule_GetState(module);
    (void)module_clear(module);
    gl_pool_free(state->pool);
    state->pool = NULL;
}

static PyMethodDef methods[] = {
    {"create_token", (PyCFunction)(void (*)(void))create_token,
     METH_VARARGS | METH_KEYWORDS, create_token_doc},
    {"loads", loads, METH_O, loads_doc},
    {"end_calls", end_calls, METH_NOARGS, end_calls_doc},
    {NULL, NULL, 0, NULL},
};

/* Slots that the limited API of Python 3.10 does not declare, and that a Python
 * older than the version named refuses to see. */
#define SLOT_MULTIPLE_INTERPRETERS 3 /* Py_mod_multiple_interpreters, 3.12 */
#define PER_INTERPRETER_GIL ((void *)2)
#define SLOT_GIL 4 /* Py_mod_gil, 3.13 */
#define GIL_NOT_USED ((void *)1)

static PyModuleDef_Slot slots_since_3_10[] = {
    {Py_mod_exec, FUNCTION_SLOT(module_exec)},
    {0, NULL},
};

static PyModuleDef_Slot slots_since_3_12[] = {
    {Py_mod_exec, FUNCTION_SLOT(module_exec)},
    {SLOT_MULTIPLE_INTERPRETERS, PER_INTERPRETER_GIL},
    {0, NULL},
};

static PyModuleDef_Slot slots_since_3_13[] = {
    {Py_mod_exec, FUNCTION_SLOT(module_exec)},
    {SLOT_MULTIPLE_INTERPRETERS, PER_INTERPRETER_GIL},
    {SLOT_GIL, GIL_NOT_USED},
    {0, NULL},
};

#define DEFINITION(slots)                                       \
    {                                                           \
        .m_base = PyModuleDef_HEAD_INIT,                        \
        .m_name = "genlogs_ext._core",                          \
        .m_doc = "GenLogs access tokens, on libcurl and jsmn.", \
        .m_size = sizeof(module_state),                         \
        .m_methods = methods,                                   \
        .m_slots = (slots),                                     \
        .m_traverse = module_traverse,                          \
        .m_clear = module_clear,                                \
        .m_free = module_free,                                  \
    }

static PyModuleDef definition_since_3_10 = DEFINITION(slots_since_3_10);
static PyModuleDef definition_since_3_12 = DEFINITION(slots_since_3_12);
static PyModuleDef definition_since_3_13 = DEFINITION(slots_since_3_13);

/* The running Python's minor version: one binary serves them all. */
static long
running_minor_version(void)
{
    const char *dot = strchr(Py_GetVersion(), '.');
    return dot != NULL ? strtol(dot + 1, NULL, 10) : 0;
}

/* Python's import finds it by name, hence no header that declares it. */
PyMODINIT_FUNC /* NOLINTNEXTLINE(misc-use-internal-linkage) */
PyInit__core(void)
{
    const long minor = running_minor_version();
    return PyModuleDef_Init(minor >= 13   ? &definition_since_3_13
                            : minor >= 12 ? &definition_since_3_12
                                          : &definition_since_3_10);
}
