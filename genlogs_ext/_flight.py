"""One request for a token, and everybody who waits for it."""

import asyncio
import copy
import logging
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress

from genlogs_ext import _threads
from genlogs_ext._core import Call
from genlogs_ext.access_token import AccessToken
from genlogs_ext.aio import keep_awake
from genlogs_ext.errors import TransportError

_log = logging.getLogger("genlogs_ext")

Kept = tuple[AccessToken, float]
"""A token, and when to look after it, on `_clock`'s clock."""


class Flight:
    """A request under way in a thread of its own.

    Threads and coroutines wait for it alike. That one of them stops waiting is nothing
    to the others, nor to the request.

    Args:
        work: Makes the token, and says when to look after it.
        land: Is told the outcome before any waiter is: that, or None and the error.

    Attributes:
        call: What `work` is to make its request by.
    """

    def __init__(
        self,
        work: Callable[["Flight"], Kept],
        land: Callable[["Flight", Kept | None, BaseException | None], None],
    ) -> None:
        self.call = Call()
        self._work = work
        self._land = land
        self._outcome: Future[Kept] = Future()
        self._notes: list[tuple[int, str, tuple[object, ...]]] = []

    def note(self, level: int, message: str, *arguments: object) -> None:
        """Log something when nobody waits any more.

        A log handler may want a token itself, or hold a lock that somebody who waits
        here came with.

        Args:
            level: Of `logging`.
            message: With %-placeholders.
            *arguments: For them.
        """
        self._notes.append((level, message, arguments))

    def take_off(self) -> None:
        """Begin.

        Raises:
            RuntimeError: No thread is to be had.
        """
        _threads.start(self._fly, "genlogs-token")

    def cancel(self) -> None:
        """Send the waiters away at once, and end the request within 0.1 seconds."""
        self.call.cancel()
        self._settle(None, TransportError("the token source was closed"))

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
        kept: Kept | None = None
        failure: BaseException | None = None
        try:
            kept = self._work(self)
        except BaseException as error:  # it is the waiters'
            # Frames of this thread hold the credentials, and tell nothing.
            failure = error.with_traceback(None)
        try:
            self._land(self, kept, failure)
        finally:
            self._settle(kept, failure)
        for level, message, arguments in self._notes:
            _log.log(level, message, *arguments)

    def _settle(self, kept: Kept | None, failure: BaseException | None) -> None:
        with suppress(InvalidStateError):  # cancelled
            if kept is not None:
                self._outcome.set_result(kept)
            else:
                self._outcome.set_exception(failure)
