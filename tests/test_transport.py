"""How create_token uses the network: TLS, proxies, time, retries, threads, signals."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from base64 import b64encode
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from types import FrameType

import pytest
import trustme

import genlogs_ext
from genlogs_ext.testing import Delay, Drop, Raw, Reply, StubServer

from .forward_proxy import ForwardProxy
from .helpers import create_token, only_request, unused_port


@pytest.fixture
def proxy() -> Iterator[ForwardProxy]:
    with ForwardProxy() as server:
        yield server


# ---- TLS ---------------------------------------------------------------------


def test_https_with_an_own_ca(tls_stub: StubServer) -> None:
    create_token(tls_stub, ca_file=tls_stub.ca_file)
    assert only_request(tls_stub).header("x-api-key") == tls_stub.api_key


def test_an_unknown_ca_is_refused(tls_stub: StubServer) -> None:
    with pytest.raises(genlogs_ext.TLSError, match="certificate") as caught:
        create_token(tls_stub)
    assert tls_stub.requests == []
    assert caught.value.curl_code == 60
    assert caught.value.retryable is False


def test_a_certificate_for_another_host_is_refused() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("api.genlogs.io").configure_cert(context)
    with StubServer(tls=context) as server, authority.cert_pem.tempfile() as ca_file:
        with pytest.raises(genlogs_ext.TLSError):
            create_token(server, ca_file=ca_file)
        assert server.requests == []


# The system's OpenSSL has a floor of its own; this takes it away, for a child.
NO_FLOOR = """
openssl_conf = first
[first]
ssl_conf = ssl
[ssl]
system_default = none
[none]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
"""

OLD_TLS = """
import socket, ssl, sys, genlogs_ext
port, ca_file = int(sys.argv[1]), sys.argv[2]
context = ssl.create_default_context(cafile=ca_file)
context.minimum_version = ssl.TLSVersion.TLSv1
context.set_ciphers("ALL:@SECLEVEL=0")
with socket.create_connection(("127.0.0.1", port)) as client:
    with context.wrap_socket(client, server_hostname="127.0.0.1") as secured:
        print(secured.version())
try:
    genlogs_ext.create_token(
        "e", "p", "k", base_url=f"https://127.0.0.1:{port}", ca_file=ca_file, max_retries=0
    )
except genlogs_ext.TLSError:
    print("refused")
"""


def test_tls_1_1_is_refused(tmp_path: Path) -> None:
    """By us: another client of the same OpenSSL speaks it with the same server."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    authority.issue_cert("127.0.0.1").configure_cert(context)
    (tmp_path / "openssl.cnf").write_text(NO_FLOOR)
    with StubServer(tls=context) as server, authority.cert_pem.tempfile() as ca_file:
        answer = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", OLD_TLS, str(server.port), ca_file],
            capture_output=True,
            text=True,
            env={**os.environ, "OPENSSL_CONF": str(tmp_path / "openssl.cnf")},
            check=False,
        )
        assert answer.stdout.split() == ["TLSv1.1", "refused"], answer.stderr
        assert server.requests == []


def test_a_missing_ca_file_is_named(tls_stub: StubServer) -> None:
    with pytest.raises(genlogs_ext.TLSError, match=r"no-such-file\.pem"):
        create_token(tls_stub, ca_file="/no-such-file.pem")


# ---- proxies -----------------------------------------------------------------


