/* Preloaded: calls of the C library that fail on command, for the thread that
 * says so and for those that it starts from then on.
 *
 *     failing_arm(FUNCTION, NTH, CODE, ALL_AFTER)
 *
 * makes call number NTH (from 1) of FUNCTION fail with CODE, an errno (for
 * getaddrinfo an EAI_), and with ALL_AFTER every later one, too.  What is done
 * before it fails is what a system does: nothing, but close() closes.
 * A FUNCTION is named as in C, or is one of these, which need no other room:
 *
 *     short send, short recv, short fread    one byte passes; CODE is nothing
 *     recv end                               0 bytes: the other side closed
 *     late connect                           SO_ERROR says CODE afterwards
 *     fread                                  the reading of an open file
 *
 * Whatever is looked up under .test is on 127.0.0.1, and has no IPv6.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void
failing_arm(const char *function, long nth, int code, int all_after);
long
failing_disarm(void);

static struct {
    char function[32];
    long nth;
    int code;
    bool all_after;
} plan;
static atomic_long armed; /* which arming this is; 0: none */
static atomic_long calls;
static atomic_long failed;
static long armings; /* only the tests' thread arms */

static _Thread_local long watched; /* the arming that counts this thread */

void
failing_arm(const char *function, long nth, int code, int all_after)
{
    (void)failing_disarm();
    (void)snprintf(plan.function, sizeof plan.function, "%s", function);
    plan.nth = nth;
    plan.code = code;
    plan.all_after = all_after != 0;
    atomic_store(&calls, 0);
    atomic_store(&failed, 0);
    watched = ++armings;
    atomic_store(&armed, armings);
}

/* No more of that.  How many calls failed. */
long
failing_disarm(void)
{
    atomic_store(&armed, 0);
    watched = 0;
    return atomic_load(&failed);
}

static bool
is_watched(const char *function)
{
    return watched != 0 && watched == atomic_load(&armed) &&
           strcmp(plan.function, function) == 0;
}

/* Whether this call of FUNCTION is to fail; errno is set then. */
static bool
fails(const char *function)
{
    if (!is_watched(function)) {
        return false;
    }
    const long call = atomic_fetch_add(&calls, 1) + 1;
    if (call != plan.nth && !(plan.all_after && call > plan.nth)) {
        return false;
    }
    atomic_fetch_add(&failed, 1);
    errno = plan.code;
    return true;
}

/* Set ORIGINAL to the function that would be called without us. */
#define FIND(original, name)                                \
    do {                                                    \
        if ((original) == NULL) {                           \
            *(void **)&(original) = dlsym(RTLD_NEXT, name); \
        }                                                   \
    } while (0)

