/* libFuzzer target: the values of Retry-After and Date.  What RFC 9110 allows
 * is read as it says; for all else there is some number of seconds that can be
 * calculated with, or none.
 */
#define _GNU_SOURCE /* strptime, timegm */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exchange.h"

static const char token[] =
    "\r\n\r\n{\"access_token_data\": {\"token\": \"t\", \"expires\": \"e\"}}";

/* The longest value that is tried; transport.c takes no longer Date. */
enum { LONGEST = 256 };

/* VALUE as an IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT"); -1: it is none. */
static time_t
read_fixdate(const char *value)
{
    static const char format[] = "%a, %d %b %Y %H:%M:%S GMT";
    struct tm fields = {0};
    char again[64];
    const char *end = strptime(value, format, &fields);
    if (end == NULL || *end != '\0') {
        return -1;
    }
    const time_t when = timegm(&fields);
    const struct tm *said = gmtime(&when);
    if (when < 0 || said == NULL ||
        strftime(again, sizeof again, format, said) == 0 ||
        strcmp(again, value) != 0) {
        return -1;
    }
    return when;
}

/* Answer a call with the header NAME of VALUE; as exchange_call. */
static int
ask(const char *status, const char *name, const char *value, const char *rest,
    gl_token_response *response, gl_error *err)
{
    char said[2 * LONGEST + sizeof token];
    const int length = snprintf(said, sizeof said, "HTTP/1.1 %s\r\n%s: %s%s",
                                status, name, value, rest);
    require(length > 0 && (size_t)length < sizeof said, "too long an answer");
    const exchange e = {.answers = (const uint8_t *)said,
                        .size = (size_t)length,
                        .closes = true};
    return exchange_call(&e, response, err);
}

static void
check_retry_after(const char *value)
{
    gl_token_response response;
    gl_error err = GL_ERROR_INIT;
    const size_t digits = strspn(value, "0123456789");
    const time_t date = read_fixdate(value);
    gl_token_response_init(&response);
    require(ask("503 x", "retry-after", value, "\r\ncontent-length: 0\r\n\r\n",
                &response, &err) < 0,
            "a 503 is no success");
    gl_token_response_free(&response);
    if (err.kind != GL_ERROR_API) {
        return; /* a value that broke the answer */
    }
    require(isfinite(err.retry_after) && err.retry_after < 1e20,
            "a time that cannot be calculated with");
    if (digits > 0 && digits < 18 && value[digits] == '\0') {
        const double seconds = strtod(value, NULL);
        require(err.retry_after == (seconds > 0 ? seconds : -1.0),
                "other seconds than it says");
    }
    if (date >= 0) {
        const double left = (double)(date - time(NULL));
        require(left > 1 ? fabs(err.retry_after - left) <= 2.0
                         : err.retry_after <= 2.0,
                "another date than it says");
    }
}

static void
check_date(const char *value)
{
    gl_token_response response;
    gl_error err = GL_ERROR_INIT;
    const time_t date = read_fixdate(value);
    gl_token_response_init(&response);
    if (ask("200 x", "date", value, token, &response, &err) == 0) {
        require(isfinite(response.date), "a date that is none");
        require(date < 0 || fabs(response.date - (double)date) < 1.0,
                "another date than it says");
    }
    gl_token_response_free(&response);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char value[LONGEST + 1] = "";
    if (size == 0 || size > LONGEST) {
        return 0;
    }
    memcpy(value, data, size);
    if (strlen(value) != size || strpbrk(value, "\r\n") != NULL) {
        return 0;
    }
    check_retry_after(value);
    check_date(value);
    return 0;
}
