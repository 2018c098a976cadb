"""Caches: one token between sources and processes, and no harm when they fail."""

import errno
import json
import logging
import os
import pickle
import signal
import stat
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
    CacheError,
    FileCache,
    MemoryCache,
    RedisCache,
    StoredToken,
    TokenCache,
    TokenSource,
    _threads,
    redis_cache,
)
from genlogs_ext._sharing import key_for
from genlogs_ext.file_cache import _name
from genlogs_ext.testing import Delay, Reply, StubServer

from .helpers import Clock, wait_for, wait_until_written
from .servers import find, redis_server

needs_redis = pytest.mark.skipif(
    find("redis-server") is None, reason="redis-server is not installed"
)
posix = pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")

KEY = "0" * 64
FILE = _name(KEY)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["memory", "file", pytest.param("redis", marks=needs_redis)])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> TokenCache:
    if request.param == "memory":
        return MemoryCache()
    if request.param == "file":
        return FileCache(tmp_path / "cache")
    url = request.getfixturevalue("redis_url")
    redis_client.Redis.from_url(url).flushdb()
    return RedisCache(url)


def stored(value: str = "t", left: float = 100.0) -> StoredToken:
    data = {"token": value, "expires": "2100-01-01T00:00:00Z"}
    return StoredToken({"access_token_data": data, "user_id": "é7"}, 3600.0, left)  # type: ignore[typeddict-item] # made here


def source_of(server: StubServer, cache: TokenCache, **options: Any) -> TokenSource:
    return TokenSource(
        server.email,
        server.password,
        server.api_key,
        base_url=server.base_url,
        cache=cache,
        **{"max_retries": 0, **options},
    )


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


# ---- files -------------------------------------------------------------------------


@posix
def test_only_the_owner_can_read_files(tmp_path: Path, stub: StubServer) -> None:
    directory = tmp_path / "deep" / "cache"
    token = source_of(stub, FileCache(directory)).token()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    files = list(directory.iterdir())
    assert sorted(path.suffix for path in files) == [".json", ".lock"]
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = b"".join(path.read_bytes() for path in files)
    assert token.value.encode() in written
    for secret in (stub.password, stub.api_key):
        assert secret.encode() not in written
        assert all(secret not in path.name for path in files)


@posix
def test_the_default_is_the_users_cache_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    directory = FileCache().directory
    assert directory.name == "genlogs-ext"
    assert tmp_path in directory.parents


def open_to_others(directory: Path) -> None:
    directory.chmod(0o750)


def linked_directory(directory: Path) -> None:
    directory.rename(directory.with_name("elsewhere"))
    directory.symlink_to("elsewhere")


def a_file(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
    directory.touch(0o600)


def readable_file(directory: Path) -> None:
    (directory / FILE).chmod(0o644)


def linked_file(directory: Path) -> None:
    path = directory / FILE
    path.rename(directory / "elsewhere")
    path.symlink_to("elsewhere")


def a_directory(directory: Path) -> None:
    path = directory / FILE
    path.unlink()
    path.mkdir(0o700)


@posix
@pytest.mark.parametrize(
    "spoil",
    [open_to_others, linked_directory, a_file, readable_file, linked_file, a_directory],
)
def test_what_others_could_have_made_is_refused(tmp_path: Path, spoil: Any) -> None:
    directory = tmp_path / "cache"
    cache = FileCache(directory)
    cache.store(KEY, stored())
    assert cache.load(KEY) is not None
    spoil(directory)
    with pytest.raises(CacheError, match=str(directory)):
        cache.load(KEY)


@posix
def test_what_belongs_to_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored())
    somebody = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody)
    with pytest.raises(CacheError, match="belongs to somebody else"):
        cache.load(KEY)
    with pytest.raises(CacheError, match="belongs to somebody else"):
        cache.store(KEY, stored())
    with pytest.raises(CacheError, match="belongs to somebody else"):
        cache.lock(KEY, 1).__enter__()


