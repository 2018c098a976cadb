#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* memmem */
#endif

#include "loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define JSON "Content-Type: application/json\r\n"
/* What is sent for a path: a status, headers, and a body so many TIMES. */
typedef struct {
    const char *path;
    const char *status;
    const char *headers;
    const char *body;
    int times;
    bool endless; /* without a length; the connection is closed behind it */
} answer;

#define LINE_128                                                       \
    "0123456789012345678901234567890123456789012345678901234567890123" \
    "0123456789012345678901234567890123456789012345678901234567890123"
#define LINE \
    LINE_128 LINE_128 LINE_128 LINE_128 LINE_128 LINE_128 LINE_128 LINE_128

static const char tokens[] =
    "{\"access_token_data\": {\"token\": \"t\\u006fken\", \"expires\": "
    "\"2026-11-24T12:00:00+00:00\"}, \"n\": [1, 2.5, {\"a\": null}]}";
static const char escaped_tokens[] =
    "{\"access\\u005ftoken_data\": {\"tok\\u0065n\": \"token\", "
    "\"expires\": \"2026-11-24T12:00:00+00:00\"}, \"x\": 1}";

static const answer answers[] = {
    {"/200/", "200 OK", JSON "Date: Tue, 24 Nov 2026 11:00:00 GMT\r\n", tokens,
     1, true},
    {"/kept/", "200 OK", JSON, escaped_tokens, 1, false},
    {"/date/", "200 OK", JSON "Date: " LINE_128 "\r\n", tokens, 1, true},
    {"/101/", "101 Switching Protocols", "", "", 1, true},
    {"/408/", "408 Request Timeout", "", "", 1, false},
    {"/401/", "401 Unauthorized", JSON,
     "{\"detail\": \"wrong: canary, f\\u00fcr\"}", 1, false},
    {"/403/", "403 Forbidden", JSON, "{\"message\": \"Forbidden\"}", 1, false},
    {"/404/", "404 Not Found", "", "", 1, false},
    {"/422/", "422 Unprocessable Entity", JSON,
     "{\"detail\": [{\"loc\": [\"query\", 0, \"\\u0065\"], \"msg\": \"m\"}, "
     "{\"msg\": \"n\"}]}",
     1, false},
    {"/429/", "429 Too Many Requests", "Retry-After: 120\r\n", "", 1, false},
    {"/500/", "500 Internal Server Error", "", "oops", 1, false},
    {"/204/", "204 No Content", "", "", 0, false},
    {"/html/", "200 OK", "", "<html>", 1, false},
    {"/notoken/", "200 OK", JSON, "{\"access_token_data\": \"t\"}", 1, false},
    {"/long/", "200 OK", "", LINE, 1100, true},
    {"/longerror/", "418 Teapot", "", LINE, 1100, true},
    {"/headers/", "200 OK", NULL, "X-Filler: " LINE "\r\n", 80, true},
    {"/cut/", "200 OK", "Content-Length: 500\r\n", "{", 1, true},
    {"/chunks/", "200 OK", "Transfer-Encoding: chunked\r\n", "zz\r\n", 1, true},
    {"/nothing/", NULL, NULL, "", 0, true},
    {"/gzip/", "200 OK", "Content-Encoding: gzip\r\n", "none", 1, false},
    {"/307/", "307 Temporary Redirect", "Location: /kept/auth/token\r\n", "", 1,
     false},
    {"/302long/", "302 Found", "Location: https://canary.invalid/" LINE "\r\n",
     "", 1, false},
    {"/302/", "302 Found", "Location: https://canary.invalid/a?b=c\r\n", "", 1,
     false},
};

static const answer wants_body = {
    "",   "422 Unprocessable Entity",
    JSON, "{\"detail\": [{\"loc\": [\"body\"], \"msg\": \"Field required\"}]}",
    1,    false};
static const answer busy = {"", "503 Service Unavailable", "", "", 1, false};

static const answer *
named(const char *path)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (strcmp(answers[i].path, path) == 0) {
            return &answers[i];
        }
    }
    abort();
}

