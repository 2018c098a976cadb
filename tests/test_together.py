"""Other libcurls and OpenSSLs in the same process, used at the same time."""

import io
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pycurl
import pytest
import trustme

import genlogs_ext
from genlogs_ext.testing import StubServer

ROUNDS = 10


@contextmanager
def postgres(context: ssl.SSLContext, handshakes: list[str]) -> Iterator[int]:
    """What of PostgreSQL a client meets before it logs in: its TLS."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(8)  # SSLRequest
                connection.sendall(b"S")
                with suppress(OSError), context.wrap_socket(connection, True) as secured:
                    handshakes.append(str(secured.version()))
                    secured.recv(1000)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_pycurl_psycopg_and_ssl_get_along_with_us() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    handshakes: list[str] = []
    failures: list[BaseException] = []

    def ours() -> None:
        genlogs_ext.create_token(
            stub.email, stub.password, stub.api_key, base_url=stub.base_url, ca_file=ca_file
        )

    def with_pycurl() -> None:
        handle, body = pycurl.Curl(), io.BytesIO()
        handle.setopt(pycurl.URL, f"{stub.base_url}/x")
        handle.setopt(pycurl.CAINFO, ca_file)
        handle.setopt(pycurl.WRITEDATA, body)
        handle.perform()
        assert handle.getinfo(pycurl.RESPONSE_CODE) == 403
        handle.close()

    def with_psycopg() -> None:
        with pytest.raises(psycopg.OperationalError):  # after its handshake
            psycopg.connect(
                host="127.0.0.1",
                port=port,
                user="u",
                sslmode="verify-ca",
                sslrootcert=ca_file,
            )

    def with_ssl() -> None:
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{stub.base_url}/x", context=trusting)  # noqa: S310 - the stub

    def repeat(work: object) -> None:
        try:
            for _ in range(ROUNDS):
                work()  # type: ignore[operator] # one of the four
        except BaseException as error:
            failures.append(error)

    with (
        StubServer(tls=context) as stub,
        postgres(context, handshakes) as port,
        authority.cert_pem.tempfile() as ca_file,
    ):
        threads = [
            threading.Thread(target=repeat, args=(work,))
            for work in (ours, with_pycurl, with_psycopg, with_ssl)
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert len(handshakes) >= 2 * ROUNDS


ORDERS = [
    "genlogs_ext, pycurl, psycopg, ssl",
    "ssl, psycopg, pycurl, genlogs_ext",
    "pycurl, genlogs_ext, ssl, psycopg",
]


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_of_imports_does_not_matter(order: str, tls_stub: StubServer) -> None:
    code = (
        f"import sys, {order}\n"
        "for _ in range(3):\n"
        "    genlogs_ext.create_token('ada@example.com', '1234+', 'stub-api-key',"
        " base_url=sys.argv[1], ca_file=sys.argv[2])\n"
        "    c = pycurl.Curl(); c.setopt(c.WRITEFUNCTION, len)\n"
        "    c.setopt(c.URL, sys.argv[1]); c.setopt(c.CAINFO, sys.argv[2]); c.perform()\n"
    )
    command = [sys.executable, "-c", code, tls_stub.base_url, str(tls_stub.ca_file)]
    subprocess.run(command, check=True, timeout=50)
