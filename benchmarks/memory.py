"""What stays in memory: after the import, after calls, after many calls.

It is a program, too, which measures itself in the environment of a peer:

    memory.py PEER BASE_URL CA_FILE CALLS

prints its resident memory in MB after the start, after the import and one call, after
a tenth of the calls and after all of them.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any


def resident() -> float:
    """MB of this process in memory, as Linux counts them."""
    gc.collect()
    with open("/proc/self/statm") as statm:  # noqa: PTH123 - pathlib takes memory
        pages = int(statm.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def repeat(call: Callable[[], Any], number: int) -> None:
    """Make so many calls."""
    for _ in range(number):
        call()


def report(program: str, base_url: str, ca_file: str, calls: int) -> Iterator[float]:
    """What this process holds, step by step; itself it imports nothing before."""
    yield resident()
    directory, _, name = program.rpartition("/")
    sys.path.insert(0, directory)
    kept = __import__(name.removesuffix(".py")).kept
    call = kept(base_url, ca_file)
    if not hasattr(call, "__await__"):
        for number in (1, calls // 10, calls - calls // 10):
            repeat(call, number)
            yield resident()
        return
    import asyncio

    loop = asyncio.new_event_loop()
    call = loop.run_until_complete(call)

    async def several(number: int) -> None:
        for _ in range(number):
            await call()

    for number in (1, calls // 10, calls - calls // 10):
        loop.run_until_complete(several(number))
        yield resident()


def memory(place: Any) -> list[Any]:
    """What each adds to a bare Python, and how that grows with calls."""
    import json
    import subprocess

    from benchmarks.calls import KEPT
    from benchmarks.place import CREDENTIALS, script
    from benchmarks.table import Column, Table

    calls = 2_000 if place.quick else 100_000
    names = ["import and a call", f"after {calls:,} calls", "growth in the last 90 %"]
    table = Table(
        "memory",
        "Memory over a bare Python, http",
        KEPT["genlogs_ext"],
        [*(Column(name, "MB", "absolute") for name in names)],
    )
    with place.server("http") as server:
        for module, python in place.pythons.items():
            answer = subprocess.run(
                [python, "-I", __file__, script(module), server.base_url,
                 server.ca_file, str(calls)],
                check=True,
                capture_output=True,
                env={**os.environ, **CREDENTIALS},
            )  # fmt: skip
            bare, once, tenth, all_ = json.loads(answer.stdout)
            figures = [once - bare, all_ - bare, all_ - tenth]
            table.add(KEPT[module], dict(zip(names, figures, strict=True)))
    (own, *_), (grown, *_) = (table.rows[KEPT["genlogs_ext"]][name] for name in names[1:])
    least = min(rows[names[1]][0] for rows in table.rows.values())
    table.goal("create_token holds the least of all, MB", own, met=own == least)
    table.goal("create_token grows by less than 0.1 MB", grown, met=grown < 0.1)
    return [table]


if __name__ == "__main__":
    path, base, authority, count = sys.argv[1:]
    print(list(report(path, base, authority, int(count))))
