"""A cache that may fail, as a source uses it."""

import functools
import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from genlogs_ext.cache import StoredToken, TokenCache

_log = logging.getLogger("genlogs_ext")

_ROUNDS = 100_000  # of PBKDF2: some 30 ms, once in a process


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
    """What one request asks of a cache. After a failure, which is logged, nothing more.

    Args:
        cache: The cache.
        key: For which token.
    """

    def __init__(self, cache: TokenCache, key: str) -> None:
        self._cache = cache
        self._key = key
        self._works = True

    def load(self) -> StoredToken | None:
        """Return what is there, or None."""
        with self._watched():
            return self._cache.load(self._key) if self._works else None
        return None

    def store(self, token: StoredToken) -> None:
        """Keep a token."""
        with self._watched():
            if self._works:
                self._cache.store(self._key, token)

    @contextmanager
    def locked(self, timeout: float) -> Iterator[None]:
        """Keep others out meanwhile, if that can be had.

        Args:
            timeout: Seconds to wait for them.
        """
        lock = None
        with self._watched():
            if self._works:
                entering = self._cache.lock(self._key, timeout)
                entering.__enter__()
                lock = entering
        try:
            yield
        finally:
            if lock is not None:
                with self._watched():
                    lock.__exit__(None, None, None)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # whatever a cache of somebody else's raises
            self._works = False
            _log.warning("token cache unusable, going on without: %s", error)
