"""What may go where: the source's headers to its origin, and to no other."""

import threading
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from genlogs_ext.access_token import AccessToken
from genlogs_ext.token_source import TokenSource

TOKEN = "Access-Token"  # noqa: S105 - a header's name
API_KEY = "x-api-key"

_PORTS = {"https": 443, "http": 80}
_USELESS = 3  # new tokens that were refused at once, in a row, before there is a pause
_LONGEST_PAUSE = 60.0  # seconds


class Home:
    """The origin of a source, what may go there, and what a 401 from there is worth.

    Args:
        source: Where tokens come from.
    """

    def __init__(self, source: TokenSource) -> None:
        self.source = source
        self._origin = _origin_of(source.base_url)
        self._guard = threading.Lock()  # of what follows
        self._useless = 0
        self._pause_until = 0.0

    def owns(self, url: str) -> bool:
        """Whether a URL is of the source's scheme, host and port.

        Args:
            url: An absolute URL, its host in ASCII.
        """
        return _origin_of(url) == self._origin

    def headers(self, token: AccessToken) -> dict[str, str]:
        """The headers for a request home.

        Args:
            token: Of the source.
        """
        return self.source._headers_of(token)

    def secrets_in(self, headers: Iterable[tuple[str | bytes, str | bytes]]) -> set[str]:
        """Names of the headers that must not go elsewhere, in small letters.

        An API key of another service is none of them.

        Args:
            headers: Of a request.
        """
        key = self.source._credentials[2]
        found = set()
        for name, value in headers:
            small = _text(name).lower()
            if small == TOKEN.lower() or (small == API_KEY and _text(value) == key):
                found.add(small)
        return found

    def refused(self, token: AccessToken | str) -> bool:
        """Take in that a token was refused.

        Args:
            token: The token.

        Returns:
            Whether a new one may help. Not where several new ones were refused at once:
            then it is not the token, and there is a pause, up to a minute.
        """
        with self._guard:
            if time.monotonic() < self._pause_until:
                return False
        self.source.invalidate(token)
        return True

    def tried_again(self, *, refused: bool) -> None:
        """Take in what became of a request with a new token.

        Args:
            refused: Whether that was a 401, too.
        """
        with self._guard:
            self._useless = self._useless + 1 if refused else 0
            if self._useless >= _USELESS:
                pause = min(_LONGEST_PAUSE, 2.0 ** (self._useless - _USELESS))
                self._pause_until = time.monotonic() + pause


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _origin_of(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what has none, or cannot be understood."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    return (parts.scheme, host, port) if host and port else None
