"""Random faults, sizes, delays, threads, forks, signals and cancellations.

    python -m tests.chaos [--seconds 60] [--seed SEED]

Each call ends in a token or a documented exception, at most MARGIN after its deadline,
and no exception shows a secret. A round depends on its seed alone, up to the order in
which threads get to run; the seed of one that failed is printed, and `--seed SEED:ROUND`
begins with that round.
"""

import argparse
import asyncio
import gzip
import json
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import quote

import genlogs_ext
from genlogs_ext.testing import Delay, Drip, Drop, Fault, Raw, Reply, Reset, StubServer

from .helpers import shown

EMAIL = "ada@example.com"
PASSWORD = 'canary "pass/word&'
API_KEY = "canary-key"
TOKEN = "canary-token"
MARGIN = 0.75  # seconds; the promise is 0.1, the rest is for busy machines
LONGEST_CHILD = 30.0  # seconds; it makes one call, of less than a second

SUCCESS = json.dumps(
    {"access_token_data": {"token": TOKEN, "expires": "2099-01-01T00:00:00Z"}, "n": [1]}
).encode()
STATUSES = [200, 200, 201, 204, 301, 307, 308, 400, 401, 403, 404, 408, 418, 422, 429]
STATUSES += [500, 502, 503, 504, 599]
ECHOES: list[Callable[[str], str]] = [
    str, quote, lambda text: quote(text).lower(), json.dumps, escape,
    lambda text: "".join(f"&#{ord(c)};" for c in text),
    lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
]  # fmt: skip
HEADERS = [
    ("retry-after", ["0", "1", "3600", "-1", "soon", "Fri, 31 Dec 2099 23:59:59 GMT"]),
    ("location", ["/auth/token", "https://h.invalid/?q=canary", "//", "http://[", ""]),
    ("date", ["Sun, 06 Nov 1994 08:49:37 GMT", "yesterday", "9" * 70]),
    ("content-encoding", ["gzip", "deflate", "br", "rot13"]),
    ("content-length", ["0", "7", "10000000000000000000000", "x"]),
    ("x-more", ["y" * 100_000]),
]


class SignalError(Exception):
    """What the signal handler raises, when it does."""


# ---- faults --------------------------------------------------------------------------


def random_body(rng: random.Random) -> bytes:
    """A body, of a few bytes or some megabytes, that may echo what was sent."""
    kind = rng.randrange(6)
    if kind == 0:
        return SUCCESS
    if kind == 1:
        return rng.randbytes(rng.randrange(2 ** rng.randrange(16)))
    if kind == 2:
        return b" " * rng.randrange(2 ** rng.randrange(22)) + SUCCESS
    if kind == 3:
        return b"[" * rng.randrange(2 ** rng.randrange(18))
    echo = rng.choice(ECHOES)(rng.choice([PASSWORD, API_KEY]))
    if kind == 4:
        return json.dumps({"detail": f"no: {echo} {echo}"}).encode()
    problem = {"loc": ["body", echo], "msg": echo, "input": PASSWORD}
    return json.dumps({"detail": [problem] * rng.randrange(20)}).encode()


def random_reply(rng: random.Random) -> Reply:
    headers = {}
    body = random_body(rng)
    for name, values in HEADERS:
        if rng.random() < 0.1:
            headers[name] = rng.choice(values)
    if headers.get("content-encoding") == "gzip" and rng.random() < 0.7:
        body = gzip.compress(body, 1)
    return Reply(
        rng.choice(STATUSES), body, headers, delay=random_delay(rng),
        close=rng.random() < 0.2,
    )  # fmt: skip


def random_delay(rng: random.Random) -> float:
    return rng.choice([0, 0, 0, 0.01, 0.1, rng.random()])


def random_bytes(rng: random.Random) -> bytes:
    """A response that was cut, or of which bytes were changed."""
    body = random_body(rng)
    head = b"HTTP/1.1 %d x\r\n" % rng.choice(STATUSES)
    if rng.random() < 0.5:
        head += b"content-length: %d\r\n" % len(body)
    elif rng.random() < 0.5:
        head += b"transfer-encoding: chunked\r\n"
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    whole = bytearray(head + b"\r\n" + body)
    for _ in range(rng.randrange(4)):
        whole[rng.randrange(min(len(whole), 200))] = rng.randrange(256)
    return bytes(whole[: rng.randrange(len(whole) + 1)] if rng.random() < 0.5 else whole)


def random_fault(rng: random.Random) -> Fault:
    kind = rng.randrange(8)
    delay = random_delay(rng)
    if kind < 3:
        return random_reply(rng)
    if kind == 3:
        return Raw(random_bytes(rng), delay)
    if kind == 4:
        return Drip(
            random_bytes(rng), interval=rng.choice([0, 0.001, 0.02]),
            size=rng.choice([1, 10, 10_000]), endless=rng.random() < 0.3, delay=delay,
        )  # fmt: skip
    if kind == 5:
        return Reset(random_bytes(rng), delay)
    return Drop(delay) if kind == 6 else Delay(delay)


# ---- calls ---------------------------------------------------------------------------


