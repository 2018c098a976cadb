"""GenLogs access tokens.

`create_token` makes one, `create_token_async` does so for asyncio. `login` asks for what
is missing and returns a `TokenSource`, which keeps a token fresh. Every exception they
raise for what went wrong on the way is a `GenLogsError`. `genlogs_ext.testing` has a
stand-in for the API.

Example:
    >>> import genlogs_ext
    >>> from genlogs_ext.testing import StubServer
    >>> with StubServer(users={"ada@example.com": "1234+"}, api_keys={"key"}) as server:
    ...     tokens = genlogs_ext.create_token(
    ...         "ada@example.com", "1234+", "key", base_url=server.base_url
    ...     )
    >>> sorted(tokens)[:2]
    ['access_token_data', 'company_id']
"""

import atexit

from genlogs_ext.errors import (
    APIError,
    AuthenticationError,
    CacheBusyError,
    CacheError,
    ConnectError,
    GenLogsError,
    InvalidRequestError,
    InvalidResponseError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    TimeoutError,
    TLSError,
    TransportError,
)

try:
    from genlogs_ext._core import __version__, create_token, end_calls
except ModuleNotFoundError as _error:
    if _error.name != "genlogs_ext._core":
        raise
    raise ImportError(
        f"{__path__[0]} is the source of genlogs_ext, and not built: start Python in "
        "another directory to use the installed package, or build this one by `make build`"
    ) from _error

TYPE_CHECKING = False  # what type checkers know as typing.TYPE_CHECKING, unimported
if TYPE_CHECKING:
    from genlogs_ext._login import login
    from genlogs_ext.access_token import AccessToken
    from genlogs_ext.aio import create_token_async
    from genlogs_ext.cache import (
        FileCache,
        MemoryCache,
        RedisCache,
        StoredToken,
        TokenCache,
    )
    from genlogs_ext.token_source import TokenSource
    from genlogs_ext.types import TokenData, TokenResponse

__all__ = [
    "APIError",
    "AccessToken",
    "AuthenticationError",
    "CacheBusyError",
    "CacheError",
    "ConnectError",
    "FileCache",
    "GenLogsError",
    "InvalidRequestError",
    "InvalidResponseError",
    "MemoryCache",
    "PermissionDeniedError",
    "RateLimitError",
    "RedisCache",
    "ServerError",
    "StoredToken",
    "TLSError",
    "TimeoutError",
    "TokenCache",
    "TokenData",
    "TokenResponse",
    "TokenSource",
    "TransportError",
    "__version__",
    "create_token",
    "create_token_async",
    "login",
]

atexit.register(end_calls)


if not TYPE_CHECKING:  # or type checkers would believe in every name
    _rooms = {
        "AccessToken": "access_token",
        "FileCache": "cache",
        "MemoryCache": "cache",
        "RedisCache": "cache",
        "StoredToken": "cache",
        "TokenCache": "cache",
        "TokenData": "types",
        "TokenResponse": "types",
        "TokenSource": "token_source",
        "create_token_async": "aio",
        "login": "_login",
    }

    def __getattr__(name: str) -> object:
        """Import on first use what would slow every import down."""
        if name in _rooms:
            from importlib import import_module

            return getattr(import_module(f"{__name__}.{_rooms[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(
        {*globals(), *__all__} - {"TYPE_CHECKING", "_rooms", "atexit", "end_calls"}
    )
