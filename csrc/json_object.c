#include "json_object.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    SHORT_INTEGER = 18, /* digits that fit a long long whatever they are */
    KNOWN_KEYS = 64,    /* a power of two */
    SHORT_KEY = 32      /* bytes of a key that is worth knowing again */
};

/* A key that was built: the objects of an array mostly have the same ones. */
typedef struct {
    PyObject *key; /* owned; NULL: none yet */
    const char *raw;
    size_t length;
} known_key;

typedef struct {
    PyObject *container; /* borrowed: the level above owns it */
    PyObject *key;       /* owned: of the member whose value comes next */
    int missing;         /* elements or members still to come */
} level;

typedef struct {
    const gl_json *json;
    const gl_exceptions *exceptions;
    gl_buffer scratch; /* of strings with escapes */
    size_t depth;
    known_key known[KNOWN_KEYS]; /* by hash_key */
    level levels[GL_JSON_MAX_DEPTH];
} builder;

static PyObject *
new_string(builder *b, size_t index)
{
    const jsmntok_t *token = &b->json->tokens[index];
    const char *raw = b->json->text + token->start;
    const size_t length = (size_t)(token->end - token->start);
    gl_error err;
    if (memchr(raw, '\\', length) == NULL) {
        return PyUnicode_DecodeUTF8(raw, (Py_ssize_t)length, NULL);
    }
    gl_buffer_truncate(&b->scratch, 0);
    if (gl_json_append_string(b->json, index, &b->scratch, &err) < 0) {
        gl_exceptions_raise(b->exceptions, &err);
        return NULL;
    }
    return PyUnicode_DecodeUTF8(b->scratch.data, (Py_ssize_t)b->scratch.length,
                                "surrogatepass");
}

static PyObject *
new_short_integer(const char *digits, size_t length, bool negative)
{
    long long value = 0;
    for (size_t i = 0; i < length; i++) {
        value = value * 10 + (digits[i] - '0');
    }
    return PyLong_FromLongLong(negative ? -value : value);
}

static PyObject *
new_integer(builder *b, const char *text, size_t length)
{
    char copy[GL_JSON_MAX_DIGITS + 2];
    const bool negative = text[0] == '-';
    const size_t digits = length - negative;
    gl_error err;
    if (digits <= SHORT_INTEGER) {
        return new_short_integer(text + negative, digits, negative);
    }
    PyObject *integer = NULL;
    if (digits <= GL_JSON_MAX_DIGITS) {
        memcpy(copy, text, length);
        copy[length] = '\0';
        integer = PyLong_FromString(copy, NULL, 10);
    }
    if (integer != NULL ||
        (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_ValueError))) {
        return integer;
    }
    PyErr_Clear();
    gl_error_set(&err, GL_ERROR_RESPONSE,
                 "an integer of %zu digits in the JSON is more than Python "
                 "converts",
                 digits);
    gl_exceptions_raise(b->exceptions, &err);
    return NULL;
}

static PyObject *
new_primitive(builder *b, size_t index)
{
    const jsmntok_t *token = &b->json->tokens[index];
    const char *text = b->json->text + token->start;
    const size_t length = (size_t)(token->end - token->start);
    switch (text[0]) {
    case 't':
        return Py_NewRef(Py_True);
    case 'f':
        return Py_NewRef(Py_False);
    case 'n':
        return Py_NewRef(Py_None);
    default:
        break;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.' || text[i] == 'e' || text[i] == 'E') {
            char *end;
            const double value = PyOS_string_to_double(text, &end, NULL);
            if (value == -1.0 && PyErr_Occurred()) {
                return NULL;
            }
            return PyFloat_FromDouble(value);
        }
    }
    return new_integer(b, text, length);
}

static PyObject *
new_value(builder *b, size_t index)
{
    switch (b->json->tokens[index].type) {
    case JSMN_OBJECT:
        return PyDict_New();
    case JSMN_ARRAY:
        return PyList_New(0);
    case JSMN_STRING:
        return new_string(b, index);
    default:
        return new_primitive(b, index);
    }
}

