/* Loaded into a process that has genlogs_ext._core: calls that the extension
 * makes of Python and of libc fail on command.
 *
 * The functions that a shared object calls stand in a table that the dynamic
 * linker has filled (ELF's global offset table).  Ours are put into the
 * extension's table alone, so whoever else calls the same function is left in
 * peace; a preload would not do, since Python's own symbols come before it.
 * For 64-bit Linux, whose relocations have addends.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Every argument is a pointer or an integer, and six of these are in registers,
 * wanted or not. */
typedef uintptr_t word;
typedef word (*function)(word, word, word, word, word, word);

/* Python's functions, and what they return beside a MemoryError. */
#define FUNCTIONS(X)                  \
    X(PyArg_ParseTupleAndKeywords, 0) \
    X(PyBool_FromLong, 0)             \
    X(PyBytes_AsString, 0)            \
    X(PyBytes_AsStringAndSize, -1)    \
    X(PyCapsule_New, 0)               \
    X(PyDict_GetItemWithError, 0)     \
    X(PyDict_New, 0)                  \
    X(PyDict_SetItem, -1)             \
    X(PyImport_ImportModule, 0)       \
    X(PyList_Append, -1)              \
    X(PyList_New, 0)                  \
    X(PyLong_FromLong, 0)             \
    X(PyLong_FromLongLong, 0)         \
    X(PyLong_FromString, 0)           \
    X(PyModule_AddObjectRef, -1)      \
    X(PyModule_AddStringConstant, -1) \
    X(PyObject_Call, 0)               \
    X(PyObject_CallFunction, 0)       \
    X(PyObject_CallMethod, 0)         \
    X(PyObject_CallObject, 0)         \
    X(PyObject_GetAttrString, 0)      \
    X(PyTuple_GetItem, 0)             \
    X(PyType_FromModuleAndSpec, 0)    \
    X(PyType_GenericAlloc, 0)         \
    X(PyUnicode_AsUTF8AndSize, 0)     \
    X(PyUnicode_DecodeLatin1, 0)      \
    X(PyUnicode_DecodeUTF8, 0)        \
    X(PyUnicode_FSConverter, 0)       \
    X(PyUnicode_FromFormat, 0)        \
    X(PyUnicode_FromObject, 0)        \
    X(PyUnicode_FromString, 0)

/* Python's. */
void *
PyErr_NoMemory(void);

typedef struct {
    const char *name;
    function stand_in;
    function original; /* NULL: the extension does not call it */
    word *slot;
} hook;

static _Thread_local long calls_left; /* before the one that fails */
static _Thread_local bool armed;
static _Thread_local bool is_memory; /* what fails: else Python's functions */
static _Thread_local bool fails_after;
static _Thread_local long failed;
static atomic_long live_blocks;

static bool
fails(bool of_memory)
{
    if (!armed || of_memory != is_memory) {
        return false;
    }
    if (calls_left > 0) {
        calls_left--;
        return false;
    }
    if (failed > 0 && !fails_after) {
        return false;
    }
    failed++;
    return true;
}

enum {
    MALLOC,
    CALLOC,
    FREE,
    STRING_TO_DOUBLE,
#define X(name, failure) AT_##name,
    FUNCTIONS(X)
#undef X
        HOOKS
};

static hook hooks[HOOKS];

static int first; /* of HOOKS that are wanted */

static word
count_block(word block)
{
    live_blocks += block != 0;
    return block;
}

static word
stand_in_for_malloc(word a, word b, word c, word d, word e, word f)
{
    return fails(true) ? 0
                       : count_block(hooks[MALLOC].original(a, b, c, d, e, f));
}

static word
stand_in_for_calloc(word a, word b, word c, word d, word e, word f)
{
    return fails(true) ? 0
                       : count_block(hooks[CALLOC].original(a, b, c, d, e, f));
}

static word
stand_in_for_free(word a, word b, word c, word d, word e, word f)
{
    live_blocks -= a != 0;
    return hooks[FREE].original(a, b, c, d, e, f);
}

/* The one whose result is not a word. */
typedef double (*to_double)(const char *, char **, void *);

static double
stand_in_for_string_to_double(const char *text, char **end, void *overflow)
{
    if (fails(false)) {
        (void)PyErr_NoMemory();
        return -1.0;
    }
    const to_double original =
        (to_double)(void (*)(void))hooks[STRING_TO_DOUBLE].original;
    return original(text, end, overflow);
}

