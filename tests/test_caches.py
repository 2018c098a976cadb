"""Caches: one token between sources and processes, and no harm when they fail."""

import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client

import genlogs_ext
from genlogs_ext import (
    CacheBusyError,
    FileCache,
    MemoryCache,
    RedisCache,
    StoredToken,
    TokenCache,
    TokenSource,
)
from genlogs_ext._sharing import key_for
from genlogs_ext.testing import Delay, Reply, StubServer

from .caching import KEY, needs_redis, source_of, stored
from .helpers import wait_for, wait_until_written


@pytest.fixture(params=["memory", "file", pytest.param("redis", marks=needs_redis)])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> TokenCache:
    if request.param == "memory":
        return MemoryCache()
    if request.param == "file":
        return FileCache(tmp_path / "cache")
    url = request.getfixturevalue("redis_url")
    redis_client.Redis.from_url(url).flushdb()
    return RedisCache(url)


# ---- what all of them do -----------------------------------------------------------


def test_what_is_stored_is_loaded(cache: TokenCache) -> None:
    assert cache.load(KEY) is None
    for value in ("first", "second"):
        cache.store(KEY, stored(value))
        found = cache.load(KEY)
        assert found is not None
        assert found.response == stored(value).response
        assert found.lifetime == 3600.0
        assert 90 < found.expires_in <= 100
    assert cache.load("1" * 64) is None


def test_what_has_expired_is_not_loaded(cache: TokenCache) -> None:
    cache.store(KEY, stored(left=0.05))
    time.sleep(0.06)
    assert cache.load(KEY) is None
    cache.store(KEY, stored(left=-1.0))
    assert cache.load(KEY) is None


def test_one_at_a_time_is_let_in(cache: TokenCache) -> None:
    inside = 0
    most = 0

    def enter() -> None:
        nonlocal inside, most
        with cache.lock(KEY, 30):
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)


def test_waiting_for_the_lock_ends(cache: TokenCache) -> None:
    with cache.lock(KEY, 1), cache.lock("1" * 64, 1):
        started = time.monotonic()
        with pytest.raises(CacheBusyError, match=r"has been making a token for 0\.2 s"):
            cache.lock(KEY, 0.2).__enter__()
        assert 0.15 < time.monotonic() - started < 5
    with cache.lock(KEY, 1):
        pass


def test_sources_share_a_token(cache: TokenCache, stub: StubServer) -> None:
    first, second = source_of(stub, cache), source_of(stub, cache)
    token = first.token()
    assert second.token() == token
    assert second.token().expires_in == pytest.approx(token.expires_in, abs=2)
    assert second.token().user_id == token.user_id
    assert len(stub.requests) == 1


def test_other_credentials_are_another_token(cache: TokenCache) -> None:
    users = {"a@b.example": "p", "c@d.example": "p"}
    with StubServer(users=users, api_keys=["k", "l"]) as server:
        tokens = {
            TokenSource(
                email, "p", key, base_url=server.base_url + path, cache=cache
            ).token()
            for email in users
            for key in ("k", "l")
            for path in ("", "/")
        }
        assert len(server.requests) == len(tokens) == 4
        with pytest.raises(genlogs_ext.AuthenticationError):
            TokenSource(
                "a@b.example", "wrong", "k", base_url=server.base_url, cache=cache
            ).token()


def test_a_refused_token_is_not_taken_again(cache: TokenCache, stub: StubServer) -> None:
    first, second = source_of(stub, cache), source_of(stub, cache)
    old = first.token()
    assert second.token() == old
    first.invalidate(old)
    new = first.token()
    assert new != old
    second.invalidate(old)
    assert second.token() == new, "the one that the other source has made meanwhile"
    assert len(stub.requests) == 2


def test_a_renewal_is_shared(cache: TokenCache, stub: StubServer) -> None:
    """What is about to expire will do until then."""
    key = key_for(stub.base_url, stub.email, stub.password, stub.api_key)
    cache.store(key, stored("old", left=200.0))
    sources = [source_of(stub, cache) for _ in range(3)]
    for source in sources:
        assert source.token().value == "old"
    for source in sources:
        source.token()
        while source._flight is not None:
            time.sleep(0.01)
    assert len({source.token() for source in sources}) == 1
    assert sources[0].token().value != "old"
    assert len(stub.requests) == 1