/* Put VALUE, which stays the caller's, into the innermost open container. */
static int
attach(builder *b, PyObject *value)
{
    level *innermost = &b->levels[b->depth - 1];
    innermost->missing--;
    if (innermost->key == NULL) {
        return PyList_Append(innermost->container, value);
    }
    const int status =
        PyDict_SetItem(innermost->container, innermost->key, value);
    Py_DECREF(innermost->key);
    innermost->key = NULL;
    return status;
}

static bool
expects_key(const builder *b)
{
    if (b->depth == 0) {
        return false;
    }
    const level *innermost = &b->levels[b->depth - 1];
    return innermost->key == NULL && PyDict_Check(innermost->container);
}

/* Build the value at INDEX, put it where it belongs, and open it if it is a
 * container that holds something.  *ROOT is set for the outermost one. */
static int
build_value(builder *b, size_t index, PyObject **root)
{
    const jsmntok_t *token = &b->json->tokens[index];
    PyObject *value = new_value(b, index);
    if (value == NULL) {
        return -1;
    }
    if (b->depth == 0) {
        *root = value;
    }
    else {
        const int status = attach(b, value);
        Py_DECREF(value);
        if (status < 0) {
            return -1;
        }
    }
    if (token->size > 0) {
        b->levels[b->depth++] =
            (level){.container = value, .missing = token->size};
    }
    while (b->depth > 0 && b->levels[b->depth - 1].missing == 0) {
        b->depth--;
    }
    return 0;
}

/* FNV-1a, cut to an index of known keys. */
static size_t
hash_key(const char *raw, size_t length)
{
    uint32_t hash = 2166136261;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)raw[i]) * 16777619;
    }
    return (hash ^ (hash >> 16)) % KNOWN_KEYS;
}

/* The key at INDEX, as a new reference: one that is known, where it was built
 * from the same text. */
static PyObject *
new_key(builder *b, size_t index)
{
    const jsmntok_t *token = &b->json->tokens[index];
    const char *raw = b->json->text + token->start;
    const size_t length = (size_t)(token->end - token->start);
    if (length > SHORT_KEY) {
        return new_string(b, index);
    }
    known_key *known = &b->known[hash_key(raw, length)];
    if (known->key == NULL || known->length != length ||
        memcmp(known->raw, raw, length) != 0) {
        PyObject *key = new_string(b, index);
        if (key == NULL) {
            return NULL;
        }
        Py_XDECREF(known->key);
        *known = (known_key){.key = key, .raw = raw, .length = length};
    }
    return Py_NewRef(known->key);
}

static int
build_key(builder *b, size_t index)
{
    PyObject *key = new_key(b, index);
    b->levels[b->depth - 1].key = key;
    return key != NULL ? 0 : -1;
}

/* Build all of it.  On failure what is there so far is in *ROOT. */
static int
build(builder *b, PyObject **root)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < b->json->count; i++) {
        status = expects_key(b) ? build_key(b, i) : build_value(b, i, root);
    }
    while (b->depth > 0) {
        b->depth--; /* not below: Py_CLEAR may evaluate its argument twice */
        Py_CLEAR(b->levels[b->depth].key);
    }
    for (size_t i = 0; i < KNOWN_KEYS; i++) {
        Py_XDECREF(b->known[i].key);
    }
    return status;
}

PyObject *
gl_json_to_python(const gl_json *json, const gl_exceptions *exceptions)
{
    builder b;
    PyObject *root = NULL;
    b.json = json;
    b.exceptions = exceptions;
    b.depth = 0;
    memset(b.known, 0, sizeof b.known);
    gl_buffer_init(&b.scratch, GL_JSON_MAX_LENGTH);
    /* A tree has no cycles to collect, and looking for them again and again
     * while it grows costs more than building it. */
    const int collecting = PyGC_Disable();
    if (build(&b, &root) < 0) {
        Py_CLEAR(root);
    }
    if (collecting) {
        PyGC_Enable();
    }
    gl_buffer_free(&b.scratch);
    return root;
}
