"""AccessToken: a token that knows how long it lives, and does not show itself."""

import copy
import re
import time
from datetime import datetime, timezone
from typing import NoReturn

from genlogs_ext import _clock
from genlogs_ext.errors import InvalidResponseError
from genlogs_ext.types import TokenResponse

_ISO_8601 = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?"
    r"\s?(?:([+-]\d\d):?(\d\d)|Z)?",
    re.ASCII | re.IGNORECASE,
)

_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")


class AccessToken:
    """A token and the end of its life. Immutable.

    How long it lives is counted on a clock that nobody sets and that goes on while
    the machine sleeps, from the moment it came. Whatever shows an object (repr, str,
    an f-string, a notebook) shows neither the token nor a part of it.

    `TokenSource` makes them. Equal are those of the same value. A pickled one takes
    the token along, so treat the bytes as a secret.

    Args:
        response: What `create_token` returned.
        expires_in: Seconds it has left.

    Raises:
        InvalidResponseError: The response's `expires` is not a date and time, or its
            token is nothing that an HTTP header can carry.
    """

    __slots__ = ("__weakref__", "_end", "_expires_at", "_response", "_value")

    _value: str
    _expires_at: datetime
    _response: TokenResponse
    _end: float

    def __init__(self, response: TokenResponse, expires_in: float) -> None:
        if hasattr(self, "_value"):
            raise AttributeError("an AccessToken does not change")
        data = response["access_token_data"]
        if not _HEADER_VALUE.fullmatch(data["token"]):
            raise InvalidResponseError(
                "the server's answer is not what the API promises: "
                "access_token_data.token is nothing that an HTTP header can carry"
            )
        keep = object.__setattr__
        keep(self, "_value", data["token"])
        keep(self, "_expires_at", parse_expires(data["expires"]))
        keep(self, "_response", copy.deepcopy(response))
        keep(self, "_end", _clock.now() + expires_in)

    @property
    def value(self) -> str:
        """The token itself: a secret."""
        return self._value

    @property
    def expires_at(self) -> datetime:
        """When it expires by the server's clock; aware, in UTC."""
        return self._expires_at

    @property
    def expires_in(self) -> float:
        """Seconds it has left; 0.0 once it has expired."""
        return max(0.0, self._end - _clock.now())

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return _clock.now() >= self._end

    @property
    def user_id(self) -> str | int | None:
        """Of the user it was made for, as the server wrote it; None if it did not."""
        return self._response.get("user_id")

    @property
    def raw(self) -> TokenResponse:
        """A copy of all that the server sent, the token included."""
        return copy.deepcopy(self._response)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an AccessToken does not change: {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"an AccessToken does not change: {name!r} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccessToken) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        left = f"in {self.expires_in:.0f} s" if not self.expired else "expired"
        when = self._expires_at.isoformat(sep=" ", timespec="seconds")
        return f"<AccessToken *** until {when} ({left})>"

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (self._response, self.expires_in, time.time())


def _restore(response: TokenResponse, expires_in: float, pickled_at: float) -> AccessToken:
    """Unpickle; what passed in between counts, as far as two clocks can tell."""
    passed = max(0.0, time.time() - pickled_at)
    return AccessToken(response, expires_in - passed)


def parse_expires(text: str) -> datetime:
    """Read the `expires` of a response.

    Args:
        text: ISO 8601 date and time; without an offset it is UTC.

    Returns:
        The same, aware and in UTC.

    Raises:
        InvalidResponseError: It is something else.
    """
    # datetime.fromisoformat of Python 3.10 knows neither "Z" nor every fraction.
    match = _ISO_8601.fullmatch(text.strip())
    if match is not None:
        day, clock, fraction, hours, minutes = match.groups()
        offset = f"{hours}:{minutes}" if hours else "+00:00"
        second = "" if clock.count(":") > 1 else ":00"
        micro = (fraction or "").ljust(6, "0")[:6]
        try:
            moment = datetime.fromisoformat(f"{day}T{clock}{second}.{micro}{offset}")
            return moment.astimezone(timezone.utc)
        except (ValueError, OverflowError):
            pass
    raise InvalidResponseError(
        "the server's answer is not what the API promises: access_token_data.expires "
        "is no ISO 8601 date and time"
    )


def lifetime(response: TokenResponse, sent_at: float | None) -> float:
    """Seconds that a token lives from when it was sent, by the server's clock.

    Args:
        response: What `create_token` returned.
        sent_at: The response's Date, in seconds since 1970; None when it had none:
            then the local clock stands in.

    Returns:
        More than 0.

    Raises:
        InvalidResponseError: It had expired before it was sent.
    """
    expires = parse_expires(response["access_token_data"]["expires"]).timestamp()
    seconds = expires - (time.time() if sent_at is None else sent_at)
    if seconds > 0:
        return seconds
    clock = "the server's Date header" if sent_at is not None else "this machine's clock"
    raise InvalidResponseError(
        f"the server sent a token that had expired {-seconds:.0f} s before, by {clock}"
    )
