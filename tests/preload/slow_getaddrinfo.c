/* Preloaded: a resolver that hangs for as many seconds as SLOW_SECONDS says. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
            struct addrinfo **result)
{
    (void)node;
    (void)service;
    (void)hints;
    (void)result;
    const char *seconds = getenv("SLOW_SECONDS");
    sleep(seconds != NULL ? (unsigned int)atoi(seconds) : 30);
    return EAI_AGAIN;
}
