/* Handles that keep their connections, for one caller at a time.
 *
 * A handle is a libcurl easy handle in a multi handle of its own, which keeps
 * the connection of the last transfer open.  The pool lends handles last in,
 * first out, so that few connections stay warm and the others grow old and go.
 * Any number of threads may share a pool.  After a fork the child's pool is
 * empty: the parent's connections are forgotten there, neither used nor closed,
 * since closing a TLS connection says goodbye on the parent's socket.
 */
#ifndef GL_POOL_H
#define GL_POOL_H

#include <stdbool.h>

#include "gl_error.h"
#include "handle.h"

#define GL_POOL_SIZE 32        /* idle handles kept; more are closed */
#define GL_POOL_IDLE_LIFE 60.0 /* seconds that an idle one is kept */

typedef struct gl_pool gl_pool;

/* Seconds on a clock that nobody sets. */
double
gl_monotonic(void);

/* NULL when memory is short. */
gl_pool *
gl_pool_new(void);

/* Close every idle connection.  No handle may be lent out.  NULL is allowed. */
void
gl_pool_free(gl_pool *pool);

/* Lend a handle.  NULL, ERR filled, when memory is short, or descriptors are.
 */
gl_handle *
gl_pool_take(gl_pool *pool, gl_error *err);

/* Give a handle back, of use or not, its easy handle not in its multi handle.
 */
void
gl_pool_give(gl_pool *pool, gl_handle *handle);

/* End what is under way: make gl_pool_is_closed true and wait until no handle
 * is lent out, at most SECONDS. */
void
gl_pool_close(gl_pool *pool, double seconds);

/* Whether whoever has a handle is to give it back. */
bool
gl_pool_is_closed(gl_pool *pool);

#endif
