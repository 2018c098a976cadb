"""Adapters: the token goes home, and nowhere else; a 401 is met with a new one."""

import asyncio
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
import requests
from fastapi import FastAPI, Header, HTTPException, Request
from fastapi.responses import RedirectResponse
from requests.adapters import HTTPAdapter

import genlogs_ext
from genlogs_ext import TokenSource
from genlogs_ext.auth import GenLogsAuth, GenLogsTransport
from genlogs_ext.auth.origin import Home
from genlogs_ext.testing import RecordedRequest, Reply, StubServer

from .asgi import Server
from .helpers import wait_for

HEADERS = ("access-token", "x-api-key")


def source_of(server: StubServer) -> TokenSource:
    return TokenSource(
        server.email, server.password, server.api_key, base_url=server.base_url
    )


# ---- three clients, asked alike ----------------------------------------------------

Answer = tuple[int, bytes]
Ask = Callable[..., Answer]


def with_requests(source: TokenSource) -> Ask:
    def ask(method: str, url: str, **options: Any) -> Answer:
        with requests.Session() as session:
            session.trust_env = False
            session.auth = GenLogsAuth(source)
            answer = session.request(method, url, timeout=20, **options)
            return answer.status_code, answer.content

    return ask


def with_httpx(source: TokenSource) -> Ask:
    def ask(method: str, url: str, **options: Any) -> Answer:
        transport = GenLogsTransport(source)
        with httpx.Client(transport=transport, follow_redirects=True) as client:
            answer = client.request(method, url, timeout=20, **for_httpx(options))
            return answer.status_code, answer.content

    return ask


def with_async_httpx(source: TokenSource) -> Ask:
    async def main(method: str, url: str, options: dict[str, Any]) -> Answer:
        transport = GenLogsTransport(source)
        async with httpx.AsyncClient(transport=transport, follow_redirects=True) as client:
            answer = await client.request(method, url, timeout=20, **for_httpx(options))
            return answer.status_code, answer.content

    def ask(method: str, url: str, **options: Any) -> Answer:
        return asyncio.run(main(method, url, options))

    return ask


def for_httpx(options: dict[str, Any]) -> dict[str, Any]:
    """What requests calls data is content where it is no form."""
    if "data" in options and not isinstance(options["data"], dict):
        options["content"] = options.pop("data")
    return options


@pytest.fixture(params=[with_requests, with_httpx, with_async_httpx])
def client(request: pytest.FixtureRequest) -> Callable[[TokenSource], Ask]:
    return request.param  # type: ignore[no-any-return] # one of the three


@pytest.fixture
def foreign() -> Iterator[StubServer]:
    with StubServer() as server:
        server.script(Reply(200, {"foreign": True}), times=10)
        yield server


def sent(request: RecordedRequest) -> tuple[str | None, ...]:
    return tuple(request.header(name) for name in HEADERS)


# ---- to its origin only ------------------------------------------------------------


def test_requests_home_carry_both_headers(stub: StubServer, client: Any) -> None:
    source = source_of(stub)
    token = source.token()
    stub.script(Reply(200, {"carriers": []}))
    assert client(source)("GET", f"{stub.base_url}/carrier/recommendations")[0] == 200
    assert sent(stub.requests[-1]) == (token.value, stub.api_key)


def test_requests_elsewhere_carry_none(
    stub: StubServer, foreign: StubServer, client: Any
) -> None:
    source = source_of(stub)
    source.token()
    assert client(source)("GET", f"{foreign.base_url}/x")[0] == 200
    assert (
        client(source)("GET", f"{foreign.base_url}/x", headers=source.headers())[0] == 200
    )
    for request in foreign.requests:
        assert sent(request) == (None, None)


def test_another_services_key_is_left_alone(
    stub: StubServer, foreign: StubServer, client: Any
) -> None:
    source = source_of(stub)
    client(source)("GET", f"{foreign.base_url}/x", headers={"x-api-key": "theirs"})
    assert sent(foreign.requests[0]) == (None, "theirs")


