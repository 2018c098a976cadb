#include "redactor.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { SHORT_SECRET = 4 };

/* One way to spell a text.  In each of them any character but the one that
 * begins an escape may also stand for itself. */
typedef enum {
    PLAIN,
    PERCENT,   /* %XX for a byte, + for a space */
    BACKSLASH, /* \n \" \' \/ \xXX \uXXXX \UXXXXXXXX */
    ENTITY,    /* &amp; &#38; &#x26; */
    SPELLINGS
} spelling;

/* ---- one character --------------------------------------------------------
 */

/* A character of a secret: its code point and its UTF-8, which is never longer
 * than what is left of the secret. */
typedef struct {
    uint32_t code;
    const char *bytes;
    size_t length;
} character;

static character
first_character(gl_text text)
{
    const unsigned char lead = (unsigned char)text.bytes[0];
    character c = {lead, text.bytes, 1};
    if (lead >= 0xf0) {
        c.length = 4;
        c.code = lead & 0x07;
    }
    else if (lead >= 0xe0) {
        c.length = 3;
        c.code = lead & 0x0f;
    }
    else if (lead >= 0xc0) {
        c.length = 2;
        c.code = lead & 0x1f;
    }
    if (c.length > text.length) {
        c.length = text.length;
    }
    for (size_t i = 1; i < c.length; i++) {
        c.code = c.code << 6 | ((unsigned char)text.bytes[i] & 0x3f);
    }
    return c;
}

static int
digit_value(char digit, unsigned int base)
{
    const char lower = (char)(digit | 0x20);
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return base == 16 && lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Read up to MOST digits of BASE at TEXT into *VALUE; returns how many. */
static size_t
read_digits(gl_text text, unsigned int base, size_t most, uint32_t *value)
{
    size_t count = 0;
    *value = 0;
    while (count < most && count < text.length) {
        const int digit = digit_value(text.bytes[count], base);
        if (digit < 0) {
            break;
        }
        *value = *value * base + (uint32_t)digit;
        count++;
    }
    return count;
}

static gl_text
after(gl_text text, size_t length)
{
    return (gl_text){text.bytes + length, text.length - length};
}

static bool
begins_with(gl_text text, const char *bytes, size_t length)
{
    return text.length >= length && memcmp(text.bytes, bytes, length) == 0;
}

/* The matchers below return how many bytes of TEXT spell C, 0 for none. */

static size_t
match_plain(gl_text text, character c)
{
    if (begins_with(text, c.bytes, c.length)) {
        return c.length;
    }
    /* Control characters are shown as spaces. */
    return c.code == ' ' ? gl_control_length(text.bytes, text.length) : 0;
}

static size_t
match_percent(gl_text text, character c)
{
    size_t length = 0;
    if (c.code == ' ' && begins_with(text, "+", 1)) {
        return 1;
    }
    for (size_t i = 0; i < c.length; i++, length += 3) {
        uint32_t byte;
        const gl_text rest = after(text, length);
        if (!begins_with(rest, "%", 1) ||
            read_digits(after(rest, 1), 16, 2, &byte) != 2 ||
            byte != (unsigned char)c.bytes[i]) {
            return 0;
        }
    }
    return length;
}

/* \uXXXX */
static bool
match_code_unit(gl_text text, uint32_t wanted)
{
    uint32_t unit;
    return begins_with(text, "\\u", 2) &&
           read_digits(after(text, 2), 16, 4, &unit) == 4 && unit == wanted;
}

/* \uXXXX, twice for a character beyond U+FFFF. */
static size_t
match_code_units(gl_text text, uint32_t code)
{
    if (code <= 0xffff) {
        return match_code_unit(text, code) ? 6 : 0;
    }
    const uint32_t offset = code - 0x10000;
    return match_code_unit(text, 0xd800 + (offset >> 10)) &&
                   match_code_unit(after(text, 6), 0xdc00 + (offset & 0x3ff))
               ? 12
               : 0;
}

static size_t
match_backslash(gl_text text, character c)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    uint32_t code;
    if (text.length < 2 || text.bytes[0] != '\\') {
        return 0;
    }
    const char letter = text.bytes[1];
    const char *short_escape = strchr(letters, letter);
    if (letter != '\0' && short_escape != NULL) {
        return (unsigned char)meanings[short_escape - letters] == c.code ? 2
                                                                         : 0;
    }
    if (letter == 'x') {
        return read_digits(after(text, 2), 16, 2, &code) == 2 && code == c.code
                   ? 4
                   : 0;
    }
    if (letter == 'U') {
        return read_digits(after(text, 2), 16, 8, &code) == 8 && code == c.code
                   ? 10
                   : 0;
    }
    if (letter == 'u') {
        return match_code_units(text, c.code);
    }
    return (unsigned char)letter == c.code ? 2 : 0;
}

