"""GenLogsTransport: `transport=` for httpx."""

import httpx

from genlogs_ext.access_token import AccessToken
from genlogs_ext.auth.origin import Home
from genlogs_ext.token_source import TokenSource

__all__ = ["GenLogsTransport"]

_MOST_KEPT = 1024 * 1024  # bytes of a body


class GenLogsTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The token of a source, on all requests of an httpx.Client or httpx.AsyncClient.

    A transport sees every hop of a redirect, and what it puts on a request is not what
    the client makes the next one of. A 401 from the API makes it get a new token and try
    once more, if the body can be sent again: generators cannot.

    Needs httpx.

    Args:
        source: Where tokens come from.
        transport: What sends the requests. Default: an `httpx.HTTPTransport` or
            `httpx.AsyncHTTPTransport`. A client that is given a transport leaves `verify`,
            `proxy` and the like to it.

    Example:
        >>> client = httpx.Client(
        ...     transport=GenLogsTransport(TokenSource("ada@example.com", "1234+", "key"))
        ... )
        >>> client.close()
    """

    def __init__(
        self,
        source: TokenSource,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._home = Home(source)
        self._source = source
        self._given = transport
        self._sync: httpx.BaseTransport | None = None
        self._async: httpx.AsyncBaseTransport | None = None

    # ---- httpx.Client --------------------------------------------------------------

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; httpx.Client calls this."""
        inner = self._inner()
        if not self._home.owns(str(request.url)):
            return inner.handle_request(self._with(request, None))
        if _is_small(request):
            request.read()
        token = self._source.token()
        response = inner.handle_request(self._with(request, token))
        if response.status_code == 401:
            self._source.invalidate(token)
            if isinstance(request.stream, httpx.ByteStream):
                response.read()
                response.close()
                token = self._source.token()
                response = inner.handle_request(self._with(request, token))
        return response

    def close(self) -> None:
        """Close what sends the requests."""
        if self._sync is not None:
            self._sync.close()

    def _inner(self) -> httpx.BaseTransport:
        if self._sync is None:
            given = httpx.HTTPTransport() if self._given is None else self._given
            if not isinstance(given, httpx.BaseTransport):
                raise TypeError("an httpx.Client needs an httpx.BaseTransport as transport")
            self._sync = given
        return self._sync

    # ---- httpx.AsyncClient ---------------------------------------------------------

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; httpx.AsyncClient calls this."""
        inner = self._async_inner()
        if not self._home.owns(str(request.url)):
            return await inner.handle_async_request(self._with(request, None))
        if _is_small(request):
            await request.aread()
        token = await self._source.token_async()
        response = await inner.handle_async_request(self._with(request, token))
        if response.status_code == 401:
            self._source.invalidate(token)
            if isinstance(request.stream, httpx.ByteStream):
                await response.aread()
                await response.aclose()
                token = await self._source.token_async()
                response = await inner.handle_async_request(self._with(request, token))
        return response

    async def aclose(self) -> None:
        """Close what sends the requests."""
        if self._async is not None:
            await self._async.aclose()

    def _async_inner(self) -> httpx.AsyncBaseTransport:
        if self._async is None:
            given = httpx.AsyncHTTPTransport() if self._given is None else self._given
            if not isinstance(given, httpx.AsyncBaseTransport):
                raise TypeError(
                    "an httpx.AsyncClient needs an httpx.AsyncBaseTransport as transport"
                )
            self._async = given
        return self._async

    # ---- both ----------------------------------------------------------------------

    def _with(self, request: httpx.Request, token: AccessToken | None) -> httpx.Request:
        """A copy of a request, with the headers for a token; with none for None.

        The client never sees it, and so cannot copy it for a redirect.
        """
        headers = request.headers.copy()
        if token is None:
            for name in self._home.secrets_in(headers):
                del headers[name]
        else:
            for name, value in self._home.headers(token).items():
                # As HTTP has it; httpx would take UTF-8.
                headers.update([(name.encode(), value.encode("latin-1"))])
        return httpx.Request(
            request.method,
            request.url,
            headers=headers,
            stream=request.stream,
            extensions=request.extensions,
        )


def _is_small(request: httpx.Request) -> bool:
    """Whether to keep the body in memory, so that it can be sent again."""
    length = request.headers.get("content-length", "")
    return length.isascii() and length.isdigit() and int(length) <= _MOST_KEPT
