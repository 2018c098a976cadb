#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* stat, access */
#endif

#include "ca_store.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#if !defined(_WIN32)
#include <sys/stat.h>
#include <unistd.h>
#endif

static const gl_ca_place libcurls_own = {NULL};

#if defined(_WIN32)

/* Schannel asks Windows. */
const gl_ca_place *
gl_ca_place_find(void)
{
    return &libcurls_own;
}

bool
gl_is_directory(const char *path)
{
    (void)path;
    return false;
}

void
gl_ca_place_set_missing(gl_error *err)
{
    gl_error_set(err, GL_ERROR_TLS, "no trusted certificate authorities");
}

#else

static const gl_ca_place places[] = {
    {"/etc/ssl/certs/ca-certificates.crt"}, /* Debian, Ubuntu, Arch, Gentoo */
    {"/etc/pki/tls/certs/ca-bundle.crt"},   /* Fedora, RHEL */
    {"/etc/ssl/ca-bundle.pem"},             /* SUSE */
    {"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"}, /* newer Fedora */
    {"/etc/ssl/cert.pem"},                          /* Alpine, FreeBSD, macOS */
    {"/usr/local/share/certs/ca-root-nss.crt"},     /* older FreeBSD */
    {"/usr/local/etc/openssl/cert.pem"},            /* FreeBSD's ports */
    {"/opt/homebrew/etc/ca-certificates/cert.pem"}, /* macOS, Homebrew */
};

enum { PLACES = sizeof places / sizeof *places };

static bool
is_readable(const char *path)
{
    return path != NULL && access(path, R_OK) == 0;
}

bool
gl_is_directory(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

/* Whether libcurl was built to look at a place that there is. */
static bool
has_own(void)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    return is_readable(curl->cainfo) || is_readable(curl->capath);
}

const gl_ca_place *
gl_ca_place_find(void)
{
    if (has_own()) {
        return &libcurls_own;
    }
    for (size_t i = 0; i < PLACES; i++) {
        if (is_readable(places[i].path)) {
            return &places[i];
        }
    }
    return NULL;
}

void
gl_ca_place_set_missing(gl_error *err)
{
    char tried[512] = "";
    for (size_t i = 0; i < PLACES; i++) {
        const size_t length = strlen(tried);
        (void)snprintf(tried + length, sizeof tried - length, ", %s",
                       places[i].path);
    }
    gl_error_set(
        err, GL_ERROR_TLS,
        "no certificates of trusted authorities found; tried SSL_CERT_FILE, "
        "CURL_CA_BUNDLE and REQUESTS_CA_BUNDLE (not set)%s and the Python "
        "package certifi (not installed): install your system's "
        "ca-certificates, pip install certifi, or pass ca_file",
        tried);
}

#endif
