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
    """A call on a kept connection, with the server beside it and in its way."""
    own, other = processors()
    tables = []
    for scheme in ("http", "https"):
        for on in dict.fromkeys((other, own)):
            where = "two processors" if on != own else "one processor"
            tables.append(kept_on(place, scheme, on, where))
    return tables


def kept_on(place: Place, scheme: str, on: int, where: str) -> Table:
    """The table of a scheme, with the server on a processor."""
    table = Table(
        f"kept-{scheme}-{where.split()[0]}",
        f"A call on a kept connection, {scheme}, {where}",
        LIMIT,
        [Column("wall", "s"), Column("processor", "s")],
    )
    with (
        place.server(scheme, on=on) as server,
        run_on(processors()[0]),
        closing(asyncio.new_event_loop()) as loop,
    ):
        calls = {}
        for module, name in KEPT.items():
            call = peer(module).kept(server.base_url, server.ca_file)
            waits = inspect.isawaitable(call)
            calls[name] = loop.run_until_complete(call) if waits else call
        for round_ in in_turn(place, calls, loop, {LIMIT: partial(limit, place, server)}):
            for name, cost in round_.items():
                table.add(name, cost._asdict())
    table.at_most(1.05, OURS, "wall")
    table.times_less(8, OURS, "wall", than=KEPT["requests"])
    return table


def plain(place: Place) -> list[Table]:
    """Calls one after the other over HTTPS, as a script writes them."""
    own, other = processors()
    table = Table(
        "plain",
        "Calls one after the other over https, as a script writes them",
        OURS,
        [Column("wall", "s"), Column("processor", "s")],
    )
    with (
        place.server("https", on=other) as server,
        run_on(own),
        closing(asyncio.new_event_loop()) as loop,
    ):
        calls = {
            name: partial(peer(module).plain, server.base_url, server.ca_file)
            for module, name in PLAIN.items()
        }
        for round_ in in_turn(place, calls, loop):
            for name, cost in round_.items():
                table.add(name, cost._asdict())
    table.times_less(30, OURS, "wall", than=PLAIN["requests"])
    return [table]


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