/* A function that returns -1 when it fails. */
#define FAILING(type, name, parameters, arguments)     \
    type name parameters                               \
    {                                                  \
        static type(*original) parameters;             \
        FIND(original, #name);                         \
        return fails(#name) ? -1 : original arguments; \
    }

/* ---- sockets -------------------------------------------------------------
 */

/* __SOCKADDR_ARG and the like are how glibc declares pointers to addresses. */

FAILING(int, socket, (int domain, int type, int protocol),
        (domain, type, protocol))
FAILING(int, socketpair, (int domain, int type, int protocol, int ends[2]),
        (domain, type, protocol, ends))
FAILING(int, connect, (int fd, __CONST_SOCKADDR_ARG to, socklen_t length),
        (fd, to, length))
FAILING(int, setsockopt,
        (int fd, int level, int name, const void *value, socklen_t length),
        (fd, level, name, value, length))
FAILING(int, getsockname, (int fd, __SOCKADDR_ARG name, socklen_t *length),
        (fd, name, length))
FAILING(int, getpeername, (int fd, __SOCKADDR_ARG name, socklen_t *length),
        (fd, name, length))
FAILING(int, shutdown, (int fd, int how), (fd, how))
FAILING(int, poll, (struct pollfd * fds, nfds_t count, int milliseconds),
        (fds, count, milliseconds))

int
getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    static int (*original)(int, int, int, void *, socklen_t *);
    FIND(original, "getsockopt");
    if (fails("getsockopt")) {
        return -1;
    }
    const int status = original(fd, level, name, value, length);
    if (status == 0 && level == SOL_SOCKET && name == SO_ERROR &&
        fails("late connect")) {
        memcpy(value, &plan.code, sizeof plan.code);
    }
    return status;
}

ssize_t
send(int fd, const void *bytes, size_t length, int flags)
{
    static ssize_t (*original)(int, const void *, size_t, int);
    FIND(original, "send");
    if (fails("send")) {
        return -1;
    }
    return original(fd, bytes, length > 1 && fails("short send") ? 1 : length,
                    flags);
}

ssize_t
recv(int fd, void *bytes, size_t length, int flags)
{
    static ssize_t (*original)(int, void *, size_t, int);
    FIND(original, "recv");
    if (fails("recv")) {
        return -1;
    }
    if (fails("recv end")) {
        return 0;
    }
    return original(fd, bytes, length > 1 && fails("short recv") ? 1 : length,
                    flags);
}

FAILING(ssize_t, sendto,
        (int fd, const void *bytes, size_t length, int flags,
         __CONST_SOCKADDR_ARG to, socklen_t size),
        (fd, bytes, length, flags, to, size))
FAILING(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags),
        (fd, message, flags))
FAILING(ssize_t, recvfrom,
        (int fd, void *restrict bytes, size_t length, int flags,
         __SOCKADDR_ARG from, socklen_t *restrict size),
        (fd, bytes, length, flags, from, size))
FAILING(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags),
        (fd, message, flags))

/* ---- descriptors ---------------------------------------------------------
 */

FAILING(ssize_t, read, (int fd, void *bytes, size_t length),
        (fd, bytes, length))
FAILING(ssize_t, write, (int fd, const void *bytes, size_t length),
        (fd, bytes, length))
FAILING(int, pipe, (int ends[2]), (ends))
FAILING(int, pipe2, (int ends[2], int flags), (ends, flags))
FAILING(int, eventfd, (unsigned int value, int flags), (value, flags))

int
close(int fd)
{
    static int (*original)(int);
    FIND(original, "close");
    const int status = original(fd);
    return fails("close") ? -1 : status;
}

int
fcntl(int fd, int command, ...)
{
    static int (*original)(int, int, ...);
    va_list arguments;
    FIND(original, "fcntl");
    va_start(arguments, command);
    void *value = va_arg(arguments, void *); /* as wide as every other kind */
    va_end(arguments);
    return fails("fcntl") ? -1 : original(fd, command, value);
}

int
ioctl(int fd, unsigned long command, ...)
{
    static int (*original)(int, unsigned long, ...);
    va_list arguments;
    FIND(original, "ioctl");
    va_start(arguments, command);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    return fails("ioctl") ? -1 : original(fd, command, value);
}

/* ---- files ---------------------------------------------------------------
 */

FAILING(int, access, (const char *path, int mode), (path, mode))
FAILING(int, stat, (const char *restrict path, struct stat *restrict found),
        (path, found))
FAILING(int, fstat, (int fd, struct stat *found), (fd, found))

int
open(const char *path, int flags, ...)
{
    static int (*original)(const char *, int, ...);
    va_list arguments;
    FIND(original, "open");
    va_start(arguments, flags);
    const mode_t mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return fails("open") ? -1 : original(path, flags, mode);
}

static ssize_t
read_stream(void *file, char *bytes, size_t length)
{
    if (fails("fread")) {
        return -1;
    }
    return (ssize_t)fread(
        bytes, 1, length > 1 && fails("short fread") ? 1 : length, file);
}

static int
close_stream(void *file)
{
    return fclose(file);
}

