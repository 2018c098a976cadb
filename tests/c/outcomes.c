#include "outcomes.h"

#include <stdio.h>
#include <string.h>

#include "failures.h"
#include "loopback.h"

#define API GL_ERROR_API
#define RESPONSE GL_ERROR_RESPONSE
#define TRANSPORT GL_ERROR_TRANSPORT
#define ARGUMENT GL_ERROR_ARGUMENT

enum { LONG_TEXT = OUTCOME_LONGEST + 256 };

static char filler[OUTCOME_LONGEST + 1];

size_t outcome_filler;

const outcome outcomes[] = {
    {"a token", "200", .kind = GL_ERROR_NONE},
    {"a token, the connection kept", "kept", .kind = GL_ERROR_NONE},
    {"a token, credentials in the body", "auto", .kind = GL_ERROR_NONE},
    {"a token, a newer libcurl", "kept", .version = 0x080100},
    {"a token, credentials in the body, a newer libcurl", "auto",
     .version = 0x080100},
    /* Of these seconds a busy machine takes many. */
    {"a token, after a retry", "retry", .hurries = true, .max_retries = 2,
     .timeout = 60.0},
    {"a token, after a redirect", "307", .kind = GL_ERROR_NONE},
    {"a token, through a proxy", "kept", .proxy = "http://us%65r:canary@"},
    {"401", "401", .kind = API, .status = 401},
    {"403", "403", .kind = API, .status = 403},
    {"404", "404", .kind = API, .status = 404},
    {"422", "422", .kind = API, .status = 422},
    {"429", "429", .kind = API, .status = 429},
    {"500", "500", .kind = API, .status = 500},
    {"418, endless", "longerror", .kind = API, .status = 418},
    {"302", "302", .kind = API, .status = 302},
    {"302 to a long URL", "302long", .kind = API, .status = 302},
    {"101", "101", .kind = TRANSPORT},
    {"a token, with a date that is none", "date", .kind = GL_ERROR_NONE},
    {"204", "204", .kind = RESPONSE},
    {"200 with HTML", "html", .kind = RESPONSE},
    {"200 without a token", "notoken", .kind = RESPONSE},
    {"too long a body", "long", .kind = RESPONSE},
    {"too long headers", "headers", .kind = RESPONSE},
    {"a body that is cut", "cut", .kind = TRANSPORT},
    {"a bad chunk", "chunks", .kind = TRANSPORT},
    {"a bad encoding", "gzip", .kind = TRANSPORT},
    {"no answer at all", "nothing", .kind = TRANSPORT},
    {"nobody listens", "200", .kind = GL_ERROR_CONNECT, .refused = true},
    {"time runs out", "mute", .kind = GL_ERROR_TIMEOUT, .timeout = 0.2,
     .hurries = true},
    {"time runs out, an older libcurl", "mute", .kind = GL_ERROR_TIMEOUT,
     .timeout = 0.2, .hurries = true, .old_libcurl = true},
    {"no CA file", "200", .kind = GL_ERROR_TLS, .scheme = "https",
     .ca_file = "/nonexistent.pem"},
    {"no CA directory", "200", .kind = GL_ERROR_TLS, .scheme = "https",
     .ca_path = "/nonexistent"},
    {"no TLS there", "200", .kind = GL_ERROR_TLS, .scheme = "https"},
    {"not a URL", "", .kind = ARGUMENT, .base_url = "https://"},
    {"http elsewhere", "", .kind = ARGUMENT, .base_url = "http://a.invalid"},
    {"an API key of two lines", "200", .kind = ARGUMENT, .key = "a\nb"},
    {"a proxy that is none", "200", .kind = ARGUMENT, .proxy = "ftp://"},
    {"a proxy elsewhere", "200", .kind = ARGUMENT,
     .proxy = "http://a.invalid#"},
};

const size_t outcome_count = sizeof outcomes / sizeof *outcomes;

static int
send_with(gl_token_request *request, const char *proxy, gl_error *err)
{
    const gl_text proxy_text = {proxy, strlen(proxy)};
    gl_token_response response;
    gl_token_response_init(&response);
    int status = gl_token_request_check(request, err);
    if (status == 0) {
        status = gl_token_request_set_proxy(request, proxy_text, "proxy", err);
    }
    if (status == 0) {
        status = gl_token_request_send(request, &response, err);
    }
    gl_token_response_free(&response);
    return status;
}

/* Put outcome_filler characters behind TEXT, into the room of OUT. */
static gl_text
filled(const char *text, char out[LONG_TEXT])
{
    (void)snprintf(out, LONG_TEXT, "%s%.*s", text, (int)outcome_filler, filler);
    return (gl_text){out, strlen(out)};
}

int
outcome_call(const outcome *o, gl_pool *pool, gl_error *err)
{
    char base_url[256];
    char proxy[256] = "";
    char texts[5][LONG_TEXT];
    const char *key = o->key != NULL ? o->key : "k\xc3\xa9y";
    const int port = o->refused ? loopback_unused_port() : loopback_start();
    gl_base_url url;
    gl_token_request request;
    memset(filler, 'a', OUTCOME_LONGEST);
    (void)snprintf(base_url, sizeof base_url, "%s://127.0.0.1:%d/%s/",
                   o->scheme != NULL ? o->scheme : "http", port, o->path);
    if (o->base_url != NULL) {
        (void)snprintf(base_url, sizeof base_url, "%s", o->base_url);
    }
    if (o->proxy != NULL) {
        (void)snprintf(proxy, sizeof proxy, "%s127.0.0.1:%d", o->proxy, port);
    }
    gl_base_url_init(&url);
    gl_token_request_init(&request);
    request.user_agent = filled("test", texts[0]).bytes;
    request.email = filled("ada@example.com", texts[1]);
    request.password = filled("canary", texts[2]);
    request.api_key = filled(key, texts[3]);
    request.url = &url;
    request.transport.pool = pool;
    request.transport.timeout = o->timeout > 0.0 ? o->timeout : 5.0;
    request.transport.connect_timeout = 4.0;
    request.transport.wants_date = true;
    request.transport.max_retries = o->max_retries;
    request.transport.route.ca_file = o->ca_file;
    request.transport.route.ca_path = o->ca_path;
    failures_set_hurry(o->hurries);
    failures_set_old_libcurl(o->old_libcurl);
    failures_set_version(o->version);
    *err = (gl_error)GL_ERROR_INIT;
    /* "/kept/" is the path, whatever follows. */
    const gl_text text = filled(base_url, texts[4]);
    int status = gl_token_request_parse_url(&url, text, "base_url", err);
    if (status == 0) {
        status = send_with(&request, proxy, err);
    }
    gl_token_request_free(&request);
    gl_base_url_free(&url);
    return status;
}

bool
outcome_is(const outcome *o, int status, const gl_error *err)
{
    return o->kind == GL_ERROR_NONE
               ? status == 0
               : status < 0 && err->kind == o->kind &&
                     (o->kind != API || err->http_status == o->status);
}
