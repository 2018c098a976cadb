"""The stand-in behaves as the API is documented to, and misbehaves on command."""

import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from datetime import datetime, timedelta, timezone
from itertools import takewhile
from typing import Any

import pytest
import requests

import genlogs_ext
from genlogs_ext import TokenSource
from genlogs_ext.auth import GenLogsAuth
from genlogs_ext.testing import Delay, Drop, Raw, RecordedRequest, Reply, StubServer

from .helpers import create_token, wait_for

GOOD_QUERY = "/auth/token?email=ada%40example.com&password=1234%2B"


def ask(
    server: StubServer,
    method: str = "POST",
    target: str = GOOD_QUERY,
    body: bytes | None = None,
    key: str | None = "stub-api-key",
) -> tuple[int, Any, http.client.HTTPResponse]:
    """One request with the standard library's client."""
    with closing(
        http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    ) as connection:
        connection.request(method, target, body, {} if key is None else {"X-API-Key": key})
        with closing(connection.getresponse()) as response:
            content = response.read()
    return response.status, json.loads(content) if content else None, response


def test_200_is_the_documented_schema(stub: StubServer) -> None:
    status, body, response = ask(stub)
    assert status == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["date"]
    assert list(body) == [
        "access_token_data", "refresh_token_data", "user_id", "company_id", "customer_name",
    ]  # fmt: skip
    expires = datetime.fromisoformat(body["access_token_data"]["expires"])
    assert abs(expires - datetime.now(timezone.utc) - timedelta(hours=1)) < timedelta(
        minutes=1
    )


def test_lifetime_can_be_chosen_and_changed() -> None:
    with StubServer(token_lifetime=60) as server:
        lives = []
        for lifetime in (60, 5):
            server.token_lifetime = lifetime
            expires = create_token(server)["access_token_data"]["expires"]
            left = datetime.fromisoformat(expires) - datetime.now(timezone.utc)
            lives.append(round(left.total_seconds(), -1 if lifetime == 60 else 0))
    assert lives == [60, 5]


def test_every_token_is_new(stub: StubServer) -> None:
    tokens = {create_token(stub)["access_token_data"]["token"] for _ in range(5)}
    assert len(tokens) == 5


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        ({"key": None}, 403, {"message": "Forbidden"}),
        ({"key": "wrong"}, 403, {"message": "Forbidden"}),
        ({"target": "/auth/token?email=a&password=b"}, 401,
         {"detail": "Incorrect email or password"}),
        ({"target": "/auth/token?email=a"}, 422,
         {"detail": [{"type": "missing", "loc": ["query", "password"],
                      "msg": "Field required", "input": None}]}),
        ({"target": "/auth/token"}, 422,
         {"detail": [{"type": "missing", "loc": ["query", name],
                      "msg": "Field required", "input": None}
                     for name in ("email", "password")]}),
        ({"target": "/auth/token?email=%FF&password=b"}, 401,
         {"detail": "Incorrect email or password"}),
        ({"target": "/elsewhere"}, 404, {"detail": "Not Found"}),
        ({"method": "GET"}, 405, {"detail": "Method Not Allowed"}),
        ({"target": "/auth/token/?a=b"}, 307, None),
    ],
)  # fmt: skip
def test_errors_are_the_documented_ones(
    stub: StubServer, request_: dict[str, Any], status: int, body: Any
) -> None:
    got_status, got_body, response = ask(stub, **request_)
    assert (got_status, got_body) == (status, body)
    if status == 307:
        assert response.headers["location"] == "/auth/token?a=b"


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        (None, ["body"]),
        (b"{", ["body", 0]),
        (b"[]", ["body"]),
        (b'{"email": "a"}', ["body", "password"]),
        (b'{"email": "a", "password": 7}', ["body", "password"]),
    ],
)
def test_body_mode_validates_the_body(body: bytes | None, loc: list[object]) -> None:
    with StubServer(credentials_in="body") as server:
        status, answer, _ = ask(server, target="/auth/token", body=body)
    assert status == 422
    assert [entry["loc"] for entry in answer["detail"]] == [loc]


