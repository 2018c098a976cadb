"""Every fault of a server, through the synchronous and the asynchronous call.

The table is docs/reliability.md's: what happens, what the user gets. Each case also
shows that the call ends in time and that no secret shows.
"""

import asyncio
import socket
import time
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

import genlogs_ext
from genlogs_ext.testing import Delay, Drip, Drop, Fault, Raw, Reply, Reset, StubServer

from .helpers import shown

PASSWORD = "canary-password"
API_KEY = "canary-key"
TOKEN = "canary-token"
TIMEOUT = 1.0
LATE = 0.25  # the promise is 0.1; the rest is for machines that are busy

BODY = (
    b'{"access_token_data": {"token": "'
    + TOKEN.encode()
    + b'", "expires": "e"}, "n": [1, 2, 3]}'
)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
OK = HEAD + b"content-length: " + str(len(BODY)).encode() + b"\r\n\r\n" + BODY


@cache
def bomb() -> bytes:
    """1 GiB of spaces as 1 MiB of deflate: one block, over and over."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + again * 1023


@dataclass(frozen=True)
class Case:
    fault: Fault
    kind: type[genlogs_ext.GenLogsError]
    says: str
    retryable: bool = False


def redirect(status: int, location: str) -> Reply:
    return Reply(status, headers={"location": location})


E = genlogs_ext
CASES = {
    "never answers": Case(Delay(30), E.TimeoutError, r"within 1 s \(timeout\)", True),
    "headers a byte at a time": Case(Drip(OK, interval=0.1), E.TimeoutError, "timeout", True),
    "body a byte at a time": Case(
        Drip(b" " * 1000, HEAD + b"\r\n", interval=0.05), E.TimeoutError, "timeout", True),
    "reset before the headers": Case(Reset(), E.TransportError, "no answer from", True),
    "reset in the headers": Case(Reset(OK[:20]), E.TransportError, "no answer from", True),
    "reset after the headers": Case(
        Reset(OK[: OK.index(b"{") + 5]), E.TransportError, "no answer from", True),
    "closed before the headers": Case(Drop(), E.TransportError, "no answer from", True),
    "truncated body": Case(Raw(OK[:-10]), E.TransportError, "no answer from", True),
    "Content-Length too small": Case(
        Raw(HEAD + b"content-length: 10\r\n\r\n" + BODY), E.InvalidResponseError, "at byte 10"),
    "Content-Length not a number": Case(
        Raw(HEAD + b"content-length: many\r\n\r\n" + BODY), E.TransportError, "no answer from"),
    "bad chunk size": Case(
        Raw(HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n"), E.TransportError, "no answer",
        True),
    "chunks that end early": Case(
        Raw(HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n{\"a"), E.TransportError,
        "no answer", True),
    "100 KiB of headers": Case(
        Raw(b"HTTP/1.1 200 OK\r\n" + (b"x: " + b"f" * 1021 + b"\r\n") * 100 + b"\r\n"),
        E.InvalidResponseError, "headers are over 65536 bytes"),
    "endless headers": Case(
        Drip(b"x: y\r\n" * 1000, b"HTTP/1.1 200 OK\r\n", size=6000, endless=True),
        E.InvalidResponseError, "headers are over 65536 bytes"),
    "endless body": Case(
        Drip(b" " * 65536, HEAD + b"\r\n", size=70000, endless=True),
        E.InvalidResponseError, "body is over 1048576 bytes"),
    "1 GiB of gzip in 1 MiB": Case(
        Reply(200, bomb(), {"content-encoding": "gzip"}),
        E.InvalidResponseError, "body is over 1048576 bytes"),
    "gzip that is none": Case(
        Reply(200, BODY, {"content-encoding": "gzip"}), E.TransportError, "no answer from"),
    "an unknown encoding": Case(
        Reply(200, BODY, {"content-encoding": "rot13"}), E.TransportError, "no answer from"),
    "garbage instead of HTTP": Case(Raw(b"SSH-2.0-OpenSSH_9.2\r\n"), E.TransportError, "answer"),
    "204": Case(Reply(204), E.InvalidResponseError, "status 204 instead of 200"),
    "an empty 200": Case(Reply(200), E.InvalidResponseError, "at byte 0"),
    "an HTML 200": Case(Reply(200, "<html>Log in</html>"), E.InvalidResponseError, "at byte 0"),
    "a 200 without a token": Case(
        Reply(200, {"access_token_data": {"expires": TOKEN}}), E.InvalidResponseError, "token"),
    "401 with an echo": Case(
        Reply(401, {"detail": f"no: {PASSWORD} {API_KEY}"}), E.AuthenticationError, r"\*\*\*"),
    "422 with an echo": Case(
        Reply(422, {"detail": [{"loc": ["query", "password"], "msg": "m", "input": PASSWORD}]}),
        E.InvalidRequestError, r"query\.password: m"),
    "429, Retry-After in seconds": Case(
        Reply(429, headers={"retry-after": "120"}), E.RateLimitError, "HTTP 429", True),
    "503, Retry-After as a date": Case(
        Reply(503, headers={"retry-after": "Fri, 31 Dec 2099 23:59:59 GMT"}),
        E.ServerError, "HTTP 503", True),
    "503, Retry-After as nonsense": Case(
        Reply(503, headers={"retry-after": "soon"}), E.ServerError, "HTTP 503", True),
    "301": Case(redirect(301, "/auth/token"), E.APIError, "it points to http://127"),
    "302": Case(redirect(302, "/x?password=canary"), E.APIError, r"/x, which is not followed"),
    "303": Case(redirect(303, "/auth/token"), E.APIError, "it points to"),
    "307 to another host": Case(
        redirect(307, "https://evil.invalid/a?b=canary"), E.APIError,
        r"points to https://evil\.invalid/a, which"),
    "308 to another port": Case(redirect(308, "http://127.0.0.1:9/"), E.APIError, "points to"),
    "307 without a place": Case(Reply(307), E.APIError, r"Temporary Redirect \(HTTP 307\)"),
}  # fmt: skip


def call(server: StubServer, **options: Any) -> Any:
    return genlogs_ext.create_token(
        server.email, PASSWORD, API_KEY, base_url=server.base_url, timeout=TIMEOUT,
        credentials_in="query", **options,
    )  # fmt: skip


def call_async(server: StubServer, **options: Any) -> Any:
    return asyncio.run(
        genlogs_ext.create_token_async(
            server.email, PASSWORD, API_KEY, base_url=server.base_url, timeout=TIMEOUT,
            credentials_in="query", **options,
        )
    )  # fmt: skip


@pytest.mark.parametrize("caller", [call, call_async], ids=["sync", "async"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_fault(case: Case, caller: Any) -> None:
    with StubServer(users={"e": PASSWORD}, api_keys={API_KEY}) as server:
        server.script(case.fault, times=10)
        started = time.monotonic()
        with pytest.raises(genlogs_ext.GenLogsError, match=case.says) as caught:
            caller(server, max_retries=0)
        assert time.monotonic() - started < TIMEOUT + LATE
    assert type(caught.value) is case.kind
    assert caught.value.retryable is case.retryable
    assert "canary" not in shown(caught.value)
    attempts = getattr(caught.value, "attempts", 1)
    assert attempts == len(server.requests) == 1


@pytest.mark.parametrize("caller", [call, call_async], ids=["sync", "async"])
def test_retries_end_with_the_deadline(caller: Any) -> None:
    with StubServer(users={"e": PASSWORD}, api_keys={API_KEY}) as server:
        server.script(Reply(503, delay=0.02), times=1000)
        started = time.monotonic()
        with pytest.raises((genlogs_ext.ServerError, genlogs_ext.TimeoutError)) as caught:
            caller(server, max_retries=100)
        assert time.monotonic() - started < TIMEOUT + LATE
        assert vars(caught.value)["attempts"] == len(server.requests) > 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_answer_is_understood(encoding: str) -> None:
    packer = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)
    with StubServer(users={"e": PASSWORD}, api_keys={API_KEY}) as server:
        body = packer.compress(BODY) + packer.flush()
        server.script(Reply(200, body, {"content-encoding": encoding}))
        assert call(server)["access_token_data"]["token"] == TOKEN
        assert server.requests[0].header("accept-encoding") is None


def test_a_server_that_never_accepts_costs_the_connect_timeout() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(4):  # more than its queue takes
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        started = time.monotonic()
        with pytest.raises(
            genlogs_ext.TimeoutError, match=r"within 0\.3 s \(connect_timeout\)"
        ):
            genlogs_ext.create_token(
                "e", PASSWORD, API_KEY, connect_timeout=0.3, max_retries=0,
                base_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            )  # fmt: skip
        assert time.monotonic() - started < 0.3 + LATE
        for filler in fillers:
            filler.close()
