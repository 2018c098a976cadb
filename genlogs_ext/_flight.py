"""One request for a token, and everybody who waits for it."""

import asyncio
import copy
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from genlogs_ext import _threads
from genlogs_ext._core import Call
from genlogs_ext.access_token import AccessToken
from genlogs_ext.aio import keep_awake

Kept = tuple[AccessToken, float]
"""A token, and when to look after it, on `_clock`'s clock."""


class Flight:
    """A request under way in a thread of its own.

    Threads and coroutines wait for it alike. That one of them stops waiting is nothing
    to the others, nor to the request.

    Args:
        work: Makes the token, and says when to look after it; the Call is for `cancel`
            to end.
        land: Is told the outcome before any waiter is: that, or None and the error.
    """

    def __init__(
        self,
        work: Callable[[Call], Kept],
        land: Callable[[Kept | None, BaseException | None], None],
    ) -> None:
        self._work = work
        self._land = land
        self._call = Call()
        self._outcome: Future[Kept] = Future()

    def take_off(self) -> None:
        """Begin.

        Raises:
            RuntimeError: No thread is to be had.
        """
        _threads.start(self._fly, "genlogs-token")

    def cancel(self) -> None:
        """End it within 0.1 seconds, with a TransportError."""
        self._call.cancel()

    def wait(self) -> AccessToken:
        """Wait in this thread.

        Returns:
            The token.

        Raises:
            GenLogsError: There is none; each waiter gets an exception of its own.
        """
        error = self._outcome.exception()
        if error is not None:
            raise copy.copy(error) from None
        return self._outcome.result()[0]

    async def wait_async(self) -> AccessToken:
        """Wait in this task."""
        loop = asyncio.get_running_loop()
        landed: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not landed.done():  # not cancelled meanwhile
                landed.set_result(None)

        def on_landing(_: "Future[Kept]") -> None:
            with suppress(RuntimeError):  # the loop was closed: nobody waits
                loop.call_soon_threadsafe(wake)

        self._outcome.add_done_callback(on_landing)
        keep_awake(loop, landed)
        await landed
        return self.wait()

    def _fly(self) -> None:
        try:
            kept = self._work(self._call)
            self._land(kept, None)
        except BaseException as error:  # it is the waiters'
            # Frames of this thread hold the credentials, and tell nothing.
            error.__traceback__ = None
            try:
                self._land(None, error)
            finally:
                self._outcome.set_exception(error)
        else:
            self._outcome.set_result(kept)
