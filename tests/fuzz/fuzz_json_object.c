/* libFuzzer target: bytes to Python objects, judged by json.loads.
 *
 * Runs an embedded Python.  The judge refuses what we refuse on purpose
 * (docs/json.md) before json.loads is asked.
 */
#include <Python.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "exceptions.h"
#include "json_object.h"

static const char judge_source[] =
    "import json, sys\n"
    "sys.setrecursionlimit(20000)\n"
    "def refuse(constant):\n"
    "    raise ValueError(constant)\n"
    "def judge(data):\n"
    "    try:\n"
    "        text = data.decode('utf-8').removeprefix('\\ufeff')\n"
    "        return json.loads(text, parse_constant=refuse)\n"
    "    except ValueError:\n"
    "        return Refused\n"
    "class Refused: pass\n";

static gl_exceptions exceptions;
static PyObject *judge;
static PyObject *refused;

static void
die(const char *what)
{
    if (PyErr_Occurred()) {
        PyErr_Print();
    }
    (void)fprintf(stderr, "%s\n", what);
    abort();
}

static void
start_python(void)
{
    Py_InitializeEx(0);
    PyObject *globals = PyDict_New();
    if (globals == NULL || PyDict_SetItemString(globals, "__builtins__",
                                                PyEval_GetBuiltins()) < 0) {
        die("no globals");
    }
    PyObject *done =
        PyRun_String(judge_source, Py_file_input, globals, globals);
    judge = PyDict_GetItemString(globals, "judge");
    refused = PyDict_GetItemString(globals, "Refused");
    if (done == NULL || judge == NULL || refused == NULL ||
        gl_exceptions_load(&exceptions) < 0) {
        die("Python does not start");
    }
}

static PyObject *
ours(PyObject *bytes)
{
    gl_json json;
    gl_error err;
    PyObject *object = NULL;
    const char *text = PyBytes_AsString(bytes);
    if (gl_json_parse(&json, text, (size_t)PyBytes_Size(bytes), &err) < 0) {
        gl_exceptions_raise(&exceptions, &err);
    }
    else {
        object = gl_json_to_python(&json, &exceptions);
    }
    gl_json_free(&json);
    return object;
}

/* The same value, of the same types, in the same order. */
static bool
same(PyObject *a, PyObject *b)
{
    PyObject *said_a = PyObject_Repr(a);
    PyObject *said_b = PyObject_Repr(b);
    if (said_a == NULL || said_b == NULL) {
        die("no repr");
    }
    const bool equal = PyUnicode_Compare(said_a, said_b) == 0;
    Py_DECREF(said_a);
    Py_DECREF(said_b);
    return equal;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (judge == NULL) {
        start_python();
    }
    PyObject *bytes =
        PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)size);
    PyObject *expected = PyObject_CallFunctionObjArgs(judge, bytes, NULL);
    if (expected == NULL) {
        die("json.loads failed in a way of its own");
    }
    PyObject *found = ours(bytes);
    if (found == NULL) {
        if (!PyErr_ExceptionMatches(exceptions.invalid_response)) {
            die("an undocumented exception");
        }
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyObject *said = PyObject_Str(value);
        const char *text = said != NULL ? PyUnicode_AsUTF8(said) : NULL;
        const bool limit = text != NULL && strstr(text, "nested more than");
        if (expected != refused && !limit) {
            die("refused what json.loads takes");
        }
        Py_XDECREF(said);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
    }
    else if (expected == refused) {
        die("took what json.loads refuses");
    }
    else if (!same(found, expected)) {
        die("another value than json.loads'");
    }
    Py_XDECREF(found);
    Py_DECREF(expected);
    Py_DECREF(bytes);
    return 0;
}
