"""GenLogsAuth: `auth=` for requests."""

from contextlib import suppress
from typing import Any
from urllib.parse import urljoin

import requests
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar

from genlogs_ext.auth.origin import TOKEN, Home
from genlogs_ext.token_source import TokenSource

__all__ = ["GenLogsAuth"]


class GenLogsAuth(AuthBase):
    """The token of a source, on a request or on all of a session.

    A 401 from the API makes it get a new token and try once more, if the body can be sent
    again: bytes, text, forms, and files that can be rewound can, generators cannot.

    Needs requests.

    Args:
        source: Where tokens come from.

    Example:
        >>> session = requests.Session()
        >>> session.auth = GenLogsAuth(TokenSource("ada@example.com", "1234+", "key"))
    """

    def __init__(self, source: TokenSource) -> None:
        self._home = Home(source)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Prepare a request; requests calls this."""
        body = _Body(request.body)

        def on_response(response: requests.Response, **options: Any) -> requests.Response:
            return self._receive(response, body, options)

        self._dress(request, request.url)
        hooked: Any = request  # some of requests' functions have no types
        hooked.register_hook("response", on_response)
        return request

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenLogsAuth) and other._home.source is self._home.source

    def __hash__(self) -> int:
        return hash(self._home.source)

    def _dress(self, request: requests.PreparedRequest, url: str | None) -> None:
        """Give a request the headers that may go to a URL, and take the others away."""
        if self._home.owns(url or ""):
            request.headers.update(self._home.headers(self._home.source.token()))
        else:
            for name in self._home.secrets_in(request.headers):
                del request.headers[name]

    def _receive(
        self, response: requests.Response, body: "_Body", options: dict[str, Any]
    ) -> requests.Response:
        """Try again after a 401, and prepare what follows a redirect."""
        request = response.request
        if response.status_code == 401 and self._home.owns(request.url or ""):
            self._home.source.invalidate(request.headers.get(TOKEN))
            if body.rewind():
                self._dress(request, request.url)
                response = _send_again(response, options)
        if response.is_redirect:
            # requests makes the next request of this one, headers and all.
            target = urljoin(request.url or "", response.headers["location"])
            self._dress(request, target)
        return response


class _Body:
    """A request's body, and where a file stood at first."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self._start: int | None = None
        if not self._is_whole:
            with suppress(AttributeError, OSError):
                self._start = self._body.tell()

    @property
    def _is_whole(self) -> bool:
        return self._body is None or isinstance(self._body, bytes | str)

    def rewind(self) -> bool:
        """Make it ready to be sent once more, and say whether that worked."""
        if self._is_whole:
            return True
        if self._start is None:
            return False
        try:
            self._body.seek(self._start)
        except (AttributeError, OSError, ValueError):
            return False
        return True


def _send_again(response: requests.Response, options: dict[str, Any]) -> requests.Response:
    """Send a response's request once more, as requests' own authenticators do."""
    _ = response.content  # read to its end, so that the connection can be used again
    response.close()
    request: Any = response.request.copy()
    extract: Any = extract_cookies_to_jar
    extract(request._cookies, response.request, response.raw)
    request.prepare_cookies(request._cookies)
    again: requests.Response = response.connection.send(request, **options)
    again.history.append(response)
    again.request = request
    return again
