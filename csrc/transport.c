#include "transport.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <curl/curl.h>

#include "base_url.h"
#include "curl_errors.h"
#include "libcurl.h"

/* Backoff: the wait before retry N is anywhere from 0 to FIRST * 2**N seconds,
 * at most LARGEST ("full jitter"). */
#define FIRST_BACKOFF 0.5
#define LARGEST_BACKOFF 8.0

/* One attempt, as libcurl's callbacks see it. */
typedef struct {
    gl_http_response *response;
    size_t header_bytes;
    gl_error *err; /* filled by a callback that refuses to go on */
    CURL *easy;
    double connect_deadline; /* on gl_monotonic()'s clock */
    bool wants_date;         /* see gl_transport_options */
    bool refused;            /* by a callback, with ERR filled */
    bool cut_short;          /* by on_body: enough of an error answer's body */
    int os_error;            /* errno where there was no socket, else 0 */
    char error_text[CURL_ERROR_SIZE];
} attempt;

/* ---- response ------------------------------------------------------------ */

void
gl_http_response_init(gl_http_response *response)
{
    *response = (gl_http_response){.retry_after = -1.0, .date = -1};
    gl_buffer_init(&response->body, GL_MAX_BODY);
    gl_buffer_init(&response->location, GL_MAX_HEADERS);
}

void
gl_http_response_free(gl_http_response *response)
{
    gl_buffer_free(&response->body);
    gl_buffer_free(&response->location);
}

/* Too much of a body ends the transfer.  For an error status that status is
 * what counts, and its body is only where its words would have been. */
static size_t
on_body(char *bytes, size_t size, size_t count, void *context)
{
    attempt *a = context;
    const size_t length = size * count;
    long status = 0;
    if (gl_buffer_append(&a->response->body, bytes, length, a->err) == 0) {
        return length;
    }
    (void)curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
    if (a->err->kind == GL_ERROR_MEMORY) {
        a->refused = true;
    }
    else if (status >= 300) {
        a->cut_short = true;
        gl_buffer_free(&a->response->body);
    }
    else {
        a->refused = true;
        gl_error_set(a->err, GL_ERROR_RESPONSE,
                     "the response's body is over %d bytes", GL_MAX_BODY);
    }
    return 0;
}

static void
set_headers_too_long(gl_error *err)
{
    gl_error_set(err, GL_ERROR_RESPONSE,
                 "the response's headers are over %d bytes", GL_MAX_HEADERS);
}

/* Whether the header LINE, of LENGTH bytes, begins with PREFIX, in any case. */
static bool
begins_with(const char *line, size_t length, const char *prefix)
{
    const size_t wanted = strlen(prefix);
    return length >= wanted && curl_strnequal(line, prefix, wanted);
}

/* Read a Date header's value; -1 when it is none. */
static time_t
read_date(const char *value, size_t length)
{
    char text[64];
    if (length >= sizeof text) {
        return -1;
    }
    memcpy(text, value, length);
    text[length] = '\0';
    return curl_getdate(text, NULL);
}

static size_t
on_header(char *bytes, size_t size, size_t count, void *context)
{
    static const char date[] = "date:";
    attempt *a = context;
    const size_t length = size * count;
    a->header_bytes += length;
    if (a->header_bytes > GL_MAX_HEADERS) {
        set_headers_too_long(a->err);
        a->refused = true;
        return 0;
    }
    if (!a->wants_date) {
        return length;
    }
    if (begins_with(bytes, length, "HTTP/")) {
        /* Of several (100 Continue, a proxy's answer) the last one counts. */
        a->response->date = -1;
    }
    else if (begins_with(bytes, length, date)) {
        a->response->date =
            read_date(bytes + strlen(date), length - strlen(date));
        a->response->date_at = gl_monotonic();
    }
    return length;
}

/* ---- one attempt --------------------------------------------------------- */

/* Milliseconds from now to WHEN, rounded up, at least 1: libcurl takes 0 for
 * "no limit". */
static long
milliseconds_until(double when)
{
    const double left = (when - gl_monotonic()) * 1e3;
    return left < 1.0 ? 1 : (long)left + 1;
}

#define SET(option, value) GL_SETOPT(code, easy, option, value)

/* libcurl's own limits come after ours, which run() looks after: an older one
 * waits for a resolver before it says that time is up.  They make it try the
 * next of several addresses in time. */
