"""The same request over HTTP/2, to a server that none of us wrote: hypercorn."""

import asyncio
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config

import genlogs_ext
from genlogs_ext._core import libcurl
from genlogs_ext.testing import StubServer

from .helpers import create_token

pytestmark = pytest.mark.skipif(
    "HTTP/2" not in libcurl, reason="the wheel's libcurl speaks HTTP/1.1 alone"
)

ANSWER = {"access_token_data": {"token": "t", "expires": "2026-11-24T12:00:00+00:00"}}


class Recorder:
    """An ASGI application that keeps what it was asked."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.scopes.append(scope)
        self.bodies.append(body)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(ANSWER).encode()})


def served(app: Recorder, directory: Path, call: Any) -> None:
    """Serve an application by TLS while `call(url, ca_file)` runs."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    ca_file, key, chain = (directory / name for name in ("ca.pem", "key.pem", "chain.pem"))
    authority.cert_pem.write_to_path(str(ca_file))
    certificate.private_key_pem.write_to_path(str(key))
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))

    listener = socket.create_server(("127.0.0.1", 0))
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.certfile, config.keyfile = str(chain), str(key)
    config.accesslog = config.errorlog = None
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    def run() -> None:
        loop.run_until_complete(serve(app, config, shutdown_trigger=done.wait))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        call(url, ca_file)
        with StubServer() as other:  # its connection takes the place of the one that
            create_token(other)  # hypercorn would bid farewell to for 30 s
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize("form", ["query", "body"])
def test_http_2_carries_the_same_request(tmp_path: Path, form: Any) -> None:
    app = Recorder()

    def call(url: str, ca_file: Path) -> None:
        tokens = genlogs_ext.create_token(
            "ada@example.com", "1234+", "key",
            base_url=url, ca_file=ca_file, credentials_in=form, max_retries=0,
        )  # fmt: skip
        assert tokens == ANSWER

    served(app, tmp_path, call)
    (scope,) = app.scopes
    headers = dict(scope["headers"])
    assert scope["http_version"] == "2"
    assert scope["method"] == "POST"
    assert scope["path"] == "/auth/token"
    assert headers[b"accept"] == b"application/json"
    assert headers[b"x-api-key"] == b"key"
    assert headers[b"user-agent"].startswith(b"genlogs-ext/")
    if form == "query":
        assert scope["query_string"] == b"email=ada%40example.com&password=1234%2B"
        assert headers[b"content-length"] == b"0"
        assert b"content-type" not in headers
        assert app.bodies == [b""]
    else:
        assert scope["query_string"] == b""
        assert headers[b"content-type"] == b"application/json"
        assert json.loads(app.bodies[0]) == {
            "email": "ada@example.com",
            "password": "1234+",
        }
