/* Where the certificates of trusted authorities are, on whichever system this
 * is.
 *
 * A libcurl that comes with us cannot know at build time.  The places are those
 * where Debian, Fedora, RHEL, SUSE, Alpine, Arch, FreeBSD and macOS keep them,
 * as Go's crypto/x509 lists them, too (its root_linux.go, root_bsd.go).
 */
#ifndef GL_CA_STORE_H
#define GL_CA_STORE_H

#include <stdbool.h>

#include "gl_error.h"

/* A place to look; the path NULL for libcurl's own. */
typedef struct {
    const char *path;
} gl_ca_place;

/* The first place that there is, libcurl's own before the others; NULL when
 * there is none.  What it points to lives as long as the process. */
const gl_ca_place *
gl_ca_place_find(void);

/* Whether PATH is a directory, as OpenSSL's c_rehash fills them. */
bool
gl_is_directory(const char *path);

/* Fill ERR with GL_ERROR_TLS: what was tried, and what to do. */
void
gl_ca_place_set_missing(gl_error *err);

#endif
