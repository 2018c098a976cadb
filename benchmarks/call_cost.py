"""What a call on a kept connection costs, beside others and the limit.

`make bench` runs it: the same request to one nginx, by create_token, requests, pycurl
and a C program with the same libcurl and jsmn. Everybody runs in turn, several times;
the figures are the medians of the rounds, as ratios to the C program of the same round.
"""

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pycurl
import requests

import genlogs_ext

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.servers import Nginx, nginx

EMAIL, PASSWORD, API_KEY = "ada@example.com", "1234+", "stub-api-key"
CALLS = 400
ROUNDS = 9
Cost = tuple[float, float]  # seconds: on the wall, of the processor


def timed(call: Callable[[], object]) -> Cost:
    """Seconds of one call on a connection that is there already."""
    call()
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(CALLS):
        call()
    return (
        (time.perf_counter() - wall) / CALLS,
        (time.process_time() - processor) / CALLS,
    )


def ours(server: Nginx) -> Callable[[], object]:
    """create_token, as a script calls it."""
    return lambda: genlogs_ext.create_token(
        EMAIL, PASSWORD, API_KEY, base_url=server.base_url, ca_file=server.ca_file
    )["access_token_data"]["token"]


def with_requests(server: Nginx) -> Callable[[], object]:
    """A requests.Session."""
    session = requests.Session()
    session.verify = server.ca_file
    session.trust_env = False

    def call() -> object:
        answer = session.post(
            f"{server.base_url}/auth/token",
            params={"email": EMAIL, "password": PASSWORD},
            headers={"accept": "application/json", "x-api-key": API_KEY},
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()["access_token_data"]["token"]

    return call


def url_of(server: Nginx) -> str:
    """With the credentials in its query."""
    return f"{server.base_url}/auth/token?email=ada%40example.com&password=1234%2B"


def with_pycurl(server: Nginx) -> Callable[[], object]:
    """One pycurl handle, kept."""
    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, url_of(server))
    handle.setopt(pycurl.CAINFO, server.ca_file)
    handle.setopt(
        pycurl.HTTPHEADER,
        ["accept: application/json", f"x-api-key: {API_KEY}", "Content-Type:"],
    )
    handle.setopt(pycurl.POST, 1)
    handle.setopt(pycurl.POSTFIELDS, "")
    handle.setopt(pycurl.TIMEOUT_MS, 30000)

    def call() -> object:
        body = io.BytesIO()
        handle.setopt(pycurl.WRITEDATA, body)
        handle.perform()
        assert handle.getinfo(pycurl.RESPONSE_CODE) == 200
        return json.loads(body.getvalue())["access_token_data"]["token"]

    return call


def limit(server: Nginx, program: Path) -> Cost:
    """The C program."""
    answer = subprocess.run(
        [program, url_of(server), server.ca_file, str(CALLS)],
        capture_output=True,
        text=True,
        check=True,
    )
    wall, processor = answer.stdout.split()
    return float(wall), float(processor)


def build(directory: Path) -> Path:
    """Compile the C program."""
    program = directory / "limit"
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libcurl"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    source = Path(__file__).with_name("limit.c")
    subprocess.run(["gcc", "-std=c11", "-O2", source, "-o", program, *flags], check=True)
    return program


def processors() -> list[int]:
    """Those that may be used."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return [0]


def run_on(processor: int) -> None:
    """Let this process, and those that it starts, run there alone; where that works."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {processor})


def measure(scheme: str, program: Path, directory: Path, places: tuple[int, int]) -> None:
    """Print the table of a scheme, with server and clients on these processors."""
    directory.mkdir()
    run_on(places[0])
    with nginx(directory, listen="ssl" if scheme == "https" else "") as server:
        run_on(places[1])
        calls = {
            "genlogs_ext.create_token": ours(server),
            "pycurl, one handle": with_pycurl(server),
            "requests.Session": with_requests(server),
        }
        ratios: dict[str, list[Cost]] = {name: [] for name in calls}
        limits: list[Cost] = []
        for _ in range(ROUNDS):
            base = limit(server, program)
            limits.append(base)
            for name, call in calls.items():
                wall, processor = timed(call)
                ratios[name].append((wall / base[0], processor / base[1]))
    shared = "one processor" if places[0] == places[1] else "two processors"
    print(f"\nA call on a kept connection, {scheme}, {shared}; the C program is 1")
    print(f"(there {statistics.median(wall for wall, _ in limits) * 1e6:.0f} us)\n")
    print(f"{'':28}{'wall':>8}{'spread':>16}{'processor':>12}")
    for name, costs in ratios.items():
        walls = sorted(wall for wall, _ in costs)
        processor = statistics.median(cost for _, cost in costs)
        spread = f"{walls[1]:.2f} to {walls[-2]:.2f}"
        print(f"{name:28}{statistics.median(walls):>8.2f}{spread:>16}{processor:>12.2f}")


def main() -> None:
    """Measure over http and https.

    On one processor client and server take turns, and every instruction shows. On two a
    call is mostly waiting for the other, as with a server elsewhere.
    """
    first, *others = processors()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        program = build(directory)
        for scheme in ("http", "https"):
            for server in (first, *others[:1]):
                measure(scheme, program, directory / f"{scheme}{server}", (server, first))


if __name__ == "__main__":
    main()
