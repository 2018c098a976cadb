"""GenLogsAuth: `auth=` for requests."""

from contextlib import suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar
from requests.utils import requote_uri, rewind_body
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from genlogs_ext.auth.origin import TOKEN, Home
from genlogs_ext.token_source import TokenSource

__all__ = ["GenLogsAuth"]


class GenLogsAuth(AuthBase):
    """The token of a source, on a request or on all of a session.

    A 401 from the API makes it get a new token and try once more, if the body can be sent
    again: bytes, text, forms, and files that can be rewound can, generators cannot. Once a
    redirect has led elsewhere, both headers stay off, also where another leads back.

    Needs requests: `pip install 'genlogs-ext[requests]'`.

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
        if self._is_home(request.url):
            self._dress(request)
            hooked: Any = request  # some of requests' functions have no types
            hooked.register_hook("response", self._receive)
        else:
            self._undress(request)
        return request

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenLogsAuth) and other._home.source is self._home.source

    def __hash__(self) -> int:
        return hash(self._home.source)

    def _is_home(self, url: str | None) -> bool:
        """Whether a URL is the API's, for us and for what opens the connection alike."""
        if url is None or not self._home.owns(url):
            return False
        try:
            return self._home.owns(parse_url(url).url)
        except LocationParseError:
            return False

    def _dress(self, request: requests.PreparedRequest) -> None:
        request.headers.update(self._home.headers(self._home.source.token()))

    def _undress(self, request: requests.PreparedRequest) -> None:
        for name in self._home.secrets_in(request.headers.items()):
            del request.headers[name]

    def _receive(self, response: requests.Response, **options: Any) -> requests.Response:
        """Try again after a 401, and undress what leaves; requests' hook."""
        request = response.request
        sent = request.headers.get(TOKEN)
        if response.status_code == 401 and sent is not None and self._is_home(request.url):
            response = self._try_again(response, sent, options)
        if response.is_redirect and not self._is_home(_target(response, request)):
            # requests makes the next request of this one, headers and all.
            self._undress(request)
        return response

    def _try_again(
        self, response: requests.Response, sent: str, options: dict[str, Any]
    ) -> requests.Response:
        request = response.request
        if not (self._home.refused(sent) and _rewind(request)):
            return response
        with suppress(requests.RequestException):  # it is of no interest
            _ = response.content  # to its end, so that the connection can be used again
        response.close()
        self._dress(request)
        again = _send_again(response, options)
        self._home.tried_again(refused=again.status_code == 401)
        return again


def _target(response: requests.Response, request: requests.PreparedRequest) -> str | None:
    """Where a redirect leads, if that can be understood in one way only."""
    location = response.headers["location"]
    parts = urlsplit(location)
    # What changes when it is taken apart and put together, others may read otherwise;
    # and a path that begins with two slashes or a backslash is a host to some.
    if parts.geturl() != location or location.lstrip()[:2] in ("//", "/\\"):
        return None
    return urljoin(request.url or "", requote_uri(location))


def _rewind(request: requests.PreparedRequest) -> bool:
    """Make a body ready to be sent once more, and say whether that worked."""
    if request.body is None or isinstance(request.body, bytes | str):
        return True
    try:
        rewind_body(request)
    except requests.exceptions.UnrewindableBodyError:
        return False
    return True


def _send_again(response: requests.Response, options: dict[str, Any]) -> requests.Response:
    """Send a response's request once more, as requests' own authenticators do."""
    request: Any = response.request.copy()
    extract: Any = extract_cookies_to_jar
    extract(request._cookies, response.request, response.raw)
    request.prepare_cookies(request._cookies)
    again: requests.Response = response.connection.send(request, **options)
    again.history.append(response)
    again.request = request
    return again