@pytest.fixture
def tls_proxy() -> Iterator[tuple[ForwardProxy, trustme.CA]]:
    """A proxy that is itself reached by TLS, and its CA."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with ForwardProxy(context) as server:
        yield server, authority


def test_https_proxy(
    tls_stub: StubServer, tls_proxy: tuple[ForwardProxy, trustme.CA], tmp_path: Path
) -> None:
    server, authority = tls_proxy
    assert tls_stub.ca_file is not None
    both = tmp_path / "both.pem"
    both.write_bytes(Path(tls_stub.ca_file).read_bytes() + authority.cert_pem.bytes())
    create_token(tls_stub, ca_file=both, proxy=server.url)
    assert len(server.heads) == 1
    assert len(tls_stub.requests) == 1


def test_an_https_proxy_of_an_unknown_ca_is_refused(
    tls_stub: StubServer, tls_proxy: tuple[ForwardProxy, trustme.CA]
) -> None:
    server, _ = tls_proxy
    with pytest.raises(genlogs_ext.TLSError):
        create_token(tls_stub, ca_file=tls_stub.ca_file, proxy=server.url)
    assert server.heads == []
    assert tls_stub.requests == []


def test_proxy_credentials_go_to_the_proxy_alone(
    tls_stub: StubServer, proxy: ForwardProxy
) -> None:
    url = proxy.url.replace("http://", "http://bob:p%40ss%2Fw%C3%A9@")
    create_token(tls_stub, ca_file=tls_stub.ca_file, proxy=url)
    expected = b64encode("bob:p@ss/wé".encode())
    assert b"Proxy-Authorization: Basic " + expected + b"\r\n" in proxy.heads[0]
    assert only_request(tls_stub).header("proxy-authorization") is None


def test_proxy_argument(tls_stub: StubServer, proxy: ForwardProxy) -> None:
    create_token(tls_stub, ca_file=tls_stub.ca_file, proxy=proxy.url)
    (head,) = proxy.heads
    assert head.startswith(b"CONNECT 127.0.0.1:" + str(tls_stub.port).encode())
    assert b"x-api-key" not in head.lower()
    assert len(tls_stub.requests) == 1


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_proxy_from_the_environment(
    tls_stub: StubServer, proxy: ForwardProxy, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, proxy.url)
    create_token(tls_stub, ca_file=tls_stub.ca_file)
    assert len(proxy.heads) == 1


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize("hosts", ["127.0.0.1", "example.com,127.0.0.1", "*"])
def test_no_proxy_from_the_environment(
    tls_stub: StubServer,
    proxy: ForwardProxy,
    name: str,
    hosts: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", proxy.url)
    monkeypatch.setenv(name, hosts)
    create_token(tls_stub, ca_file=tls_stub.ca_file)
    assert proxy.heads == []


def test_an_empty_proxy_argument_beats_the_environment(
    tls_stub: StubServer, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy.url)
    create_token(tls_stub, ca_file=tls_stub.ca_file, proxy="")
    assert proxy.heads == []


def test_a_loopback_server_is_not_reached_through_the_environments_proxy(
    stub: StubServer, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    create_token(stub)
    assert proxy.heads == []


def test_a_dead_proxy_is_a_connect_error_without_its_password(tls_stub: StubServer) -> None:
    with unused_port() as port, pytest.raises(genlogs_ext.ConnectError) as caught:
        create_token(tls_stub, proxy=f"http://bob:canary-secret@127.0.0.1:{port}")
    assert "canary" not in str(caught.value)


# ---- time --------------------------------------------------------------------


def test_timeout_bounds_the_whole_call(stub: StubServer) -> None:
    stub.script(Delay(30))
    started = time.monotonic()
    with pytest.raises(genlogs_ext.TimeoutError, match=r"0\.3 s \(timeout\)") as caught:
        create_token(stub, timeout=0.3)
    assert time.monotonic() - started < 0.8
    assert caught.value.curl_code == 28


def test_a_tiny_timeout_is_not_forever(stub: StubServer) -> None:
    stub.script(Delay(30))
    with pytest.raises(genlogs_ext.TimeoutError):
        create_token(stub, timeout=1e-9)


def test_connect_timeout_bounds_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # TCP comes up by itself; TLS waits for a server that says nothing.
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(genlogs_ext.TimeoutError, match="connect_timeout"):
            genlogs_ext.create_token(
                "e", "p", "k", base_url=url, connect_timeout=0.2, timeout=20, max_retries=0
            )


def test_timeout_includes_the_switch_to_the_body() -> None:
    with StubServer(credentials_in="body") as server:
        server.script(Delay(0.2), Delay(30))
        started = time.monotonic()
        with pytest.raises(genlogs_ext.TimeoutError):
            create_token(server, timeout=0.5)
        assert time.monotonic() - started < 1.0
        assert len(server.requests) == 2


# ---- retries -----------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [Reply(408), Reply(429), Reply(500), Reply(502), Reply(503), Reply(504), Drop()],
)
def test_what_may_pass_is_tried_again(stub: StubServer, fault: Reply | Drop) -> None:
    stub.script(fault)
    create_token(stub, max_retries=1)
    assert len(stub.requests) == 2


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 405, 422, 501])
def test_what_will_not_pass_is_not_tried_again(stub: StubServer, status: int) -> None:
    stub.script(Reply(status), times=3)
    with pytest.raises(genlogs_ext.APIError):
        create_token(stub, max_retries=2)
    assert len(stub.requests) == 1


@pytest.mark.parametrize("max_retries", [0, 1, 2])
def test_max_retries_counts_the_attempts_after_the_first(
    stub: StubServer, max_retries: int
) -> None:
    stub.script(Reply(503, {"message": "down"}), times=5)
    with pytest.raises(genlogs_ext.ServerError, match="down"):
        create_token(stub, max_retries=max_retries)
    assert len(stub.requests) == 1 + max_retries


def test_retry_after_is_waited_for(stub: StubServer) -> None:
    stub.script(Reply(503, headers={"retry-after": "1"}))
    started = time.monotonic()
    create_token(stub, max_retries=1)
    assert time.monotonic() - started >= 1.0


def test_retry_after_may_be_a_date(stub: StubServer) -> None:
    later = formatdate(time.time() + 3600, usegmt=True)
    stub.script(Reply(503, headers={"retry-after": later}))
    with pytest.raises(genlogs_ext.ServerError) as caught:
        create_token(stub, max_retries=1)
    assert caught.value.retry_after == pytest.approx(3600, abs=60)
    assert len(stub.requests) == 1


def test_a_handshake_that_breaks_off_is_tried_again(tls_stub: StubServer) -> None:
    """The first connection is closed by a listener that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse_twice() -> None:
            for _ in range(2):
                listener.accept()[0].close()

        thread = threading.Thread(target=refuse_twice)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(genlogs_ext.TLSError) as caught:
            create_token(tls_stub, base_url=url, max_retries=1)
        thread.join()
    assert caught.value.retryable is True