#define X(name, failure)                                                    \
    static word stand_in_for_##name(word a, word b, word c, word d, word e, \
                                    word f)                                 \
    {                                                                       \
        if (fails(false)) {                                                 \
            (void)PyErr_NoMemory();                                         \
            return (word)(failure);                                         \
        }                                                                   \
        return hooks[AT_##name].original(a, b, c, d, e, f);                 \
    }
FUNCTIONS(X)
#undef X

static hook hooks[HOOKS] = {
    {"malloc", stand_in_for_malloc, NULL, NULL},
    {"calloc", stand_in_for_calloc, NULL, NULL},
    {"free", stand_in_for_free, NULL, NULL},
    {"PyOS_string_to_double",
     (function)(void (*)(void))stand_in_for_string_to_double, NULL, NULL},
#define X(name, failure) {#name, stand_in_for_##name, NULL, NULL},
    FUNCTIONS(X)
#undef X
};

/* ---- the extension's table -------------------------------------------------
 */

/* What is wanted of an ELF dynamic section. */
typedef struct {
    const ElfW(Sym) * symbols;
    const char *names;
    const ElfW(Rela) * relocations[2];
    size_t sizes[2]; /* in bytes */
} tables;

static tables
find_tables(const ElfW(Dyn) * entry)
{
    tables t = {0};
    for (; entry->d_tag != DT_NULL; entry++) {
        const uintptr_t value = entry->d_un.d_ptr;
        switch (entry->d_tag) {
        case DT_SYMTAB:
            t.symbols = (const ElfW(Sym) *)value;
            break;
        case DT_STRTAB:
            t.names = (const char *)value;
            break;
        case DT_JMPREL:
            t.relocations[0] = (const ElfW(Rela) *)value;
            break;
        case DT_PLTRELSZ:
            t.sizes[0] = value;
            break;
        case DT_RELA:
            t.relocations[1] = (const ElfW(Rela) *)value;
            break;
        case DT_RELASZ:
            t.sizes[1] = value;
            break;
        default:
            break;
        }
    }
    return t;
}

/* Put our function into SLOT, if it is one of ours that NAME calls there. */
static int
hook_slot(const char *name, word *slot)
{
    for (int i = first; i < HOOKS; i++) {
        if (strcmp(hooks[i].name, name) != 0 || *slot == 0 ||
            *slot == (word)hooks[i].stand_in) {
            continue;
        }
        const uintptr_t page =
            (uintptr_t)slot & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
        if (mprotect((void *)page, (uintptr_t)(slot + 1) - page,
                     PROT_READ | PROT_WRITE) != 0) {
            return 0;
        }
        hooks[i].original = (function)*slot;
        hooks[i].slot = slot;
        *slot = (word)hooks[i].stand_in;
        return 1;
    }
    return 0;
}

static int
hook_object(struct dl_phdr_info *object, size_t size, void *context)
{
    int *hooked = context;
    (void)size;
    if (strstr(object->dlpi_name, "/_core.") == NULL) {
        return 0;
    }
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_DYNAMIC) {
            continue;
        }
        const tables t = find_tables(
            (const ElfW(Dyn) *)(object->dlpi_addr + segment->p_vaddr));
        for (int j = 0; j < 2; j++) {
            const size_t count = t.sizes[j] / sizeof *t.relocations[j];
            for (size_t k = 0; k < count; k++) {
                const ElfW(Rela) *relocation = &t.relocations[j][k];
                const size_t symbol = relocation->r_info >> 32;
                word *slot = (word *)(object->dlpi_addr + relocation->r_offset);
                *hooked += symbol != 0 &&
                           hook_slot(t.names + t.symbols[symbol].st_name, slot);
            }
        }
    }
    return 1;
}

/* ---- what the tests call ---------------------------------------------------
 */

int
core_calls_hook(int memory);
int
core_calls_unhook(void);
void
core_calls_arm(int memory, long nth, int all_after);
long
core_calls_disarm(void);
long
core_calls_live_blocks(void);

/* Stand before the extension's calls, those for memory if MEMORY says so.
 * Returns before how many functions. */
int
core_calls_hook(int memory)
{
    int hooked = 0;
    first = memory ? 0 : STRING_TO_DOUBLE;
    (void)dl_iterate_phdr(hook_object, &hooked);
    return hooked;
}

/* Put everything back.  Returns how many functions. */
int
core_calls_unhook(void)
{
    int count = 0;
    for (size_t i = 0; i < HOOKS; i++) {
        if (hooks[i].slot != NULL) {
            *hooks[i].slot = (word)hooks[i].original;
            hooks[i].slot = NULL;
            count++;
        }
    }
    return count;
}

/* From now on this thread's call number NTH (from 1) fails: of an allocation if
 * MEMORY, else of a function of Python's; and every later one, too, if
 * ALL_AFTER. */
void
core_calls_arm(int memory, long nth, int all_after)
{
    is_memory = memory;
    calls_left = nth - 1;
    fails_after = all_after;
    failed = 0;
    armed = true;
}

/* No more of that.  How many calls failed. */
long
core_calls_disarm(void)
{
    armed = false;
    return failed;
}

/* How many blocks the extension has allocated and not freed, since it was
 * hooked. */
long
core_calls_live_blocks(void)
{
    return atomic_load(&live_blocks);
}
