"""Real signals, sent to real processes, in every phase of a call.

Each child says on its standard output when the phase has begun and, afterwards, how
long the call went on after the signal had come.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from jupyter_client.manager import start_new_kernel

from genlogs_ext.testing import Delay, Reply, StubServer

from .helpers import preloaded

PROMISE = 0.1
LATE = 0.15  # for machines that are busy

CALL = """
import sys, time, genlogs_ext
base_url, ca_file = sys.argv[1], sys.argv[2] or None
print("ready", flush=True)
try:
    genlogs_ext.create_token(
        "ada@example.com", "1234+", "stub-api-key",
        base_url=base_url, ca_file=ca_file, timeout=25, connect_timeout=25,
    )
    print("answered")
except KeyboardInterrupt:
    print("KeyboardInterrupt")
print(time.monotonic(), flush=True)
"""


@pytest.fixture(scope="module")
def slow_resolver(tmp_path_factory: pytest.TempPathFactory) -> str:
    """LD_PRELOAD that makes every name lookup hang."""
    return preloaded(tmp_path_factory.mktemp("preload"), "slow_getaddrinfo")


@pytest.fixture(scope="module")
def slow_resolver_of_old(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same, with a libcurl that waits for it."""
    return preloaded(tmp_path_factory.mktemp("preload"), "slow_getaddrinfo", "old_libcurl")


@pytest.fixture
def mute() -> Iterator[int]:
    """The port of a server that accepts, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    kept.append(listener.accept()[0])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in kept:
            connection.close()


def interrupt(base_url: str, ca_file: str = "", settle: float = 0.4, **env: str) -> None:
    """Start a call, let it reach its phase, send SIGINT, and look at the time."""
    with subprocess.Popen(
        [sys.executable, "-c", CALL, base_url, ca_file],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(settle)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "KeyboardInterrupt\n"
        ended = float(child.stdout.readline())
        # The exit, too, waits for nothing.
        assert child.wait(timeout=5) == 0
    assert ended - sent < PROMISE + LATE


def test_ctrl_c_while_a_name_is_looked_up(slow_resolver: str) -> None:
    interrupt("https://slow.invalid", LD_PRELOAD=slow_resolver, SLOW_SECONDS="20")


def test_ctrl_c_in_the_tls_handshake(mute: int) -> None:
    interrupt(f"https://127.0.0.1:{mute}")


def test_ctrl_c_while_waiting_for_the_answer(stub: StubServer) -> None:
    stub.script(Delay(30))
    interrupt(stub.base_url)


def test_ctrl_c_between_retries(stub: StubServer) -> None:
    stub.script(Reply(503, headers={"retry-after": "20"}))
    interrupt(stub.base_url)


HANG = """
import asyncio, sys, threading, time, genlogs_ext

def timed(call):
    started = time.monotonic()
    try:
        call()
        print("answered")
    except (genlogs_ext.TimeoutError, asyncio.TimeoutError) as error:
        print(round(time.monotonic() - started, 3), flush=True)

options = dict(base_url="https://slow.invalid", max_retries=0)
timed(lambda: genlogs_ext.create_token("e", "p", "k", timeout=0.5, **options))

options["max_retries"] = 1
try:
    genlogs_ext.create_token("e", "p", "k", connect_timeout=0.2, timeout=9, **options)
except genlogs_ext.TimeoutError as error:
    print(error.attempts, error)

async def cancelled():
    call = genlogs_ext.create_token_async("e", "p", "k", timeout=20, **options)
    try:
        await asyncio.wait_for(call, 0.5)
    finally:
        await asyncio.sleep(0.1)
        print([t.name for t in threading.enumerate() if t.name.startswith("genlogs")])

timed(lambda: asyncio.run(cancelled()))
"""


@pytest.mark.parametrize("preload", ["slow_resolver", "slow_resolver_of_old"])
def test_a_resolver_that_hangs_delays_neither_deadline_nor_cancellation(
    preload: str, request: pytest.FixtureRequest
) -> None:
    started = time.monotonic()
    answer = subprocess.run(
        [sys.executable, "-c", HANG],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "LD_PRELOAD": request.getfixturevalue(preload),
            "SLOW_SECONDS": "20",
        },
        timeout=40,
        check=False,
    )
    deadline, connection, threads, cancelled = answer.stdout.splitlines()
    # Timers may go off a millisecond early, by the clocks of libcurl and the loop.
    assert 0.49 <= float(deadline) < 0.5 + PROMISE + LATE
    assert connection == (
        "2 no connection to https://slow.invalid within 0.2 s (connect_timeout)"
    )
    assert threads == "[]"
    assert 0.49 <= float(cancelled) < 0.5 + 0.1 + PROMISE + LATE
    assert time.monotonic() - started < 10, "import or exit waited for the resolver"


# ---- IPython and Jupyter -----------------------------------------------------------


def test_ctrl_c_in_ipython(stub: StubServer) -> None:
    stub.script(Delay(30))
    code = (
        "import genlogs_ext, os, threading, time, signal\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "sent = time.monotonic() + 0.5\n"
        "try:\n"
        f"    genlogs_ext.create_token('ada@example.com', '1234+', 'stub-api-key',"
        f" base_url={stub.base_url!r})\n"
        "except KeyboardInterrupt:\n"
        "    print('late by', time.monotonic() - sent)\n"
    )
    answer = subprocess.run(
        [
            sys.executable,
            "-m",
            "IPython",
            "--quick",
            "--no-banner",
            "--colors=NoColor",
            "-c",
            code,
        ],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert "late by" in answer.stdout, answer.stdout + answer.stderr
    assert float(answer.stdout.split("late by")[1].split()[0]) < PROMISE + LATE


@pytest.mark.parametrize(
    "call",
    [
        "create_token(**account)",
        "await create_token_async(**account)",
        "TokenSource(**account).token()",
        "await TokenSource(**account).token_async()",
        "login(**account)",
    ],
)
def test_a_jupyter_kernel_can_be_interrupted(stub: StubServer, call: str) -> None:
    stub.script(Delay(30))
    account = {
        "email": stub.email,
        "password": stub.password,
        "api_key": stub.api_key,
        "base_url": stub.base_url,
    }
    cell = f"from genlogs_ext import *\naccount = {account}\nanswer = {call}"
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        # Or the kernel might put the next cell away with the first one.
        message = client.execute(cell, stop_on_error=False)
        while not stub.requests:
            time.sleep(0.01)
        time.sleep(0.1)
        sent = time.monotonic()
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=20)
        elapsed = time.monotonic() - sent
        while reply["parent_header"].get("msg_id") != message:
            reply = client.get_shell_msg(timeout=20)
        assert reply["content"]["ename"] in ("KeyboardInterrupt", "CancelledError")
        assert elapsed < 1.0  # with the kernel's own messages
        # The kernel lives, and the next cell works.
        client.execute(cell)
        assert client.get_shell_msg(timeout=20)["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