def test_a_token_that_no_header_can_carry_is_as_none(
    cache: TokenCache, stub: StubServer
) -> None:
    key = key_for(stub.base_url, stub.email, stub.password, stub.api_key)
    cache.store(key, stored("a b"))
    assert source_of(stub, cache).token().value.startswith("stub-access-")


def test_a_failed_request_lets_the_next_one_in(cache: TokenCache, stub: StubServer) -> None:
    stub.script(Reply(401))
    with pytest.raises(genlogs_ext.AuthenticationError):
        source_of(stub, cache).token()
    started = time.monotonic()
    assert not source_of(stub, cache).token().expired
    assert time.monotonic() - started < 3


def test_a_source_and_its_cache_pickle(cache: TokenCache, stub: StubServer) -> None:
    source = source_of(stub, cache)
    token = source.token()
    again = pickle.loads(pickle.dumps(source))
    # What is in memory stays in its process.
    assert (again.token() == token) is not isinstance(cache, MemoryCache)


def test_memory_caches_that_were_unpickled_are_one(stub: StubServer) -> None:
    pickled = pickle.dumps(source_of(stub, MemoryCache()))
    tokens = {pickle.loads(pickled).token() for _ in range(5)}
    assert len(tokens) == 1


def test_the_key_tells_nothing_and_tells_them_apart() -> None:
    credentials = ("https://x.example", "a@b.example", "canary", "key")
    key = key_for(*credentials)
    assert len(key) == 64
    assert int(key, 16)
    for i in range(4):
        other = [*credentials]
        other[i] += "x"
        assert key_for(*other) != key
    assert key_for("https://x", "ab", "c", "d") != key_for("https://x", "a", "c", "bd")


PROCESS = """
import sys, time
from genlogs_ext import FileCache, RedisCache, TokenSource

url, kind, where = sys.argv[1:]
cache = FileCache(where) if kind == "file" else RedisCache(where)
source = TokenSource("ada@example.com", "1234+", "stub-api-key", base_url=url, cache=cache)
print("ready", flush=True)
sys.stdin.readline()
print(source.token().value, flush=True)
"""


