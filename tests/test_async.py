"""create_token_async: the same call, for any event loop, that its task can end."""

import asyncio
import inspect
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import uvloop

import genlogs_ext
from genlogs_ext import create_token, create_token_async
from genlogs_ext.testing import Delay, Reply, StubServer

Run = Callable[[Coroutine[Any, Any, Any]], Any]
THREAD = "genlogs-create-token"


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Any:
    return request.param


def call(server: StubServer, **options: Any) -> Coroutine[Any, Any, Any]:
    return create_token_async(
        server.email,
        server.password,
        server.api_key,
        **{"base_url": server.base_url, "max_retries": 0, **options},
    )


def our_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD]


def wait_for_no_thread(seconds: float) -> None:
    end = time.monotonic() + seconds
    while our_threads():
        assert time.monotonic() < end, "a thread goes on waiting"
        time.sleep(0.005)


def test_it_returns_what_create_token_returns(run: Run, stub: StubServer) -> None:
    tokens = run(call(stub))
    assert type(tokens) is dict
    assert tokens["user_id"] == "1"
    wait_for_no_thread(0.5)


def test_it_raises_what_create_token_raises(run: Run, stub: StubServer) -> None:
    stub.script(Reply(401, {"detail": "no"}))
    with pytest.raises(genlogs_ext.AuthenticationError, match="no"):
        run(call(stub))
    with pytest.raises(ValueError, match=r"^timeout must be"):
        run(call(stub, timeout=0))
    with pytest.raises(TypeError, match=r"^email must be str, not int"):
        run(create_token_async(7, "p", "k"))  # type: ignore[arg-type] # the point


def test_the_event_loop_goes_on(run: Run, stub: StubServer) -> None:
    stub.script(Delay(0.5))

    async def main() -> int:
        task = asyncio.create_task(call(stub))
        beats = 0
        while not task.done():
            await asyncio.sleep(0.01)
            beats += 1
        await task
        return beats

    assert run(main()) > 10


def test_many_at_once(run: Run, stub: StubServer) -> None:
    stub.script(Delay(0.2), times=100)

    async def main() -> list[Any]:
        return await asyncio.gather(*(call(stub) for _ in range(100)))

    started = time.monotonic()
    tokens = run(main())
    assert time.monotonic() - started < 100 * 0.2 / 4
    assert len({token["access_token_data"]["token"] for token in tokens}) == 100


@pytest.mark.parametrize("phase", ["waiting", "between retries"])
def test_cancelling_ends_the_transfer(run: Run, stub: StubServer, phase: str) -> None:
    if phase == "waiting":
        stub.script(Delay(30))
    else:
        stub.script(Reply(503, headers={"retry-after": "20"}))

    async def main() -> float:
        task = asyncio.create_task(call(stub, max_retries=1))
        while not stub.requests:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    assert run(main()) < 0.1
    wait_for_no_thread(0.25)  # promised: 0.1


def test_wait_for_gives_up_in_time(run: Run, stub: StubServer) -> None:
    stub.script(Delay(30))

    async def main() -> None:
        await asyncio.wait_for(call(stub), 0.2)

    with pytest.raises(asyncio.TimeoutError):
        run(main())
    wait_for_no_thread(0.25)


def test_a_closed_loop_leaves_no_thread(stub: StubServer) -> None:
    """asyncio.run cancels what is left."""
    stub.script(Delay(30))

    async def main() -> None:
        task = asyncio.create_task(call(stub))
        while not stub.requests:
            await asyncio.sleep(0.005)
        assert not task.done()

    asyncio.run(main())
    wait_for_no_thread(0.25)


def test_no_frame_of_ours_holds_a_secret(stub: StubServer) -> None:
    """Tools that report errors show tracebacks with their variables."""
    stub.script(Reply(401, {"detail": "no"}))

    async def main() -> None:
        await create_token_async(
            stub.email, password="canary-password", api_key="canary-key",
            base_url=stub.base_url,
        )  # fmt: skip

    stub.api_keys.append("canary-key")
    with pytest.raises(genlogs_ext.AuthenticationError) as caught:
        asyncio.run(main())
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in report.stack if "genlogs_ext" in frame.filename]
    assert ours
    for frame in ours:
        assert "canary" not in str(frame.locals)


def test_it_works_on_a_loop_of_another_thread(run: Run, stub: StubServer) -> None:
    with ThreadPoolExecutor(1) as pool:
        tokens = pool.submit(run, call(stub)).result()
    assert tokens["access_token_data"]["token"].startswith("stub-access-")


def test_the_signature_is_create_tokens() -> None:
    names = list(inspect.signature(create_token).parameters)
    asynchronous = inspect.signature(create_token_async).parameters
    assert list(asynchronous) == names
    for name in names:
        default = inspect.signature(create_token).parameters[name].default
        assert asynchronous[name].default == default
    assert inspect.iscoroutinefunction(create_token_async)
