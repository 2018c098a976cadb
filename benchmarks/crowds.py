"""Many at once: threads, and coroutines, against a server that takes its time."""

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from benchmarks.calls import KEPT
from benchmarks.measure import peer
from benchmarks.place import Place, processors, run_on
from benchmarks.table import Column, Table

ROUNDS = 5
THREADS = (1, 8, 64)
COROUTINES = 1_000
IDEAL = "the ideal"


def threads(place: Place) -> list[Table]:
    """The work of threads against a server that takes 20 ms for each answer."""
    heads = {number: f"{number} thread{'s'[: number - 1]}" for number in THREADS}
    table = Table(
        "threads",
        "The share of the ideal that threads reach, http, a server that takes 20 ms",
        IDEAL,
        [Column(head, "s", "share") for head in heads.values()],
    )
    own, other = processors()
    with place.server("http", on=other) as server, run_on(own):
        base_url = f"{server.base_url}/after-20"
        for _ in range(place.rounds(ROUNDS)):
            for number, head in heads.items():
                table.add(IDEAL, {head: 0.020})
                for module, name in KEPT.items():
                    if module != "aiohttp":  # which has no calls for threads
                        wall = per_call(number, module, base_url, server.ca_file)
                        table.add(name, {head: wall})
    value = 1 / statistics.median(table.ratios(KEPT["genlogs_ext"], heads[64]))
    table.goal("create_token, 64 threads, 0.95 of the ideal", value, met=value >= 0.95)
    return [table]


def per_call(number: int, module: str, base_url: str, ca_file: str) -> float:
    """Seconds of a call in each of so many threads, with a connection of its own each."""
    calls = 25
    start = Barrier(number + 1)

    def work() -> None:
        call = peer(module).kept(base_url, ca_file)
        call()
        start.wait()
        for _ in range(calls):
            call()

    with ThreadPoolExecutor(number) as pool:
        futures = [pool.submit(work) for _ in range(number)]
        start.wait()
        began = time.perf_counter()
        for future in futures:
            future.result()
        return (time.perf_counter() - began) / calls


def concurrent(place: Place) -> list[Table]:
    """A thousand coroutines at once against a server that takes 50 ms."""
    allow_files(COROUTINES * 4)
    ours = "create_token_async"
    table = Table(
        "concurrent",
        f"{COROUTINES:,} calls at once in an event loop, http, a server that takes 50 ms",
        ours,
        [Column("wall", "s"), Column("processor", "s")],
    )
    own, other = processors()
    with place.server("http", on=other) as server, run_on(own):
        base_url = f"{server.base_url}/after-50"
        for _ in range(place.rounds(ROUNDS)):
            for module in ("genlogs_ext", "aiohttp", "httpx"):
                for name, figures in asyncio.run(
                    bursts(module, base_url, server.ca_file)
                ).items():
                    table.add(name, figures)
    for name in table.rows:
        if name != ours:
            table.at_most(1, ours, "wall", than=name)
    return [table]


async def bursts(module: str, base_url: str, ca_file: str) -> dict[str, dict[str, float]]:
    """What a thousand calls take by each way that a module has, connections there."""
    costs = {}
    for name, call in (await peer(module).concurrent(base_url, ca_file)).items():
        await burst(call)
        wall, processor = time.perf_counter(), time.process_time()
        await burst(call)
        costs[name] = {
            "wall": time.perf_counter() - wall,
            "processor": time.process_time() - processor,
        }
    if module == "aiohttp":
        await peer(module).close()
    return costs


async def burst(call: Callable[[], Any]) -> None:
    """A thousand calls."""
    await asyncio.gather(*(call() for _ in range(COROUTINES)))


def allow_files(number: int) -> None:
    """Let this process, and servers that it starts, have so many connections."""
    if os.name == "posix":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < number:
            most = number if hard == resource.RLIM_INFINITY else min(number, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
