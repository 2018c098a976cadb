#!/usr/bin/env python3
"""Build the libraries that a wheel brings along: zlib, OpenSSL and libcurl, static.

    tools/bundle/build.py [DIRECTORY]

Sources are those of libraries.json, checked by SHA-256 and taken from the first of
their addresses that answers. DIRECTORY (default: build/bundle) gets include/, lib/ and
licences/. What was built of the same descriptions is not built again.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LIBRARIES = HERE / "libraries.json"
JOBS = str(os.cpu_count() or 1)

# Position independent, hidden, hardened: https://best.openssf.org/Compiler-Hardening-Guides
C_FLAGS = [
    "-O2", "-fPIC", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections",
    "-D_FORTIFY_SOURCE=3", "-fstack-protector-strong", "-fstack-clash-protection",
    "-fno-delete-null-pointer-checks", "-fno-strict-aliasing", "-fno-strict-overflow",
]  # fmt: skip
if platform.machine() == "x86_64":
    C_FLAGS.append("-fcf-protection=full")
elif platform.machine() in ("aarch64", "arm64"):
    C_FLAGS.append("-mbranch-protection=standard")

# TLS 1.2 and 1.3 by today's ciphers is all that is used. No configuration is loaded,
# nothing is loaded at run time, and nothing is left to run when the process exits.
OPENSSL = [
    "no-shared", "no-module", "no-dso", "no-engine", "no-legacy", "no-tests", "no-apps",
    "no-docs", "no-ssl3", "no-tls1", "no-tls1_1", "no-dtls", "no-comp", "no-srp", "no-psk",
    "no-idea", "no-seed", "no-aria", "no-camellia", "no-sm2", "no-sm3", "no-sm4", "no-rc2",
    "no-rc4", "no-rc5", "no-des", "no-bf", "no-cast", "no-md4", "no-mdc2", "no-rmd160",
    "no-whirlpool", "no-blake2", "no-siphash", "no-siv", "no-scrypt", "no-gost", "no-cms",
    "no-ts", "no-cmp", "no-ct", "no-ocb", "no-dsa", "no-ec2m", "no-nextprotoneg", "no-srtp",
    "no-sctp", "no-quic", "no-uplink", "no-ui-console", "no-ml-dsa", "no-slh-dsa",
    "no-autoload-config", "no-atexit", "no-filenames",
]  # fmt: skip

NOWHERE = "/nonexistent/genlogs-ext"

CURL = [
    "--disable-shared", "--enable-static", "--enable-http", "--with-openssl", "--with-zlib",
    "--disable-openssl-auto-load-config", "--without-ca-bundle", "--without-ca-path",
    "--without-brotli", "--without-zstd", "--without-libpsl", "--without-libidn2",
    "--without-nghttp2", "--without-ngtcp2", "--without-librtmp", "--without-libssh2",
    "--without-libgsasl", "--disable-ftp", "--disable-file", "--disable-ldap",
    "--disable-ldaps", "--disable-rtsp", "--disable-dict", "--disable-telnet",
    "--disable-tftp", "--disable-pop3", "--disable-imap", "--disable-smb", "--disable-smtp",
    "--disable-gopher", "--disable-mqtt", "--disable-ipfs", "--disable-websockets",
    "--disable-manual", "--disable-docs", "--disable-libcurl-option", "--disable-ntlm",
    "--disable-kerberos-auth", "--disable-negotiate-auth", "--disable-aws",
    "--disable-digest-auth", "--disable-bearer-auth", "--disable-cookies",
    "--disable-netrc", "--disable-doh", "--disable-alt-svc", "--disable-hsts",
    "--disable-mime", "--disable-form-api", "--disable-bindlocal", "--disable-unix-sockets",
    "--disable-tls-srp", "--disable-progress-meter", "--disable-ares",
    "--enable-threaded-resolver", "--enable-symbol-hiding", "--disable-versioned-symbols",
]  # fmt: skip


def say(text: str) -> None:
    """Tell what is going on."""
    print(f"==> {text}", flush=True)


def run(command: list[str], directory: Path, log: Path, **environment: str) -> None:
    """Run a step of a build; its output goes to a log, and to the screen if it fails."""
    with log.open("ab") as output:
        done = subprocess.run(
            command, cwd=directory, env={**os.environ, **environment},
            stdout=output, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if done.returncode != 0:
        tail = log.read_text("utf-8", "replace").splitlines()[-40:]
        sys.exit(
            "\n".join([*tail, f"tools/bundle/build.py: {' '.join(command[:3])} failed"])
        )


def fetch(library: dict[str, Any], directory: Path) -> Path:
    """Return a library's archive, downloaded if need be, and what it ought to be."""
    archive = directory / f"{library['name']}-{library['version']}.tar.gz"
    known = {source["sha256"] for source in library["sources"]}
    if archive.is_file() and digest(archive) in known:
        return archive
    for source in library["sources"]:
        say(f"Fetching {source['url']}")
        try:
            with urllib.request.urlopen(source["url"], timeout=60) as answer:  # noqa: S310 - ours
                archive.write_bytes(answer.read())
        except (urllib.error.URLError, OSError) as error:
            say(f"... {error}")
            continue
        if digest(archive) == source["sha256"]:
            return archive
        archive.unlink()
        sys.exit(f"tools/bundle/build.py: {source['url']} is not what it was (SHA-256)")
    sys.exit(f"tools/bundle/build.py: no source of {library['name']} answers")


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def unpack(archive: Path, directory: Path) -> None:
    """Unpack a library's archive, without the directory that all of it is in."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    command = ["tar", "-xf", str(archive), "--strip-components=1", "-C", str(directory)]
    subprocess.run(command, check=True)


def build_zlib(source: Path, prefix: Path, log: Path) -> None:
    """A static zlib."""
    flags = " ".join(C_FLAGS)
    run(["./configure", "--static", f"--prefix={prefix}"], source, log, CFLAGS=flags)
    run(["make", "-j", JOBS, "libz.a"], source, log)
    run(["make", "install"], source, log)


def build_openssl(source: Path, prefix: Path, log: Path) -> None:
    """A static OpenSSL, which looks for its files where nobody has any."""
    run(
        ["./Configure", *OPENSSL, f"--prefix={NOWHERE}", "--libdir=lib",
         f"--openssldir={NOWHERE}/ssl", *C_FLAGS],
        source, log,
    )  # fmt: skip
    run(["make", "-j", JOBS, "build_libs"], source, log)
    run(["make", "install_dev", f"DESTDIR={source}/stage"], source, log)
    shutil.copytree(f"{source}/stage{NOWHERE}", prefix, dirs_exist_ok=True)


def build_curl(source: Path, prefix: Path, log: Path) -> None:
    """A static libcurl for HTTP and HTTPS."""
    run(
        ["./configure", *CURL, f"--prefix={prefix}", f"--with-openssl={prefix}",
         f"--with-zlib={prefix}"],
        source, log, CFLAGS=" ".join(C_FLAGS), PKG_CONFIG="false",
        LIBS="-lpthread -ldl",
    )  # fmt: skip
    run(["make", "-j", JOBS, "-C", "lib"], source, log)
    run(["make", "-C", "lib", "install"], source, log)
    run(["make", "-C", "include", "install"], source, log)
    run(["make", "install-pkgconfigDATA"], source, log)


BUILDERS = {"zlib": build_zlib, "openssl": build_openssl, "curl": build_curl}


def main() -> None:
    """Build what is missing."""
    prefix = Path(sys.argv[1] if len(sys.argv) > 1 else "build/bundle").resolve()
    stamp = prefix / "built-of"
    wanted = digest(LIBRARIES) + digest(Path(__file__))
    if stamp.is_file() and stamp.read_text("ascii") == wanted:
        return
    libraries = json.loads(LIBRARIES.read_text("utf-8"))
    work = prefix / "work"
    licences = prefix / "licences"
    for directory in (work, licences):
        directory.mkdir(parents=True, exist_ok=True)
    for library in libraries:
        archive = fetch(library, work)
        source = work / library["name"]
        unpack(archive, source)
        say(f"Building {library['name']} {library['version']}")
        BUILDERS[library["name"]](source, prefix, work / f"{library['name']}.log")
        name = f"{library['name']}-{library['licence_file']}"
        shutil.copy(source / library["licence_file"], licences / name)
        shutil.rmtree(source)
    stamp.write_text(wanted, "ascii")


if __name__ == "__main__":
    main()
