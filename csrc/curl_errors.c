#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* strerror_r */
#endif

#include "curl_errors.h"

#include <errno.h>
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

/* The errno for there being no connection, OS_ERROR or what libcurl knows; 0:
 * none, or none of the C library's. */
static int
system_error(CURL *easy, int os_error)
{
#if !defined(_WIN32) /* where libcurl has another kind of numbers */
    long error = os_error;
    if (error == 0) {
        (void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
    }
    return (int)error;
#else
    (void)easy;
    (void)os_error;
    return 0;
#endif
}

/* Write the system's words for ERROR, of errno, to TEXT, which is empty. */
static void
say_system_error(int error, char *text, size_t size)
{
#if !defined(_WIN32)
    if (error != 0) {
        (void)strerror_r(error, text, size);
    }
#else
    (void)error;
    (void)text;
    (void)size;
#endif
}

static const char *
connect_advice(CURLcode code, int error)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "is there a network, and does base_url name the right host?";
    case CURLE_COULDNT_RESOLVE_PROXY:
        return "is there a network, and is the proxy's name right?";
    case CURLE_COULDNT_CONNECT:
        if (error == 0 || error == ECONNREFUSED) {
            return "does a server listen there, and are base_url and the "
                   "proxy right?";
        }
        return "";
    default:
        return "";
    }
}

void
gl_curl_error(CURLcode code, CURL *easy, const char *text, int os_error,
              gl_error *err)
{
    code = code_by_text(code, text);
    const gl_error_kind kind = kind_of(code);
    if (kind == GL_ERROR_MEMORY) {
        (void)gl_error_memory(err);
        return;
    }
    char reason[128] = "";
    const char *advice = "";
    if (kind == GL_ERROR_TLS) {
        advice = tls_advice(code, easy);
    }
    else if (kind == GL_ERROR_CONNECT) {
        int error = 0;
        if (code == CURLE_COULDNT_CONNECT) {
            error = system_error(easy, os_error);
            say_system_error(error, reason, sizeof reason);
        }
        advice = connect_advice(code, error);
    }
    const bool has_both = reason[0] && advice[0];
    const bool has_any = reason[0] || advice[0];
    gl_error_set(err, kind, "%s%s%s%s%s%s",
                 text[0] ? text : curl_easy_strerror(code), has_any ? " (" : "",
                 reason, has_both ? "; " : "", advice, has_any ? ")" : "");
    err->curl_code = (int)code;
    err->retryable = code_is_retryable(code);
}
