"""RedisCache: a token for many machines, and a lock that ends with its holder."""

import os
import pickle
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client

from genlogs_ext import (
    CacheBusyError,
    CacheError,
    RedisCache,
    _threads,
    redis_cache,
)
from genlogs_ext.testing import Delay, StubServer

from .caching import KEY, needs_redis, source_of
from .helpers import Clock, wait_for, wait_until_written
from .servers import redis_server


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
