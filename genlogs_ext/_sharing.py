"""A cache that may fail, or hang, as a source uses it."""

import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from genlogs_ext import _threads
from genlogs_ext.cache import StoredToken, TokenCache
from genlogs_ext.errors import CacheBusyError, CacheError

_T = TypeVar("_T")

_ROUNDS = 100_000  # of PBKDF2: some 30 ms, once in a process
_AWAY = 60.0  # seconds that a cache which failed is left alone


def key_for(base_url: str, email: str, password: str, api_key: str) -> str:
    """What stands for these credentials in a cache.

    Another password is another key, so that nobody gets a token by email and API key
    alone. It says nothing of any of them: whoever wants to guess the password from it
    has to know the API key, and pays for each guess.

    Args:
        base_url: Where the API is.
        email: Of the GenLogs user.
        password: Of that user.
        api_key: Provided by GenLogs.

    Returns:
        64 hexadecimal digits.
    """
    return _derive_once(json.dumps([base_url, email, api_key]), password)


def _derive(scope: str, password: str) -> str:
    salt = hashlib.sha256(scope.encode()).digest()
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS).hex()


_derive_once = functools.lru_cache(maxsize=16)(_derive)


class Sharing:
    """A source's token in a cache that others share.

    Nothing here raises, and nothing takes longer than it may. A cache that failed is
    left alone for a minute.

    Args:
        cache: The cache.
    """

    def __init__(self, cache: TokenCache) -> None:
        self._cache = cache
        self._back_at = 0.0

    def visit(self, key: str, seconds: float, complain: Callable[[str], None]) -> "Visit":
        """Use it for one request.

        Args:
            key: For which token.
            seconds: How long `load` and `locked` may take, all in all.
            complain: Is told what failed.
        """
        return Visit(self, self._cache, key, seconds, complain)

    @property
    def is_away(self) -> bool:
        """Whether it is to be left alone."""
        return time.monotonic() < self._back_at

    def leave_alone(self) -> None:
        """It has failed."""
        self._back_at = time.monotonic() + _AWAY


class Visit:
    """What one request asks of a cache; made by `Sharing.visit`."""

    def __init__(
        self,
        sharing: Sharing,
        cache: TokenCache,
        key: str,
        seconds: float,
        complain: Callable[[str], None],
    ) -> None:
        self._sharing = sharing
        self._cache = cache
        self._key = key
        self._end = time.monotonic() + seconds
        self._complain = complain

    def load(self) -> StoredToken | None:
        """Return what is there, or None."""
        return self._ask(lambda: _checked(self._cache.load(self._key)), self._left())

    def store(self, token: StoredToken, seconds: float) -> None:
        """Keep a token.

        Args:
            token: The token.
            seconds: How long that may take.
        """
        self._ask(lambda: self._cache.store(self._key, token), seconds)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others out meanwhile, if that can be had."""
        patience = self._left()

        def enter() -> AbstractContextManager[object]:
            lock = self._cache.lock(self._key, patience)
            lock.__enter__()
            return lock

        # A cache that waits for its lock says so itself when time is up, a little late.
        lock = self._ask(enter, patience + 0.5, late=_leave)
        try:
            yield
        finally:
            if lock is not None:
                self._ask(functools.partial(_leave, lock), 1.0, even_if_away=True)

    def _left(self) -> float:
        return max(0.1, self._end - time.monotonic())

    def _ask(
        self,
        work: Callable[[], _T],
        seconds: float,
        late: Callable[[_T], object] = lambda _: None,
        even_if_away: bool = False,
    ) -> _T | None:
        """Do something with the cache, in a thread that may be left behind.

        Args:
            work: What to do.
            seconds: How long to wait for it.
            late: What to do with what comes after that.
            even_if_away: What was taken has to be given back.
        """
        if self._sharing.is_away and not even_if_away:
            return None
        try:
            return _within(seconds, work, late)
        except CacheBusyError as error:
            self._complain(f"{error}; making one here")
        except Exception as error:  # whatever a cache of somebody else's raises
            self._sharing.leave_alone()
            self._complain(f"token cache unusable, going on without: {error}")
        return None


def _checked(found: object) -> StoredToken | None:
    if found is None or isinstance(found, StoredToken):
        return found
    raise TypeError(f"load() returned no StoredToken but {type(found).__name__}")


def _leave(lock: AbstractContextManager[object]) -> None:
    lock.__exit__(None, None, None)


def _within(seconds: float, work: Callable[[], _T], late: Callable[[_T], object]) -> _T:
    """Do something in a thread of its own, and wait for it only so long."""
    outcome: Future[_T] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            if outcome.set_running_or_notify_cancel():
                outcome.set_exception(error.with_traceback(None))
        else:
            if outcome.set_running_or_notify_cancel():
                outcome.set_result(result)
            else:
                late(result)

    _threads.start(run, "genlogs-cache")
    wait([outcome], seconds)
    if outcome.cancel():
        raise CacheError(f"no answer in {seconds:.1f} s")
    return outcome.result()
