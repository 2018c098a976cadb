"""JSON: exactly RFC 8259, and exactly what json.loads makes of it.

tests/c/test_json_tokens.c has the tables of what is refused and where; here the
standard library is the judge, of documents that nobody thought of.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import genlogs_ext
from genlogs_ext._core import loads

REFUSED = object()
MAX_LENGTH = 1024 * 1024
MAX_DEPTH = 256
MAX_DIGITS = 4300


def refuse(constant: str) -> object:
    raise ValueError(constant)


def theirs(document: bytes) -> object:
    """What json.loads makes of UTF-8 without NaN and Infinity, a BOM let pass."""
    try:
        text = document.decode("utf-8").removeprefix("\ufeff")
        return json.loads(text, parse_constant=refuse)
    except ValueError:
        return REFUSED


def ours(document: bytes) -> object:
    try:
        return loads(document)
    except genlogs_ext.InvalidResponseError:
        return REFUSED


def assert_same(document: bytes) -> None:
    found, expected = ours(document), theirs(document)
    if found is REFUSED or expected is REFUSED:
        assert found is expected, document
    else:
        # Value, types, -0.0 and the order of members, all at once.
        assert repr(found) == repr(expected), document


# ---- differential --------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=[]), max_size=20)  # surrogates, too
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from("ab"), inner, max_size=5)
    ),
    max_leaves=20,
)
layouts: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "indent": st.none() | st.integers(0, 3) | st.just("\t"),
        "separators": st.sampled_from([(",", ":"), (", ", ": "), (" ,\r\n", "\t:\n ")]),
    }
)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    text = json.dumps(draw(values), **draw(layouts))
    # json.dumps leaves halves of surrogate pairs bare, which UTF-8 cannot say.
    return text.encode("utf-8", "surrogatepass")


pieces = st.sampled_from(
    [
        *(bytes([byte]) for byte in b'{}[]:,"\\ \t\r\n\x00\x1f\x7f\x80\xff-+.eE0159tfnu/'),
        b"true", b"null", b"\\u", b"\\ud83d", b"\\ude9a", b"\\u0000", b"1e400", b"NaN",
        b"Infinity", b"\xef\xbb\xbf", b"\xc3\xa9", b"\xed\xa0\x80", b"\xf0\x9f\x9a\x9a",
        b"\xc0\x80", b'""', b'"a":', b"[]", b"{}", b"0.0", b"-0",
    ]
)  # fmt: skip


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A document with a few bytes cut out, doubled, swapped in or replaced."""
    document = draw(documents())
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(document)))
        end = draw(st.integers(start, min(len(document), start + 4)))
        kept = draw(st.sampled_from([b"", document[start:end], document[start:end] * 2]))
        piece = draw(st.just(b"") | pieces)
        document = document[:start] + kept + piece + document[end:]
    return document


@settings(deadline=None, max_examples=600)
@given(documents())
def test_documents_are_read_as_json_loads_reads_them(document: bytes) -> None:
    assert_same(document)


@settings(deadline=None, max_examples=1000)
@given(mutations())
@example(b"")
@example(b"-")
@example(b"\xef\xbb\xbf")
@example(b'"\xed\xa0\x80"')
@example(b'["\\ud83d", "\\ude9a\\ud83d\\ude9a", "\\uD83D\\u0041"]')
@example(b'{"a": 1, "b": 2, "a": {"a": [3]}}')
@example(b"[1e400, -1e400, 1e-400, -0.0, -0, 0e0, 123456789012345678901234567890]")
def test_mutated_documents_are_judged_as_json_loads_judges_them(document: bytes) -> None:
    assert_same(document)


@settings(deadline=None, max_examples=600)
@given(st.lists(pieces, max_size=12).map(b"".join))
def test_heaps_of_pieces_are_judged_as_json_loads_judges_them(document: bytes) -> None:
    assert_same(document)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=20))
def test_any_bytes_are_judged_as_json_loads_judges_them(document: bytes) -> None:
    assert_same(b'["' + document + b'"]')
    assert_same(document)


@settings(deadline=None, max_examples=500)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 40))
def test_floats_are_rounded_correctly(number: float, digits: int) -> None:
    for text in (repr(number), f"{number:.{digits}e}", f"{number:.{digits}f}"):
        assert_same(text.encode())


@pytest.mark.parametrize("digits", [17, 18, 19, 20, 100, MAX_DIGITS])
@pytest.mark.parametrize("sign", [b"", b"-"])
def test_integers_of_any_size_up_to_the_limit(digits: int, sign: bytes) -> None:
    for digit in (b"1", b"9"):
        assert_same(sign + digit * digits)


# ---- what differs on purpose (docs/json.md) --------------------------------------