/* Which answer the request line of REQUEST gets; NULL: never one. */
static const answer *
choose(const char *request, int number)
{
    const size_t line = strcspn(request, "\r");
    if (memmem(request, line, "/mute/", 6) != NULL) {
        return NULL;
    }
    if (memmem(request, line, "/auto/", 6) != NULL) {
        return memchr(request, '?', line) != NULL ? &wants_body
                                                  : named("/kept/");
    }
    if (memmem(request, line, "/retry/", 7) != NULL) {
        return number == 1 ? &busy : named("/kept/");
    }
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const char *path = answers[i].path;
        if (memmem(request, line, path, strlen(path)) != NULL) {
            return &answers[i];
        }
    }
    return named("/404/");
}

static bool
send_all(int connection, const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t sent = send(connection, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* Read a whole request, its body included, into REQUEST. */
static bool
read_request(int connection, char *request, size_t size)
{
    size_t length = 0;
    size_t wanted = 0;
    while (wanted == 0 || length < wanted) {
        const ssize_t got =
            recv(connection, request + length, size - 1 - length, 0);
        if (got <= 0) {
            return false;
        }
        length += (size_t)got;
        request[length] = '\0';
        if (request[0] == 0x16) { /* TLS wants to shake hands */
            (void)send_all(connection, "no TLS here, sorry", 18);
            return false;
        }
        const char *end = strstr(request, "\r\n\r\n");
        const char *body = strcasestr(request, "content-length:");
        if (end != NULL) {
            wanted = (size_t)(end - request) + 4;
            wanted += body == NULL ? 0 : strtoul(body + 15, NULL, 10);
        }
    }
    return true;
}

static bool
answer_with(int connection, const answer *a)
{
    char head[2048] = "";
    if (a->headers != NULL) {
        (void)snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%s", a->status,
                       a->headers);
        const size_t length = strlen(head);
        if (!a->endless && a->times > 0) {
            (void)snprintf(head + length, sizeof head - length,
                           "Content-Length: %zu\r\n\r\n", strlen(a->body));
        }
        else {
            (void)snprintf(head + length, sizeof head - length, "\r\n");
        }
    }
    else if (a->status != NULL) {
        (void)snprintf(head, sizeof head, "HTTP/1.1 %s\r\n", a->status);
    }
    bool sent = send_all(connection, head, strlen(head));
    for (int i = 0; sent && i < a->times; i++) {
        sent = send_all(connection, a->body, strlen(a->body));
    }
    return sent;
}

static void *
serve(void *context)
{
    const int connection = (int)(intptr_t)context;
    char request[8192];
    for (int number = 1; read_request(connection, request, sizeof request);
         number++) {
        const answer *a = choose(request, number);
        if (a == NULL) {
            continue;
        }
        if (!answer_with(connection, a) || a->endless) {
            break;
        }
    }
    (void)close(connection);
    return NULL;
}

static void *
accept_all(void *context)
{
    const int listener = (int)(intptr_t)context;
    for (;;) {
        pthread_t thread;
        const int at_once = 1;
        const int connection = accept(listener, NULL, NULL);
        (void)setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &at_once,
                         sizeof at_once);
        if (connection < 0 || pthread_create(&thread, NULL, serve,
                                             (void *)(intptr_t)connection)) {
            abort();
        }
        (void)pthread_detach(thread);
    }
    return NULL;
}

/* Bind a socket to a free port, which *PORT then is. */
static int
bind_to_any(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    const int bound = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bound < 0 ||
        bind(bound, (const struct sockaddr *)&address, length) != 0 ||
        getsockname(bound, (struct sockaddr *)&address, &length) != 0) {
        abort();
    }
    *port = ntohs(address.sin_port);
    return bound;
}

int
loopback_start(void)
{
    static int port;
    pthread_t thread;
    if (port == 0) {
        const int listener = bind_to_any(&port);
        if (listen(listener, 128) != 0 ||
            pthread_create(&thread, NULL, accept_all,
                           (void *)(intptr_t)listener) != 0) {
            abort();
        }
        (void)pthread_detach(thread);
    }
    return port;
}

int
loopback_unused_port(void)
{
    static int port;
    if (port == 0) {
        (void)bind_to_any(&port); /* and kept */
    }
    return port;
}
