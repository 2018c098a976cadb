/* What went wrong, told the same way by every room below Python.
 *
 * A function that can fail takes a gl_error, returns 0 on success and -1 on
 * failure, and fills the gl_error only when it fails.  A gl_error owns nothing:
 * it may be copied and forgotten.  No message holds a password, an API key or
 * a token; token_request.c sees to that for what servers say.
 */
#ifndef GL_ERROR_H
#define GL_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a message, its terminating NUL included; longer text is cut. */
#define GL_ERROR_MESSAGE_SIZE 1024
#define GL_ERROR_LOCATION_SIZE 512

typedef enum {
    GL_ERROR_NONE = 0,
    GL_ERROR_MEMORY,      /* malloc or libcurl ran out of memory */
    GL_ERROR_ARGUMENT,    /* the caller's argument cannot be used */
    GL_ERROR_INTERRUPTED, /* gl_stop said so; whoever set it knows why */
    GL_ERROR_TRANSPORT,   /* no usable answer came, for no reason below */
    GL_ERROR_CONNECT,     /* ... because no connection came up */
    GL_ERROR_TIMEOUT,     /* ... because time ran out */
    GL_ERROR_TLS,         /* ... because TLS failed */
    GL_ERROR_API,         /* the server answered with an error status */
    GL_ERROR_RESPONSE     /* a 2xx that is not what the contract says */
} gl_error_kind;

typedef struct {
    gl_error_kind kind;
    int curl_code;      /* CURLcode of a transport failure, else 0 */
    long http_status;   /* status of a GL_ERROR_API, else 0 */
    double retry_after; /* seconds the server asked to wait; < 0: it did not */
    bool retryable;     /* the same call may succeed later */
    int attempts;       /* how often the request was made */
    /* Where a redirect that was not followed points, without a query; UTF-8. */
    char location[GL_ERROR_LOCATION_SIZE];
    /* UTF-8 with a terminating NUL.  For GL_ERROR_API the server's own text,
     * empty where it sent none. */
    char message[GL_ERROR_MESSAGE_SIZE];
} gl_error;

#define GL_ERROR_INIT {.retry_after = -1.0}

#if defined(__GNUC__)
#define GL_CHECK_FORMAT __attribute__((format(printf, 3, 4)))
#else
#define GL_CHECK_FORMAT
#endif

/* Fill ERR with KIND and a formatted message, forgetting what it held. */
void
gl_error_set(gl_error *err, gl_error_kind kind, const char *format,
             ...) GL_CHECK_FORMAT;

/* Fill ERR with GL_ERROR_ARGUMENT and "NAME REASON".  Returns -1. */
int
gl_error_argument(gl_error *err, const char *name, const char *reason);

/* How many bytes of TEXT, of which LEFT are there, are a control character or
 * one of Unicode's marks for lines, paragraphs and directions, at its start:
 * C0, DEL, C1, U+2028 to U+202E, U+2066 to U+2069.  0: none. */
size_t
gl_control_length(const char *text, size_t left);

/* Make TEXT of LENGTH bytes the message.  Characters that steer a terminal or
 * the direction of writing become spaces; what does not fit is cut between two
 * characters and ends in "...". */
void
gl_error_set_text(gl_error *err, const char *text, size_t length);

/* Fill ERR with GL_ERROR_MEMORY.  Returns -1. */
int
gl_error_memory(gl_error *err);

#endif