static size_t
match_entity(gl_text text, character c)
{
    static const struct {
        const char *name;
        uint32_t code;
    } names[] = {{"&amp;", '&'},  {"&lt;", '<'},    {"&gt;", '>'},
                 {"&quot;", '"'}, {"&apos;", '\''}, {"&nbsp;", 0xa0}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t length = strlen(names[i].name);
        if (names[i].code == c.code &&
            begins_with(text, names[i].name, length)) {
            return length;
        }
    }
    if (!begins_with(text, "&#", 2)) {
        return 0;
    }
    const bool hex = text.length > 2 && (text.bytes[2] | 0x20) == 'x';
    const size_t start = hex ? 3 : 2;
    uint32_t code;
    const size_t digits =
        read_digits(after(text, start), hex ? 16 : 10, 8, &code);
    const gl_text rest = after(text, start + digits);
    return digits > 0 && code == c.code && begins_with(rest, ";", 1)
               ? start + digits + 1
               : 0;
}

/* The byte that begins an escape in each spelling. */
static const char begins_escape[] = {
    [PLAIN] = '\0', [PERCENT] = '%', [BACKSLASH] = '\\', [ENTITY] = '&'};

static size_t
match_character(gl_text text, character c, spelling how)
{
    static size_t (*const escaped[])(gl_text, character) = {
        [PERCENT] = match_percent,
        [BACKSLASH] = match_backslash,
        [ENTITY] = match_entity,
    };
    if (how == PLAIN) {
        return match_plain(text, c);
    }
    const size_t length = escaped[how](text, c);
    if (length > 0 || c.code == (unsigned char)begins_escape[how]) {
        return length;
    }
    return match_plain(text, c);
}

/* ---- a secret, a parameter ------------------------------------------------
 */

/* How many bytes at the start of TEXT spell SECRET in one way, 0 for none. */
static size_t
match_spelling(gl_text text, gl_text secret, spelling how)
{
    size_t length = 0;
    while (secret.length > 0) {
        const character c = first_character(secret);
        const size_t matched = match_character(after(text, length), c, how);
        if (matched == 0) {
            return 0;
        }
        length += matched;
        secret = after(secret, c.length);
    }
    return length;
}

/* Which spellings may differ, somewhere in a text, from the secret's own bytes.
 */
typedef struct {
    bool may_differ[SPELLINGS];
} hints;

static hints
find_hints(gl_text text)
{
    hints h = {{false}};
    for (size_t i = 0; i < text.length; i++) {
        const char byte = text.bytes[i];
        h.may_differ[PLAIN] |=
            gl_control_length(text.bytes + i, text.length - i) > 0;
        h.may_differ[PERCENT] |= byte == '%' || byte == '+';
        h.may_differ[BACKSLASH] |= byte == '\\';
        h.may_differ[ENTITY] |= byte == '&';
    }
    return h;
}

/* The same in any way.  No spelling is shorter than the secret. */
static size_t
match_secret(gl_text text, gl_text secret, const hints *h)
{
    if (secret.length == 0 || text.length < secret.length) {
        return 0;
    }
    size_t longest = 0;
    if (memcmp(text.bytes, secret.bytes, secret.length) == 0) {
        longest = secret.length;
    }
    for (int how = PLAIN; how < SPELLINGS; how++) {
        if (h->may_differ[how]) {
            const size_t length = match_spelling(text, secret, (spelling)how);
            longest = length > longest ? length : longest;
        }
    }
    return longest;
}

/* The length of the name when TEXT begins with a parameter that is not to be
 * shown, in any case, else 0. */
static size_t
match_parameter_name(gl_text text)
{
    static const char *const names[] = {"password=", "email="};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t length = strlen(names[i]);
        size_t same = 0;
        while (same < length && same < text.length &&
               (text.bytes[same] | 0x20) == (names[i][same] | 0x20)) {
            same++;
        }
        if (same == length) {
            return length;
        }
    }
    return 0;
}

/* How many bytes at the start of TEXT belong to a parameter's value. */
static size_t
value_length(gl_text text)
{
    size_t length = 0;
    while (length < text.length && (unsigned char)text.bytes[length] > ' ' &&
           strchr("&\"<>", text.bytes[length]) == NULL) {
        length++;
    }
    return length;
}

/* ---- the text -------------------------------------------------------------
 */

static int
append_stars(gl_buffer *out, size_t start, gl_error *err)
{
    static const char stars[] = "***";
    const size_t length = sizeof stars - 1;
    if (out->length - start >= length &&
        memcmp(out->data + out->length - length, stars, length) == 0) {
        return 0; /* one run of stars for neighbours */
    }
    return gl_buffer_append(out, stars, length, err);
}

int
gl_redact(gl_text text, const gl_text *secrets, size_t count, size_t most,
          gl_buffer *out, gl_error *err)
{
    const size_t start = out->length;
    const hints h = find_hints(text);
    while (text.length > 0 && out->length - start < most) {
        size_t secret_length = 0;
        for (size_t i = 0; i < count; i++) {
            const size_t matched = match_secret(text, secrets[i], &h);
            if (matched > 0 && secrets[i].length < SHORT_SECRET) {
                gl_buffer_truncate(out, start);
                return 0;
            }
            secret_length = matched > secret_length ? matched : secret_length;
        }
        size_t shown = secret_length > 0 ? 0 : match_parameter_name(text);
        size_t hidden = secret_length;
        if (shown > 0) {
            hidden = value_length(after(text, shown));
        }
        else if (secret_length == 0) {
            shown = 1;
        }
        if (gl_buffer_append(out, text.bytes, shown, err) < 0 ||
            (hidden > 0 && append_stars(out, start, err) < 0)) {
            return -1;
        }
        text = after(text, shown + hidden);
    }
    return 0;
}