def test_requests_are_recorded(stub: StubServer) -> None:
    ask(stub, body=b"hello")
    (request,) = stub.requests
    assert request.method == "POST"
    assert request.path == "/auth/token"
    assert request.query == {"email": "ada@example.com", "password": "1234+"}
    assert request.header("X-Api-Key") == "stub-api-key"
    assert request.header("no-such-header") is None
    assert request.body == b"hello"
    assert request.raw.startswith(b"POST /auth/token?email=ada%40example.com&")
    assert request.raw.endswith(b"\r\n\r\nhello")


def test_scripted_faults_are_met_in_order_then_it_behaves(stub: StubServer) -> None:
    stub.script(Reply(503, {"message": "a"}), Reply(418))
    stub.script(Reply(500), times=2)
    assert [ask(stub)[0] for _ in range(5)] == [503, 418, 500, 500, 200]


def test_reply_carries_its_body_and_headers(stub: StubServer) -> None:
    stub.script(Reply(418, '["é"]', {"X-Y": "z", "Content-Type": "text/odd"}))
    status, body, response = ask(stub)
    assert (status, body) == (418, ["é"])
    assert response.headers["x-y"] == "z"
    assert response.headers.get_all("content-type") == ["text/odd"]


@pytest.mark.parametrize("fault", [Delay(0.2), Reply(200, {}, delay=0.2)])
def test_delays(stub: StubServer, fault: Delay | Reply) -> None:
    stub.script(fault)
    started = time.monotonic()
    assert ask(stub)[0] == 200
    assert time.monotonic() - started >= 0.2


def test_drop_and_raw_bytes(stub: StubServer) -> None:
    stub.script(Drop(), Raw(b"nonsense\r\n\r\n"))
    with pytest.raises(http.client.RemoteDisconnected):
        ask(stub)
    with pytest.raises(http.client.BadStatusLine):
        ask(stub)


def test_stop_does_not_wait_for_a_delay() -> None:
    with StubServer() as server:
        server.script(Delay(60))
        caller = threading.Thread(
            target=pytest.raises,
            args=(genlogs_ext.TransportError, create_token, server),
        )
        caller.start()
        while not server.requests:
            time.sleep(0.001)
        started = time.monotonic()
    caller.join()
    assert time.monotonic() - started < 10


def test_it_may_be_started_again() -> None:
    server = StubServer(tls=True)
    for _ in range(2):
        with server:
            create_token(server, ca_file=server.ca_file)
        assert server.ca_file is None
    assert len(server.requests) == 2


def test_it_may_listen_on_ipv6() -> None:
    with StubServer(host="::1") as server:
        assert server.base_url == f"http://[::1]:{server.port}"
        create_token(server)


def test_stop_ends_a_silent_tls_client() -> None:
    with StubServer(tls=True) as server:
        client = socket.create_connection(("127.0.0.1", server.port))
    with client:
        client.settimeout(10)
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""


def test_a_tls_client_that_comes_while_it_stops_is_sent_away() -> None:
    with StubServer(tls=True) as server:
        assert server._http is not None
        server._http.stopping.set()
        address = "127.0.0.1", server.port
        with (
            socket.create_connection(address, 10) as client,
            suppress(ConnectionResetError),
        ):
            assert client.recv(1) == b""


def test_it_is_not_running_before_start_and_after_stop() -> None:
    server = StubServer()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.base_url
    with server, pytest.raises(RuntimeError, match="running already"):
        server.start()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.port
    server.stop()


def test_own_tls_context(tls_stub: StubServer) -> None:
    assert tls_stub.ca_file is not None
    context = ssl.create_default_context(cafile=tls_stub.ca_file)
    with closing(
        http.client.HTTPSConnection("localhost", tls_stub.port, context=context)
    ) as connection:
        connection.request("POST", GOOD_QUERY, headers={"x-api-key": "stub-api-key"})
        with closing(connection.getresponse()) as response:
            assert response.status == 200


