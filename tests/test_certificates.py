"""Certificates that must not do: each is a TLSError that says which, and what to do."""

import inspect
import os
import ssl
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import genlogs_ext
from genlogs_ext.testing import StubServer

from .helpers import create_token, only_request, preloaded


def context_for(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


def refusal(context: ssl.SSLContext, ca_file: Path | str | None) -> str:
    """What create_token says of a server with such a context."""
    with StubServer(tls=context) as server:
        with pytest.raises(genlogs_ext.TLSError) as caught:
            create_token(server, ca_file=ca_file)
        assert server.requests == []
        assert type(caught.value) is genlogs_ext.TLSError
        assert caught.value.curl_code == 60
        assert caught.value.retryable is False
        assert caught.value.attempts == 1
        assert str(caught.value).startswith(f"no secure connection to {server.base_url}: ")
    return str(caught.value)


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, Path]:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return ca, tmp_path / "ca.pem"


def test_expired(authority: tuple[trustme.CA, Path]) -> None:
    ca, ca_file = authority
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    certificate = ca.issue_cert("127.0.0.1", not_after=yesterday)
    says = refusal(context_for(certificate), ca_file)
    assert "expired" in says
    assert "is this machine's clock right?" in says


def test_not_yet_valid(authority: tuple[trustme.CA, Path]) -> None:
    ca, ca_file = authority
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    certificate = ca.issue_cert("127.0.0.1", not_before=tomorrow)
    says = refusal(context_for(certificate), ca_file)
    assert "not yet valid" in says
    assert "is this machine's clock right?" in says


def self_signed(directory: Path) -> Path:
    """A certificate and its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stub")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = directory / "self-signed.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem


def test_self_signed(tmp_path: Path) -> None:
    pem = self_signed(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    says = refusal(context, None)
    assert "self-signed" in says or "self signed" in says
    assert "pass the file of its certificate as ca_file" in says
    # And the advice is good.
    with StubServer(tls=context) as server:
        create_token(server, ca_file=pem)
        assert only_request(server)


def test_a_ca_nobody_knows(authority: tuple[trustme.CA, Path]) -> None:
    ca, _ = authority
    says = refusal(context_for(ca.issue_cert("127.0.0.1")), None)
    assert "ca_file" in says


@pytest.mark.parametrize("name", ["api.genlogs.io", "127.0.0.2", "localhost"])
def test_another_host(authority: tuple[trustme.CA, Path], name: str) -> None:
    ca, ca_file = authority
    says = refusal(context_for(ca.issue_cert(name)), ca_file)
    assert "base_url names another host than the certificate" in says


def test_a_chain_without_its_intermediate(authority: tuple[trustme.CA, Path]) -> None:
    ca, ca_file = authority
    certificate = ca.create_child_ca().issue_cert("127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with (
        certificate.private_key_pem.tempfile() as key,
        certificate.cert_chain_pems[0].tempfile() as leaf,
    ):
        context.load_cert_chain(leaf, key)
    says = refusal(context, ca_file)
    assert "does not send its intermediate certificates" in says
    # With it, all is well.
    with StubServer(tls=context_for(certificate)) as server:
        create_token(server, ca_file=ca_file)
        assert only_request(server)


def test_no_tls_at_all(stub: StubServer) -> None:
    with pytest.raises(genlogs_ext.TLSError, match=r"TLS 1\.2 or newer at this port\?"):
        create_token(stub, base_url=stub.base_url.replace("http:", "https:"))


@pytest.mark.parametrize("content", [b"", b"not PEM", None])
def test_a_ca_file_that_is_none(
    tls_stub: StubServer, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "wrong.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(genlogs_ext.TLSError, match="ca_file") as caught:
        create_token(tls_stub, ca_file=path)
    assert "wrong.pem" in str(caught.value) or sys.platform != "linux"
    assert tls_stub.requests == []


def test_there_is_no_switch() -> None:
    names = set(inspect.signature(genlogs_ext.create_token).parameters)
    assert not names & {"verify", "verify_ssl", "insecure", "ssl", "check_hostname"}


# ---- where the authorities are -----------------------------------------------------

VARIABLES = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


@pytest.mark.parametrize("variable", VARIABLES)
def test_the_environment_may_name_them(
    tls_stub: StubServer, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(genlogs_ext.TLSError):
        create_token(tls_stub)
    monkeypatch.setenv(variable, str(tls_stub.ca_file))
    create_token(tls_stub)


def test_the_first_variable_counts_and_ca_file_before_it(
    tls_stub: StubServer,
    authority: tuple[trustme.CA, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = str(authority[1])
    for name in VARIABLES:
        monkeypatch.setenv(name, other)
    create_token(tls_stub, ca_file=tls_stub.ca_file)
    for name in VARIABLES:
        with pytest.raises(genlogs_ext.TLSError):
            create_token(tls_stub)
        monkeypatch.setenv(name, "")  # as if it were not there
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_stub.ca_file))
    create_token(tls_stub)


def test_a_variable_may_name_a_directory(
    tls_stub: StubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tls_stub.ca_file is not None
    (tmp_path / "ca.pem").write_bytes(Path(tls_stub.ca_file).read_bytes())
    subprocess.run(["openssl", "rehash", tmp_path], check=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    create_token(tls_stub)


def test_a_file_without_certificates_is_blamed_not_the_server(
    tls_stub: StubServer, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(genlogs_ext.TLSError, match="a readable PEM file") as caught:
        create_token(tls_stub, ca_file=tmp_path / "ca.pem")
    assert (caught.value.curl_code, caught.value.retryable) == (77, False)
    assert "does the server" not in str(caught.value)


def test_a_variable_that_names_nothing_is_an_error(
    tls_stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no-such-file.pem")
    with pytest.raises(genlogs_ext.TLSError, match=r"/no-such-file\.pem"):
        create_token(tls_stub)


BARE = """
import sys
if sys.argv[2] == "without certifi":
    sys.modules["certifi"] = None
