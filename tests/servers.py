"""Real servers for tests, each on a free port of this machine."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from .helpers import wait_for

# Debian keeps servers where the path of a user does not lead.
SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"

MODULES = "/usr/lib/nginx/modules"

ANSWER = (
    '{"access_token_data": {"token": "nginx-token",'
    ' "expires": "2026-11-24T12:00:00.000000+00:00"}, "user_id": "7"}'
)


def find(program: str) -> str | None:
    """Path of a server program, or None."""
    return shutil.which(program, path=SEARCH)


def free_port() -> int:
    """A port that was free a moment ago; these servers cannot say which they took."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """Run a server until the block ends; it begins when the port answers."""
    with subprocess.Popen(command) as process:
        try:
            end = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    if process.poll() is not None or time.monotonic() > end:
                        raise
                    time.sleep(0.01)
            yield
        finally:
            process.terminate()


NGINX = """
{modules}
daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
    log_format ours '$connection $server_protocol $ssl_protocol $request_method $status';
    access_log {directory}/access.log ours;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests {keepalive_requests};
    server {{
        listen 127.0.0.1:{port} {listen};
        ssl_certificate {directory}/chain.pem; ssl_certificate_key {directory}/key.pem;
        ssl_protocols {protocols};
        location = /auth/token {{ default_type application/json; return 200 '{answer}'; }}
        {locations}
    }}
}}
"""


class Nginx:
    """A running nginx that answers every token request with the same token."""

    def __init__(self, directory: Path, scheme: str, port: int) -> None:
        self.directory = directory
        self.base_url = f"{scheme}://127.0.0.1:{port}"
        self.ca_file = str(directory / "ca.pem")

    def log(self, requests: int) -> list[list[str]]:
        """A line a request: connection, protocol, TLS version, method, status.

        nginx writes it when the answer is sent: so many are waited for.
        """
        path = self.directory / "access.log"
        wait_for(lambda: path.read_text().count("\n") >= requests)
        return [line.split() for line in path.read_text().splitlines()]


@contextmanager
def nginx(
    directory: Path,
    *,
    listen: str = "",
    protocols: str = "TLSv1.2 TLSv1.3",
    keepalive_requests: int = 1_000_000,
    locations: str = "",
    modules: tuple[str, ...] = (),
) -> Iterator[Nginx]:
    """Run nginx; `listen` takes "ssl" and "ssl http2", `modules` Debian's names."""
    program = find("nginx")
    assert program is not None
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(directory / "key.pem"))
    (directory / "chain.pem").write_bytes(
        b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    )
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(
        NGINX.format(
            directory=directory, port=port, listen=listen, protocols=protocols,
            answer=ANSWER, keepalive_requests=keepalive_requests, locations=locations,
            modules="".join(f"load_module {MODULES}/{name}.so;" for name in modules),
        )
    )  # fmt: skip
    command = [program, "-p", str(directory), "-c", str(configuration)]
    with running([*command, "-e", str(directory / "error.log")], port):
        yield Nginx(directory, "https" if "ssl" in listen else "http", port)


TINYPROXY = """
Port {port}
Listen 127.0.0.1
LogFile "{directory}/proxy.log"
LogLevel Connect
{extra}
"""


@contextmanager
def tinyproxy(directory: Path, *, extra: str = "") -> Iterator[tuple[int, Path]]:
    """Run tinyproxy; yields its port and its log."""
    program = find("tinyproxy")
    assert program is not None
    port = free_port()
    configuration = directory / "tinyproxy.conf"
    configuration.write_text(TINYPROXY.format(port=port, directory=directory, extra=extra))
    with running([program, "-d", "-c", str(configuration)], port):
        yield port, directory / "proxy.log"


@contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    """Run Redis, which keeps nothing on disk; yields its URL."""
    program = find("redis-server")
    assert program is not None
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with running([*command, "--dir", str(directory), "--loglevel", "warning"], port):
        yield f"redis://127.0.0.1:{port}/0"