def test_a_wait_beyond_the_deadline_is_not_begun(stub: StubServer) -> None:
    stub.script(Reply(503, headers={"retry-after": "60"}))
    started = time.monotonic()
    with pytest.raises(genlogs_ext.ServerError) as caught:
        create_token(stub, max_retries=2, timeout=20)
    assert time.monotonic() - started < 10
    assert caught.value.retry_after == 60


# ---- answers that are none -----------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Drop(),
        Raw(b""),
        Raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
        Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}"),
        Raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
    ],
)
def test_no_usable_answer_is_a_transport_error(stub: StubServer, fault: Drop | Raw) -> None:
    stub.script(fault)
    with pytest.raises(
        genlogs_ext.TransportError, match=r"^no answer from http://127\."
    ) as caught:
        create_token(stub)
    assert type(caught.value) is genlogs_ext.TransportError
    assert caught.value.curl_code > 0


def test_nobody_listening_is_a_connect_error() -> None:
    with unused_port() as port, pytest.raises(genlogs_ext.ConnectError) as caught:
        genlogs_ext.create_token(
            "e", "p", "k", base_url=f"http://127.0.0.1:{port}", max_retries=0
        )
    assert caught.value.curl_code == 7
    assert caught.value.retryable is True


def test_redirects_are_not_followed(stub: StubServer) -> None:
    with StubServer() as foreign:
        stub.script(Reply(307, headers={"location": f"{foreign.base_url}/auth/token"}))
        with pytest.raises(genlogs_ext.APIError) as caught:
            create_token(stub)
        assert foreign.requests == []
    assert caught.value.status_code == 307


# ---- threads and signals ---------------------------------------------------------


def test_the_gil_is_released_while_waiting(stub: StubServer) -> None:
    """Eight calls wait together; and the stub that answers them lives in this process."""
    stub.script(Delay(0.3), times=8)
    threads = [threading.Thread(target=create_token, args=(stub,)) for _ in range(8)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stub.requests) == 8
    assert time.monotonic() - started < 8 * 0.3


@pytest.mark.parametrize("phase", ["waiting", "between retries"])
def test_a_signal_handlers_exception_ends_the_call(stub: StubServer, phase: str) -> None:
    class AlarmError(Exception):
        pass

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise AlarmError

    if phase == "waiting":
        stub.script(Delay(30))
    else:
        stub.script(Reply(503, headers={"retry-after": "15"}))
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        started = time.monotonic()
        with pytest.raises(AlarmError):
            create_token(stub, max_retries=1)
        assert time.monotonic() - started < 1.0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
