"""One call after the other: on a kept connection, as scripts write them, by size."""

import asyncio
import inspect
import json
import statistics
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

from benchmarks.measure import Cost, in_turn, limit, peer
from benchmarks.place import KIB, PACKAGES, SIZES, Place, answer, processors, run_on
from benchmarks.table import Column, Table

OURS = "genlogs_ext.create_token"
LIMIT = "the C program"
SPELLED = {"one": "one processor", "two": "two processors"}
KEPT = {
    "genlogs_ext": OURS,
    "pycurl": "pycurl, one handle",
    "http.client": "http.client, one connection",
    "urllib3": "urllib3.PoolManager",
    "requests": "requests.Session",
    "httpx": "httpx.Client",
    "aiohttp": "aiohttp.ClientSession",
    "curl_cffi": "curl_cffi.Session",
}
PLAIN = {
    "genlogs_ext": OURS,
    "pycurl": "pycurl, a handle each",
    "http.client": "http.client, a connection each",
    "urllib3": "urllib3, a PoolManager each",
    "requests": "requests.post",
    "httpx": "httpx.post",
    "aiohttp": "aiohttp, a session each",
    "curl_cffi": "curl_cffi.post",
}


def kept(place: Place) -> list[Table]:
    """A call on a kept connection."""
    tables = []
    for scheme in ("http", "https"):
        for on, where in servers():
            table = timed(
                Table(
                    f"kept-{scheme}-{where}",
                    f"A call on a kept connection, {scheme}, {SPELLED[where]}",
                    LIMIT,
                    [Column("wall", "s"), Column("processor", "s")],
                ),
                place,
                scheme,
                on,
                {name: peer(module).kept for module, name in KEPT.items()},
                with_limit=True,
            )
            table.at_most(1.05, OURS, "wall")
            table.times_less(8, OURS, "wall", than=KEPT["requests"])
            tables.append(table)
    return tables


def plain(place: Place) -> list[Table]:
    """Calls one after the other over HTTPS, as a script writes them."""

    def of(module: str) -> Callable[[str, str], Callable[[], str]]:
        return lambda base_url, ca_file: partial(peer(module).plain, base_url, ca_file)

    tables = []
    for on, where in servers():
        table = timed(
            Table(
                f"plain-{where}",
                f"Calls as a script writes them, https, {SPELLED[where]}",
                OURS,
                [Column("wall", "s"), Column("processor", "s")],
            ),
            place,
            "https",
            on,
            {name: of(module) for module, name in PLAIN.items()},
        )
        table.times_less(30, OURS, "wall", than=PLAIN["requests"])
        tables.append(table)
    return tables


def servers() -> list[tuple[int, str]]:
    """Processors for the server, and how many there are in use then."""
    own, other = processors()
    return [(own, "one")] if own == other else [(own, "one"), (other, "two")]


def timed(
    table: Table,
    place: Place,
    scheme: str,
    on: int,
    makers: dict[str, Callable[[str, str], Any]],
    *,
    with_limit: bool = False,
) -> Table:
    """Fill a table with what calls cost that these make, the server on a processor."""
    with (
        place.server(scheme, on=on) as server,
        run_on(processors()[0]),
        closing(asyncio.new_event_loop()) as loop,
    ):
        calls = {}
        for name, make in makers.items():
            call = make(server.base_url, server.ca_file)
            waits = inspect.isawaitable(call)
            calls[name] = loop.run_until_complete(call) if waits else call
        limits = {LIMIT: partial(limit, place, server)} if with_limit else {}
        for round_ in in_turn(place, calls, loop, limits):
            for name, cost in round_.items():
                table.add(name, cost._asdict())
        loop.run_until_complete(peer("aiohttp").close())
    return table


def sizes(place: Place) -> list[Table]:
    """What answers of growing size cost."""
    own, other = processors()
    both = "the C program + json.loads"
    heads = {size: f"{size // KIB:,} KiB" for size in SIZES}
    table = Table(
        "sizes",
        "A call by the size of its answer, http",
        both,
        [Column(head, "s") for head in heads.values()],
    )
    shown = {module: KEPT[module] for module in PACKAGES if module != "aiohttp"}
    with (
        place.server("http", on=other) as server,
        run_on(own),
        closing(asyncio.new_event_loop()) as loop,
    ):
        for size, head in heads.items():
            body = answer(size).encode()
            assert len(body) == size
            base_url = f"{server.base_url}/{size}"
            calls: dict[str, Callable[[], Any]] = {
                name: peer(module).kept(base_url, server.ca_file)
                for module, name in shown.items()
            }
            calls["json.loads"] = partial(json.loads, body)
            program = {LIMIT: partial(limit, place, server, path=f"/{size}")}
            for round_ in in_turn(place, calls, loop, program):
                round_[both] = Cost(round_[LIMIT].wall + round_["json.loads"].wall, 0)
                for name in (both, LIMIT, "json.loads", *shown.values()):
                    table.add(name, {head: round_[name].wall})
    for head in heads.values():
        table.at_most(1, OURS, head)
    small, large = (
        statistics.median(table.rows[OURS][heads[size]]) / size for size in SIZES[-2:]
    )
    growth = large / small
    text = "a byte of 1 MiB costs at most 1.25 of one of 256 KiB"
    table.goal(text, growth, met=growth <= 1.25)
    return [table]