@posix
def test_a_refused_directory_is_logged_and_the_source_works(
    tmp_path: Path, stub: StubServer, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "cache"
    directory.mkdir(0o755)
    assert not source_of(stub, FileCache(directory)).token().expired
    (record,) = wait_until_written(caplog).records
    assert record.levelno == logging.WARNING
    assert "cache unusable" in record.message
    assert f"{directory} is open to others" in record.message
    assert list(directory.iterdir()) == []


WHOLE = {
    "boot": "set by the test",
    "end": 1e12,
    "lifetime": 3600.0,
    "response": {"access_token_data": {"token": "t", "expires": "2100-01-01T00:00:00Z"}},
}
DATA = {"token": "t", "expires": "2100-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    "change",
    [
        {"boot": "another"}, {"boot": None}, {"boot": 7.0}, {"end": 0.0}, {"end": "x"},
        {"end": None}, {"end": float("nan")}, {"lifetime": 0}, {"lifetime": None},
        {"lifetime": "x"}, {"response": []}, {"response": {}}, {"response": None},
        {"response": {"access_token_data": []}},
        {"response": {"access_token_data": {**DATA, "token": 7}}},
        {"response": {"access_token_data": {**DATA, "token": ""}}},
        {"response": {"access_token_data": {**DATA, "expires": "soon"}}},
        {"response": {"access_token_data": {**DATA, "expires": None}}},
    ],
)  # fmt: skip
def test_a_file_of_no_use_is_as_no_file(tmp_path: Path, change: dict[str, Any]) -> None:
    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored())
    path = tmp_path / "cache" / FILE
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "end": 1e12}))
    assert cache.load(KEY) is not None
    path.write_text(json.dumps({**kept, "end": 1e12, **change}))
    assert cache.load(KEY) is None


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"{", b"[]", b"null", b"7", b"\xff\xfe", b"[" * 100_000]
)
def test_a_broken_file_is_as_no_file(
    tmp_path: Path, stub: StubServer, content: bytes
) -> None:
    cache = FileCache(tmp_path / "cache")
    source_of(stub, cache).token()
    (path,) = (tmp_path / "cache").glob("*.json")
    path.write_bytes(content)
    source_of(stub, cache).token()
    assert source_of(stub, cache).token() == source_of(stub, cache).token()
    assert len(stub.requests) == 2


@pytest.mark.parametrize("moved", [-5.0, 5.0])
def test_where_no_boot_has_an_id_a_clock_that_is_set_right_is_no_boot(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, moved: float
) -> None:
    from genlogs_ext import file_cache

    def no_id(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", no_id)
    monkeypatch.setattr(file_cache, "time", clock_of(clock))
    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored())
    clock.wall += moved
    assert cache.load(KEY) is not None
    clock.wall += 20 * moved
    assert cache.load(KEY) is None


def clock_of(clock: Clock) -> Any:
    class Time:
        @staticmethod
        def time() -> float:
            return 1e9 + clock.wall

    return Time


@posix
def test_a_pipe_in_a_files_place_makes_nobody_wait(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored())
    (tmp_path / "cache" / FILE).unlink()
    os.mkfifo(tmp_path / "cache" / FILE, 0o600)
    with pytest.raises(CacheError, match="is not what it should be"):
        cache.load(KEY)


def test_what_a_dead_process_left_half_written_is_removed(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored())
    left, new = (tmp_path / "cache" / f"{FILE}.{end}" for end in ("0a", "0b"))
    for path in (left, new):
        path.touch(0o600)
    os.utime(left, (1, 1))
    cache.store(KEY, stored())
    assert not left.exists()
    assert new.exists(), "somebody may be writing it"