def test_a_url_that_another_would_read_otherwise_carries_none(stub: StubServer) -> None:
    """Python's own parser leaves the tab out, and finds the API's host."""
    request = requests.Request("GET", f"{stub.base_url}/x").prepare()
    request.url = f"{stub.base_url}/x".replace("127.0", "127.\t0")
    source = source_of(stub)
    assert Home(source).owns(request.url)
    GenLogsAuth(source)(request)
    assert not set(HEADERS) & {name.lower() for name in request.headers}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_elsewhere_carries_none(
    stub: StubServer, foreign: StubServer, client: Any, status: int
) -> None:
    source = source_of(stub)
    source.token()
    stub.script(Reply(status, headers={"location": f"{foreign.base_url}/x?y=z"}))
    answer = client(source)("POST", f"{stub.base_url}/verify", data=b"body")
    assert answer == (200, b'{"foreign": true}')
    assert sent(stub.requests[-1]) != (None, None)
    assert sent(foreign.requests[0]) == (None, None)
    assert foreign.requests[0].target == "/x?y=z"


@pytest.mark.parametrize(
    "location",
    [
        "//{away}/x", "///{away}/x", "////{away}/x", "/////{away}/x", "http:////{away}/x",
        "http:///{away}/x", "http:/{away}/x", "http:{away}/x", "/\\{away}/x",
        "\\\\{away}/x",
        "HTTP://{away}/x", "http://{home}@{away}/x", "http://{away}#@{home}/x",
        "http://{away}\\@{home}/x", "http://{home}\\@{away}/x", "http://{away}?@{home}/x",
        " http://{away}/x", "http://{away}/x ", "\thttp://{away}/x", "http://{home}%2f@{away}/",
        "http://{home};@{away}/x", "http://{home}:80@{away}/x", "http://[{home}]@{away}/x",
    ],
)  # fmt: skip
def test_no_spelling_of_a_redirect_takes_them_elsewhere(
    stub: StubServer, foreign: StubServer, client: Any, location: str
) -> None:
    source = source_of(stub)
    token = source.token()
    away, home = (server.base_url.removeprefix("http://") for server in (foreign, stub))
    header = {"location": location.format(away=away, home=home)}
    stub.script(Reply(307, headers=header), Reply(200))
    with suppress(requests.RequestException, httpx.HTTPError, httpx.InvalidURL, ValueError):
        client(source)("GET", f"{stub.base_url}/start")
    assert stub.requests[1].header("access-token") == token.value
    for request in foreign.requests:
        assert sent(request) == (None, None)


@pytest.mark.parametrize("location", ["/there?a=b", "there", "?a=b", "{home}/there?a=b"])
def test_a_redirect_home_carries_both(stub: StubServer, client: Any, location: str) -> None:
    source = source_of(stub)
    token = source.token()
    header = {"location": location.format(home=stub.base_url)}
    stub.script(Reply(307, headers=header), Reply(200, {"home": True}))
    assert client(source)("GET", f"{stub.base_url}/start")[1] == b'{"home": true}'
    assert [sent(request) for request in stub.requests[1:]] == [
        (token.value, stub.api_key)
    ] * 2


def test_a_redirect_home_and_away_and_home_again(stub: StubServer, client: Any) -> None:
    source = source_of(stub)
    token = source.token()
    with StubServer() as away:
        stub.script(
            Reply(307, headers={"location": f"{away.base_url}/away"}),
            Reply(200, {"home": True}),
        )
        away.script(Reply(307, headers={"location": f"{stub.base_url}/home"}))
        answer = client(source)("GET", f"{stub.base_url}/start")
        assert answer == (200, b'{"home": true}')
        assert sent(away.requests[0]) == (None, None)
    both = (token.value, stub.api_key)
    # requests makes each of the one before.
    back = (None, None) if client is with_requests else both
    assert [sent(request) for request in stub.requests[1:]] == [both, back]


def test_a_redirect_that_is_not_followed_gives_nothing_away(
    stub: StubServer, foreign: StubServer
) -> None:
    source = source_of(stub)
    foreign._faults.clear()
    foreign.script(Reply(302, headers={"location": f"{stub.base_url}/x"}), Reply(200))
    with requests.Session() as session:
        session.auth = GenLogsAuth(source)
        url = f"{foreign.base_url}/x"
        answer = session.get(url, allow_redirects=False, timeout=20)
        assert answer.status_code == 302
        session.send(answer.request, timeout=20)
    assert [sent(request) for request in foreign.requests] == [(None, None)] * 2
    assert stub.requests == [], "no token was needed"


def test_the_key_is_known_in_every_form(stub: StubServer, foreign: StubServer) -> None:
    source = source_of(stub)
    url = f"{foreign.base_url}/x"
    key = stub.api_key.encode()
    requests.get(url, headers={"X-API-Key": key}, auth=GenLogsAuth(source), timeout=20)
    with httpx.Client(transport=GenLogsTransport(source)) as client:
        client.get(url, headers=[("x-api-key", "theirs"), ("X-Api-Key", stub.api_key)])
    for request in foreign.requests:
        assert sent(request) == (None, None)


