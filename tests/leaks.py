"""Every outcome of a call, so many times that a leak would show.

    python -m tests.leaks [CALLS]

Resident memory, file descriptors and threads stay as they were after the first part of
the calls, in which pools and caches fill. In a debug build of Python, which counts
them, so do references.
"""

import asyncio
import gc
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import genlogs_ext
from genlogs_ext.testing import Fault, Raw, Reply, StubServer

EMAIL = "ada@example.com"
PASSWORD = "canary-password"
API_KEY = "canary-key"

# What a part of the run may cost for good: the allocator moves things about.
MOST_BYTES = 2 * 2**20
MOST_REFERENCES = 200


class InterruptedByHandlerError(Exception):
    """A signal handler's own."""


@dataclass(frozen=True)
class Outcome:
    """One way for a call to end.

    Attributes:
        expected: The exception; None for a token.
        fault: What the server does.
        options: Arguments of the call.
        every: Only every so many rounds: it costs time.
        kind: How the call is made.
    """

    expected: type[BaseException] | None
    fault: Fault | None = None
    options: dict[str, Any] | None = None
    every: int = 1
    kind: str = "sync"


def _reply(status: int) -> Reply:
    return Reply(status, {"detail": f"no, {PASSWORD}"})


E = genlogs_ext
OUTCOMES = [
    Outcome(None),
    Outcome(None, kind="async", every=4),
    Outcome(E.AuthenticationError, _reply(401)),
    Outcome(E.PermissionDeniedError, _reply(403)),
    Outcome(E.InvalidRequestError, _reply(422)),
    Outcome(E.RateLimitError, _reply(429)),
    Outcome(E.ServerError, _reply(503)),
    Outcome(E.APIError, Reply(302, headers={"location": "https://h.invalid/?x=y"})),
    Outcome(E.InvalidResponseError, Reply(200, b'{"a": [1, {"b": "c"}, 2.5')),
    Outcome(E.InvalidResponseError, Reply(204)),
    Outcome(E.TransportError, Raw(b"SSH-2.0-OpenSSH_9.2\r\n")),
    Outcome(E.TransportError, Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{")),
    Outcome(E.ConnectError, options={"base_url": "http://127.0.0.1:1"}),
    Outcome(E.TLSError, options={"ca_file": "/dev/null"}, every=4, kind="tls"),
    Outcome(ValueError, options={"proxy": f"http://u:{PASSWORD}@h:1/x"}),
    Outcome(ValueError, options={"timeout": 10**400}),
    Outcome(TypeError, options={"ca_file": 1}),
    # These wait, for 0.05 s at most.
    Outcome(E.TimeoutError, options={"timeout": 0.002}, every=50, kind="silent"),
    Outcome(asyncio.CancelledError, every=50, kind="cancelled"),
    Outcome(InterruptedByHandlerError, every=50, kind="interrupted"),
]


def _interrupt(*_: object) -> None:
    raise InterruptedByHandlerError


class Run:
    """Makes calls; counts them by outcome.

    Args:
        stub: Does what each outcome says.
        tls: A server that speaks TLS.
        silent: URL of a server that never answers.
    """

    def __init__(self, stub: StubServer, tls: StubServer, silent: str) -> None:
        self.stub = stub
        self.tls = tls
        self.silent = silent
        self.calls = 0
        self.rounds = 0
        signal.signal(signal.SIGALRM, _interrupt)

    def make(self, outcome: Outcome) -> None:
        """Make one call, and see that it ends as it should."""
        options = {"base_url": self.stub.base_url, **(outcome.options or {})}
        if outcome.fault is not None:
            self.stub.script(outcome.fault)
        if outcome.kind == "tls":
            options["base_url"] = self.tls.base_url
        if outcome.kind in ("silent", "cancelled", "interrupted"):
            options["base_url"] = self.silent
        options.update(max_retries=0, credentials_in="query")
        call = getattr(self, f"_{outcome.kind}", self._sync)
        try:
            tokens = call(options)
            ended = None
        except (Exception, asyncio.CancelledError) as error:
            ended = type(error)
        else:
            assert tokens["access_token_data"]["token"]
        assert ended is outcome.expected, f"{outcome}: {ended}"
        self.calls += 1

    def _sync(self, options: dict[str, Any]) -> Any:
        return genlogs_ext.create_token(EMAIL, PASSWORD, API_KEY, **options)

    def _interrupted(self, options: dict[str, Any]) -> Any:
        signal.setitimer(signal.ITIMER_REAL, 0.002)
        return self._sync(options)

    def _async(self, options: dict[str, Any]) -> Any:
        call = genlogs_ext.create_token_async(EMAIL, PASSWORD, API_KEY, **options)
        return asyncio.run(call)

    def _cancelled(self, options: dict[str, Any]) -> Any:
        async def main() -> Any:
            task = asyncio.create_task(
                genlogs_ext.create_token_async(EMAIL, PASSWORD, API_KEY, **options)
            )
            await asyncio.sleep(0.002)
            task.cancel()
            return await task

        return asyncio.run(main())

    def round(self) -> None:
        """Make a call of every outcome whose turn it is."""
        for outcome in OUTCOMES:
            if self.rounds % outcome.every == 0:
                self.make(outcome)
        self.rounds += 1
        self.stub.requests.clear()
        self.tls.requests.clear()


@dataclass(frozen=True)
class Level:
    """What a process has, when it rests."""

    resident: int
    descriptors: int
    threads: int
    references: int


def level(server_threads: Callable[[], int]) -> Level:
    """Look, once all that ends soon has ended."""
    end = time.monotonic() + 5
    while server_threads() and time.monotonic() < end:
        time.sleep(0.01)
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    count = getattr(sys, "gettotalrefcount", int)
    return Level(
        pages * os.sysconf("SC_PAGE_SIZE"),
        len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - as the kernel counts
        len(os.listdir("/proc/self/task")),  # noqa: PTH208 - the same
        count(),
    )


def _calls_under_way() -> int:
    return sum(t.name == "genlogs-create-token" for t in threading.enumerate())


def measure(run: Run, calls: int) -> list[Level]:
    """Make so many calls; return the level at the start and after each quarter."""
    for _ in range(100):  # until pools, caches and the allocator have what they want
        run.round()
    run.calls = 0
    levels = [level(_calls_under_way)]
    for quarter in range(1, 5):
        while run.calls < calls * quarter / 4:
            run.round()
        levels.append(level(_calls_under_way))
    return levels


def differences(levels: list[Level]) -> list[str]:
    """What has grown from the second level on, in words."""
    first, last = levels[1], levels[-1]
    found = []
    if last.resident - first.resident > MOST_BYTES:
        found.append(f"memory grew by {(last.resident - first.resident) >> 10} KiB")
    if last.descriptors > first.descriptors + 2:
        found.append(f"descriptors: {first.descriptors}, then {last.descriptors}")
    if last.threads > first.threads + 2:
        found.append(f"threads: {first.threads}, then {last.threads}")
    if last.references - first.references > MOST_REFERENCES:
        found.append(f"references grew by {last.references - first.references}")
    return found


def run_calls(calls: int) -> tuple[int, list[Level]]:
    """Make so many calls against servers of this process.

    Returns:
        How many they were, and the levels.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as silent:
        stop = threading.Event()
        thread = threading.Thread(target=_hold, args=(silent, stop))
        thread.start()
        try:
            with (
                StubServer(users={EMAIL: PASSWORD}, api_keys={API_KEY}) as stub,
                StubServer(tls=True) as tls,
            ):
                address = f"http://127.0.0.1:{silent.getsockname()[1]}"
                run = Run(stub, tls, address)
                levels = measure(run, calls)
        finally:
            stop.set()
            thread.join()
    return run.calls, levels


def _hold(listener: socket.socket, stop: threading.Event) -> None:
    """Accept, and say nothing until the client hangs up."""
    held: dict[int, socket.socket] = {}
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while not stop.is_set():
        for descriptor, _ in poll.poll(50):
            if descriptor == listener.fileno():
                client = listener.accept()[0]
                held[client.fileno()] = client
                poll.register(client, select.POLLIN)
            elif not held[descriptor].recv(65536):
                poll.unregister(descriptor)
                held.pop(descriptor).close()
    for client in held.values():
        client.close()


def main() -> None:
    """Run, say what was seen, and fail where something grew."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    started = time.monotonic()
    calls, levels = run_calls(wanted)
    for seen in levels:
        print(
            f"{seen.resident / 2**20:8.2f} MiB  {seen.descriptors} descriptors  "
            f"{seen.threads} threads  {seen.references} references"
        )
    print(f"{calls} calls of {len(OUTCOMES)} outcomes, {time.monotonic() - started:.0f} s")
    sys.exit("; ".join(differences(levels)) or None)


if __name__ == "__main__":
    main()
