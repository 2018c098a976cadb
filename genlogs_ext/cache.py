"""Where tokens are kept between sources, processes and machines.

A `TokenSource` takes one of these as `cache=`, or anything else that has the three
methods of `TokenCache`. Whatever goes wrong in a cache is logged, and the source works
without it.

Keys say nothing about the credentials they stand for, and no cache ever gets to see
password or API key.
"""

import contextlib
import math
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from genlogs_ext import _clock
from genlogs_ext.access_token import parse_expires
from genlogs_ext.errors import CacheBusyError, InvalidResponseError
from genlogs_ext.types import TokenResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from genlogs_ext.file_cache import FileCache
    from genlogs_ext.redis_cache import RedisCache

__all__ = ["FileCache", "MemoryCache", "RedisCache", "StoredToken", "TokenCache"]


@dataclass(frozen=True)
class StoredToken:
    """A token as a cache keeps it.

    Attributes:
        response: All that the server sent.
        lifetime: Seconds from its making to its end.
        expires_in: Seconds it has left: what `load` counted down from `store`.
    """

    response: TokenResponse = field(repr=False)
    lifetime: float
    expires_in: float

    def to_json(self) -> dict[str, object]:
        """What to keep of it, for `from_json`; the time left is the cache's to count."""
        return {"lifetime": self.lifetime, "response": self.response}

    @classmethod
    def from_json(cls, content: object, expires_in: float) -> "StoredToken":
        """Check what was kept, and take it back.

        Args:
            content: What `to_json` returned, and perhaps more, or anything else.
            expires_in: Seconds left.

        Returns:
            The token.

        Raises:
            ValueError: It is broken, or has expired.
        """
        with _as_value_error():
            kept: Any = content
            response, lifetime = kept["response"], float(kept["lifetime"])
            data = response["access_token_data"]
            parse_expires(data["expires"])
            named = isinstance(data["token"], str) and data["token"]
            if named and 0 < lifetime < math.inf and 0 < expires_in < math.inf:
                return cls(response, lifetime, expires_in)
        raise ValueError("it is no token, or has expired")


@contextlib.contextmanager
def _as_value_error() -> Iterator[None]:
    try:
        yield
    except (
        InvalidResponseError,
        AttributeError,
        LookupError,
        OverflowError,
        TypeError,
    ) as error:
        raise ValueError("it is no token") from error


class TokenCache(Protocol):
    """What a TokenSource needs of a cache. It is called from several threads.

    A method that cannot do its work raises `CacheError`.
    """

    def load(self, key: str, /) -> StoredToken | None:
        """Return what is kept for a key, or None; nothing that has expired."""

    def store(self, key: str, token: StoredToken, /) -> None:
        """Keep a token for a key, in place of what was there."""

    def lock(self, key: str, timeout: float, /) -> AbstractContextManager[object]:
        """Let one of all that share the cache in at a time.

        Args:
            key: Others do not wait for one another.
            timeout: Seconds to wait. When they are over `__enter__` raises
                `CacheBusyError`.

        Returns:
            A context manager, which may be left in another thread than it was
            entered in. The lock must not outlive a process that dies in it.
        """


class MemoryCache:
    """One token for all sources of a process that have the same credentials.

    What is pickled in one process is, in another, the cache that all unpickled sources
    of that one share.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[StoredToken, float]] = {}
        # By process: after a fork nobody would release what another thread held.
        self._locks: dict[tuple[int, str], threading.Lock] = {}

    def load(self, key: str, /) -> StoredToken | None:
        """See `TokenCache`."""
        found = self._tokens.get(key)
        if found is None:
            return None
        token, end = found
        left = end - _clock.now()
        return StoredToken(token.response, token.lifetime, left) if left > 0 else None

    def store(self, key: str, token: StoredToken, /) -> None:
        """See `TokenCache`."""
        self._tokens[key] = token, _clock.now() + token.expires_in

    @contextlib.contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[None]:
        """See `TokenCache`."""
        lock = self._locks.setdefault((os.getpid(), key), threading.Lock())
        if not lock.acquire(timeout=timeout):
            raise CacheBusyError(
                f"another thread has been making a token for {timeout:.1f} s"
            )
        try:
            yield
        finally:
            lock.release()

    def __reduce__(self) -> tuple[object, ...]:
        return _of_this_process, ()


# Tasks bring a source each to the process that works on them.
process_cache = MemoryCache()


def _of_this_process() -> MemoryCache:
    return process_cache


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import on first use: most sources have no cache."""
        if name == "FileCache":
            from genlogs_ext.file_cache import FileCache

            return FileCache
        if name == "RedisCache":
            from genlogs_ext.redis_cache import RedisCache

            return RedisCache
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
