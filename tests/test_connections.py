"""Connections are kept, shared, dropped, and never inherited."""

import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

import genlogs_ext
from genlogs_ext.testing import Delay, Drop, Reply, StubServer

from .forward_proxy import ForwardProxy
from .helpers import create_token


def connections(server: StubServer) -> list[int]:
    return [request.connection for request in server.requests]


@pytest.mark.parametrize("tls", [False, True])
def test_calls_one_after_the_other_share_one_connection(tls: bool) -> None:
    with StubServer(tls=tls) as server:
        for _ in range(5):
            create_token(server, ca_file=server.ca_file)
        assert len(set(connections(server))) == 1


def test_threads_share_the_pool(stub: StubServer) -> None:
    def in_thread() -> None:
        thread = threading.Thread(target=create_token, args=(stub,))
        thread.start()
        thread.join()

    for _ in range(3):
        in_thread()
    create_token(stub)
    assert len(set(connections(stub))) == 1


def test_the_last_given_back_is_taken_first(stub: StubServer) -> None:
    """So that the others grow old and go."""
    stub.script(Delay(0.2), Delay(0.4))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: create_token(stub), range(2)))
    slow = stub.requests[1].connection
    for _ in range(3):
        create_token(stub)
    assert connections(stub)[2:] == [slow] * 3


def test_programs_that_are_started_do_not_get_the_connection(stub: StubServer) -> None:
    create_token(stub)
    ours = [fd for fd in descriptors_to(stub.port) if os.get_inheritable(fd)]
    assert ours == []


def descriptors_to(port: int) -> list[int]:
    """This process's connections to a server, of which there is at least one."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if entry.readlink().name.startswith("socket:"):
                with socket.socket(fileno=os.dup(int(entry.name))) as connection:
                    if connection.getpeername()[1:2] == (port,):
                        found.append(int(entry.name))
    assert found
    return found


def test_an_error_answer_keeps_the_connection(stub: StubServer) -> None:
    stub.script(Reply(401), Reply(500))
    for _ in range(2):
        with pytest.raises(genlogs_ext.APIError):
            create_token(stub)
    create_token(stub)
    assert len(set(connections(stub))) == 1


def test_another_ca_file_is_another_connection() -> None:
    with StubServer(tls=True) as server:
        create_token(server, ca_file=server.ca_file)
        with pytest.raises(genlogs_ext.TLSError):
            create_token(server)
        assert len(server.requests) == 1


def test_a_call_owes_nothing_to_the_one_before(tls_stub: StubServer) -> None:
    """One handle serves them all, and keeps what it can."""
    ca_file = tls_stub.ca_file
    with ForwardProxy() as proxy:
        with pytest.raises(genlogs_ext.InvalidRequestError):
            create_token(tls_stub, ca_file=ca_file, credentials_in="body")
        create_token(tls_stub, ca_file=ca_file)
        create_token(tls_stub, ca_file=ca_file, proxy=proxy.url)
        create_token(tls_stub, ca_file=ca_file)
        create_token(tls_stub, ca_file=ca_file, proxy=proxy.url.replace("//", "//u:p@"))
        create_token(tls_stub, ca_file=ca_file, proxy=proxy.url)
    assert [bool(request.body) for request in tls_stub.requests] == [True] + [False] * 5
    assert [b"Proxy-Authorization" in head for head in proxy.heads] == [False, True, False]


def test_any_number_of_base_urls(stub: StubServer) -> None:
    for i in [*range(40), *range(40)]:
        with pytest.raises(genlogs_ext.InvalidRequestError):
            create_token(stub, base_url=f"{stub.base_url}/{i}")
        assert stub.requests[-1].path == f"/{i}/auth/token"


@pytest.mark.parametrize("tls", [False, True])
def test_a_kept_connection_that_the_server_closed_costs_no_error(tls: bool) -> None:
    with StubServer(tls=tls) as server:
        server.script(Reply(401, close=True))
        with pytest.raises(genlogs_ext.AuthenticationError):
            create_token(server, ca_file=server.ca_file)
        create_token(server, ca_file=server.ca_file)
        assert len(set(connections(server))) == 2


def test_a_kept_connection_that_closes_under_the_request_costs_no_error(
    stub: StubServer,
) -> None:
    create_token(stub)
    stub.script(Drop())
    create_token(stub, max_retries=0)
    assert len(stub.requests) == 3


def test_64_threads_at_once(stub: StubServer) -> None:
    stub.script(Delay(0.5), times=64)
    with ThreadPoolExecutor(64) as pool:
        started = time.monotonic()
        tokens = list(pool.map(lambda _: create_token(stub), range(64)))
        elapsed = time.monotonic() - started
    assert len({token["access_token_data"]["token"] for token in tokens}) == 64
    assert elapsed < 64 * 0.5 / 4
    assert len(set(connections(stub))) == 64


FORK = """
import os, sys
import genlogs_ext
from genlogs_ext.testing import StubServer

with StubServer(tls=True) as server:
    def call():
        genlogs_ext.create_token(
            server.email, server.password, server.api_key,
            base_url=server.base_url, ca_file=server.ca_file, max_retries=0,
        )
        return server.requests[-1].connection

    before = call()
    child = os.fork()
    if child == 0:
        try:
            genlogs_ext.create_token(
                server.email, server.password, server.api_key,
                base_url=server.base_url, ca_file=server.ca_file, max_retries=0,
            )
            os._exit(0)
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    childs = server.requests[-1].connection
    after = call()
    assert childs != before, "the child used its parent's connection"
    assert after == before, "the parent lost its connection"
    print("ok")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_leaves_its_parents_connections_alone() -> None:
    answer = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert answer.stdout.strip() == "ok", answer.stderr


def token_in_child(arguments: tuple[str, str, str, str]) -> str:
    email, password, key, base_url = arguments
    tokens = genlogs_ext.create_token(email, password, key, base_url=base_url)
    return tokens["access_token_data"]["token"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(stub: StubServer, method: str) -> None:
    create_token(stub)
    work = [(stub.email, stub.password, stub.api_key, stub.base_url)] * 6
    with multiprocessing.get_context(method).Pool(3) as pool:
        tokens = pool.map(token_in_child, work)
    assert len(set(tokens)) == 6
    create_token(stub)
    mine = [stub.requests[0].connection, stub.requests[-1].connection]
    assert mine[0] == mine[1]
    assert mine[0] not in connections(stub)[1:-1]