def test_where_there_are_no_owners_it_does_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, which has no descriptors of directories either."""
    from genlogs_ext import file_cache

    monkeypatch.setattr(file_cache, "_IS_POSIX", False)
    cache = FileCache(tmp_path / "cache")
    with cache.lock(KEY, 1):
        cache.store(KEY, stored("old"))
        cache.store(KEY, stored("new"))
    found = cache.load(KEY)
    assert found is not None
    assert found.response["access_token_data"]["token"] == "new"
    assert cache.load("1" * 64) is None


@pytest.mark.parametrize("cleaning_fails", [False, True])
def test_a_full_disk_leaves_no_half_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cleaning_fails: bool
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored("old"))
    with monkeypatch.context() as patch:
        patch.setattr(json, "dump", full)
        if cleaning_fails:
            patch.setattr(Path, "unlink", full)
        with pytest.raises(CacheError, match="No space left"):
            cache.store(KEY, stored("new"))
    found = cache.load(KEY)
    assert found is not None
    assert found.response["access_token_data"]["token"] == "old"
    left = [path.name for path in (tmp_path / "cache").iterdir()]
    assert (left == [FILE]) != cleaning_fails


def test_machines_that_share_a_home_do_not_share_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored())
    with monkeypatch.context() as patch:
        patch.setattr("platform.node", lambda: "another")
        assert cache.load(KEY) is None
    assert cache.load(KEY) is not None


def test_a_reader_never_sees_half_a_token(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    long = {n: stored(str(n) * 200_000) for n in range(10)}
    cache.store(KEY, long[0])
    done = threading.Event()

    def write() -> None:
        for _ in range(10):
            for token in long.values():
                cache.store(KEY, token)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while not done.is_set():
        found = cache.load(KEY)
        assert found is not None
        value = found.response["access_token_data"]["token"]
        assert len(value) == 200_000
        assert len(set(value)) == 1
        seen += 1
    writer.join()
    assert seen > 3
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [FILE]


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


# ---- Redis -------------------------------------------------------------------------


@needs_redis
@pytest.mark.parametrize("decode", [False, True])
def test_a_client_of_yours_will_do(redis_url: str, stub: StubServer, decode: bool) -> None:
    client = redis_client.Redis.from_url(redis_url, decode_responses=decode)
    client.flushdb()
    token = source_of(stub, RedisCache(client)).token()
    assert source_of(stub, RedisCache(client)).token() == token
    with pytest.raises(TypeError, match="made from a URL"):
        pickle.dumps(RedisCache(client))


@needs_redis
def test_redis_counts_the_time(redis_url: str, stub: StubServer, clock: Clock) -> None:
    client = redis_client.Redis.from_url(redis_url)
    client.flushdb()
    source_of(stub, RedisCache(redis_url)).token()
    clock.seconds -= 5e5  # another machine, its clocks differ
    clock.wall -= 1e6
    token = source_of(stub, RedisCache(redis_url)).token()
    assert token.expires_in == pytest.approx(3600, abs=3)
    (name,) = client.keys("*")
    assert client.ttl(name) == pytest.approx(3600, abs=3)


@needs_redis
def test_redis_holds_neither_password_nor_key(redis_url: str, stub: StubServer) -> None:
    client: Any = redis_client.Redis.from_url(redis_url)
    client.flushdb()
    source_of(stub, RedisCache(redis_url)).token()
    (name,) = client.keys("*")
    for secret in (stub.password, stub.api_key, stub.email):
        assert secret.encode() not in name + client.get(name)


@needs_redis
@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"lifetime": 1}', "[" * 100_000])
def test_a_broken_value_is_as_none(redis_url: str, content: str) -> None:
    redis_client.Redis.from_url(redis_url).set(f"genlogs-ext:{KEY}", content, px=10_000)
    assert RedisCache(redis_url).load(KEY) is None


@needs_redis
def test_a_long_request_keeps_its_lock(redis_url: str, stub: StubServer) -> None:
    """Longer than the lock of a process that died would live."""
    redis_client.Redis.from_url(redis_url).flushdb()
    stub.script(Delay(6.5))
    sources = [source_of(stub, RedisCache(redis_url)) for _ in range(2)]
    tokens: list[Any] = []
    threads = [
        threading.Thread(target=lambda s=s: tokens.append(s.token())) for s in sources
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(tokens)) == 1
    assert len(stub.requests) == 1


def test_redis_may_be_away(stub: StubServer, caplog: pytest.LogCaptureFixture) -> None:
    source = source_of(stub, RedisCache("redis://127.0.0.1:9/0"))
    assert not source.token().expired
    (record,) = wait_until_written(caplog).records
    assert "cache unusable, going on without: Redis: " in record.message
    assert len(stub.requests) == 1


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


@needs_redis
def test_a_redis_that_hangs_is_a_cache_that_hangs(tmp_path: Path, stub: StubServer) -> None:
    """By a client of one's own, with as much patience as one likes."""
    with redis_server(tmp_path) as url:
        client = redis_client.Redis.from_url(url)
        client.ping()
        server = int(client.info()["process_id"])
        os.kill(server, signal.SIGSTOP)
        try:
            started = time.monotonic()
            source = source_of(stub, RedisCache(client), timeout=2.0)
            assert not source.token().expired
            assert time.monotonic() - started < 3.0
        finally:
            os.kill(server, signal.SIGCONT)