static CURLcode
set_limits(CURL *easy, const attempt *a, const gl_transport_options *options)
{
    CURLcode code = curl_easy_setopt(
        easy, CURLOPT_TIMEOUT_MS, milliseconds_until(options->deadline + 1.0));
    SET(CURLOPT_CONNECTTIMEOUT_MS,
        milliseconds_until(a->connect_deadline + 1.0));
    return code;
}

static CURLcode
set_request(CURL *easy, const gl_http_request *request,
            const struct curl_slist *headers)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, request->url);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
    SET(CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "");
    SET(CURLOPT_HTTPHEADER, headers);
    return code;
}

static CURLcode
set_callbacks(CURL *easy, attempt *a)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, a->error_text);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, a);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, a);
    SET(CURLOPT_OPENSOCKETDATA, &a->os_error);
    return code;
}

#undef SET

/* Link REQUEST's headers into a list that libcurl reads and nobody copies, in
 * NODES. */
static const struct curl_slist *
link_headers(const gl_http_request *request,
             struct curl_slist nodes[GL_MAX_REQUEST_HEADERS])
{
    assert(request->header_count > 0);
    assert(request->header_count <= GL_MAX_REQUEST_HEADERS);
    for (size_t i = 0; i < request->header_count; i++) {
        nodes[i].data = (char *)request->headers[i]; /* read only */
        nodes[i].next = i + 1 < request->header_count ? &nodes[i + 1] : NULL;
    }
    return nodes;
}

/* How the transfer in MULTI ended. */
static CURLcode
result_of(CURLM *multi)
{
    int left;
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    return message != NULL ? message->data.result : CURLE_FAILED_INIT;
}

static int
check_multi(CURLMcode code, gl_error *err)
{
    if (code == CURLM_OK) {
        return 0;
    }
    gl_error_set(
        err, code == CURLM_OUT_OF_MEMORY ? GL_ERROR_MEMORY : GL_ERROR_TRANSPORT,
        "libcurl: %s", curl_multi_strerror(code));
    return -1;
}

/* Wait for MULTI, but not longer than to *QUESTION, when it is time to ask
 * whether to stop; then *QUESTION is moved on.  Returns -1, ERR filled, to
 * stop. */
static int
wait_and_ask(CURLM *multi, double until, double *question,
             const gl_transport_options *options, gl_error *err)
{
    const gl_stop *stop = &options->stop;
    const double end = until < *question ? until : *question;
    if (check_multi(
            curl_multi_poll(multi, NULL, 0, (int)milliseconds_until(end), NULL),
            err) < 0) {
        return -1;
    }
    const double now = gl_monotonic();
    if (now < *question) {
        return 0;
    }
    *question = now + GL_STOP_INTERVAL;
    if (stop->requested != NULL && stop->requested(stop->context)) {
        gl_error_set(err, GL_ERROR_INTERRUPTED, "interrupted");
        return -1;
    }
    if (gl_pool_is_closed(options->pool)) {
        gl_error_set(err, GL_ERROR_TRANSPORT, "the interpreter is exiting");
        return -1;
    }
    return 0;
}

/* Whether the call, or the connection it waits for, has taken too long. */
static bool
is_late(const attempt *a, const gl_transport_options *options)
{
    const double now = gl_monotonic();
    curl_off_t connected = 0;
    if (now < a->connect_deadline && now < options->deadline) {
        return false;
    }
    (void)curl_easy_getinfo(a->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    return connected == 0 || now >= options->deadline;
}

/* Move MULTI on until its transfer is done, and say by *CODE how it ended,
 * which is at the deadline at the latest.  Returns -1, ERR filled, when
 * somebody wants to stop. */
static int
run(CURLM *multi, const attempt *a, const gl_transport_options *options,
    CURLcode *code, gl_error *err)
{
    double question = gl_monotonic() + GL_STOP_INTERVAL;
    int running = 1;
    for (;;) {
        if (check_multi(curl_multi_perform(multi, &running), err) < 0) {
            return -1;
        }
        if (running == 0) {
            *code = result_of(multi);
            return 0;
        }
        if (is_late(a, options)) {
            *code = CURLE_OPERATION_TIMEDOUT;
            return 0;
        }
        if (wait_and_ask(multi, options->deadline, &question, options, err) <
            0) {
            return -1;
        }
    }
}

static int
read_response(CURL *easy, gl_http_response *response, gl_error *err)
{
    curl_off_t retry_after = 0;
    char *location = NULL;
    response->status = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &response->status);
    if (response->status < 100) {
        /* A status line that libcurl lets pass without a status. */
        gl_curl_error(CURLE_WEIRD_SERVER_REPLY, easy,
                      "the answer has no HTTP status", 0, err);
        return -1;
    }
    (void)curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
    (void)curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &location);
    response->retry_after = retry_after > 0 ? (double)retry_after : -1.0;
    gl_buffer_truncate(&response->location, 0);
    return location == NULL
               ? 0
               : gl_buffer_append_string(&response->location, location, err);
}

