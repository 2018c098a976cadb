"""Interpreters: many, and their ends."""

import subprocess
import sys

import pytest

from genlogs_ext.testing import Delay, StubServer


def run(
    code: str, *arguments: str, seconds: float = 50
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code, *arguments],
        capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip


IN_FLIGHT = """
import sys, threading, time, genlogs_ext
base_url, ca_file, daemon = sys.argv[1], sys.argv[2] or None, sys.argv[3] == "daemon"
def call():
    try:
        genlogs_ext.create_token(
            "ada@example.com", "1234+", "stub-api-key", base_url=base_url, ca_file=ca_file,
            timeout=2 if not daemon else 30, max_retries=0,
        )
    except genlogs_ext.GenLogsError:
        pass
for _ in range(8):
    threading.Thread(target=call, daemon=daemon).start()
time.sleep(0.5)
print("leaving", flush=True)
"""


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("kind", ["daemon", "joined"])
def test_exit_with_calls_in_flight_neither_crashes_nor_hangs(tls: bool, kind: str) -> None:
    """Python itself waits for threads that are no daemons: their deadline ends them."""
    with StubServer(tls=tls) as server:
        server.script(Delay(60), times=8)
        answer = run(IN_FLIGHT, server.base_url, server.ca_file or "", kind, seconds=15)
    assert answer.stdout == "leaving\n"
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""


ASYNC_IN_FLIGHT = """
import asyncio, sys, genlogs_ext
async def main():
    task = asyncio.create_task(genlogs_ext.create_token_async(
        "ada@example.com", "1234+", "stub-api-key", base_url=sys.argv[1]))
    await asyncio.sleep(0.5)
    sys.exit(3)
asyncio.run(main())
"""


def test_exit_with_an_asynchronous_call_in_flight(stub: StubServer) -> None:
    stub.script(Delay(60))
    assert run(ASYNC_IN_FLIGHT, stub.base_url, seconds=15).returncode == 3


INTERPRETERS = """
import os, sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
code = '''
import genlogs_ext
genlogs_ext.create_token("ada@example.com", "1234+", "stub-api-key", base_url={!r})
'''.format(sys.argv[1])

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def descriptors():
    return len(os.listdir("/proc/self/fd"))

seen = []
for i in range(100):
    own = interpreters.create()
    failed = interpreters.run_string(own, code)
    assert failed is None, failed
    interpreters.destroy(own)
    seen.append((resident(), descriptors()))
print(seen[49][0] / 2**20, seen[99][0] / 2**20, seen[9][1], seen[99][1])
"""

PLAIN_INTERPRETERS = (
    INTERPRETERS.replace("genlogs_ext.create_token(", "dict(a=(")
    .replace("base_url={!r})", "{!r}))")
    .replace("import genlogs_ext", "import json")
)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_hundred_subinterpreters_leak_nothing(stub: StubServer) -> None:
    """No more than a hundred that do not know us, which leak a little in some Pythons."""
    ours, plain = run(INTERPRETERS, stub.base_url), run(PLAIN_INTERPRETERS, "x")
    assert ours.returncode == 0, ours.stderr
    assert plain.returncode == 0, plain.stderr
    half, whole, few, many = map(float, ours.stdout.split())
    plain_half, plain_whole, _, _ = map(float, plain.stdout.split())
    assert few == many, "file descriptors leak"
    # MiB that fifty interpreters cost; one pool or handle of ours is over 20 KiB.
    assert (whole - half) - (plain_whole - plain_half) < 1.0
