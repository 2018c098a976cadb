"""GenLogsTransport: `transport=` for httpx."""

import threading
from types import TracebackType

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

    Needs httpx: `pip install 'genlogs-ext[httpx]'`.

    Args:
        source: Where tokens come from.
        transport: What sends the requests. Default: an `httpx.HTTPTransport` or
            `httpx.AsyncHTTPTransport`. A client that is given a transport leaves `verify`,
            `proxy` and the environment's proxies to it.

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
        self._inner = transport
        self._guard = threading.Lock()  # of the making of _inner

    # ---- httpx.Client --------------------------------------------------------------

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; httpx.Client calls this."""
        inner = self._sync_inner()
        if not self._home.owns(str(request.url)):
            return inner.handle_request(self._with(request, None))
        if _is_small(request):
            request.read()
        token = self._source.token()
        response = inner.handle_request(self._with(request, token))
        if self._is_worth_another(request, response, token):
            response.close()
            response = inner.handle_request(self._with(request, self._source.token()))
            self._home.tried_again(refused=response.status_code == 401)
        return response

    def close(self) -> None:
        """Close what sends the requests."""
        if isinstance(self._inner, httpx.BaseTransport):
            self._inner.close()

    def __enter__(self) -> "GenLogsTransport":
        self._sync_inner().__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._sync_inner().__exit__(exc_type, exc_value, traceback)

    def _sync_inner(self) -> httpx.BaseTransport:
        with self._guard:
            if self._inner is None:
                self._inner = httpx.HTTPTransport()
            if not isinstance(self._inner, httpx.BaseTransport):
                raise TypeError("an httpx.Client needs an httpx.BaseTransport as transport")
            return self._inner

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
        if self._is_worth_another(request, response, token):
            await response.aclose()
            token = await self._source.token_async()
            response = await inner.handle_async_request(self._with(request, token))
            self._home.tried_again(refused=response.status_code == 401)
        return response

    async def aclose(self) -> None:
        """Close what sends the requests."""
        if isinstance(self._inner, httpx.AsyncBaseTransport):
            await self._inner.aclose()

    async def __aenter__(self) -> "GenLogsTransport":
        await self._async_inner().__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._async_inner().__aexit__(exc_type, exc_value, traceback)

    def _async_inner(self) -> httpx.AsyncBaseTransport:
        with self._guard:
            if self._inner is None:
                self._inner = httpx.AsyncHTTPTransport()
            if not isinstance(self._inner, httpx.AsyncBaseTransport):
                raise TypeError(
                    "an httpx.AsyncClient needs an httpx.AsyncBaseTransport as transport"
                )
            return self._inner

    # ---- both ----------------------------------------------------------------------

    def _is_worth_another(
        self, request: httpx.Request, response: httpx.Response, token: AccessToken
    ) -> bool:
        """Whether to try once more, with a new token."""
        return (
            response.status_code == 401
            and self._home.refused(token)
            and isinstance(request.stream, httpx.ByteStream)
        )

    def _with(self, request: httpx.Request, token: AccessToken | None) -> httpx.Request:
        """A copy of a request, with the headers for a token; with none for None.

        The client never sees it, and so cannot copy it for a redirect.
        """
        headers = request.headers.copy()
        if token is None:
            for name in self._home.secrets_in(headers.raw):
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
