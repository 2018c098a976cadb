"""Adapters that put a source's token on your HTTP client's calls, and nowhere else.

`GenLogsAuth` is `auth=` for requests, `GenLogsTransport` is `transport=` for httpx. Both
set the headers Access-Token and x-api-key on what goes to the origin (scheme, host and
port) of the source's `base_url`, keep them from every other, also when a redirect leads
there, and meet a 401 with a new token and one more try.

Example:
    >>> import requests
    >>> from genlogs_ext import TokenSource
    >>> from genlogs_ext.auth import GenLogsAuth
    >>> session = requests.Session()
    >>> session.auth = GenLogsAuth(TokenSource("ada@example.com", "1234+", "my-api-key"))
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from genlogs_ext.auth.for_httpx import GenLogsTransport
    from genlogs_ext.auth.for_requests import GenLogsAuth

__all__ = ["GenLogsAuth", "GenLogsTransport"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import the one that is asked for: few have both clients."""
        client = {"GenLogsAuth": "requests", "GenLogsTransport": "httpx"}.get(name)
        if client is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        try:
            return getattr(import_module(f"{__name__}.for_{client}"), name)
        except ModuleNotFoundError as error:
            if error.name != client:
                raise
            raise ImportError(
                f"{name} needs {client}: pip install 'genlogs-ext[{client}]'"
            ) from error