@needs_redis
def test_a_hiccup_does_not_cost_the_lock(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    reacquire = redis_client.lock.Lock.reacquire

    def sometimes(lock: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise redis_client.ConnectionError("for a moment")
        return reacquire(lock)

    monkeypatch.setattr(redis_client.lock.Lock, "reacquire", sometimes)
    monkeypatch.setattr(redis_cache, "_LOCK_LIFE", 1.0)
    monkeypatch.setattr(redis_cache, "_LOCK_RENEWAL", 0.25)
    redis_client.Redis.from_url(redis_url).flushdb()
    with RedisCache(redis_url).lock(KEY, 1):
        time.sleep(1.5)
        with pytest.raises(CacheBusyError):
            RedisCache(redis_url).lock(KEY, 0.1).__enter__()
    assert len(calls) > 2


@needs_redis
def test_without_a_thread_that_renews_it_a_lock_is_given_back(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    redis_client.Redis.from_url(redis_url).flushdb()
    with monkeypatch.context() as patch:
        patch.setattr(_threads, "start", no_thread)
        with pytest.raises(RuntimeError, match="new thread"):
            RedisCache(redis_url).lock(KEY, 1).__enter__()
    with RedisCache(redis_url).lock(KEY, 0.5):
        pass


@needs_redis
def test_a_lock_that_is_lost_is_not_renewed(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_cache, "_LOCK_RENEWAL", 0.05)
    database = redis_client.Redis.from_url(redis_url)
    database.flushdb()
    with RedisCache(redis_url).lock(KEY, 1):
        database.flushdb()  # as somebody might who clears up
        wait_for(lambda: all(t.name != "genlogs-redis-lock" for t in threading.enumerate()))
        with RedisCache(redis_url).lock(KEY, 0.5):
            pass


def test_a_redis_of_the_environment_pickles_without_its_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValueError, match="GENLOGS_REDIS_URL"):
        RedisCache.from_env()
    monkeypatch.setenv("GENLOGS_REDIS_URL", "redis://:canary@127.0.0.1:9/0")
    pickled = pickle.dumps(RedisCache.from_env())
    assert b"canary" not in pickled
    monkeypatch.setenv("GENLOGS_REDIS_URL", "redis://127.0.0.1:10/0")
    with pytest.raises(CacheError, match=r"127\.0\.0\.1:10"):
        pickle.loads(pickled).load(KEY)


@needs_redis
def test_redis_may_go_away(
    tmp_path: Path, stub: StubServer, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server(tmp_path) as url:
        cache = RedisCache(url)
        first = source_of(stub, cache)
        old = first.token()
    assert first.token() is old
    assert source_of(stub, cache).token() != old
    assert "cache unusable" in wait_until_written(caplog).text


@pytest.mark.parametrize("wrong", [7, None, redis_client.asyncio.Redis()])
def test_what_is_no_redis_is_named(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"^client_or_url must be a redis\.Redis or a URL"):
        RedisCache(wrong)
    with pytest.raises(ValueError, match="scheme"):
        RedisCache("localhost:6379")


def test_no_password_of_redis_is_shown() -> None:
    cache = RedisCache("redis://:canary-password@127.0.0.1:9/0")
    assert "canary" not in repr(cache)
    with pytest.raises(CacheError) as raised:
        cache.load(KEY)
    assert "canary" not in str(raised.value)


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
