"""`create_token_async`: the same call for asyncio.

A call under way is a thread under way, which waits in C without the GIL. So it
works with every event loop, and costs one nothing but the answer.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from os import PathLike
from typing import Any, Literal, SupportsFloat, SupportsIndex

from genlogs_ext import _threads
from genlogs_ext._core import Call
from genlogs_ext.types import TokenResponse

_Future = asyncio.Future[TokenResponse]

_HEARTBEAT = 0.05  # seconds


async def create_token_async(
    email: str,
    password: str,
    api_key: str,
    *,
    base_url: str | None = None,
    credentials_in: Literal["auto", "query", "body"] = "auto",
    timeout: SupportsFloat | SupportsIndex = 30.0,
    connect_timeout: SupportsFloat | SupportsIndex = 10.0,
    max_retries: int = 2,
    ca_file: str | bytes | PathLike[str] | PathLike[bytes] | None = None,
    proxy: str | None = None,
) -> TokenResponse:
    """Make a GenLogs access token without blocking the event loop.

    Arguments, result and exceptions are those of `create_token`. Cancelling the
    task that awaits it ends the request within 0.1 seconds.

    Args:
        email: Of the GenLogs user.
        password: Of that user.
        api_key: Provided by GenLogs.
        base_url: See `create_token`, as for all that follow.
        credentials_in: "query", "body" or "auto".
        timeout: Seconds for the whole call.
        connect_timeout: Seconds for one connection to come up.
        max_retries: Attempts after the first.
        ca_file: PEM file of the certificate authorities to trust.
        proxy: URL of the proxy.

    Returns:
        A dict of all that the server sent.

    Raises:
        GenLogsError: No token could be made.
        TypeError, ValueError: An argument cannot be used.

    Example:
        >>> import asyncio
        >>> from genlogs_ext.testing import StubServer
        >>> async def main(server):
        ...     return await create_token_async(
        ...         server.email, server.password, server.api_key, base_url=server.base_url
        ...     )
        >>> with StubServer() as server:
        ...     tokens = asyncio.run(main(server))
        >>> tokens["user_id"]
        '1'
    """
    call = Call()
    future = _start(
        partial(
            call.create_token,
            email,
            password,
            api_key,
            base_url=base_url,
            credentials_in=credentials_in,
            timeout=timeout,
            connect_timeout=connect_timeout,
            max_retries=max_retries,
            ca_file=ca_file,
            proxy=proxy,
        )
    )
    # Tools that show tracebacks with their variables see this frame.
    del email, password, api_key, proxy
    try:
        return await future
    finally:
        call.cancel()


def _start(work: Callable[[], TokenResponse]) -> _Future:
    """Do the work in a thread of its own; its outcome becomes the future's."""
    loop = asyncio.get_running_loop()
    future: _Future = loop.create_future()
    _threads.start(partial(_work, work, loop, future), "genlogs-create-token")
    keep_awake(loop, future)
    return future


def keep_awake(loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]") -> None:
    """Make a loop of the main thread look around now and then, while a future is pending.

    A loop that sleeps notices a signal when it wakes. asyncio.run wakes it; a Jupyter
    kernel does not, and so could not interrupt an `await`.

    Args:
        loop: The running one.
        future: Of that loop.
    """
    if threading.current_thread() is threading.main_thread():
        _beat(loop, future)


def _beat(loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]") -> None:
    if not future.done():
        loop.call_later(_HEARTBEAT, _beat, loop, future)


def _work(
    work: Callable[[], TokenResponse], loop: asyncio.AbstractEventLoop, future: _Future
) -> None:
    try:
        deliver = partial(_settle, future, work(), None)
    except BaseException as error:  # it is the awaiting task's
        # Frames of this thread hold the credentials, and tell nothing.
        deliver = partial(_settle, future, None, error.with_traceback(None))
    with suppress(RuntimeError):  # the loop was closed: nobody waits
        loop.call_soon_threadsafe(deliver)


def _settle(
    future: _Future, tokens: TokenResponse | None, error: BaseException | None
) -> None:
    if future.done():  # cancelled
        return
    if error is not None:
        future.set_exception(error)
    else:
        assert tokens is not None  # noqa: S101 - one of the two is there
        future.set_result(tokens)
