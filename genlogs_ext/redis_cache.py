"""RedisCache: one token for a fleet of machines."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from genlogs_ext import _threads
from genlogs_ext.cache import StoredToken
from genlogs_ext.errors import CacheBusyError, CacheError

if TYPE_CHECKING:
    import redis

__all__ = ["RedisCache"]

_PREFIX = "genlogs-ext:"
_LOCK_LIFE = 5.0  # seconds that the lock of a process that died is in the others' way
_LOCK_RENEWAL = _LOCK_LIFE / 4
_POLL = 0.05  # seconds between two looks at a lock
_PATIENCE = 2.0  # seconds for a connection to come up, and for an answer


class RedisCache:
    """One token for all machines that have the same credentials and share a Redis.

    Redis counts how long a token lives, since the machines' clocks differ. The token is
    kept there as it is: whoever can read that Redis can use it. Needs redis:
    `pip install 'genlogs-ext[redis]'`.

    Args:
        client_or_url: A `redis.Redis` of yours, or a URL as `redis.Redis.from_url` takes
            it, such as "redis://localhost:6379/0". A cache from a URL pickles, the
            URL's password included.

    Raises:
        ImportError: redis is missing.
        TypeError: It is neither; a `redis.asyncio` client, for example.
        ValueError: It is no URL that redis knows.
    """

    def __init__(self, client_or_url: "redis.Redis | str") -> None:
        try:
            import redis
        except ImportError as error:
            raise ImportError(
                "RedisCache needs redis: pip install 'genlogs-ext[redis]'"
            ) from error
        self._url = client_or_url if isinstance(client_or_url, str) else None
        if isinstance(client_or_url, str):
            client_or_url = redis.Redis.from_url(
                client_or_url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE
            )
        if not isinstance(client_or_url, redis.Redis):
            raise TypeError(
                "client_or_url must be a redis.Redis or a URL, "
                f"not {type(client_or_url).__module__}.{type(client_or_url).__name__}"
            )
        self._redis: Any = client_or_url
        self._failure = redis.RedisError
        self._lost = redis.exceptions.LockNotOwnedError
        self._variable: str | None = None

    @classmethod
    def from_env(cls, variable: str = "GENLOGS_REDIS_URL") -> "RedisCache":
        """Make a cache from a URL in the environment; it pickles without it.

        Args:
            variable: Which.

        Returns:
            The cache.

        Raises:
            ValueError: It is not set, or no URL that redis knows.
        """
        url = os.environ.get(variable)
        if not url:
            raise ValueError(f"not set in the environment: {variable}")
        cache = cls(url)
        cache._variable = variable
        return cache

    def __repr__(self) -> str:
        return "RedisCache(***)"

    def __reduce__(self) -> tuple[object, ...]:
        if self._variable is not None:
            return RedisCache.from_env, (self._variable,)
        if self._url is None:
            raise TypeError("a RedisCache pickles only when it is made from a URL")
        return RedisCache, (self._url,)

    def load(self, key: str, /) -> StoredToken | None:
        """See `TokenCache`."""
        with self._as_cache_error():
            both = self._redis.pipeline(transaction=True)
            text, left = both.get(_PREFIX + key).pttl(_PREFIX + key).execute()
        try:
            return StoredToken.from_json(json.loads(text or "null"), left / 1000)
        except (ValueError, RecursionError):  # none, or broken: as if there were none
            return None

    def store(self, key: str, token: StoredToken, /) -> None:
        """See `TokenCache`."""
        text = json.dumps(token.to_json())
        left = int(token.expires_in * 1000)
        if left > 0:
            with self._as_cache_error():
                self._redis.set(_PREFIX + key, text, px=left)

    @contextlib.contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[None]:
        """See `TokenCache`. A process that dies holds it for 5 seconds more at most."""
        lock = self._redis.lock(
            f"{_PREFIX}{key}:lock",
            timeout=_LOCK_LIFE,
            sleep=_POLL,
            blocking_timeout=timeout,
            thread_local=False,  # the thread that renews it is another
        )
        with self._as_cache_error():
            taken = lock.acquire()
        if not taken:
            raise CacheBusyError(
                f"another process has been making a token for {timeout:.1f} s"
            )
        done = threading.Event()
        try:
            _threads.start(lambda: self._renew(lock, done), "genlogs-redis-lock")
            yield
        finally:
            done.set()
            with contextlib.suppress(self._failure):  # it ends by itself
                lock.release()

    def _renew(self, lock: Any, done: threading.Event) -> None:
        """Keep a lock as long as its holder is at work."""
        while not done.wait(_LOCK_RENEWAL) and self._is_held(lock):
            pass

    def _is_held(self, lock: Any) -> bool:
        """Renew a lock once; whether to go on with that."""
        with contextlib.suppress(self._failure):  # perhaps the next time, it lasts longer
            try:
                lock.reacquire()
            except self._lost:
                return False
        return True

    @contextlib.contextmanager
    def _as_cache_error(self) -> Iterator[None]:
        try:
            yield
        except self._failure as error:
            raise CacheError(f"Redis: {error}") from error