def test_a_redirect_after_a_401_carries_none_elsewhere(
    stub: StubServer, foreign: StubServer, client: Any
) -> None:
    source = source_of(stub)
    source.token()
    stub.script(Reply(401))
    answering = {"location": f"{foreign.base_url}/x"}
    # The new token's request comes in between.
    home = stub_that_redirects(stub, answering)
    assert client(source)("GET", f"{home}/start")[0] == 200
    assert sent(foreign.requests[0]) == (None, None)


def stub_that_redirects(stub: StubServer, headers: dict[str, str]) -> str:
    answer = stub._answer

    def redirecting(request: RecordedRequest) -> Reply:
        return Reply(302, headers=headers) if request.path == "/start" else answer(request)

    stub._answer = redirecting  # type: ignore[method-assign] # for this test
    return stub.base_url


@pytest.mark.parametrize(
    ("base", "url", "home"),
    [
        ("https://api.genlogs.io", "https://api.genlogs.io/carrier?x=1", True),
        ("https://api.genlogs.io", "https://API.GenLogs.io:443/", True),
        ("https://api.genlogs.io:443/prefix", "https://api.genlogs.io/other", True),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", True),
        ("http://[::1]:8000", "http://[::1]:8000/x", True),
        ("https://api.genlogs.io", "http://api.genlogs.io/", False),
        ("https://api.genlogs.io", "https://api.genlogs.io:444/", False),
        ("https://api.genlogs.io", "https://api.genlogs.io.evil.example/", False),
        ("https://api.genlogs.io", "https://evil.example/api.genlogs.io", False),
        ("https://api.genlogs.io", "https://api.genlogs.io@evil.example/", False),
        ("https://api.genlogs.io", "https://api.genlogs.io./", False),
        ("https://api.genlogs.io", "https://xapi.genlogs.io/", False),
        ("https://api.genlogs.io", "//api.genlogs.io/", False),
        ("https://api.genlogs.io", "https://api.genlogs.io:port/", False),
        ("https://api.genlogs.io", "ftp://api.genlogs.io:443/", False),
        ("https://api.genlogs.io", "", False),
    ],
)
def test_home_is_scheme_host_and_port(base: str, url: str, home: bool) -> None:
    assert Home(TokenSource("e", "p", "k", base_url=base)).owns(url) is home


# ---- 401 ---------------------------------------------------------------------------


def test_a_401_is_met_with_a_new_token_and_one_more_try(
    stub: StubServer, client: Any
) -> None:
    source = source_of(stub)
    old = source.token()
    stub.script(Reply(401))
    # The token request and the second try are answered as ever: 404 says it came.
    assert client(source)("GET", f"{stub.base_url}/carrier")[0] == 404
    _, first, made, second = stub.requests
    assert made.path == "/auth/token"
    assert sent(first) == (old.value, stub.api_key)
    assert sent(second) == (source.token().value, stub.api_key)
    assert sent(second) != sent(first)


def test_a_second_401_is_the_callers(stub: StubServer, client: Any) -> None:
    source = source_of(stub)
    with Server(always_401()) as url:
        source = TokenSource("e", "p", "k", base_url=url)
        assert client(source)("GET", f"{url}/carrier")[0] == 401
        assert httpx.get(f"{url}/count").json() == {"carrier": 2, "token": 2}


def always_401() -> FastAPI:
    app = FastAPI()
    counted = {"carrier": 0, "token": 0}

    @app.post("/auth/token")
    def create() -> Any:
        counted["token"] += 1
        expires = datetime.now(timezone.utc) + timedelta(hours=1)
        return {
            "access_token_data": {
                "token": f"t{counted['token']}",
                "expires": expires.isoformat(),
            }
        }

    @app.get("/carrier")
    def carrier() -> Any:
        counted["carrier"] += 1
        raise HTTPException(401)

    @app.get("/count")
    def count() -> Any:
        return counted

    return app


def test_a_401_from_elsewhere_is_not_ours(stub: StubServer, client: Any) -> None:
    source = source_of(stub)
    token = source.token()
    with StubServer() as away:
        away.script(Reply(401))
        assert client(source)("GET", f"{away.base_url}/x")[0] == 401
        assert len(away.requests) == 1
    assert source.token() is token


FORM = {"a": "1", "b": "é"}