@contextmanager
def processes(count: int, *arguments: str) -> Iterator[list["subprocess.Popen[str]"]]:
    """Processes with a cold source each, that ask when they are sent a line."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def ask(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("now\n")
    process.stdin.flush()


def answer(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.timeout(150)
def test_sixty_processes_make_one_request(tmp_path: Path, stub: StubServer) -> None:
    stub.script(Delay(0.5))
    with processes(60, stub.base_url, "file", str(tmp_path / "cache")) as all_of_them:
        for process in all_of_them:
            ask(process)
        answers = {answer(process) for process in all_of_them}
    assert len(answers) == 1
    assert answers.pop().startswith("stub-access-")
    assert len(stub.requests) == 1


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9")
@pytest.mark.parametrize("kind", ["file", pytest.param("redis", marks=needs_redis)])
def test_who_is_killed_in_the_lock_holds_the_others_up_for_no_longer_than_said(
    kind: str, tmp_path: Path, stub: StubServer, request: pytest.FixtureRequest
) -> None:
    """At once for a file, whose lock the system frees; 5 seconds for Redis."""
    where = str(tmp_path / "cache")
    if kind == "redis":
        where = request.getfixturevalue("redis_url")
        redis_client.Redis.from_url(where).flushdb()
    stub.script(Delay(30))
    with processes(4, stub.base_url, kind, where) as (holder, *others):
        ask(holder)
        while not stub.requests:
            time.sleep(0.01)
        for process in others:
            ask(process)
        time.sleep(0.3)  # they wait for the lock
        holder.kill()
        killed = time.monotonic()
        answers = {answer(process) for process in others}
        elapsed = time.monotonic() - killed
    assert len(answers) == 1
    assert len(stub.requests) == 2
    assert elapsed < (0.5 if kind == "file" else 5.5) + 1.0  # of a busy machine


def test_who_takes_long_with_the_lock_does_not_hold_others_up_beyond_their_timeout(
    tmp_path: Path, stub: StubServer, caplog: pytest.LogCaptureFixture
) -> None:
    cache = FileCache(tmp_path / "cache")
    source = source_of(stub, cache, timeout=1.0)
    key = key_for(stub.base_url, stub.email, stub.password, stub.api_key)
    with cache.lock(key, 1):
        started = time.monotonic()
        assert not source.token().expired
        assert 0.7 < time.monotonic() - started < 1.5
    assert (
        "has been making a token for 0.7 s; making one here"
        in wait_until_written(caplog).text
    )
    assert cache.load(key) is not None, "others need not wait as long"


class Hanging:
    """A cache that hangs where it is told to, until it is let go."""

    def __init__(self, hangs_in: str) -> None:
        self.hangs_in = hangs_in
        self.let_go = threading.Event()
        self.left = threading.Event()

    def _do(self, what: str) -> None:
        if what == self.hangs_in:
            self.let_go.wait(20)

    def load(self, _key: str, /) -> StoredToken | None:
        self._do("load")
        return None

    def store(self, _key: str, _token: StoredToken, /) -> None:
        self._do("store")

    @contextmanager
    def lock(self, _key: str, _timeout: float, /) -> Iterator[None]:
        self._do("enter")
        try:
            yield
        finally:
            self.left.set()


@pytest.mark.parametrize("hangs_in", ["load", "enter", "store"])
def test_a_cache_that_hangs_leaves_the_request_its_time(
    stub: StubServer, caplog: pytest.LogCaptureFixture, hangs_in: str
) -> None:
    cache = Hanging(hangs_in)
    stub.script(Delay(0.1))
    source = source_of(stub, cache, timeout=2.0)
    started = time.monotonic()
    assert not source.token().expired
    assert time.monotonic() - started < 3.5
    assert (
        "cache unusable, going on without: no answer in" in wait_until_written(caplog).text
    )
    source.invalidate()
    started = time.monotonic()
    assert not source.token().expired
    assert time.monotonic() - started < 0.5, "it is left alone for a while"
    cache.let_go.set()
    if hangs_in != "load":
        assert cache.left.wait(5), "a lock that came too late was not given back"


def test_what_fails_when_nobody_waits_any_more_is_nobodys(stub: StubServer) -> None:
    class Late(Hanging):
        def load(self, key: str, /) -> StoredToken | None:
            super().load(key)
            self.left.set()
            raise OSError("too late")

    cache = Late("load")
    assert not source_of(stub, cache, timeout=1.0).token().expired
    assert not cache.left.is_set()
    cache.let_go.set()
    wait_for(lambda: all(t.name != "genlogs-cache" for t in threading.enumerate()))
    assert cache.left.is_set()


# ---- caches of somebody else -------------------------------------------------------


class Moody:
    """A cache that fails where it is told to, with whatever comes to its mind."""

    def __init__(self, fails_in: str) -> None:
        self.fails_in = fails_in
        self.calls: list[str] = []

    def _do(self, what: str) -> None:
        self.calls.append(what)
        if what == self.fails_in:
            raise OSError("in a bad mood")

    def load(self, _key: str, /) -> StoredToken | None:
        self._do("load")
        return None

    def store(self, _key: str, _token: StoredToken, /) -> None:
        self._do("store")

    @contextmanager
    def lock(self, _key: str, _timeout: float, /) -> Iterator[None]:
        self._do("enter")
        yield
        self._do("exit")


@pytest.mark.parametrize("fails_in", ["load", "enter", "store", "exit", "never"])
def test_a_cache_may_fail_anywhere(
    stub: StubServer, caplog: pytest.LogCaptureFixture, fails_in: str
) -> None:
    cache = Moody(fails_in)
    assert not source_of(stub, cache).token().expired
    assert len(stub.requests) == 1
    assert ("in a bad mood" in wait_until_written(caplog).text) == (fails_in != "never")
    expected = ["load", "enter", "load", "store", "exit"]
    if fails_in in ("load", "enter"):
        expected = expected[: expected.index(fails_in) + 1]
    assert cache.calls == expected


@pytest.mark.parametrize(
    ("missing", "make", "extra"),
    [
        ("filelock", FileCache, "file-cache"),
        ("platformdirs", FileCache, "file-cache"),
        ("redis", lambda: RedisCache("redis://x"), "redis"),
    ],
)
def test_a_missing_package_is_named(
    missing: str, make: Any, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(
        ImportError, match=rf"{missing}: pip install 'genlogs-ext\[{extra}\]'"
    ):
        make()


def test_a_stored_token_does_not_show_itself() -> None:
    assert "canary" not in repr(stored("canary"))
