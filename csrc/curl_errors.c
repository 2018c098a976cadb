#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* strerror_r */
#endif

#include "curl_errors.h"

#include <stdbool.h>
#include <string.h>

static bool
begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* libcurl reads the CA file once the server has answered, and may tell of one
 * that it cannot read as of a handshake that broke off. */
static CURLcode
code_by_text(CURLcode code, const char *text)
{
    return code == CURLE_SSL_CONNECT_ERROR &&
                   (begins_with(text, "error setting certificate ") ||
                    begins_with(text, "error adding trust anchors from "))
               ? CURLE_SSL_CACERT_BADFILE
               : code;
}

static gl_error_kind
kind_of(CURLcode code)
{
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        return GL_ERROR_MEMORY;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
        return GL_ERROR_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return GL_ERROR_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_USE_SSL_FAILED:
        return GL_ERROR_TLS;
    default:
        return GL_ERROR_TRANSPORT;
    }
}

/* A failure to connect, and a connection that broke before the answer, may
 * pass.  A certificate does not get better in a second. */
static bool
code_is_retryable(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR: /* the handshake broke off */
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

/* What to do about a certificate that libcurl did not take, by OpenSSL's reason
 * for it (X509_V_ERR_..., in openssl/x509_vfy.h). */
static const char *
certificate_advice(long reason)
{
    switch (reason) {
    case 9:  /* not yet valid */
    case 10: /* expired */
        return "is this machine's clock right? Else the server needs a new "
               "certificate";
    case 18: /* self-signed */
    case 19: /* self-signed in the chain */
        return "if you trust it, pass the file of its certificate as ca_file";
    case 20: /* no issuer found locally */
    case 21: /* not even the first could be verified */
        return "its CA is not known here, or the server does not send its "
               "intermediate certificates; ca_file takes a PEM file of both";
    case 62: /* the host's name */
    case 64: /* the host's address */
        return "base_url names another host than the certificate";
    default:
        return "";
    }
}

static const char *
tls_advice(CURLcode code, CURL *easy)
{
    long reason = 0;
    if (code == CURLE_SSL_CACERT_BADFILE) {
        return "ca_file must be a readable PEM file of certificates";
    }
    if (code == CURLE_SSL_CONNECT_ERROR) {
        return "does the server speak TLS 1.2 or newer at this port?";
    }
    if (code != CURLE_PEER_FAILED_VERIFICATION) {
        return "";
    }
    (void)curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &reason);
    if (reason == 0 || reason == 1) { /* verified, or not looked at, since the
                                         name did not fit */
        reason = 62;
    }
    return certificate_advice(reason);
}

/* Write the system's reason for there being no connection, OS_ERROR or what
 * libcurl knows, to REASON, of SIZE bytes; empty: there is none. */
static void
system_reason(CURL *easy, int os_error, char *reason, size_t size)
{
    reason[0] = '\0';
#if !defined(_WIN32) /* where libcurl has another kind of numbers */
    long error = os_error;
    if (error == 0) {
        (void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
    }
    if (error != 0 && strerror_r((int)error, reason, size) != 0) {
        reason[0] = '\0';
    }
#else
    (void)easy;
    (void)os_error;
    (void)size;
#endif
}

void
gl_curl_error(CURLcode code, CURL *easy, const char *text, int os_error,
              gl_error *err)
{
    char reason[128] = "";
    code = code_by_text(code, text);
    const gl_error_kind kind = kind_of(code);
    if (kind == GL_ERROR_MEMORY) {
        (void)gl_error_memory(err);
        return;
    }
    if (code == CURLE_COULDNT_CONNECT) {
        system_reason(easy, os_error, reason, sizeof reason);
    }
    const char *advice = kind == GL_ERROR_TLS ? tls_advice(code, easy) : reason;
    gl_error_set(err, kind, "%s%s%s%s",
                 text[0] ? text : curl_easy_strerror(code),
                 advice[0] ? " (" : "", advice, advice[0] ? ")" : "");
    err->curl_code = (int)code;
    err->retryable = code_is_retryable(code);
}
