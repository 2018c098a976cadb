"""A stand-in for the GenLogs API, for tests of code that needs tokens.

Example:
    >>> import genlogs_ext
    >>> from genlogs_ext.testing import Reply, StubServer
    >>> with StubServer() as server:
    ...     server.script(Reply(401, {"detail": "Account is locked"}))
    ...     try:
    ...         genlogs_ext.create_token(
    ...             server.email, server.password, server.api_key,
    ...             base_url=server.base_url,
    ...         )
    ...     except genlogs_ext.AuthenticationError as error:
    ...         print(error.detail)
    Account is locked

pytest users get the fixture `genlogs_stub` with the package; `python -m
genlogs_ext.testing` runs the server by hand.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from genlogs_ext.testing.faults import Delay, Drip, Drop, Fault, Raw, Reply, Reset
    from genlogs_ext.testing.stub_server import RecordedRequest, StubServer

__all__ = [
    "Delay",
    "Drip",
    "Drop",
    "Fault",
    "Raw",
    "RecordedRequest",
    "Reply",
    "Reset",
    "StubServer",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import on first use: every pytest run comes by here for the plugin."""
        if name in __all__:
            from genlogs_ext.testing import faults, stub_server

            return getattr(faults, name, None) or getattr(stub_server, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
