/* The ways a call can end, each with a request that ends so.
 */
#ifndef OUTCOMES_H
#define OUTCOMES_H

#include <stdbool.h>
#include <stddef.h>

#include "token_request.h"

typedef struct {
    const char *name;
    const char *path;   /* of loopback.c, the base URL's */
    gl_error_kind kind; /* GL_ERROR_NONE: a token */
    long status;        /* of a GL_ERROR_API */
    const char *scheme; /* NULL: http */
    const char *proxy;  /* how its URL begins; NULL: none */
    const char *ca_file;
    const char *ca_path;
    const char *base_url; /* NULL: of SCHEME and PATH */
    const char *key;      /* NULL: a good one */
    bool refused;         /* nobody listens */
    bool old_libcurl;     /* as failures_set_old_libcurl */
    unsigned int version; /* as failures_set_version */
    bool hurries;         /* as failures_set_hurry */
    int max_retries;
    double timeout; /* 0: the usual one */
} outcome;

/* How many bytes longer each argument and the path of a call are: 0 at first.
 * At most OUTCOME_LONGEST. */
#define OUTCOME_LONGEST 512
extern size_t outcome_filler;

extern const outcome outcomes[];
extern const size_t outcome_count;

/* Make the call of O with POOL's connections.  ERR is filled if it fails. */
int
outcome_call(const outcome *o, gl_pool *pool, gl_error *err);

/* Whether STATUS and ERR are how O ends. */
bool
outcome_is(const outcome *o, int status, const gl_error *err);

#endif