import genlogs_ext
try:
    genlogs_ext.create_token("email", "password", "api-key", base_url=sys.argv[1])
except genlogs_ext.TLSError as error:
    print(error)
"""


def said_without_a_store(
    server: StubServer, directory: Path, certifi: str, **environment: str
) -> str:
    """What a process is told for which the system's places are not there."""
    preload = {"LD_PRELOAD": preloaded(directory, "no_ca_store"), **environment}
    answer = subprocess.run(
        [sys.executable, "-c", BARE, server.base_url, certifi],
        env={**os.environ, **preload},
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout


@pytest.mark.parametrize(
    "place",
    [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
        "/usr/local/share/certs/ca-root-nss.crt",
    ],
)
def test_each_systems_place_is_known(
    tls_stub: StubServer, tmp_path: Path, place: str
) -> None:
    said = said_without_a_store(tls_stub, tmp_path, "without certifi", CA_STORE=place)
    assert "no certificates of trusted authorities" not in said
    assert "self-signed" in said or "unable to get local issuer" in said or place in said


def test_certifi_is_the_last_resort(tls_stub: StubServer, tmp_path: Path) -> None:
    said = said_without_a_store(tls_stub, tmp_path, "with certifi")
    assert "no certificates of trusted authorities" not in said
    assert "issuer" in said


STRANGE_CERTIFI = """
import sys
from types import SimpleNamespace

def fail(error):
    raise error

ways = {
    "memory": lambda: fail(MemoryError),
    "ctrl-c": lambda: fail(KeyboardInterrupt),
    "broken": lambda: fail(RuntimeError("broken")),
    "number": lambda: 1,
    "nul": lambda: "a\\0b",
}
import genlogs_ext
for name, where in ways.items():
    sys.modules["certifi"] = SimpleNamespace(where=where)
    try:
        genlogs_ext.create_token("email", "password", "api-key", base_url=sys.argv[1])
    except BaseException as error:
        print(name, type(error).__name__, str(error)[:33])
sys.modules["certifi"] = SimpleNamespace()
try:
    genlogs_ext.create_token("email", "password", "api-key", base_url=sys.argv[1])
except BaseException as error:
    print("nothing", type(error).__name__, str(error)[:33])
"""


def test_a_certifi_that_is_broken_is_none_unless_memory_is_short(
    tls_stub: StubServer, tmp_path: Path
) -> None:
    said = subprocess.run(
        [sys.executable, "-c", STRANGE_CERTIFI, tls_stub.base_url],
        env={**os.environ, "LD_PRELOAD": preloaded(tmp_path, "no_ca_store")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    missing = "TLSError no certificates of trusted author"
    assert [line.strip() for line in said.splitlines()] == [
        "memory MemoryError",
        "ctrl-c KeyboardInterrupt",
        f"broken {missing}",
        f"number {missing}",
        f"nul {missing}",
        f"nothing {missing}",
    ]


def test_without_any_the_error_says_what_was_tried(
    tls_stub: StubServer, tmp_path: Path
) -> None:
    said = said_without_a_store(tls_stub, tmp_path, "without certifi")
    assert said.startswith("no certificates of trusted authorities found; tried ")
    for tried in (*VARIABLES, "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem",
                  "certifi", "pass ca_file"):  # fmt: skip
        assert tried in said
    assert tls_stub.requests == []
