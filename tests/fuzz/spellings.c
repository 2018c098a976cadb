#include "spellings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gl_error.h"

enum { WRONG = 1 }; /* stands for an escape that says nothing, or no ASCII */

/* Decode one escape at TEXT into *OUT; returns its length in TEXT. */
typedef size_t (*decoder)(const char *text, char *out);

static char
ascii(unsigned long code)
{
    return code < 0x80 ? (char)code : (char)WRONG;
}

/* DIGITS of BASE at TEXT, at least FEWEST of them; 0: they are not there. */
static size_t
number(const char *text, int base, size_t fewest, size_t most,
       unsigned long *code)
{
    const char *digits = base == 16 ? "0123456789abcdefABCDEF" : "0123456789";
    char copy[16] = "";
    size_t length = strspn(text, digits);
    length = length > most ? most : length;
    if (length < fewest) {
        return 0;
    }
    memcpy(copy, text, length);
    *code = strtoul(copy, NULL, base);
    return length;
}

static size_t
percent(const char *text, char *out)
{
    unsigned long code = WRONG;
    if (text[0] == '+') {
        *out = ' ';
        return 1;
    }
    if (text[0] != '%') {
        return 0;
    }
    const size_t length = number(text + 1, 16, 2, 2, &code);
    *out = ascii(code);
    return length + 1;
}

static size_t
backslash(const char *text, char *out)
{
    static const struct {
        char letter;
        size_t digits;
    } numbers[] = {{'x', 2}, {'u', 4}, {'U', 8}};
    unsigned long code = WRONG;
    if (text[0] != '\\' || text[1] == '\0') {
        return 0;
    }
    *out = text[1];
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (text[1] == numbers[i].letter) {
            const size_t length = number(text + 2, 16, numbers[i].digits,
                                         numbers[i].digits, &code);
            *out = ascii(code);
            return length + 2;
        }
    }
    if (strchr("bfnrt", text[1]) != NULL) {
        *out = WRONG; /* a control character, which no secret has */
    }
    return 2;
}

static size_t
entity(const char *text, char *out)
{
    static const struct {
        const char *name;
        char character;
    } names[] = {{"&amp;", '&'},
                 {"&lt;", '<'},
                 {"&gt;", '>'},
                 {"&quot;", '"'},
                 {"&apos;", '\''}};
    unsigned long code = WRONG;
    if (text[0] != '&') {
        return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t length = strlen(names[i].name);
        if (strncmp(text, names[i].name, length) == 0) {
            *out = names[i].character;
            return length;
        }
    }
    *out = WRONG;
    if (text[1] != '#') {
        return 1;
    }
    const bool hex = text[2] == 'x' || text[2] == 'X';
    const size_t start = hex ? 3 : 2;
    const size_t length = number(text + start, hex ? 16 : 10, 1, 8, &code);
    if (length == 0 || text[start + length] != ';') {
        return 1;
    }
    *out = ascii(code);
    return start + length + 1;
}

bool
is_spelled_in(const char *text, const char *secret)
{
    static const decoder decoders[] = {percent, backslash, entity};
    char decoded[GL_ERROR_MESSAGE_SIZE];
    if (strstr(text, secret) != NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++) {
        const char *at = text;
        size_t end = 0;
        while (*at != '\0') {
            char character = *at;
            const size_t length = decoders[i](at, &character);
            /* An encoded NUL would end the text for strstr. */
            decoded[end++] = character != '\0' ? character : (char)WRONG;
            at += length > 0 ? length : 1;
        }
        decoded[end] = '\0';
        if (strstr(decoded, secret) != NULL) {
            return true;
        }
    }
    return false;
}