/* FILE, whose reading may fail; a stream that is read only. */
static FILE *
failing_stream(FILE *file)
{
    const cookie_io_functions_t functions = {.read = read_stream,
                                             .close = close_stream};
    FILE *stream = fopencookie(file, "r", functions);
    if (stream == NULL) {
        (void)fclose(file);
    }
    return stream;
}

static FILE *
open_stream(FILE *(*original)(const char *, const char *), const char *path,
            const char *mode)
{
    if (fails("fopen")) {
        return NULL;
    }
    FILE *file = original(path, mode);
    const bool may_fail =
        mode[0] == 'r' && (is_watched("fread") || is_watched("short fread"));
    return file != NULL && may_fail ? failing_stream(file) : file;
}

FILE *
fopen(const char *restrict path, const char *restrict mode)
{
    static FILE *(*original)(const char *, const char *);
    FIND(original, "fopen");
    return open_stream(original, path, mode);
}

FILE *
fopen64(const char *restrict path, const char *restrict mode)
{
    static FILE *(*original)(const char *, const char *);
    FIND(original, "fopen64");
    return open_stream(original, path, mode);
}

/* ---- names, threads, time ------------------------------------------------
 */

int
getaddrinfo(const char *restrict node, const char *restrict service,
            const struct addrinfo *restrict hints,
            struct addrinfo **restrict result)
{
    static int (*original)(const char *, const char *, const struct addrinfo *,
                           struct addrinfo **);
    static const char ours[] = ".test";
    FIND(original, "getaddrinfo");
    const size_t length = node != NULL ? strlen(node) : 0;
    const bool is_ours = length >= strlen(ours) &&
                         strcmp(node + length - strlen(ours), ours) == 0;
    if (is_ours && hints != NULL && hints->ai_family == AF_INET6) {
        return EAI_NONAME;
    }
    if (fails("getaddrinfo")) {
        return plan.code;
    }
    return original(is_ours ? "127.0.0.1" : node, service, hints, result);
}

typedef struct {
    void *(*run)(void *);
    void *argument;
    long watched;
} beginning;

static void *
begin(void *context)
{
    const beginning b = *(beginning *)context;
    free(context);
    watched = b.watched;
    return b.run(b.argument);
}

int
pthread_create(pthread_t *restrict thread,
               const pthread_attr_t *restrict attributes, void *(*run)(void *),
               void *restrict argument)
{
    static int (*original)(pthread_t *, const pthread_attr_t *,
                           void *(*)(void *), void *);
    FIND(original, "pthread_create");
    if (fails("pthread_create")) {
        return plan.code;
    }
    beginning *b = watched != 0 ? malloc(sizeof *b) : NULL;
    if (b == NULL) {
        return original(thread, attributes, run, argument);
    }
    *b = (beginning){run, argument, watched};
    const int status = original(thread, attributes, begin, b);
    if (status != 0) {
        free(b);
    }
    return status;
}

/* Whether it is not Python that asks for the time, but what the call runs in:
 * libcurl, or the extension where libcurl is in it.  A sanitizer may stand
 * between. */
static bool
libcurl_asks(void)
{
    void *frames[8];
    Dl_info info;
    const int count = backtrace(frames, 8);
    for (int i = 0; i < count; i++) {
        if (dladdr(frames[i], &info) == 0 || info.dli_fname == NULL ||
            strstr(info.dli_fname, "failing_calls") != NULL ||
            strstr(info.dli_fname, "san.so") != NULL) {
            continue;
        }
        return strstr(info.dli_fname, "libcurl") != NULL ||
               strstr(info.dli_fname, "_core.") != NULL;
    }
    return false;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*original)(clockid_t, struct timespec *);
    FIND(original, "clock_gettime");
    if (is_watched("clock_gettime") && libcurl_asks() &&
        fails("clock_gettime")) {
        return -1;
    }
    return original(clock, now);
}