def file_of(tmp_path: Path) -> Any:
    path = tmp_path / "upload"
    path.write_bytes(b"0123456789")
    return path.open("rb")


@pytest.mark.parametrize("kind", ["bytes", "json", "form", "file", "upload"])
def test_a_body_is_sent_again(
    stub: StubServer, client: Any, tmp_path: Path, kind: str
) -> None:
    if kind == "file" and client is with_async_httpx:
        kind = "bytes"  # httpx.AsyncClient takes no file as content
    with file_of(tmp_path) as file:
        bodies: dict[str, Any] = {
            "bytes": {"data": b"body"},
            "json": {"json": {"a": 1}},
            "form": {"data": FORM},
            "file": {"data": file},
            "upload": {"files": {"f": file}},
        }
        source = source_of(stub)
        source.token()
        stub.script(Reply(401))
        assert client(source)("POST", f"{stub.base_url}/verify", **bodies[kind])[0] == 404
    first, second = (r for r in stub.requests if r.path == "/verify")
    assert len(first.body) > 3
    assert second.body == first.body
    assert sent(second) != sent(first)


def test_a_file_is_sent_from_where_it_stood(stub: StubServer, tmp_path: Path) -> None:
    """By requests; httpx counts such a file's length from its beginning."""
    with file_of(tmp_path) as file:
        file.seek(4)
        source = source_of(stub)
        source.token()
        stub.script(Reply(401))
        with_requests(source)("POST", f"{stub.base_url}/verify", data=file)
    bodies = [r.body for r in stub.requests if r.path == "/verify"]
    assert bodies == [b"456789"] * 2


def test_an_upload_that_httpx_does_not_keep_is_not_sent_again(
    stub: StubServer, tmp_path: Path
) -> None:
    """It is over 1 MiB; the 401 is the caller's then."""
    path = tmp_path / "upload"
    path.write_bytes(b"x" * (1024 * 1024 + 1))
    source = source_of(stub)
    old = source.token()
    stub.script(Reply(401))
    with path.open("rb") as file:
        ask = with_httpx(source)
        assert ask("POST", f"{stub.base_url}/verify", files={"f": file})[0] == 401
    assert len(stub.requests) == 2
    assert source.token() != old


def test_a_body_that_is_gone_is_not_sent_again(client: Any) -> None:
    """The 401 is the caller's then; the next request has a new token."""

    def generator() -> Iterator[bytes]:
        yield b"body"

    async def async_generator() -> Any:
        yield b"body"

    with Server(token_app(revoke_first=True)) as url:
        source = TokenSource("e", "p", "k", base_url=url)
        body = async_generator() if client is with_async_httpx else generator()
        ask = client(source)
        assert ask("POST", f"{url}/verify", data=body)[0] == 401
        assert ask("POST", f"{url}/verify", data=b"body")[0] == 200


def test_a_body_that_a_redirect_dropped_is_no_hindrance(client: Any) -> None:
    async def async_generator() -> Any:
        yield b"body"

    with Server(token_app(revoke_first=True)) as url:
        body = async_generator() if client is with_async_httpx else iter([b"body"])
        ask = client(TokenSource("e", "p", "k", base_url=url))
        assert ask("POST", f"{url}/see-other", data=body)[0] == 200


def test_a_401_that_cannot_be_decoded_is_met_as_well(stub: StubServer, client: Any) -> None:
    source = source_of(stub)
    source.token()
    stub.script(Reply(401, b"no gzip", {"content-encoding": "gzip"}))
    assert client(source)("GET", f"{stub.base_url}/x")[0] == 404


@pytest.mark.parametrize("kind", ["requests", "httpx"])
def test_an_endpoint_that_always_says_401_does_not_cost_a_token_a_call(kind: str) -> None:
    with Server(always_401()) as url:
        source = TokenSource("e", "p", "k", base_url=url)
        with session_of(kind, source) as session:
            for _ in range(20):
                assert session.get(f"{url}/carrier", timeout=20).status_code == 401
        assert httpx.get(f"{url}/count").json()["token"] <= 6


def test_without_a_new_token_the_connection_is_not_lost(stub: StubServer) -> None:
    source = source_of(stub)
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", HTTPAdapter(pool_maxsize=1, pool_block=True))
        session.auth = GenLogsAuth(source)
        session.get(f"{stub.base_url}/x", timeout=20)
        stub.script(Reply(401), Reply(401))
        with pytest.raises(genlogs_ext.AuthenticationError):
            session.get(f"{stub.base_url}/x", timeout=20)
        assert session.get(f"{stub.base_url}/x", timeout=20).status_code == 404


