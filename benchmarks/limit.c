/* The limit: the same call as create_token's, by hand, on libcurl and jsmn.
 *
 *   limit URL CA_FILE CALLS
 *
 * Makes CALLS calls on one kept connection, finds the token in each answer, and
 * prints the seconds that a call took and the processor time of one.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

enum { LARGEST = 2 * 1024 * 1024 }; /* bytes of an answer */

typedef struct {
    char bytes[LARGEST];
    size_t length;
} answer;

static size_t
take(char *bytes, size_t size, size_t count, void *context)
{
    answer *a = context;
    const size_t length = size * count;
    if (length > sizeof a->bytes - a->length) {
        return 0;
    }
    memcpy(a->bytes + a->length, bytes, length);
    a->length += length;
    return length;
}

static int
has_token(const answer *a)
{
    static jsmntok_t tokens[LARGEST / 2];
    jsmn_parser parser;
    jsmn_init(&parser);
    const int count =
        jsmn_parse(&parser, a->bytes, a->length, tokens, LARGEST / 2);
    for (int i = 0; i + 1 < count; i++) {
        const size_t length = (size_t)(tokens[i].end - tokens[i].start);
        if (length == 5 &&
            memcmp(a->bytes + tokens[i].start, "token", 5) == 0) {
            return tokens[i + 1].end > tokens[i + 1].start;
        }
    }
    return 0;
}

static double
seconds(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int
main(int argc, char **argv)
{
    static answer a;
    if (argc != 4) {
        return 2;
    }
    const long calls = strtol(argv[3], NULL, 10);
    CURL *easy = curl_easy_init();
    struct curl_slist *headers =
        curl_slist_append(NULL, "accept: application/json");
    headers = curl_slist_append(headers, "x-api-key: stub-api-key");
    headers = curl_slist_append(headers, "Content-Type:");
    headers = curl_slist_append(headers, "Accept-Encoding:");
    headers =
        curl_slist_append(headers, "user-agent: genlogs-ext/0.1.0 libcurl");
    curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
    curl_easy_setopt(easy, CURLOPT_CAINFO, argv[2]);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &a);
    double wall = 0;
    double processor = 0;
    for (long i = -1; i < calls; i++) { /* the first makes the connection */
        if (i == 0) {
            wall = seconds(CLOCK_MONOTONIC);
            processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
        }
        a.length = 0;
        if (curl_easy_perform(easy) != CURLE_OK || !has_token(&a)) {
            (void)fprintf(stderr, "no token\n");
            return 1;
        }
    }
    (void)printf(
        "%.9f %.9f\n", (seconds(CLOCK_MONOTONIC) - wall) / (double)calls,
        (seconds(CLOCK_PROCESS_CPUTIME_ID) - processor) / (double)calls);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    return 0;
}
