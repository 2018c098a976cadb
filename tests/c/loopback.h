/* A server on this machine that answers each path in its own way.
 *
 * It runs in threads of the test's own process, a thread a connection, until
 * the process ends.
 */
#ifndef LOOPBACK_H
#define LOOPBACK_H

/* Start it, once; returns its port. */
int
loopback_start(void);

/* A port on which nobody listens, and nobody else will. */
int
loopback_unused_port(void);

#endif
