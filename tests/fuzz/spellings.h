/* Whether a secret stands in a text, in one of the spellings that redactor.h
 * names: by decoding the text, not by spelling the secret.
 */
#ifndef SPELLINGS_H
#define SPELLINGS_H

#include <stdbool.h>

/* SECRET is ASCII. */
bool
is_spelled_in(const char *text, const char *secret);

#endif
