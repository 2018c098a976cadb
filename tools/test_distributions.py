#!/usr/bin/env python3
"""Run the wheel in dist/ in bare Debian systems: 12, 13 and sid.

    tools/test_distributions.py [DIRECTORY]

Makes a root for each with debootstrap in DIRECTORY (default: build/roots), with
Python and neither libcurl nor a compiler, and in it: imports, calls a stub by HTTPS with
a certificate of its own, finds certificate authorities in the places of several systems
and in none, and meets configurations of OpenSSL that break whoever reads them. Wants to be
root (debootstrap and chroot do). Roots that are there are used again.
"""

import subprocess
import sys
from pathlib import Path

from genlogs_ext.testing import StubServer

ROOTS = {
    "bookworm": ["python3"],
    "trixie": ["python3"],
    "sid": ["python3.14", "python3.15"],
}
MIRROR = "http://deb.debian.org/debian"
HERE = Path(__file__).resolve().parents[1]

INSIDE = r"""
import os, shutil, subprocess, sys
sys.path.insert(0, "/wheel")
url, ca_pem = sys.argv[1:]

CALL = '''
import sys; sys.path.insert(0, "/wheel")
import genlogs_ext
options = {"ca_file": sys.argv[2]} if len(sys.argv) > 2 else {}
try:
    genlogs_ext.create_token("ada@example.com", "1234+", "stub-api-key",
                             base_url=sys.argv[1], max_retries=0, **options)
    print("a token")
except genlogs_ext.TLSError as error:
    print(error)
'''

def call(*arguments, **environment):
    done = subprocess.run([sys.executable, "-I", "-c", CALL, url, *arguments],
                          env={**os.environ, **environment}, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()

def check(what, good, said):
    print(f"    {'ok  ' if good else 'FAIL'} {what}" + ("" if good else f": {said}"))
    global failed
    failed |= not good

failed = False
for tool in ("gcc", "cc", "curl", "pip"):
    assert shutil.which(tool) is None, tool
import genlogs_ext
from genlogs_ext._core import libcurl
print(f"    Python {sys.version.split()[0]}, {libcurl}")
maps = open("/proc/self/maps").read()
alone = "libcurl.so" not in maps and "libssl" not in maps
check("nothing but libc is loaded with it", alone, maps)

shutil.rmtree("/etc/ssl", ignore_errors=True)
shutil.rmtree("/usr/lib/ssl", ignore_errors=True)
os.makedirs("/etc/ssl")
said = call(ca_pem)
check("HTTPS with ca_file, /etc/ssl empty", said == "a token", said)
said = call()
check("no authorities at all: what was tried", "/etc/ssl/certs/ca-certificates.crt" in said
      and "certifi" in said and "SSL_CERT_FILE" in said, said)
for place in ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
              "/etc/ssl/ca-bundle.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
              "/etc/ssl/cert.pem", "/usr/local/share/certs/ca-root-nss.crt"):
    os.makedirs(os.path.dirname(place), exist_ok=True)
    shutil.copy(ca_pem, place)
    said = call()
    check(f"authorities in {place}", said == "a token", said)
    os.remove(place)
for variable in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
    said = call(**{variable: ca_pem})
    check(f"authorities by {variable}", said == "a token", said)

hostile = ("openssl_conf = x\n[x]\nproviders = p\nssl_conf = s\n"
           "[p]\ndefault = d\nnone = n\n"
           "[d]\nactivate = 0\n[n]\nactivate = 1\nmodule = /nonexistent.so\n"
           "[s]\nsystem_default = t\n[t]\nMinProtocol = TLSv9\nCipherString = NONE\n")
os.makedirs("/usr/lib/ssl", exist_ok=True)
for path in ("/etc/ssl/openssl.cnf", "/usr/lib/ssl/openssl.cnf", "/hostile.cnf"):
    with open(path, "w") as file:
        file.write(hostile)
said = call(ca_pem)
check("a hostile openssl.cnf in place", said == "a token", said)
said = call(ca_pem, OPENSSL_CONF="/hostile.cnf", OPENSSL_MODULES="/nonexistent")
check("a hostile openssl.cnf by OPENSSL_CONF", said == "a token", said)
with open("/hostile.cnf", "w") as file:
    file.write("\0[[[ = =\n" * 1000)
said = call(ca_pem, OPENSSL_CONF="/hostile.cnf")
check("an openssl.cnf that is none", said == "a token", said)
sys.exit(failed)
"""


def run(*command: str | Path) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def make_root(suite: str, root: Path) -> None:
    """A bare system with the Pythons it is to have."""
    if (root / "made").is_file():
        return
    print(f"==> Making a root of {suite}", flush=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    run("debootstrap", "--variant=minbase", suite, root, MIRROR)
    for name in ("resolv.conf", "hosts"):
        (root / "etc" / name).write_bytes(Path("/etc", name).read_bytes())
    # A mirror's lists may be older than they say they should be.
    (root / "etc/apt/apt.conf.d/99old").write_text("Acquire::Check-Valid-Until false;\n")
    run("chroot", root, "apt-get", "update", "-q")
    install = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q", "-y"]
    run("chroot", root, *install, "--no-install-recommends", *ROOTS[suite])
    (root / "made").touch()


def main() -> None:
    """Make the roots, and run the wheel in each of their Pythons."""
    directory = Path(
        sys.argv[1] if len(sys.argv) > 1 else HERE / "build" / "roots"
    ).resolve()
    (wheel,) = (HERE / "dist").glob("*.whl")
    failed = False
    for suite, pythons in ROOTS.items():
        root = directory / suite
        make_root(suite, root)
        run("rm", "-rf", root / "wheel")
        run(sys.executable, "-m", "zipfile", "-e", wheel, root / "wheel")
        run("mount", "-t", "proc", "proc", root / "proc")
        try:
            with StubServer(tls=True) as server:
                assert server.ca_file is not None
                (root / "ca.pem").write_bytes(Path(server.ca_file).read_bytes())
                for python in pythons:
                    print(f"==> {suite}, {python}", flush=True)
                    done = subprocess.run(
                        ["chroot", root, "env", "-i", "PATH=/usr/bin:/bin", python, "-c",
                         INSIDE, server.base_url, "/ca.pem"],
                        check=False,
                    )  # fmt: skip
                    failed |= done.returncode != 0
        finally:
            run("umount", root / "proc")
    sys.exit(failed)


if __name__ == "__main__":
    main()
