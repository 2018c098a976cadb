"""Memory runs out: each allocation on the way of a call fails once.

First Python's own, then what the extension allocates itself; and each of the functions
of Python's that it calls.  The C tests (c/test_memory.c) do the same below Python.
"""

import ctypes
import functools
import gc
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import genlogs_ext
from genlogs_ext import _core

from .helpers import built

testcapi: Any = pytest.importorskip("_testcapi")

# In a process of its own: its allocations are not to fail.
SERVER = """
import http.server

BODY = b'{"access_token_data": {"token": "t", "expires": "2026-11-24T12:00:00+00:00"},'
BODY += b' "n": [1, 2.5, 123456789012345678901234567890, "\\\\u00e9", {"a": null}]}'

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        name = self.path.split("/")[1]
        status = int(name) if name.isdigit() else 200
        self.rfile.read(int(self.headers.get("content-length") or 0))
        if name == "silent":
            self.close_connection = True
            return
        body = b"<html>" if name == "html" else BODY
        body = body if status == 200 else b'{"detail": "no"}'
        self.send_response(status)
        if status == 429:
            self.send_header("retry-after", "7")
        if status == 302:
            self.send_header("location", "/elsewhere")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where a server answers each path in its own way."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.terminate()


Raised = type[BaseException] | None
NEVER = 10**6  # an allocation that no call gets to
REPEATS = 20


def raised_without(
    nth: int, function: Callable[..., object], *args: Any, **kw: Any
) -> Raised:
    """What a call raises whose allocation number `nth` fails; None for nothing.

    The function is called from here: Python 3.11 makes a SystemError of an exception
    that comes through a frame for which there is no memory, whoever raised it.  One
    that is written in Python has to be called once before, since coverage's tracer
    crashes where there is no memory for its first look at a function.
    """
    # Not in the collector, which may run at any allocation: what it calls has
    # nobody to tell of a failure.
    gc.disable()
    testcapi.set_nomemory(nth, nth + 1)
    try:
        function(*args, **kw)
    except BaseException as error:  # whatever comes is looked at
        return type(error)
    finally:
        testcapi.remove_mem_hooks()
        gc.enable()
    return None


def fail_each(
    expected: Raised, function: Callable[..., object], *args: Any, **kw: Any
) -> int:
    """Let allocation 1, 2, 3 ... of a call fail, until it has no more of them.

    Returns:
        How many calls raised MemoryError.
    """
    failed = 0
    went_well = 0  # in succession: Python itself gets over some failures
    nth = 0
    while went_well < 40:
        nth += 1
        raised = raised_without(nth, function, *args, **kw)
        assert raised in (MemoryError, expected), nth
        failed += raised is MemoryError
        went_well = 0 if raised is MemoryError else went_well + 1
    return failed


def left_behind(nth: int, **kw: Any) -> int:
    """How many blocks stay when one allocation of a call fails REPEATS times."""
    counts = []
    for _ in range(2):
        gc.collect()  # exceptions, and the frames they came through
        before = sys.getallocatedblocks()
        for _ in range(REPEATS):
            raised_without(nth, genlogs_ext.create_token, "e", "p", "k", **kw)
        gc.collect()
        counts.append(sys.getallocatedblocks() - before)
    return min(counts)


each_outcome = pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("200", None),
        ("401", genlogs_ext.AuthenticationError),
        ("403", genlogs_ext.PermissionDeniedError),
        ("422", genlogs_ext.InvalidRequestError),
        ("429", genlogs_ext.RateLimitError),
        ("500", genlogs_ext.ServerError),
        ("302", genlogs_ext.APIError),
        ("html", genlogs_ext.InvalidResponseError),
        ("silent", genlogs_ext.TransportError),
    ],
)


@each_outcome
def test_a_call_ends_in_memory_error_or_as_it_would(
    origin: str, path: str, expected: Raised
) -> None:
    call = functools.partial(
        genlogs_ext.create_token, "e", "p", "k", base_url=f"{origin}/{path}",
        max_retries=0, timeout=10,
    )  # fmt: skip
    raised_without(NEVER, call)  # what is imported once is
    assert fail_each(expected, call) >= 5
    assert raised_without(NEVER, call) is expected, "the next call works"


@pytest.mark.parametrize("path", ["200", "429", "silent"])
def test_nothing_is_left_behind(origin: str, path: str) -> None:
    options = {"base_url": f"{origin}/{path}", "max_retries": 0}
    raised_without(NEVER, genlogs_ext.create_token, "e", "p", "k", **options)
    # Python's own caches fill now and then; a leak is a block each time.
    assert [n for n in range(1, 40) if left_behind(n, **options) >= REPEATS] == []


each_wrong_argument = pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"base_url": "http://a.invalid"}, ValueError),
        ({"timeout": "1"}, TypeError),
        ({"timeout": 10**400}, ValueError),
        ({"max_retries": -1}, ValueError),
        ({"ca_file": 1}, TypeError),
        ({"ca_file": "a\0b"}, ValueError),
        ({"proxy": "ftp://x"}, ValueError),
        ({"credentials_in": "x"}, ValueError),
        ({"unknown": 1}, TypeError),
    ],
)


@each_wrong_argument
def test_wrong_arguments(arguments: dict[str, Any], expected: type[BaseException]) -> None:
    assert fail_each(expected, genlogs_ext.create_token, "e", "p", "k", **arguments) >= 1


def test_json() -> None:
    document = b'{"a": [1, -2.5, "\\u00e9\\ud83d\\ude00", true, {"b": null}], "c": "xxxxx'
    assert fail_each(None, _core.loads, document + b'"}') >= 5
    assert fail_each(genlogs_ext.InvalidResponseError, _core.loads, document) >= 1


def test_text_that_needs_encoding_and_numbers_that_need_room() -> None:
    def call() -> None:
        _core.check("\u00e9".join("ab"), "p", "k")  # a str that is not encoded yet

    call()
    assert fail_each(None, call) >= 1
    long_fraction = b"[0." + b"123456789" * 30 + b"e-300]"
    assert fail_each(None, _core.loads, long_fraction) >= 1


SPEC = importlib.util.find_spec("genlogs_ext._core")


def make_module() -> Any:
    """The extension's module once more, as another interpreter would make it."""
    assert SPEC is not None
    assert SPEC.loader is not None
    module = importlib.util.module_from_spec(SPEC)
    SPEC.loader.exec_module(module)
    return module


