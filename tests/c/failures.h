/* Calls that fail on command.
 *
 * Linked with --wrap for each of the functions below, so that it is our own
 * code's calls that pass through here: allocation (malloc, calloc), libcurl's
 * functions, the clock, threads.  libcurl's own allocations pass by
 * curl_global_init_mem.  Only calls of the thread that armed a failure count.
 */
#ifndef FAILURES_H
#define FAILURES_H

#include <stdbool.h>

/* What allocation is called: our own code's, and libcurl's. */
#define OUR_MEMORY "our memory"
#define CURLS_MEMORY "libcurl's memory"

/* Start libcurl with an allocator that can fail. */
void
failures_start(void);

/* From now on call number NTH (from 1) of FUNCTION fails, with CODE where it
 * returns one; and every later one, too, if ALL_AFTER. */
void
failures_arm(const char *function, long nth, int code, bool all_after);

/* No more of that.  Whether a call failed. */
bool
failures_disarm(void);

/* How many calls failed so far, all in all. */
long
failures_count(void);

/* How many blocks our code has allocated and not freed. */
long
failures_live_blocks(void);

/* Let time fly while somebody waits, or not. */
void
failures_set_hurry(bool hurry);

/* Let a transfer that ends end with CODE, a CURLcode; -1: as it does. */
void
failures_set_result(int code);

/* Let certificates be found wanting for REASON, of OpenSSL's X509_V_ERR_...;
 * -1: as they are. */
void
failures_set_verify_result(long reason);

/* Be a libcurl of this VERSION, as curl_version_info has it; 0: of its own. */
void
failures_set_version(unsigned int version);

/* Be a libcurl that waits for a resolver that hangs, or not. */
void
failures_set_old_libcurl(bool old);

#endif