/* Time ran out: all of it, what one connection may take to come up, or what
 * the system gives it. */
static void
set_timed_out(const gl_http_request *request, const attempt *a,
              const gl_transport_options *options, gl_error *err)
{
    const double soon = gl_monotonic() + 0.01;
    if (soon < a->connect_deadline && soon < options->deadline) {
        gl_error_set(err, GL_ERROR_TIMEOUT,
                     "no connection to %s: the system waits no longer "
                     "(ETIMEDOUT)",
                     request->origin);
    }
    else if (soon < options->deadline) {
        gl_error_set(err, GL_ERROR_TIMEOUT,
                     "no connection to %s within %g s (connect_timeout)",
                     request->origin, options->connect_timeout);
    }
    else {
        gl_error_set(err, GL_ERROR_TIMEOUT,
                     "no answer from %s within %g s (timeout)", request->origin,
                     options->timeout);
    }
    err->curl_code = CURLE_OPERATION_TIMEDOUT;
    err->retryable = true;
}

/* CURLE_TOO_LARGE, which libcurl has since 8.6.0. */
#define TOO_LARGE ((CURLcode)100)

/* Whether libcurl gave an answer up because its headers were too long or too
 * many for it.  An older one reports that in the words of a lack of memory. */
static bool
is_too_long_for_libcurl(CURLcode code, CURL *easy)
{
    curl_off_t first_byte = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte);
    return (code == CURLE_OUT_OF_MEMORY || code == TOO_LARGE) && first_byte > 0;
}

/* Turn the end of a transfer into a response, or into an error. */
static int
conclude(CURLcode code, const gl_http_request *request,
         const gl_transport_options *options, attempt *a)
{
    if (code == CURLE_OK || a->cut_short) {
        return read_response(a->easy, a->response, a->err);
    }
    if (a->refused) {
        return -1;
    }
    if (is_too_long_for_libcurl(code, a->easy)) {
        set_headers_too_long(a->err);
    }
    else if (code == CURLE_OPERATION_TIMEDOUT) {
        set_timed_out(request, a, options, a->err);
    }
    else {
        gl_curl_error(code, a->easy, a->error_text, a->os_error, a->err);
    }
    return -1;
}

/* Set HANDLE up for an attempt at REQUEST. */
static int
prepare(gl_handle *handle, const gl_http_request *request,
        const gl_transport_options *options, const struct curl_slist *headers,
        attempt *a, gl_error *err)
{
    CURL *easy = handle->easy;
    CURLcode code = gl_handle_set_route(handle, &options->route);
    if (code == CURLE_OK) {
        code = set_callbacks(easy, a);
    }
    if (code == CURLE_OK) {
        code = set_limits(easy, a, options);
    }
    if (code == CURLE_OK) {
        code = set_request(easy, request, headers);
    }
    if (code != CURLE_OK) {
        gl_curl_error(code, easy, a->error_text, 0, err);
        return -1;
    }
    return 0;
}

static int
post_once(gl_handle *handle, const gl_http_request *request,
          const gl_transport_options *options, gl_http_response *response,
          gl_error *err)
{
    attempt a = {
        .response = response,
        .easy = handle->easy,
        .connect_deadline = gl_monotonic() + options->connect_timeout,
        .wants_date = options->wants_date,
        .err = err,
    };
    struct curl_slist nodes[GL_MAX_REQUEST_HEADERS];
    CURLcode code = CURLE_OK;
    gl_buffer_truncate(&response->body, 0);
    int status = prepare(handle, request, options, link_headers(request, nodes),
                         &a, err);
    if (status == 0) {
        status = check_multi(curl_multi_add_handle(handle->multi, a.easy), err);
    }
    if (status < 0) {
        gl_handle_clear(handle);
        return -1;
    }
    status = run(handle->multi, &a, options, &code, err);
    if (status == 0) {
        status = conclude(code, request, options, &a);
    }
    if (gl_handle_end_attempt(handle, err) < 0) {
        status = -1;
    }
    gl_wipe(a.error_text, sizeof a.error_text);
    return status;
}