def test_the_module_is_made_or_not() -> None:
    make_module()
    raised = [raised_without(nth, make_module) for nth in range(1, 300)]
    assert set(raised) <= {MemoryError, ImportError, None}
    assert MemoryError in raised
    assert make_module() is not None


@pytest.mark.parametrize("url", ["https://us%0Aer@127.0.0.1", "https://u:p%00w@127.0.0.1"])
def test_credentials_that_cannot_be_decoded_are_no_less_refused(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        _core.check("e", "p", "k", base_url=url)
    with pytest.raises(ValueError, match="is not a proxy"):
        _core.check("e", "p", "k", proxy=url)


# ---- what the extension calls ------------------------------------------------


# Whether libcurl is another's, so that the extension's allocations are ours alone.
OWN_MEMORY = hasattr(ctypes.CDLL(_core.__file__), "curl_version")


class Calls:
    """The extension's calls, of which one can fail: tests/preload/core_calls.c.

    Attributes:
        of: What fails: "malloc", its own allocations, or "Python", functions of
            Python's, which then have raised MemoryError.
    """

    def __init__(self, library: ctypes.PyDLL, of: str) -> None:
        self._library = library
        self.of = of

    def raised(
        self, nth: int, function: Callable[[], object], *, and_all_after: bool = False
    ) -> tuple[Raised, int]:
        """What a call raises whose own call `nth` fails, and how many have failed."""
        raised: Raised = None
        self._library.core_calls_arm(self.of == "malloc", nth, and_all_after)
        try:
            function()
        except BaseException as error:  # whatever comes is looked at
            raised = type(error)
        return raised, self._library.core_calls_disarm()

    def live_blocks(self) -> int:
        """How many blocks the extension has allocated and not freed."""
        return int(self._library.core_calls_live_blocks())

    def fail_each(self, function: Callable[[], object], expected: Raised) -> int:
        """Let call 1, 2, 3 ... fail, alone and with all after, until there are no more.

        After each failure the next call has to end as it should, and to leave as many
        blocks as there were.

        Returns:
            How many there are.
        """
        assert self.raised(NEVER, function) == (expected, 0)
        gc.collect()  # a module is part of a cycle
        blocks = self.live_blocks()
        for nth in range(1, 2000):
            for and_all_after in (False, True):
                raised, failed = self.raised(nth, function, and_all_after=and_all_after)
                if failed == 0:
                    assert raised is expected
                    return nth - 1
                # Where only words are lost, a call may do without them.
                spared = {expected} if self.of == "malloc" else set()
                assert raised in {MemoryError, *spared}, (nth, failed)
                assert self.raised(NEVER, function) == (expected, 0)
                if self.live_blocks() != blocks:
                    gc.collect()
                assert self.live_blocks() == blocks, (nth, failed)
        pytest.fail("there is no end to the calls")


@pytest.fixture(scope="module")
def core_calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ctypes.PyDLL]:
    """The library that stands before the extension's calls, which it leaves again."""
    if sys.platform != "linux":
        pytest.skip("it knows Linux's shared objects alone")
    library = ctypes.PyDLL(built(tmp_path_factory.mktemp("core_calls"), "core_calls"))
    hooked = library.core_calls_hook(OWN_MEMORY)
    assert hooked >= 30
    yield library
    assert library.core_calls_unhook() == hooked