def test_many_threads_share_one_transport(stub: StubServer) -> None:
    source = source_of(stub)
    source.token()
    transport = GenLogsTransport(source)
    barrier = threading.Barrier(8)

    def inner() -> object:
        barrier.wait()
        return transport._sync_inner()

    with ThreadPoolExecutor(8) as pool:
        assert (
            len({id(found.result()) for found in [pool.submit(inner) for _ in range(8)]})
            == 1
        )
    transport.close()


def test_a_given_transport_is_entered_and_closed(stub: StubServer) -> None:
    seen: list[str] = []

    class Inner(httpx.MockTransport):
        def __enter__(self) -> "Inner":
            seen.append("entered")
            return self

        def close(self) -> None:
            seen.append("closed")

    inner = Inner(lambda _: httpx.Response(200))
    with httpx.Client(transport=GenLogsTransport(source_of(stub), inner)):
        pass
    assert seen == ["entered", "closed"]


def test_a_given_async_transport_is_entered_and_closed(stub: StubServer) -> None:
    seen: list[str] = []

    class Inner(httpx.MockTransport):
        async def __aenter__(self) -> "Inner":
            seen.append("entered")
            return self

        async def aclose(self) -> None:
            seen.append("closed")

    async def ask() -> None:
        inner = Inner(lambda _: httpx.Response(200))
        transport = GenLogsTransport(source_of(stub), inner)
        async with httpx.AsyncClient(transport=transport):
            pass
        await transport.aclose()

    asyncio.run(ask())
    assert seen == ["entered", "closed", "closed"]


def test_what_was_not_opened_need_not_be_closed(stub: StubServer) -> None:
    """A transport of either kind is closed by either client."""
    source = source_of(stub)
    GenLogsTransport(source, httpx.AsyncHTTPTransport()).close()
    asyncio.run(GenLogsTransport(source, httpx.HTTPTransport()).aclose())


# ---- the API as it is --------------------------------------------------------------


def token_app(*, revoke_first: bool = False, lifetime: float = 3600.0) -> FastAPI:
    """Tokens that expire, and can be revoked, and an endpoint that wants both headers."""
    app = FastAPI()
    ends: dict[str, float] = {}
    guard = threading.Lock()
    made = [0]

    @app.post("/auth/token")
    def create(email: str, password: str, x_api_key: Annotated[str, Header()]) -> Any:
        if (email, password, x_api_key) != ("e", "p", "k"):
            raise HTTPException(401)
        token = secrets.token_hex(8)
        with guard:
            made[0] += 1
            dead = revoke_first and made[0] == 1
            ends[token] = 0.0 if dead else time.monotonic() + lifetime
        expires = datetime.now(timezone.utc) + timedelta(seconds=lifetime)
        return {"access_token_data": {"token": token, "expires": expires.isoformat()}}

    def check(token: str, key: str) -> None:
        if key != "k":
            raise HTTPException(403)
        if ends.get(token, 0.0) < time.monotonic():
            raise HTTPException(401)

    @app.get("/carrier/recommendations")
    def recommend(
        access_token: Annotated[str, Header()], x_api_key: Annotated[str, Header()]
    ) -> Any:
        check(access_token, x_api_key)
        return {"carriers": [1, 2, 3]}

    @app.post("/verify")
    async def verify(
        request: Request,
        access_token: Annotated[str, Header()],
        x_api_key: Annotated[str, Header()],
    ) -> Any:
        check(access_token, x_api_key)
        return {"bytes": len(await request.body())}

    @app.post("/see-other")
    async def see_other(request: Request) -> Any:
        assert await request.body() == b"body"
        return RedirectResponse("/carrier/recommendations", 303)

    @app.post("/revoke")
    def revoke() -> None:
        with guard:
            ends.clear()

    @app.get("/made")
    def count() -> int:
        return made[0]

    return app