def test_tls_without_trustme_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from genlogs_ext.testing.__main__ import main

    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(ImportError, match=r"pip install 'genlogs-ext\[testing\]'"):
        StubServer(tls=True).start()
    with pytest.raises(SystemExit, match=r"pip install 'genlogs-ext\[testing\]'"):
        main(["--tls"])


@pytest.mark.parametrize("options", [[], ["--tls"]])
def test_it_runs_by_hand(options: list[str]) -> None:
    account = ["--email", "e@x.example", "--password", "it's $HOME"]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "genlogs_ext.testing", *account, *options],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = "".join(takewhile(lambda line: "Ctrl-C" not in line, process.stdout))
            exports, command = re.findall(r"((?:^  export .*\n)+)  (.*)$", said, re.M)[0]
            assert command == "genlogs-token --json"
            done = subprocess.run(
                ["sh", "-ec", f'{exports}"$0" -m genlogs_ext --json', sys.executable],
                capture_output=True, text=True, timeout=20, check=False,
            )  # fmt: skip
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
    assert process.returncode == 0
    assert done.stderr == ""
    assert json.loads(done.stdout)["user_id"] == "1"


def test_by_hand_a_port_that_is_taken_is_said_in_a_line() -> None:
    with StubServer() as server:
        port = server.base_url.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-m", "genlogs_ext.testing", "--port", port],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(
        rf"cannot listen on port {port}: .+; try another, or 0\n", done.stderr
    )


# ---- what else there is ------------------------------------------------------------

CARRIERS: dict[str, object] = {"carriers": [{"name": "Größe", "score": 0.5}]}


def get(
    server: StubServer,
    path: str = "/carriers?lane=TX",
    token: str | None = None,
    key: str = "stub-api-key",
) -> tuple[int, Any]:
    """GET with a token: one of this server's own by default."""
    value = create_token(server)["access_token_data"]["token"] if token is None else token
    answer = requests.get(
        server.base_url + path,
        headers={"Access-Token": value, "x-api-key": key},
        timeout=20,
    )
    return answer.status_code, answer.json()


def test_data_is_for_whoever_brings_key_and_token() -> None:
    with StubServer(data={"/carriers": CARRIERS}) as server, StubServer() as other:
        token = create_token(server)["access_token_data"]["token"]
        assert get(server, token=token) == (200, CARRIERS)
        assert get(server, token=token, key="another")[0] == 403
        refused = (401, {"detail": "Invalid or expired access token"})
        foreign = create_token(other)["access_token_data"]["token"]
        for wrong in ("", "x", "-", "é".encode().decode("latin-1"), token[:-1], foreign):
            assert get(server, token=wrong) == refused
        later = token.replace(token.split("-")[3], "fffffffffff")
        assert get(server, token=later) == refused
        assert get(server, "/no-such") == (404, {"detail": "Not Found"})


def test_a_token_that_has_expired_gets_no_data() -> None:
    with StubServer(data={"/carriers": CARRIERS}, token_lifetime=0.5) as server:
        token = create_token(server)["access_token_data"]["token"]
        wait_for(lambda: get(server, token=token)[0] == 401)


def test_a_function_may_answer() -> None:
    def answer(request: RecordedRequest) -> list[object] | Reply:
        lane = request.query.get("lane")
        return [request.method, lane] if lane else Reply(422, {"detail": "lane"})

    with StubServer() as server:
        server.data["/carriers"] = answer
        assert get(server) == (200, ["GET", "TX"])
        assert get(server, "/carriers") == (422, {"detail": "lane"})


def test_the_adapters_meet_an_expired_token_with_a_new_one() -> None:
    with StubServer(data={"/carriers": CARRIERS}) as server:
        source = TokenSource(
            server.email, server.password, server.api_key, base_url=server.base_url
        )
        first = source.token()
        server._seal_key = b"the server has forgotten its tokens"
        answer = requests.get(
            f"{server.base_url}/carriers", auth=GenLogsAuth(source), timeout=20
        )
        assert answer.json() == CARRIERS
        assert source.token() != first