@pytest.fixture(params=["malloc", "Python"])
def calls(core_calls: ctypes.PyDLL, request: pytest.FixtureRequest) -> Calls:
    """Either kind of the extension's calls."""
    if request.param == "malloc" and not OWN_MEMORY:
        pytest.skip("in a wheel libcurl's and OpenSSL's memory is the extension's, too")
    return Calls(core_calls, request.param)


@each_outcome
def test_each_of_the_extensions_calls_may_fail(
    origin: str, path: str, expected: Raised, calls: Calls
) -> None:
    options: dict[str, Any] = {"base_url": f"{origin}/{path}", "max_retries": 0}
    call = functools.partial(genlogs_ext.create_token, "e", "p", "k", **options)
    assert calls.fail_each(call, expected) >= (4 if calls.of == "malloc" else 9)


def test_each_of_a_cancellable_calls_calls_may_fail(origin: str, calls: Calls) -> None:
    def call() -> None:
        call = _core.Call()
        assert call.date is None
        assert call.credentials_in is None
        call.create_token("e", "p", "k", base_url=f"{origin}/200", credentials_in="body")
        assert call.date is not None
        assert call.credentials_in == "body"
        assert call.attempts == 1

    assert calls.fail_each(call, None) >= (4 if calls.of == "malloc" else 30)


@each_wrong_argument
def test_each_call_may_fail_on_the_way_to_an_argument_error(
    arguments: dict[str, Any], expected: Raised, calls: Calls
) -> None:
    call = functools.partial(genlogs_ext.create_token, "e", "p", "k", **arguments)
    # Most need no memory of their own.
    assert calls.fail_each(call, expected) >= (0 if calls.of == "malloc" else 1)


def test_each_call_may_fail_with_the_environments_settings(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENLOGS_BASE_URL", "https://genlogs.example")
    monkeypatch.setenv("https_proxy", "http://user:password@proxy.example:8080")
    monkeypatch.setenv("no_proxy", "other.example")
    monkeypatch.setenv("SSL_CERT_FILE", "/a/file.pem")
    call = functools.partial(_core.check, "\u00e9", "p", "k")
    assert calls.fail_each(call, None) >= 6
    call = functools.partial(_core.check, "e", "p", "k", ca_file="a", timeout=1.0)
    assert calls.fail_each(call, None) >= 6


def test_each_call_may_fail_with_a_url_that_is_not_known_yet(calls: Calls) -> None:
    number = 0

    def call() -> None:
        nonlocal number
        number += 1
        _core.check("e", "p", "k", base_url=f"http://127.0.0.1/{calls.of}{number}")

    # Until the cache is full, in which each leaves its blocks.
    for _ in range(40):
        call()
    assert calls.fail_each(call, None) >= (4 if calls.of == "malloc" else 6)


def test_each_call_may_fail_that_remembers_a_url(core_calls: ctypes.PyDLL) -> None:
    calls = Calls(core_calls, "Python")
    nth = 0
    failed = 1
    while failed:
        nth += 1
        # Of a module of its own, whose cache has room.
        call = functools.partial(
            make_module().check, "e", "p", "k", base_url="http://127.0.0.1"
        )
        raised, failed = calls.raised(nth, call)
        assert raised is (MemoryError if failed else None)
        assert call() == "http://127.0.0.1/auth/token"
    assert nth > 6


def test_each_call_may_fail_that_json_needs(calls: Calls) -> None:
    documents = [
        b'{"a": [1, -2.5, "\\u00e9", true, {"b": null}], "c": 12345678901234567890}',
        b'{"' + b"long" * 10 + b'": ["' + b"\\n" * 1000 + b'"]}',
    ]
    for document in documents:
        call = functools.partial(_core.loads, document)
        assert calls.fail_each(call, None) >= (2 if calls.of == "malloc" else 4)
    call = functools.partial(_core.loads, b"[")
    calls.fail_each(call, genlogs_ext.InvalidResponseError)


def test_each_call_may_fail_that_makes_the_module(calls: Calls) -> None:
    assert calls.fail_each(make_module, None) >= (1 if calls.of == "malloc" else 12)