@pytest.mark.parametrize("kind", ["requests", "httpx"])
def test_tokens_expire_and_are_revoked_and_no_call_fails(kind: str) -> None:
    """Fifty threads call; a token lives for two seconds, if it is not revoked before."""
    with Server(token_app(lifetime=2.0)) as url:
        source = TokenSource("e", "p", "k", base_url=url)
        stop = threading.Event()

        answers: list[list[int]] = [[] for _ in range(50)]

        def call(statuses: list[int]) -> None:
            with session_of(kind, source) as session:
                while not stop.is_set():
                    answer = session.get(f"{url}/carrier/recommendations", timeout=20)
                    statuses.append(answer.status_code)

        def all_go_on() -> None:
            """Let every thread begin and end a call: none sees two tokens revoked."""
            seen = [len(statuses) for statuses in answers]
            wait_for(
                lambda: all(len(a) > n + 1 for a, n in zip(answers, seen, strict=True))
            )

        with ThreadPoolExecutor(50) as pool:
            calls = [pool.submit(call, statuses) for statuses in answers]
            try:
                for _ in range(5):
                    time.sleep(0.7)
                    all_go_on()
                    httpx.post(f"{url}/revoke").raise_for_status()
                all_go_on()
            finally:
                stop.set()
            for each in calls:
                each.result()
            statuses = [status for each in answers for status in each]
        assert len(statuses) > 200
        assert set(statuses) == {200}
        assert 6 <= httpx.get(f"{url}/made").json() <= 40


def session_of(kind: str, source: TokenSource) -> Any:
    if kind == "httpx":
        return httpx.Client(transport=GenLogsTransport(source))
    session = requests.Session()
    session.auth = GenLogsAuth(source)
    return session


def test_functions_of_requests_take_it_too(stub: StubServer) -> None:
    source = source_of(stub)
    answer = requests.get(f"{stub.base_url}/x", auth=GenLogsAuth(source), timeout=20)
    assert answer.status_code == 404
    assert sent(stub.requests[-1]) == (source.token().value, stub.api_key)


def test_no_token_is_the_sources_error(stub: StubServer, client: Any) -> None:
    source = TokenSource(stub.email, "wrong", stub.api_key, base_url=stub.base_url)
    with pytest.raises(genlogs_ext.AuthenticationError):
        client(source)("GET", f"{stub.base_url}/x")


def test_equal_are_those_of_one_source(stub: StubServer) -> None:
    source = source_of(stub)
    assert GenLogsAuth(source) == GenLogsAuth(source)
    assert GenLogsAuth(source) != GenLogsAuth(source_of(stub))
    assert len({GenLogsAuth(source), GenLogsAuth(source)}) == 1


def test_a_transport_of_yours_sends_the_requests(stub: StubServer) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    source = source_of(stub)
    mock = httpx.MockTransport(answer)
    with httpx.Client(transport=GenLogsTransport(source, mock)) as client:
        response = client.get(f"{stub.base_url}/x")
    assert seen[0].headers["access-token"] == source.token().value
    assert "access-token" not in response.request.headers


def test_a_transport_of_the_wrong_kind_is_named(stub: StubServer) -> None:
    source = source_of(stub)
    wrong = GenLogsTransport(source, httpx.AsyncHTTPTransport())
    with pytest.raises(TypeError, match=r"needs an httpx.BaseTransport"):
        httpx.Client(transport=wrong).get(stub.base_url)

    async def ask() -> None:
        transport = GenLogsTransport(source, httpx.HTTPTransport())
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get(stub.base_url)

    with pytest.raises(TypeError, match=r"needs an httpx.AsyncBaseTransport"):
        asyncio.run(ask())


def test_a_key_beyond_ascii_is_sent_as_latin_1(client: Any) -> None:
    with StubServer(api_keys=["kéy"]) as server:
        source = TokenSource(server.email, server.password, "kéy", base_url=server.base_url)
        assert client(source)("GET", f"{server.base_url}/x")[0] == 404
        assert server.requests[-1].header("x-api-key") == "kéy"


# ---- what is not installed ---------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "client"), [("GenLogsAuth", "requests"), ("GenLogsTransport", "httpx")]
)
def test_a_missing_client_is_named_with_its_extra(
    name: str, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, client, None)
    monkeypatch.delitem(sys.modules, f"genlogs_ext.auth.for_{client}")
    with pytest.raises(
        ImportError, match=rf"pip install 'genlogs-ext\[{client}\]'"
    ) as caught:
        getattr(genlogs_ext.auth, name)
    assert str(caught.value).startswith(f"{name} needs {client}: ")


def test_what_a_client_lacks_is_said_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "idna", None)
    for name in [name for name in sys.modules if name.split(".")[0] == "httpx"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "genlogs_ext.auth.for_httpx")
    with pytest.raises(ModuleNotFoundError, match="idna") as caught:
        _ = genlogs_ext.auth.GenLogsTransport
    assert caught.value.name == "idna"