/* ---- redirects --------------------------------------------------------------
 */

/* Say by *FOLLOW whether RESPONSE says to send the same again to a URL of the
 * same origin. */
static int
check_redirect(const gl_http_request *request, const gl_http_response *response,
               bool *follow, gl_error *err)
{
    *follow = (response->status == 307 || response->status == 308) &&
              response->location.length > 0;
    return *follow ? gl_same_origin(request->url, response->location.data,
                                    follow, err)
                   : 0;
}

/* Post REQUEST, and again where the same origin sends it, at most
 * GL_MAX_REDIRECTS times. */
static int
post_and_follow(gl_handle *handle, const gl_http_request *request,
                const gl_transport_options *options, gl_http_response *response,
                gl_error *err)
{
    gl_http_request hop = *request;
    gl_buffer url;
    bool follow = true;
    int status = 0;
    gl_buffer_init(&url, GL_MAX_HEADERS);
    for (int i = 0; status == 0 && follow && i <= GL_MAX_REDIRECTS; i++) {
        if (i > 0) {
            gl_buffer_free(&url);
            url = response->location;
            gl_buffer_init(&response->location, GL_MAX_HEADERS);
            hop.url = url.data;
        }
        status = post_once(handle, &hop, options, response, err);
        if (status == 0) {
            status = check_redirect(&hop, response, &follow, err);
        }
    }
    gl_buffer_free(&url);
    return status;
}

/* ---- several attempts ---------------------------------------------------- */

bool
gl_status_is_retryable(long status)
{
    return status == 408 || status == 429 || status == 500 || status == 502 ||
           status == 503 || status == 504;
}

/* A number from 0 to 1, different for callers that were refused together.  It
 * decides a wait, nothing secret. */
static double
jitter(const void *salt)
{
    /* splitmix64's mixing function, over the clock's nanoseconds */
    uint64_t x = (uint64_t)(gl_monotonic() * 1e9) ^ (uint64_t)(uintptr_t)salt;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return (double)(x >> 11) * 0x1p-53;
}

/* Seconds to wait before retry number RETRY, counted from 0. */
static double
backoff(int retry, double retry_after, const void *salt)
{
    double longest = FIRST_BACKOFF;
    for (int i = 0; i < retry && longest < LARGEST_BACKOFF; i++) {
        longest *= 2;
    }
    const double wait = longest * jitter(salt);
    return retry_after > wait ? retry_after : wait;
}

/* Wait until WHEN.  Returns -1, ERR filled, when somebody wants to stop. */
static int
wait_until(const gl_handle *handle, double when,
           const gl_transport_options *options, gl_error *err)
{
    double question = gl_monotonic() + GL_STOP_INTERVAL;
    while (gl_monotonic() < when) {
        if (wait_and_ask(handle->multi, when, &question, options, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
post_until_answered(gl_handle *handle, const gl_http_request *request,
                    const gl_transport_options *options,
                    gl_http_response *response, gl_error *err)
{
    for (int retry = 0;; retry++) {
        const int status =
            post_and_follow(handle, request, options, response, err);
        response->attempts = retry + 1;
        const bool may_pass = status < 0
                                  ? err->retryable
                                  : gl_status_is_retryable(response->status);
        if (!may_pass || retry >= options->max_retries) {
            return status;
        }
        const double when =
            gl_monotonic() +
            backoff(retry, status < 0 ? -1.0 : response->retry_after, response);
        if (when >= options->deadline) {
            return status; /* what we know beats a timeout */
        }
        if (wait_until(handle, when, options, err) < 0) {
            return -1;
        }
    }
}

int
gl_transport_post(const gl_http_request *request,
                  const gl_transport_options *options,
                  gl_http_response *response, gl_error *err)
{
    gl_handle *handle = gl_pool_take(options->pool, err);
    if (handle == NULL) {
        return -1;
    }
    const int status =
        post_until_answered(handle, request, options, response, err);
    if (status < 0) {
        /* A libcurl that ran out of memory half-way may say so in any words,
         * and be of no use any more. */
        gl_handle_close(handle);
    }
    gl_pool_give(options->pool, handle);
    return status;
}
