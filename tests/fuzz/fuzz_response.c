/* libFuzzer target: what a server, or a proxy, may send, through a whole call.
 * The first byte of an input says how the call is made; what follows are the
 * answers, raw, head and body.
 */
#include <stdint.h>

#include "exchange.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gl_token_response response;
    gl_error err = GL_ERROR_INIT;
    if (size == 0) {
        return 0;
    }
    const exchange e = {
        .answers = data + 1,
        .size = size - 1,
        .closes = (data[0] & 1) != 0,
        .speaks_first = (data[0] & 2) != 0,
        .in_body = (data[0] & 4) != 0,
        .by_proxy = (data[0] & 8) != 0,
        .max_retries = data[0] >> 4 & 3,
    };
    gl_token_response_init(&response);
    (void)exchange_call(&e, &response, &err);
    gl_token_response_free(&response);
    return 0;
}