@dataclass
class Report:
    """What has happened so far.

    Attributes:
        outcomes: How often a call ended so.
        faults: How often a server did so.
        wrong: What should not have been.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def take(self, error: BaseException | None, seconds: float, deadline: float) -> None:
        """Take in how a call ended, and look whether it may end so."""
        self.outcomes[type(error).__name__ if error else "token"] += 1
        if seconds > deadline + MARGIN:
            self.wrong.append(f"{seconds:.2f} s, of {deadline} s: {error!r}")
        if isinstance(error, asyncio.CancelledError | SignalError):
            return
        if error is not None and not isinstance(error, genlogs_ext.GenLogsError):
            self.wrong.append(f"not documented: {error!r}")
        elif error is not None:
            said = shown(error)
            if any(secret in said for secret in (PASSWORD, API_KEY, TOKEN)):
                self.wrong.append(f"a secret is shown: {said}")


def random_options(rng: random.Random, server: StubServer) -> dict[str, Any]:
    return {
        "base_url": server.base_url,
        "timeout": rng.choice([0.03, 0.1, 0.3, 0.6]),
        "connect_timeout": rng.choice([0.05, 5.0]),
        "max_retries": rng.choice([0, 0, 1, 3]),
        "credentials_in": rng.choice(["auto", "query", "body"]),
    }


def call_once(rng: random.Random, server: StubServer, report: Report) -> None:
    options = random_options(rng, server)
    started = time.monotonic()
    error: BaseException | None = None
    try:
        tokens = genlogs_ext.create_token(EMAIL, PASSWORD, API_KEY, **options)
        if not tokens["access_token_data"]["token"]:
            report.wrong.append("no token")
    except Exception as caught:
        error = caught
    report.take(error, time.monotonic() - started, options["timeout"])


def call_in_threads(rng: random.Random, server: StubServer, report: Report) -> None:
    def work(seed: int) -> None:
        own = random.Random(seed)  # noqa: S311 - no secret
        for _ in range(own.randrange(1, 5)):
            call_once(own, server, report)

    threads = [
        threading.Thread(target=work, args=(rng.getrandbits(64),))
        for _ in range(rng.randrange(1, 12))
    ]
    for thread in threads:
        thread.start()
    if rng.random() < 0.5:
        call_in_child(rng, server, report)
    for thread in threads:
        thread.join()


def call_in_child(rng: random.Random, server: StubServer, report: Report) -> None:
    """Fork, with whatever is under way, and call in the child."""
    seed = rng.getrandbits(64)
    with warnings.catch_warnings():
        # That a process with threads forks is what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        own = Report()
        try:
            call_once(random.Random(seed), server, own)  # noqa: S311 - no secret
            for line in own.wrong:
                print(line, file=sys.stderr, flush=True)
        finally:
            os._exit(1 if own.wrong or not own.outcomes else 0)
    report.outcomes["in a child"] += 1
    end = time.monotonic() + LONGEST_CHILD
    ended, status = 0, 0
    while not ended and time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.001)
    if not ended:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        report.wrong.append(f"a child hung for {LONGEST_CHILD:.0f} s")
    elif status != 0:
        report.wrong.append(f"a child ended with {os.waitstatus_to_exitcode(status)}")


def call_and_interrupt(rng: random.Random, server: StubServer, report: Report) -> None:
    """Signals, in the main thread; a handler may raise."""
    raises = rng.random() < 0.5

    def handle(*_: object) -> None:
        if raises:
            raise SignalError

    signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.001, 0.1), rng.uniform(0.2, 1))
        call_once(rng, server, report)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except SignalError:  # it came behind the call
        pass
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)


async def _call_async(seed: int, server: StubServer, report: Report) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    options = random_options(rng, server)
    started = time.monotonic()
    call = genlogs_ext.create_token_async(EMAIL, PASSWORD, API_KEY, **options)
    task = asyncio.create_task(call)
    if rng.random() < 0.4:
        asyncio.get_running_loop().call_later(rng.random() * 0.1, task.cancel)
    await asyncio.wait([task])
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    report.take(error, time.monotonic() - started, options["timeout"])


def call_in_tasks(rng: random.Random, server: StubServer, report: Report) -> None:
    async def main() -> None:
        seeds = [rng.getrandbits(64) for _ in range(rng.randrange(1, 12))]
        await asyncio.gather(*(_call_async(seed, server, report) for seed in seeds))

    asyncio.run(main())


# ---- rounds --------------------------------------------------------------------------

WAYS = [call_in_threads, call_and_interrupt, call_in_tasks]
# AddressSanitizer of gcc 12 does not let go, in a child, of locks of malloc that other
# threads held.
if "libasan" not in os.environ.get("LD_PRELOAD", ""):
    WAYS.append(call_in_child)


def play(seed: str, report: Report) -> None:
    """One round: a server with its faults, and calls in one way or another."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    with StubServer(users={EMAIL: PASSWORD}, api_keys={API_KEY}) as server:
        faults = [random_fault(rng) for _ in range(rng.randrange(30))]
        report.faults.update(type(fault).__name__ for fault in faults)
        server.script(*faults)
        for _ in range(rng.randrange(1, 4)):
            rng.choice(WAYS)(rng, server, report)


def main() -> None:
    """Play until the time is up or something is wrong."""
    parser = argparse.ArgumentParser(
        description="Random faults, and what calls make of them."
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", default=str(random.SystemRandom().getrandbits(32)))
    given = parser.parse_args()
    seed, _, first = given.seed.partition(":")
    report = Report()
    number = int(first or 0)
    end = time.monotonic() + given.seconds
    while not report.wrong and time.monotonic() < end:
        play(f"{seed}:{number}", report)
        number += 1
    print(f"seed {seed}, {number - int(first or 0)} rounds")
    print("outcomes:", dict(report.outcomes.most_common()))
    print("faults:", dict(report.faults.most_common()))
    if report.wrong:
        again = f"python -m tests.chaos --seed {seed}:{number - 1}"
        sys.exit("\n".join([*report.wrong, f"again: {again}"]))


if __name__ == "__main__":
    main()
