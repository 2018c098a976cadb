"""Calls in turn, several times: what each costs on the wall and the processor."""

import asyncio
import gc
import importlib
import inspect
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from benchmarks.place import QUERY, Place
from tests.servers import Nginx

ROUNDS = 11
SLICE = 0.15  # seconds that a round gives to each


class Cost(NamedTuple):
    """Seconds of one call: on the wall, and of the processor."""

    wall: float
    processor: float


def peer(module: str) -> Any:
    """The module of benchmarks.peers that makes the call by a module."""
    return importlib.import_module(f"benchmarks.peers.with_{module.replace('.', '_')}")


def repeat(call: Callable[[], Any], calls: int, loop: asyncio.AbstractEventLoop) -> Cost:
    """Cost of one of so many calls; those of a coroutine function run in the loop."""

    async def in_loop() -> None:
        for _ in range(calls):
            await call()

    is_async = inspect.iscoroutinefunction(call)
    wall, processor = time.perf_counter(), time.process_time()
    if is_async:
        loop.run_until_complete(in_loop())
    else:
        for _ in range(calls):
            call()
    return Cost(
        (time.perf_counter() - wall) / calls, (time.process_time() - processor) / calls
    )


def limit(place: Place, server: Nginx, calls: int, path: str = "") -> Cost:
    """The C program's."""
    answer = subprocess.run(
        [
            place.limit,
            f"{server.base_url}{path}/auth/token?{QUERY}",
            server.ca_file,
            str(calls),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    wall, processor = answer.stdout.split()
    return Cost(float(wall), float(processor))


def in_turn(
    place: Place,
    calls: dict[str, Callable[[], Any]],
    loop: asyncio.AbstractEventLoop,
    limits: Mapping[str, Callable[[int], Cost]] | None = None,
) -> list[dict[str, Cost]]:
    """What each costs, round by round.

    Args:
        place: That says how many rounds there are.
        calls: By name; a coroutine function is awaited.
        loop: In which they are.
        limits: Likewise, of what makes a number of calls by itself.

    Returns:
        For each round, the cost by name.
    """
    numbers = {}
    for name, call in calls.items():
        repeat(call, 1, loop)  # a connection comes up, modules are imported
        numbers[name] = max(3, int(SLICE / repeat(call, 3, loop).wall))
    most = max(numbers.values())
    # What all of these libraries have made must not be gone through for one's garbage.
    gc.collect()
    gc.freeze()
    rounds = []
    for _ in range(place.rounds(ROUNDS)):
        costs = {name: own(most) for name, own in (limits or {}).items()}
        for name, call in calls.items():
            costs[name] = repeat(call, numbers[name], loop)
        rounds.append(costs)
    gc.unfreeze()
    return rounds
