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

#include "arguments.h"
#include "exceptions.h"
#include "json_object.h"
#include "libcurl.h"
#include "token_request.h"
#include "url_cache.h"

/* A slot's function as a void *, which POSIX has and ISO C does not know. */
#if defined(__GNUC__)
#define FUNCTION_SLOT(function) __extension__(void *)(function)
#else
#define FUNCTION_SLOT(function) (void *)(function)
#endif

typedef struct {
    gl_shared shared;
    PyObject *call_type; /* Call */
    gl_pool *pool;       /* connections of every call in this interpreter */
    char user_agent[GL_USER_AGENT_SIZE];
} module_state;

/* A call that another thread can end, and what there is to know of its answer
 * beside the tokens. */
typedef struct {
    PyObject_HEAD atomic_bool cancelled;
    double date;  /* what the server's clock showed then; < 0: not known */
    bool in_body; /* the server took the credentials in the body */
    int attempts; /* 0: there was no answer */
} call_object;

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

/* Send REQUEST without the GIL.  CALL, if not NULL, says whether to stop in
 * place of signals, and learns of the answer. */
static PyObject *
send_request(gl_token_request *request, call_object *call,
             const gl_exceptions *exceptions)
{
    gl_token_response response;
    gl_error err;
    PyObject *tokens = NULL;
    gl_token_response_init(&response);

    PyThreadState *saved = PyEval_SaveThread();
    request->transport.stop = call != NULL
                                  ? (gl_stop){is_cancelled, &call->cancelled}
                                  : (gl_stop){signal_raised, &saved};
    request->transport.wants_date = call != NULL;
    const int status = gl_token_request_send(request, &response, &err);
    PyEval_RestoreThread(saved);

    if (status == 0) {
        tokens = gl_json_to_python(&response.json, exceptions);
        if (call != NULL) {
            call->date = response.date;
            call->in_body = response.in_body;
            call->attempts = response.attempts;
        }
    }
    else if (err.kind == GL_ERROR_INTERRUPTED && call != NULL) {
        gl_error_set(&err, GL_ERROR_TRANSPORT, "the call was cancelled");
        gl_exceptions_raise(exceptions, &err);
    }
    else {
        gl_exceptions_raise(exceptions, &err);
    }
    gl_token_response_free(&response);
    return tokens;
}

/* A request of Python's arguments, and what it borrows from. */
typedef struct {
    gl_arguments arguments;
    gl_lent lent;
    gl_token_request request;
} prepared_call;

/* End also what did not begin well. */
static void
end_call(prepared_call *p)
{
    gl_lent_free(&p->lent);
    gl_token_request_free(&p->request);
    gl_arguments_release(&p->arguments);
}

static int
begin_call(module_state *state, PyObject *const *args, Py_ssize_t count,
           PyObject *names, prepared_call *p)
{
    p->arguments = (gl_arguments){0};
    gl_lent_init(&p->lent);
    gl_token_request_init(&p->request);
    p->request.transport.pool = state->pool;
    p->request.user_agent = state->user_agent;
    return gl_arguments_parse(args, count, names, &p->arguments) < 0
               ? -1
               : gl_arguments_take(&p->arguments, &p->request, &p->lent,
                                   &state->shared);
}

