"""TokenSource: one token, kept fresh."""

import logging
import os
import random
import threading
import time
import weakref
from os import PathLike
from types import TracebackType
from typing import Any, Literal, SupportsFloat, SupportsIndex

from genlogs_ext import _clock
from genlogs_ext._core import Call, check
from genlogs_ext._credentials import VARIABLES, Credentials, look_in_environment
from genlogs_ext._display import HiddenTuple, card, duration, one_line
from genlogs_ext._flight import Flight, Kept
from genlogs_ext._sharing import Sharing, key_for
from genlogs_ext.access_token import AccessToken, lifetime
from genlogs_ext.cache import StoredToken, TokenCache, process_cache
from genlogs_ext.errors import InvalidRequestError, InvalidResponseError
from genlogs_ext.types import TokenResponse

__all__ = ["TokenSource"]

_log = logging.getLogger("genlogs_ext")

_TOKEN_PATH = "/auth/token"  # noqa: S105 - a path
_WIDEST_WINDOW = 300.0  # seconds
_FIRST_BACKOFF = 1.0  # seconds after a renewal that failed
_LARGEST_BACKOFF = 60.0
_PATIENCE = 0.75  # of the timeout, for a cache's lock; the rest is for the request


class TokenSource:
    """One token for as many calls, threads and coroutines as you like, kept fresh.

    `token` returns the kept token as long as that lives. Shortly before its end (five
    minutes, or a fifth of its lifetime if that is less) it is renewed in the background,
    while callers go on with the old one. Callers wait only when there is no valid token,
    and then all for one request. A renewal that fails is logged and tried again; the
    old token serves until it expires.

    How long a token lives is told by the server's own clock (`expires` minus the
    response's `Date`), so a local clock that is wrong changes nothing.

    A source pickles, its credentials included; one of `from_env` without them: it reads
    the environment of where it is unpickled. What it was given beside, such as a proxy's
    or a Redis's URL, goes along. It works after a fork.

    Args:
        email: Of the GenLogs user.
        password: Of that user.
        api_key: Provided by GenLogs.
        cache: Where to share the token with other processes: a `FileCache`, a
            `RedisCache`, or anything else with the methods of `TokenCache`.
            Default: nowhere.
        base_url: See `create_token`, as for all that follow.
        credentials_in: "query", "body" or "auto": what the server wants is then learned
            once.
        timeout: Seconds that a token may take, the wait for a cache included.
        connect_timeout: Seconds for one connection to come up.
        max_retries: Attempts after the first.
        ca_file: PEM file of the certificate authorities to trust.
        proxy: URL of the proxy.

    Raises:
        TypeError, ValueError: An argument cannot be used.

    Example:
        >>> from genlogs_ext.testing import StubServer
        >>> with StubServer() as server:
        ...     source = TokenSource(
        ...         server.email, server.password, server.api_key, base_url=server.base_url
        ...     )
        ...     first, second = source.token(), source.token()
        >>> first is second, first.expired, len(server.requests)
        (True, False, 1)
    """

    # Also of a source that is not made yet, in a traceback that shows it.
    _base_url = ""
    _credentials = HiddenTuple(("", "", ""))
    _kept: Kept | None = None
    _flight: Flight | None = None
    _trouble = ""

    def __init__(
        self,
        email: str,
        password: str,
        api_key: str,
        *,
        cache: TokenCache | None = None,
        base_url: str | None = None,
        credentials_in: Literal["auto", "query", "body"] = "auto",
        timeout: SupportsFloat | SupportsIndex = 30.0,
        connect_timeout: SupportsFloat | SupportsIndex = 10.0,
        max_retries: int = 2,
        ca_file: str | bytes | PathLike[str] | PathLike[bytes] | None = None,
        proxy: str | None = None,
    ) -> None:
        # Tools that show tracebacks with their variables see this frame if it fails.
        self._credentials = HiddenTuple((email, password, api_key))
        del email, password, api_key
        self._given: dict[str, Any] = {
            "base_url": base_url,
            "credentials_in": credentials_in,
            "timeout": timeout,
            "connect_timeout": connect_timeout,
            "max_retries": max_retries,
            "ca_file": ca_file,
            "proxy": proxy,
        }
        endpoint = check(*self._credentials, **self._given)
        # The environment may change; where the token comes from, and may go, does not.
        self._base_url = endpoint.removesuffix(_TOKEN_PATH)
        if isinstance(cache, type):
            raise TypeError(f"cache must be a TokenCache, not a class: {cache.__name__}()?")
        for name in ("load", "store", "lock"):
            if cache is not None and not callable(getattr(cache, name, None)):
                raise TypeError(f"cache must be a TokenCache: it has no method {name}()")
        self._cache = cache
        self._sharing = None if cache is None else Sharing(cache)
        self._is_from_env = False
        self._learned: str | None = None  # where the server takes the credentials
        self._now = _clock.now
        # The token, and when to look after it: a call before that takes it as it is.
        self._kept = None
        self._lock = threading.Lock()  # of what follows, and of changes to _kept
        self._flight = None
        self._failures = 0  # renewals in a row
        self._trouble = ""  # what the last request failed by; "" if it did not
        self._renew_at = 0.0  # when the window of the kept token begins
        self._rejected: str | None = None  # the token that a server refused
        _sources.add(self)

    @classmethod
    def from_env(cls, *, cache: TokenCache | None = None, **options: Any) -> "TokenSource":
        """Make a source of what the environment says.

        It reads GENLOGS_EMAIL, GENLOGS_PASSWORD, GENLOGS_API_KEY and, where it is set,
        GENLOGS_BASE_URL.

        Args:
            cache: As for the class.
            **options: The class's other arguments that are given by name.

        Returns:
            The source.

        Raises:
            ValueError: A variable is not set, or cannot be used.
        """
        found = Credentials({}, "environment")
        look_in_environment(found)
        missing = [VARIABLES[name] for name in found.missing()]
        if missing:
            raise ValueError(f"not set in the environment: {', '.join(missing)}")
        source = cls(*found.values.values(), cache=cache, **options)
        source._is_from_env = True
        return source

    # ---- what callers want ---------------------------------------------------------

    def token(self) -> AccessToken:
        """Return a valid token: the kept one, or else a new one.

        Returns:
            The token. While it is fresh this takes well under a microsecond.

        Raises:
            GenLogsError: There is none, and none could be made. The next call tries anew.
        """
        kept = self._kept
        if kept is not None and self._now() < kept[1]:
            return kept[0]
        found = self._look()
        return found.wait() if isinstance(found, Flight) else found

    async def token_async(self) -> AccessToken:
        """Return the same in a coroutine.

        That a task which waits here is cancelled is nothing to the others.

        Returns:
            The token.

        Raises:
            GenLogsError: There is none, and none could be made.
        """
        kept = self._kept
        if kept is not None and self._now() < kept[1]:
            return kept[0]
        found = self._look()
        return await found.wait_async() if isinstance(found, Flight) else found

    def headers(self) -> dict[str, str]:
        """Return the two headers that every other GenLogs endpoint wants.

        HTTP clients that follow a redirect take them along to any host. The adapters in
        `genlogs_ext.auth` do not.

        Returns:
            Access-Token and x-api-key: secrets.

        Raises:
            GenLogsError: As `token`.
        """
        return self._headers_of(self.token())

    def invalidate(self, token: AccessToken | str | None = None) -> None:
        """Forget a token that a server refused; the next call makes a new one.

        Args:
            token: Which, so that a newer one that came in meanwhile is kept. Default:
                the one that is kept.
        """
        refused = token.value if isinstance(token, AccessToken) else token
        with self._lock:
            if self._kept is not None and refused in (None, self._kept[0].value):
                self._rejected = self._kept[0].value
                self._kept = None

    def close(self) -> None:
        """Forget the token, and end a request under way. The source may be used again."""
        with self._lock:
            self._kept = None
            self._trouble = ""
            flight, self._flight = self._flight, None
        if flight is not None:
            flight.cancel()

    @property
    def base_url(self) -> str:
        """Where the API is: the token goes there, and nowhere else."""
        return self._base_url

    def __enter__(self) -> "TokenSource":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        (_, who), (_, where), *state = self._facts()
        said = ", ".join(f"{name.lower()} {text}" for name, text in state)
        return one_line(f"<TokenSource of {who} at {where}: {said}>")

    def _repr_html_(self) -> str:
        """The same as a small card, which notebooks ask for."""
        return card("GenLogs token source", self._facts())

    def _facts(self) -> list[tuple[str, str]]:
        """What there is to see, by names: no secret, and nothing to be asked for."""
        kept, is_under_way, trouble = self._kept, self._flight is not None, self._trouble
        facts = [("User", str(self._credentials[0])), ("API", self._base_url)]
        if kept is None:
            facts.append(("Token", "not there yet"))
        else:
            left = kept[0].expires_in
            end = kept[0].expires_at.strftime("%Y-%m-%d %H:%M:%S UTC")
            facts.append(("Token", f"valid until {end}" if left else f"expired at {end}"))
            if left:
                facts.append(("Expires in", duration(left)))
        if trouble:
            facts.append(("Last try", f"failed: {trouble}"))
        if is_under_way:
            facts.append(("Next one", "under way"))
        return facts

    def __reduce__(self) -> tuple[object, ...]:
        cache = None if self._cache is process_cache else self._cache
        if self._is_from_env:
            return _restore, (type(self), (), self._given, cache)
        options = {**self._given, "base_url": self._base_url}
        return _restore, (type(self), tuple(self._credentials), options, cache)

    def _headers_of(self, token: AccessToken) -> dict[str, str]:
        return {"Access-Token": token.value, "x-api-key": self._credentials[2]}

    # ---- looking after the token ---------------------------------------------------

    def _look(self) -> AccessToken | Flight:
        """The token to go on with, or the request to wait for."""
        warning: tuple[Any, ...] = ()
        with self._lock:
            now = self._now()
            if self._kept is not None and now >= self._kept[1]:
                token = self._kept[0]
                left = token.expires_in
                # Nobody needs to look again before the renewal has landed.
                self._kept = (token, now + left) if left > 0 else None
                if left > 0 and self._flight is None:
                    try:
                        self._take_off()
                    except RuntimeError as error:  # no thread is to be had
                        warning = self._put_off(error)
            if self._kept is not None:
                found: AccessToken | Flight = self._kept[0]
            else:
                found = self._flight or self._take_off()
        if warning:
            _log.warning(*warning)
        return found

    def _take_off(self) -> Flight:
        """Begin a request; the lock is held."""
        flight = Flight(self._obtain, self._land)
        flight.take_off()
        self._flight = flight
        return flight

    def _land(self, flight: Flight, kept: Kept | None, error: BaseException | None) -> None:
        """Take in how a request ended."""
        with self._lock:
            if self._flight is not flight:  # closed meanwhile
                return
            self._flight = None
            self._trouble = "" if error is None else str(error)
            if kept is not None:
                self._failures = 0
                self._kept = kept
                self._renew_at = kept[1]
            elif error is not None and self._kept is not None:
                flight.note(logging.WARNING, *self._put_off(error))

    def _put_off(self, error: BaseException) -> tuple[Any, ...]:
        """Let the old token serve on, and the next renewal wait; the lock is held.

        Returns:
            What to log, once it is not.
        """
        assert self._kept is not None  # noqa: S101 - for the type checker
        token = self._kept[0]
        wait = min(_LARGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(self._failures, 16))
        wait *= random.uniform(0.5, 1.0)  # noqa: S311 - it spreads callers, no secret
        if not getattr(error, "retryable", True):
            wait += _LARGEST_BACKOFF
        wait = max(wait, getattr(error, "retry_after", None) or 0.0)
        self._failures += 1
        self._trouble = str(error)
        left = token.expires_in
        self._kept = token, self._now() + min(wait, left)
        return (
            "renewing the token failed, it serves for %.0f s more, next try in %.0f s: %s",
            left,
            wait,
            error,
        )

    # ---- making a token, in a thread of its own ------------------------------------

    def _obtain(self, flight: Flight) -> Kept:
        """Take the token that another process has made, or make one."""
        timeout = float(self._given["timeout"])
        if self._sharing is None or self._sharing.is_away:
            return self._request(flight, timeout)[0]
        end = time.monotonic() + timeout
        visit = self._sharing.visit(
            key_for(self._base_url, *self._credentials),
            timeout * _PATIENCE,
            lambda text: flight.note(logging.WARNING, "%s", text),
        )
        # In a renewal, what is about to expire is what there is to be renewed.
        renewing = self._kept is not None
        found = self._adopt(flight, visit.load(), renewing)
        if found is not None:
            return found
        with visit.locked():
            found = self._adopt(flight, visit.load(), renewing)
            if found is not None:
                return found
            least = timeout * (1 - _PATIENCE)
            kept, stored = self._request(flight, max(least, end - time.monotonic()))
            visit.store(stored, max(1.0, end - time.monotonic()))
            return kept

    def _adopt(
        self, flight: Flight, stored: StoredToken | None, renewing: bool
    ) -> Kept | None:
        """Take over a cache's token, unless it is of no use."""
        if stored is None:
            return None
        try:
            token = AccessToken(stored.response, stored.expires_in)
        except (InvalidResponseError, RecursionError):  # broken: as if there were none
            return None
        spare = stored.expires_in - _window(stored.lifetime)
        if token.value == self._rejected or (renewing and spare <= 0):
            return None
        flight.note(
            logging.INFO,
            "token taken from the cache, it expires in %.0f s",
            stored.expires_in,
        )
        return token, self._now() + spare

    def _request(self, flight: Flight, timeout: float) -> tuple[Kept, StoredToken]:
        """Make a new token."""
        response = self._ask(flight.call, timeout)
        seconds = lifetime(response, flight.call.date)
        kept = AccessToken(response, seconds), self._now() + seconds - _window(seconds)
        flight.note(
            logging.INFO,
            "token made, it expires in %.0f s; attempts: %d",
            seconds,
            flight.call.attempts,
        )
        return kept, StoredToken(response, seconds, seconds)

    def _ask(self, call: Call, timeout: float) -> TokenResponse:
        """Send the request, in the form that the server wants."""
        options = {**self._given, "base_url": self._base_url, "timeout": timeout}
        if self._learned is None:
            response = call.create_token(*self._credentials, **options)
        else:
            known = {**options, "credentials_in": self._learned}
            try:
                response = call.create_token(*self._credentials, **known)
            except InvalidRequestError:  # perhaps the server has changed its mind
                self._learned = None
                response = call.create_token(*self._credentials, **options)
        if self._given["credentials_in"] == "auto":
            self._learned = call.credentials_in
        return response


def _window(seconds: float) -> float:
    """Seconds before the end of a lifetime of so many that a token is renewed."""
    return min(_WIDEST_WINDOW, seconds / 5)


def _restore(
    kind: type[TokenSource],
    credentials: tuple[str, ...],
    options: dict[str, Any],
    cache: TokenCache | None,
) -> TokenSource:
    """Unpickle."""
    if cache is None:
        cache = process_cache
    if not credentials:
        return kind.from_env(cache=cache, **options)
    return kind(*credentials, cache=cache, **options)


# ---- forks -------------------------------------------------------------------------

_sources: "weakref.WeakSet[TokenSource]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    """Threads stay behind in the parent, and with them requests and whoever held locks."""
    for source in list(_sources):
        source._lock = threading.Lock()
        source._flight = None
        if source._kept is not None:  # a renewal may have been under way
            source._kept = source._kept[0], source._renew_at


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no forks
    os.register_at_fork(after_in_child=_after_fork_in_child)