def test_deeper_than_256_is_refused() -> None:
    assert_same(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(
        genlogs_ext.InvalidResponseError, match=r"nested more than 256 deep"
    ):
        loads(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


def test_longer_than_1_mib_is_refused() -> None:
    assert loads(b"7" + b" " * (MAX_LENGTH - 1)) == 7
    with pytest.raises(genlogs_ext.InvalidResponseError, match="more than 1048576 bytes"):
        loads(b"7" + b" " * MAX_LENGTH)


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_constants_that_are_not_json_are_refused(constant: bytes) -> None:
    json.loads(constant)
    with pytest.raises(genlogs_ext.InvalidResponseError):
        loads(constant)


def test_a_byte_order_mark_is_skipped_and_utf_16_refused() -> None:
    assert loads(b"\xef\xbb\xbf[1]") == json.loads(b"\xef\xbb\xbf[1]") == [1]
    document = "[1]".encode("utf-16")
    assert json.loads(document) == [1]
    with pytest.raises(genlogs_ext.InvalidResponseError, match="at byte 0"):
        loads(document)


def test_integers_over_the_limit_fail_as_ours() -> None:
    with pytest.raises(genlogs_ext.InvalidResponseError, match="4301 digits"):
        loads(b"1" * (MAX_DIGITS + 1))


def test_the_interpreters_lower_limit_fails_as_ours() -> None:
    if not hasattr(sys, "set_int_max_str_digits"):
        pytest.skip("this Python has no limit")
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(1000)
    try:
        with pytest.raises(genlogs_ext.InvalidResponseError, match="1001 digits") as caught:
            loads(b"[" + b"1" * 1001 + b"]")
        assert caught.value.__context__ is None
        assert loads(b"1" * 1000) == int("1" * 1000)
    finally:
        sys.set_int_max_str_digits(before)


# ---- errors ----------------------------------------------------------------------


def test_errors_say_what_and_where_and_quote_nothing() -> None:
    secret = b'{"token": "canary", "some-long-key" "canary"}'
    with pytest.raises(genlogs_ext.InvalidResponseError) as caught:
        loads(secret)
    assert str(caught.value) == "invalid JSON at byte 36: expected ':' after a key"


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1))
def test_errors_quote_nothing_of_the_document(text: str) -> None:
    for document in (f'["{text}"', f'["{text}" 1]', f'{{"{text}"}}', text):
        with pytest.raises(genlogs_ext.InvalidResponseError) as caught:
            loads(document.encode())
        assert str(caught.value).isascii()


def test_keys_of_one_length_are_told_apart() -> None:
    # Two thousand, of which 64 are remembered at a time.
    document = [{f"k{i:04}": i} for i in range(2000)] * 2
    assert loads(json.dumps(document).encode()) == document


@pytest.mark.parametrize("text", [b"-1.0", b" -1.0\n", b"1 ", b"1", b"\r true\t"])
def test_a_lone_value_is_a_document(text: bytes) -> None:
    assert loads(text) == json.loads(text)


@pytest.mark.parametrize(
    "value",
    ["[]", bytearray(b"[]"), memoryview(b"[]"), None],
    ids=lambda value: type(value).__name__,
)
def test_loads_takes_bytes(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^document must be bytes, not .*"):
        loads(value)


# ---- cost ------------------------------------------------------------------------


def repeated(piece: bytes, size: int) -> bytes:
    return piece * (size // len(piece))


SHAPES: dict[str, Callable[[int], bytes]] = {
    "nested arrays": lambda n: b"[" + b",".join(
        [b"[" * 255 + b"]" * 255] * (n // 511)) + b"]",
    "nested objects": lambda n: b"[" + b",".join(
        [b'{"":' * 254 + b"0" + b"}" * 254] * (n // 1272)) + b"]",
    "unclosed arrays": lambda n: b"[" * n,
    "unclosed objects": lambda n: repeated(b'{"":', n),
    "commas": lambda n: b"[" + b"," * (n - 1),
    "ones": lambda n: b"[" + repeated(b"1,", n - 4) + b"1]",
    "empty arrays": lambda n: b"[" + repeated(b"[],", n - 4) + b"1]",
    "colons": lambda n: b"[" + repeated(b'"":', n),
    "escapes": lambda n: b'"' + repeated(b"\\u00e9", n - 2) + b'"',
    "short escapes": lambda n: b'"' + repeated(b"\\n", n - 2) + b'"',
    "plain string": lambda n: b'"' + b"a" * (n - 2) + b'"',
    "two-byte characters": lambda n: b'"' + repeated("é".encode(), n - 2) + b'"',
    "unclosed string": lambda n: b'"' + b"a" * (n - 1),
    "equal keys": lambda n: b"{" + repeated(b'"a":1,', n - 8) + b'"a":1}',
    "other keys": lambda n: b"{" + b",".join(
        b'"%06x":1' % i for i in range(n // 11)) + b"}",
    "one integer": lambda n: b"1" * n,
    "long integers": lambda n: b"[" + repeated(b"9" * 4300 + b",", n - 3) + b"1]",
    "one float": lambda n: b"0." + b"1" * (n - 2),
    "one exponent": lambda n: b"1e" + b"1" * (n - 2),
    "white space": lambda n: b" " * n,
    "minus signs": lambda n: b"[" + b"-" * (n - 1),
    "backslashes": lambda n: b'"' + b"\\" * (n - 1),
}  # fmt: skip


def cost(document: bytes) -> float:
    """Seconds of this thread's processor time, the least of several tries."""
    best = float("inf")
    for _ in range(7):
        started = time.thread_time()
        ours(document)
        best = min(best, time.thread_time() - started)
    return best


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_cost_is_linear_in_length(shape: Callable[[int], bytes]) -> None:
    """Eight times the length costs eight times as much, give or take what caches cost.

    Three times that is allowed: a shape that is quadratic would cost 64 times as much.
    """
    small, large = shape(MAX_LENGTH // 8), shape(MAX_LENGTH)
    assert MAX_LENGTH * 0.98 <= len(large) <= MAX_LENGTH
    floor = 20e-6  # below this a measurement says nothing
    assert cost(large) <= 24 * max(cost(small), floor)


@pytest.mark.parametrize("document", [b"[[], {}]", b"[" + b"1" * 5000 + b"]", b"["])
@pytest.mark.parametrize("on", [True, False])
def test_the_collector_is_left_as_it_was(document: bytes, on: bool) -> None:
    assert gc.isenabled()
    if not on:
        gc.disable()
    try:
        ours(document)
        assert gc.isenabled() is on
    finally:
        gc.enable()