/* Take Python's arguments, send what they ask for, give back the answer. */
static PyObject *
make_call(module_state *state, PyObject *const *args, Py_ssize_t count,
          PyObject *names, call_object *call)
{
    prepared_call p;
    PyObject *tokens = NULL;
    if (begin_call(state, args, count, names, &p) == 0) {
        tokens = send_request(&p.request, call, &state->shared.exceptions);
    }
    end_call(&p);
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
    "        Default: what SSL_CERT_FILE, CURL_CA_BUNDLE or "
    "REQUESTS_CA_BUNDLE\n"
    "        names (a directory, too), else the system's, else certifi's.\n"
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
create_token(PyObject *module, PyObject *const *args, Py_ssize_t count,
             PyObject *names)
{
    return make_call(PyModule_GetState(module), args, count, names, NULL);
}

/* ---- check ------------------------------------------------------------------
 */

PyDoc_STRVAR(check_doc,
             "check(*args, **kwargs)\n"
             "--\n"
             "\n"
             "Check create_token's arguments and send nothing. Not public.\n"
             "\n"
             "Returns:\n"
             "    The URL that they would be sent to, without the query.\n"
             "\n"
             "Raises:\n"
             "    TypeError, ValueError: As create_token.\n");

static PyObject *
check(PyObject *module, PyObject *const *args, Py_ssize_t count,
      PyObject *names)
{
    prepared_call p;
    PyObject *url = NULL;
    if (begin_call(PyModule_GetState(module), args, count, names, &p) == 0) {
        url = PyUnicode_FromString(p.request.url->endpoint.data);
    }
    end_call(&p);
    return url;
}

/* ---- Call -------------------------------------------------------------------
 */

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
call_create_token(PyObject *self, PyObject *const *args, Py_ssize_t count,
                  PyObject *names)
{
    module_state *state = PyType_GetModuleState(Py_TYPE(self));
    call_object *call = (call_object *)self;
    return make_call(state, args, count, names, call);
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
        call->date = -1.0;
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

static PyObject *
call_get_date(PyObject *self, void *Py_UNUSED(closure))
{
    const call_object *call = (call_object *)self;
    return call->date < 0.0 ? Py_NewRef(Py_None)
                            : PyFloat_FromDouble(call->date);
}

static PyObject *
call_get_credentials_in(PyObject *self, void *Py_UNUSED(closure))
{
    const call_object *call = (call_object *)self;
    return call->attempts == 0
               ? Py_NewRef(Py_None)
               : PyUnicode_FromString(call->in_body ? "body" : "query");
}

static PyObject *
call_get_attempts(PyObject *self, void *Py_UNUSED(closure))
{
    const call_object *call = (call_object *)self;
    return PyLong_FromLong(call->attempts);
}

static PyGetSetDef call_attributes[] = {
    {"date", call_get_date, NULL,
     "When the server sent the answer, by its own clock, in seconds since "
     "1970; "
     "None when it did not say.",
     NULL},
    {"credentials_in", call_get_credentials_in, NULL,
     "Where the server took the credentials: 'query' or 'body'; None without "
     "an "
     "answer.",
     NULL},
    {"attempts", call_get_attempts, NULL,
     "How often the request was made for the answer; 0 without one.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef call_methods[] = {
    {"create_token", (PyCFunction)(void (*)(void))call_create_token,
     METH_FASTCALL | METH_KEYWORDS, call_create_token_doc},
    {"cancel", call_cancel, METH_NOARGS, call_cancel_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot call_slots[] = {
    {Py_tp_doc, (void *)call_doc},
    {Py_tp_new, FUNCTION_SLOT(call_new)},
    {Py_tp_dealloc, FUNCTION_SLOT(call_dealloc)},
    {Py_tp_methods, call_methods},
    {Py_tp_getset, call_attributes},
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
        gl_wrong_type("document", "bytes", document);
        return NULL;
    }
    if (PyBytes_AsStringAndSize(document, &text, &length) < 0) {
        return NULL;
    }
    if (gl_json_parse(&json, text, (size_t)length, &err) == 0) {
        object = gl_json_to_python(&json, &state->shared.exceptions);
    }
    else {
        gl_exceptions_raise(&state->shared.exceptions, &err);
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

/* Add what runs, for bug reports.  Not curl_version(): through OpenLDAP that
 * may look up this machine's name. */
static int
add_libcurl(PyObject *module)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    const char *ssl = curl->ssl_version != NULL ? curl->ssl_version : "no TLS";
    const bool http_2 = (curl->features & CURL_VERSION_HTTP2) != 0;
    PyObject *text = PyUnicode_FromFormat(
        "libcurl/%s %s HTTP/%s", curl->version, ssl, http_2 ? "2" : "1.1");
    const int status =
        text != NULL ? PyModule_AddObjectRef(module, "libcurl", text) : -1;
    Py_XDECREF(text);
    return status;
}

static int
module_exec(PyObject *module)
{
    module_state *state = PyModule_GetState(module);
    gl_error err;
    if (gl_exceptions_load(&state->shared.exceptions) < 0) {
        return -1;
    }
    if (gl_libcurl_start(&err) < 0) {
        if (err.kind == GL_ERROR_MEMORY) {
            PyErr_NoMemory();
        }
        else {
            PyErr_SetString(PyExc_ImportError, err.message);
        }
        return -1;
    }
    gl_user_agent(state->user_agent);
    state->pool = gl_pool_new();
    if (state->pool == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    state->shared.urls = gl_url_cache_new();
    if (state->shared.urls == NULL) {
        return -1;
    }
    state->call_type = PyType_FromModuleAndSpec(module, &call_spec, NULL);
    if (state->call_type == NULL && !PyErr_Occurred()) {
        PyErr_NoMemory(); /* Python 3.11 may forget to say so */
    }
    if (state->call_type == NULL ||
        PyModule_AddObjectRef(module, "Call", state->call_type) < 0) {
        return -1;
    }
    if (add_libcurl(module) < 0) {
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
    Py_VISIT(state->shared.urls);
    return gl_exceptions_traverse(&state->shared.exceptions, visit, arg);
}

static int
module_clear(PyObject *module)
{
    module_state *state = PyModule_GetState(module);
    Py_CLEAR(state->call_type);
    Py_CLEAR(state->shared.urls);
    gl_exceptions_clear(&state->shared.exceptions);
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
     METH_FASTCALL | METH_KEYWORDS, create_token_doc},
    {"check", (PyCFunction)(void (*)(void))check, METH_FASTCALL | METH_KEYWORDS,
     check_doc},
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
    return strtol(strchr(Py_GetVersion(), '.') + 1, NULL, 10);
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
