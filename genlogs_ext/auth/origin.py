"""What may go where: the source's headers to its origin, and to no other."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from genlogs_ext.access_token import AccessToken
from genlogs_ext.token_source import TokenSource

TOKEN = "Access-Token"  # noqa: S105 - a header's name
API_KEY = "x-api-key"

_PORTS = {"https": 443, "http": 80}


class Home:
    """The origin of a source, and what may go there.

    Args:
        source: Where tokens come from.
    """

    def __init__(self, source: TokenSource) -> None:
        self.source = source
        self._origin = _origin_of(source.base_url)

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

    def secrets_in(self, headers: Mapping[str, str]) -> list[str]:
        """Names of the headers that must not go elsewhere.

        An API key of another service is none of them.

        Args:
            headers: Of a request; names in any case will do.
        """
        ours = self.source._credentials[2]
        names = [TOKEN] if TOKEN in headers else []
        return [*names, API_KEY] if headers.get(API_KEY) == ours else names


def _origin_of(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what has none, or cannot be understood."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    return (parts.scheme, host, port) if host and port else None
