/* Preloaded: a system that keeps certificates nowhere but where CA_STORE says.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int
access(const char *path, int mode)
{
    static const char *const system[] = {"/etc/", "/usr/local/", "/opt/"};
    const char *store = getenv("CA_STORE");
    if (store != NULL && strcmp(path, store) == 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof system / sizeof *system; i++) {
        if (strncmp(path, system[i], strlen(system[i])) == 0) {
            return -1;
        }
    }
    return (int)syscall(SYS_access, path, mode);
}
