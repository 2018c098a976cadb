"""nginx and tinyproxy, as Debian ships them."""

from pathlib import Path

import pytest

import genlogs_ext
from genlogs_ext._core import libcurl
from genlogs_ext.testing import StubServer

from .helpers import create_token
from .servers import Nginx, find, nginx, tinyproxy

needs_nginx = pytest.mark.skipif(find("nginx") is None, reason="nginx is not installed")
needs_http_2 = pytest.mark.skipif(
    "HTTP/2" not in libcurl, reason="the wheel's libcurl speaks HTTP/1.1 alone"
)
needs_tinyproxy = pytest.mark.skipif(
    find("tinyproxy") is None, reason="tinyproxy is not installed"
)


def ask(server: Nginx) -> None:
    tokens = genlogs_ext.create_token(
        "e", "p", "k", base_url=server.base_url, ca_file=server.ca_file, max_retries=0
    )
    assert tokens["access_token_data"]["token"] == "nginx-token"


@needs_nginx
@pytest.mark.parametrize(
    ("listen", "protocols", "http", "tls"),
    [
        ("", "TLSv1.3", "HTTP/1.1", "-"),
        ("ssl", "TLSv1.2", "HTTP/1.1", "TLSv1.2"),
        ("ssl", "TLSv1.3", "HTTP/1.1", "TLSv1.3"),
        pytest.param("ssl http2", "TLSv1.2", "HTTP/2.0", "TLSv1.2", marks=needs_http_2),
        pytest.param("ssl http2", "TLSv1.3", "HTTP/2.0", "TLSv1.3", marks=needs_http_2),
    ],
)
def test_one_connection_serves_all_calls(
    tmp_path: Path, listen: str, protocols: str, http: str, tls: str
) -> None:
    with nginx(tmp_path, listen=listen, protocols=protocols) as server:
        for _ in range(5):
            ask(server)
        log = server.log(5)
    assert len({line[0] for line in log}) == 1
    assert [line[1:] for line in log] == [[http, tls, "POST", "200"]] * 5


@needs_nginx
@pytest.mark.parametrize("listen", ["", "ssl", "ssl http2"])
def test_a_server_that_closes_its_connections_costs_no_error(
    tmp_path: Path, listen: str
) -> None:
    """After every second request."""
    with nginx(tmp_path, listen=listen, keepalive_requests=2) as server:
        for _ in range(6):
            ask(server)
        assert len({line[0] for line in server.log(6)}) == 3


@needs_tinyproxy
def test_https_proxy_and_no_proxy(
    tmp_path: Path, tls_stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tinyproxy(tmp_path) as (port, log):
        tunnel = f"CONNECT 127.0.0.1:{tls_stub.port}"
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        create_token(tls_stub, ca_file=tls_stub.ca_file)
        assert log.read_text().count(tunnel) == 1
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        create_token(tls_stub, ca_file=tls_stub.ca_file)
        assert log.read_text().count(tunnel) == 1
    assert len(tls_stub.requests) == 2


@needs_tinyproxy
def test_proxy_authentication(tmp_path: Path, tls_stub: StubServer) -> None:
    with tinyproxy(tmp_path, extra="BasicAuth bob canary-secret") as (port, _):
        where = f"127.0.0.1:{port}"
        create_token(
            tls_stub, ca_file=tls_stub.ca_file, proxy=f"http://bob:canary%2Dsecret@{where}"
        )
        for wrong in (f"http://bob:canary-wrong@{where}", f"http://{where}"):
            with pytest.raises(
                genlogs_ext.TransportError, match=r"CONNECT tunnel failed, response 40[17]"
            ) as caught:
                create_token(tls_stub, ca_file=tls_stub.ca_file, proxy=wrong)
            assert "canary" not in str(caught.value)
    assert len(tls_stub.requests) == 1
