"""What JSON costs: per byte of each shape, and beside json.loads and orjson.

`make bench-json` runs it. All figures of a table come from one run, so their
ratios say something where the figures themselves depend on the machine.
"""

import json
import timeit
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import orjson

import genlogs_ext
from genlogs_ext._core import loads

KIB = 1024
SIZES = (64 * KIB, 256 * KIB, 1024 * KIB)


def filled(head: bytes, piece: bytes, tail: bytes) -> Callable[[int], bytes]:
    """A document of a size: as many pieces as fit between a head and a tail."""
    return lambda size: head + piece * ((size - len(head) - len(tail)) // len(piece)) + tail


SHAPES: dict[str, Callable[[int], bytes]] = {
    "plain string": filled(b'"', b"a", b'"'),
    "escapes": filled(b'"', b"\\u00e9", b'"'),
    "two-byte characters": filled(b'"', "é".encode(), b'"'),
    "numbers": filled(b"[", b"12,", b"1]"),
    "floats": filled(b"[", b"0.12345,", b"1]"),
    "integers of 4,300 digits": filled(b"[", b"9" * 4300 + b",", b"1]"),
    "one float": filled(b"0.", b"1", b""),
    "empty arrays": filled(b"[", b"[],", b"1]"),
    "arrays 255 deep": filled(b"[", b"[" * 255 + b"]" * 255 + b",", b"1]"),
    "equal keys": filled(b"{", b'"a":1,', b'"a":1}'),
    "objects": filled(b"[", b'{"id":1,"name":"x"},', b"1]"),
    "refused: unclosed arrays": filled(b"", b"[", b""),
    "refused: commas": filled(b"[", b",", b""),
    "refused: one long integer": filled(b"", b"1", b""),
    "refused: backslashes": filled(b'"', b"\\", b""),
    "refused: at its last byte": filled(b"[", b"12,", b"]"),
}

RESPONSE = {
    "access_token_data": {"token": "", "expires": "2026-11-24T12:00:00.000000+00:00"},
    "refresh_token_data": {"token": "", "expires": "2026-12-24T12:00:00.000000+00:00"},
    "user_id": "12345",
    "company_id": 77,
    "customer_name": None,
}


def seconds(call: Callable[[], object]) -> float:
    """Of one call: the least of nine averages."""
    timer = timeit.Timer(call)
    number, _ = timer.autorange()
    number = max(1, number // 10)
    return min(timer.repeat(9, number)) / number


def parse(document: bytes) -> None:
    """Parse, whether it is JSON or not."""
    with suppress(genlogs_ext.InvalidResponseError):
        loads(document)


def print_shapes() -> None:
    """Nanoseconds per byte; a row is linear where its figures do not grow."""
    print("Cost of a document, ns per byte (linear: the same at every size)\n")
    print(f"{'shape':28}" + "".join(f"{size // KIB:>8} KiB" for size in SIZES) + "  growth")
    for name, shape in SHAPES.items():
        costs = []
        for size in SIZES:
            document = shape(size)
            costs.append(seconds(partial(parse, document)) / len(document))
        figures = "".join(f"{cost * 1e9:12.3f}" for cost in costs)
        print(f"{name:28}{figures}  x {costs[-1] / costs[0]:.2f}")


def print_response() -> None:
    """Ratios on the answer that create_token reads."""
    print("\nA token response: time beside others, in this run\n")
    print(
        f"{'token of':>12}{'bytes':>8}{'ours, us':>12}{'/ json.loads':>14}{'/ orjson':>10}"
    )
    for length in (40, 400, 1200):
        response = json.loads(json.dumps(RESPONSE))
        response["access_token_data"]["token"] = "e" * length
        response["refresh_token_data"]["token"] = "f" * length
        document = json.dumps(response).encode()
        assert loads(document) == json.loads(document) == orjson.loads(document)
        own = seconds(partial(loads, document))
        standard = seconds(partial(json.loads, document))
        fastest = seconds(partial(orjson.loads, document))
        print(
            f"{length:>12}{len(document):>8}{own * 1e6:>12.2f}"
            f"{own / standard:>14.2f}{own / fastest:>10.2f}"
        )


if __name__ == "__main__":
    print_shapes()
    print_response()
