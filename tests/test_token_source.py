"""TokenSource: one request for all, renewed in time, by no clock that anyone sets."""

import asyncio
import email.utils
import functools
import json
import logging
import pickle
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import genlogs_ext
from genlogs_ext import AccessToken, FileCache, TokenSource, _clock, _threads
from genlogs_ext.testing import Delay, Drip, Reply, StubServer

from .helpers import Clock, shown, wait_for, wait_until_written

LIFETIME = 3600.0
WINDOW = 300.0


def source_of(server: StubServer, **options: Any) -> TokenSource:
    options.setdefault("base_url", server.base_url)
    options.setdefault("max_retries", 0)
    return TokenSource(server.email, server.password, server.api_key, **options)


def enter_window(clock: Clock) -> None:
    """Let a new token come into its last five minutes."""
    clock.seconds += LIFETIME - WINDOW + 2


def landed(source: TokenSource) -> bool:
    return source._flight is None


# ---- fresh -------------------------------------------------------------------------


def test_a_fresh_token_is_kept(stub: StubServer) -> None:
    source = source_of(stub)
    token = source.token()
    assert isinstance(token, AccessToken)
    assert source.token() is token
    assert asyncio.run(source.token_async()) is token
    assert len(stub.requests) == 1


def test_the_headers_are_those_of_the_other_endpoints(stub: StubServer) -> None:
    source = source_of(stub)
    assert source.headers() == {
        "Access-Token": source.token().value,
        "x-api-key": stub.api_key,
    }


@pytest.mark.parametrize(
    ("lifetime", "fresh"), [(3600.0, 3300.0), (86400.0, 86100.0), (100.0, 80.0)]
)
def test_the_window_is_five_minutes_or_a_fifth(
    stub: StubServer, clock: Clock, lifetime: float, fresh: float
) -> None:
    stub.token_lifetime = lifetime
    source = source_of(stub)
    token = source.token()
    clock.seconds += fresh - 2
    assert source.token() is token
    assert landed(source)
    clock.seconds += 4
    assert source.token() is token
    wait_for(lambda: landed(source))
    assert source.token() is not token
    assert len(stub.requests) == 2


def test_in_the_window_nobody_waits(stub: StubServer, clock: Clock) -> None:
    source = source_of(stub)
    old = source.token()
    enter_window(clock)
    stub.script(Delay(0.3))
    for _ in range(100):
        assert source.token() is old
    wait_for(lambda: landed(source))
    assert source.token() is not old
    assert len(stub.requests) == 2


def test_an_expired_token_is_never_returned(stub: StubServer, clock: Clock) -> None:
    source = source_of(stub)
    old = source.token()
    clock.seconds += LIFETIME + 2
    new = source.token()
    assert new is not old
    assert not new.expired


def test_a_renewal_that_takes_too_long_is_waited_for(
    stub: StubServer, clock: Clock
) -> None:
    source = source_of(stub)
    old = source.token()
    enter_window(clock)
    stub.script(Delay(0.3))
    assert source.token() is old
    clock.seconds += WINDOW
    assert not source.token().expired
    assert len(stub.requests) == 2


# ---- renewals that fail ------------------------------------------------------------


def fail_to_renew(source: TokenSource) -> None:
    before = source.token()
    wait_for(lambda: landed(source))
    assert source.token() is before


def test_a_renewal_that_fails_is_logged_and_tried_again(
    stub: StubServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    source = source_of(stub)
    old = source.token()
    enter_window(clock)
    stub.script(Reply(500, {"detail": "out of order"}), times=3)
    for failures in range(1, 4):
        fail_to_renew(source)
        assert len(stub.requests) == 1 + failures
        assert "out of order" in wait_until_written(caplog).records[-1].message
        assert caplog.records[-1].levelno == logging.WARNING
        # Not before half of 1, 2, 4 seconds, nor later than that.
        clock.seconds += 0.49 * 2 ** (failures - 1)
        assert source.token() is old
        assert landed(source)
        clock.seconds += 0.52 * 2 ** (failures - 1)
    assert source.token() is old
    wait_for(lambda: landed(source))
    assert source.token() is not old
    assert len(stub.requests) == 5


def test_after_a_success_the_backoff_begins_anew(stub: StubServer, clock: Clock) -> None:
    source = source_of(stub)
    for _ in range(2):
        source.token()
        enter_window(clock)
        stub.script(Reply(500))
        fail_to_renew(source)
        clock.seconds += 1.01
        source.token()
        wait_for(lambda: landed(source))
    assert len(stub.requests) == 5


def test_what_will_not_pass_is_not_tried_often(stub: StubServer, clock: Clock) -> None:
    """Many wrong passwords may lock an account."""
    source = source_of(stub)
    source.token()
    enter_window(clock)
    stub.script(Reply(401))
    fail_to_renew(source)
    clock.seconds += 60
    source.token()
    assert landed(source)
    clock.seconds += 2
    source.token()
    wait_for(lambda: landed(source))
    assert len(stub.requests) == 3


def test_a_renewal_waits_as_long_as_the_server_asks(stub: StubServer, clock: Clock) -> None:
    source = source_of(stub)
    source.token()
    enter_window(clock)
    stub.script(Reply(429, headers={"retry-after": "120"}))
    fail_to_renew(source)
    clock.seconds += 119
    source.token()
    assert landed(source)
    clock.seconds += 2
    source.token()
    wait_for(lambda: landed(source))
    assert len(stub.requests) == 3


def test_the_old_token_serves_until_it_expires(stub: StubServer, clock: Clock) -> None:
    source = source_of(stub)
    old = source.token()
    clock.seconds += LIFETIME - 2
    stub.script(Reply(502), Reply(502))
    fail_to_renew(source)
    assert source.token() is old
    clock.seconds += 10
    with pytest.raises(genlogs_ext.ServerError):
        source.token()
    assert source.token() != old


def test_without_a_thread_the_old_token_serves(
    stub: StubServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(stub)
    old = source.token()
    enter_window(clock)

    def no_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(_threads, "start", no_thread)
        assert source.token() is old
        clock.seconds += WINDOW
        with pytest.raises(RuntimeError):
            source.token()
    assert source.token() is not old


def test_where_no_thread_may_be_a_daemon_another_serves(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(threading.Thread):
        """As in isolated sub-interpreters of Python 3.12 and newer."""

        def __init__(self, *, daemon: bool | None = None, **options: Any) -> None:
            if daemon:
                raise RuntimeError("daemon threads are disabled in this interpreter")
            super().__init__(**options)

    with monkeypatch.context() as patch:
        patch.setattr(threading, "Thread", Refusing)
        assert not source_of(stub).token().expired


# ---- one request for all -----------------------------------------------------------


async def gather(source: TokenSource, count: int) -> list[Any]:
    calls = [source.token_async() for _ in range(count)]
    return await asyncio.gather(*calls, return_exceptions=True)


def in_threads(source: TokenSource, count: int, outcomes: list[Any]) -> Any:
    ready = threading.Barrier(count)

    def call() -> None:
        ready.wait()
        try:
            outcomes.append(source.token())
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def of_all(source: TokenSource, count: int) -> list[Any]:
    """What as many threads as coroutines get that ask together."""
    outcomes: list[Any] = []
    threads = in_threads(source, count, outcomes)
    outcomes += asyncio.run(gather(source, count))
    for thread in threads:
        thread.join()
    return outcomes


def test_a_thousand_threads_and_a_thousand_coroutines_make_one_request(
    stub: StubServer,
) -> None:
    stub.script(Delay(1.0))
    outcomes = of_all(source_of(stub), 1000)
    assert len(outcomes) == 2000
    assert {type(outcome) for outcome in outcomes} == {AccessToken}
    assert len(set(outcomes)) == 1
    assert len(stub.requests) == 1


def test_a_failure_is_everybodys_and_the_next_call_tries_anew(stub: StubServer) -> None:
    source = source_of(stub)
    stub.script(Reply(401, {"detail": "Account is locked"}, delay=1.0))
    outcomes = of_all(source, 50)
    assert len(outcomes) == 100
    for outcome in outcomes:
        assert type(outcome) is genlogs_ext.AuthenticationError
        assert outcome.detail == "Account is locked"
    assert len({id(outcome) for outcome in outcomes}) == 100, "tracebacks would mix"
    assert len(stub.requests) == 1
    assert not source.token().expired
    assert len(stub.requests) == 2


def test_a_cancelled_waiter_is_nothing_to_the_others(stub: StubServer) -> None:
    source = source_of(stub)

    async def main() -> None:
        stub.script(Delay(0.3))
        tasks = [asyncio.create_task(source.token_async()) for _ in range(3)]
        await asyncio.sleep(0.05)
        tasks[0].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(outcomes[0], asyncio.CancelledError)
        assert outcomes[1] is outcomes[2]
        assert isinstance(outcomes[1], AccessToken)

    asyncio.run(main())
    assert len(stub.requests) == 1


def test_a_loop_that_is_gone_is_nothing_to_the_others(stub: StubServer) -> None:
    source = source_of(stub)
    stub.script(Delay(0.3))

    async def leave() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(source.token_async(), 0.05)

    asyncio.run(leave())
    assert not source.token().expired
    assert len(stub.requests) == 1


def test_the_event_loop_never_waits(stub: StubServer) -> None:
    source = source_of(stub)
    stub.script(Delay(0.5))

    async def main() -> int:
        ticks = 0
        task = asyncio.create_task(source.token_async())
        while not task.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks

    assert asyncio.run(main()) >= 10


# ---- clocks ------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-7, 7])
def test_a_local_clock_that_is_wrong_changes_nothing(
    stub: StubServer, clock: Clock, hours: int
) -> None:
    source = source_of(stub)
    clock.wall = hours * 3600.0  # from the beginning
    token = source.token()
    assert token.expires_in == pytest.approx(LIFETIME, abs=2)
    clock.wall = -hours * 3600.0  # and set while it runs
    assert source.token() is token
    assert token.expires_in == pytest.approx(LIFETIME, abs=2)


def test_without_a_date_the_local_clock_has_to_do(stub: StubServer) -> None:
    stub.script(Reply(200, TOKENS_OF_2100, {"date": "never"}))
    token = source_of(stub).token()
    left = token.expires_at.timestamp() - time.time()
    assert token.expires_in == pytest.approx(left, abs=2)


TOKENS_OF_2100 = {
    "access_token_data": {"token": "t", "expires": "2100-01-01T00:00:00Z"},
    "user_id": "1",
}


def test_the_last_answers_date_counts(stub: StubServer) -> None:
    """Not that of the refusal before it."""
    old = {"date": "Mon, 01 Jan 2001 00:00:00 GMT"}
    stub.script(
        Reply(503, headers=old), Reply(307, headers={**old, "location": "/auth/token"})
    )
    with pytest.raises(genlogs_ext.InvalidRequestError):
        source_of(stub, max_retries=1).token()  # the redirect dropped the query
    token = source_of(stub).token()
    assert token.expires_in == pytest.approx(LIFETIME, abs=2)


@pytest.mark.skipif(sys.platform != "linux", reason="CLOCK_BOOTTIME is Linux's")
def test_time_asleep_counts() -> None:
    """This machine cannot be put to sleep; that the clock is the right one can be seen."""
    assert isinstance(_clock.now, functools.partial)
    assert _clock.now.func is time.clock_gettime
    assert _clock.now.args == (time.CLOCK_BOOTTIME,)


@pytest.mark.parametrize(
    ("system", "clock"), [("darwin", "CLOCK_MONOTONIC"), ("win32", None)]
)
def test_other_systems_have_such_a_clock_by_another_name(
    monkeypatch: pytest.MonkeyPatch, system: str, clock: str | None
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    found = _clock._find()
    if clock is None:
        assert found is time.monotonic
    else:
        assert isinstance(found, functools.partial)
        assert found.args == (getattr(time, clock),)
    assert found() <= found()


def test_the_time_that_an_answer_takes_counts(stub: StubServer) -> None:
    stub.token_lifetime = 100
    body = json.dumps(stub._tokens(stub.email)).encode()
    date = email.utils.formatdate(usegmt=True).encode()
    head = b"HTTP/1.1 200 OK\r\ndate: %b\r\ncontent-length: %d\r\n\r\n" % (date, len(body))
    stub.script(Drip(body, head=head, interval=0.5, size=len(body) // 4 + 1))
    token = source_of(stub).token()
    left = token.expires_at.timestamp() - time.time()
    assert left < 98.5
    assert token.expires_in == pytest.approx(left, abs=1.1)


def test_a_token_that_comes_expired_is_an_error(stub: StubServer) -> None:
    stub.token_lifetime = -10
    with pytest.raises(genlogs_ext.InvalidResponseError, match="had expired"):
        source_of(stub).token()


# ---- where the server takes the credentials ----------------------------------------


def test_where_it_was_said_nothing_is_learned(stub: StubServer) -> None:
    source = source_of(stub, credentials_in="query")
    assert not source.token().expired
    assert source._learned is None


def test_what_the_server_wants_is_learned_once() -> None:
    with StubServer(credentials_in="body") as server:
        source = source_of(server)
        source.token()
        assert [bool(r.body) for r in server.requests] == [False, True]
        source.invalidate()
        source.token()
        assert [bool(r.body) for r in server.requests] == [False, True, True]


def test_a_server_may_change_its_mind() -> None:
    with StubServer(credentials_in="query") as server:
        source = source_of(server)
        for wanted in ("query", "body", "query"):
            server.credentials_in = wanted
            source.invalidate()
            assert not source.token().expired


def test_what_was_said_is_not_second_guessed() -> None:
    with StubServer(credentials_in="body") as server:
        source = source_of(server, credentials_in="query")
        with pytest.raises(genlogs_ext.InvalidRequestError):
            source.token()
        assert len(server.requests) == 1


# ---- refused tokens, the end -------------------------------------------------------


def test_a_refused_token_is_forgotten(stub: StubServer) -> None:
    source = source_of(stub)
    for given in (None, "value", "token"):
        old = source.token()
        source.invalidate({None: None, "value": old.value, "token": old}[given])
        assert source.token() != old
    assert len(stub.requests) == 4


def test_a_newer_token_is_not_forgotten_for_an_older(stub: StubServer) -> None:
    source = source_of(stub)
    old = source.token()
    source.invalidate(old)
    new = source.token()
    source.invalidate(old)
    assert source.token() is new


def test_close_forgets_and_ends_what_is_under_way(stub: StubServer) -> None:
    stub.script(Delay(30))
    with ThreadPoolExecutor(1) as pool:
        with source_of(stub) as source:
            waiting = pool.submit(source.token)
            wait_for(lambda: stub.requests)
            started = time.monotonic()
        assert not source.token().expired, "it may be used again at once"
        with pytest.raises(genlogs_ext.TransportError, match="closed"):
            waiting.result()
        assert time.monotonic() - started < 5
    token = source.token()
    source.close()
    assert source.token() != token
    wait_for(lambda: not [t for t in threading.enumerate() if t.name == "genlogs-token"])


def test_what_comes_after_a_close_is_not_kept(stub: StubServer) -> None:
    class Slow(genlogs_ext.MemoryCache):
        def load(self, key: str, /) -> genlogs_ext.StoredToken | None:
            time.sleep(0.3)
            return super().load(key)

    source = source_of(stub, cache=Slow())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(source.token)
        time.sleep(0.1)
        source.close()
        with pytest.raises(genlogs_ext.TransportError, match="closed"):
            waiting.result()
    wait_for(lambda: all(t.name != "genlogs-token" for t in threading.enumerate()))
    assert source._kept is None


# ---- arguments ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"password": ""}, ValueError, "^password must not be empty"),
        ({"email": 7}, TypeError, "^email must be str"),
        ({"base_url": "http://example.com"}, ValueError, "^base_url must begin with https"),
        ({"timeout": 0}, ValueError, "^timeout must be"),
        ({"cache": "redis://"}, TypeError, r"^cache .*no method load\(\)"),
        ({"cache": FileCache}, TypeError, r"^cache .*not a class: FileCache\(\)\?"),
        ({"verify": False}, TypeError, "verify"),
    ],
)
def test_a_bad_argument_is_named_at_once(
    options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        TokenSource(**{"email": "e", "password": "p", "api_key": "k", **options})


def test_from_the_environment(stub: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, stub)
    source = TokenSource.from_env(max_retries=0)
    assert source.base_url == stub.base_url
    assert source.token().user_id == "1"
    monkeypatch.setenv("GENLOGS_BASE_URL", "http://127.0.0.1:9")
    source.invalidate()
    assert not source.token().expired, "where tokens come from has changed"


def set_environment(monkeypatch: pytest.MonkeyPatch, stub: StubServer) -> None:
    monkeypatch.setenv("GENLOGS_EMAIL", stub.email)
    monkeypatch.setenv("GENLOGS_PASSWORD", stub.password)
    monkeypatch.setenv("GENLOGS_API_KEY", stub.api_key)
    monkeypatch.setenv("GENLOGS_BASE_URL", stub.base_url)


def test_missing_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENLOGS_EMAIL", "ada@example.com")
    monkeypatch.setenv("GENLOGS_API_KEY", "")
    with pytest.raises(ValueError, match=r"GENLOGS_PASSWORD, GENLOGS_API_KEY$"):
        TokenSource.from_env()
    monkeypatch.setenv("GENLOGS_API_KEY", "k")
    monkeypatch.setenv("GENLOGS_PASSWORD", "p")
    monkeypatch.setenv("GENLOGS_BASE_URL", "ftp://x")
    with pytest.raises(ValueError, match=r"^GENLOGS_BASE_URL must begin"):
        TokenSource.from_env()


def test_the_options_are_create_tokens(tls_stub: StubServer) -> None:
    with pytest.raises(genlogs_ext.TLSError):
        source_of(tls_stub).token()
    assert not source_of(tls_stub, ca_file=tls_stub.ca_file).token().expired


# ---- secrets -----------------------------------------------------------------------


def test_nothing_shows_a_secret(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "genlogs_ext")
    password, api_key = "canary-password-1", "canary-key-2"
    with StubServer(users={"a@b.example": password}, api_keys={api_key}) as server:
        source = source_of(server)
        token = source.token()
        enter_window(clock)
        server.script(Reply(500, {"detail": f"{password} {api_key}"}))
        fail_to_renew(source)
        server.script(Reply(401, {"detail": f"{password} {api_key}"}))
        source.close()
        with pytest.raises(genlogs_ext.AuthenticationError) as raised:
            source.token()
        said = [
            repr(source),
            str(source),
            wait_until_written(caplog).text,
            shown(raised.value),
        ]
        local = [
            repr(frame.f_locals)
            for frame in frames(raised.value)
            if "genlogs_ext" in frame.f_code.co_filename
        ]
    for text in said + local:
        for secret in (password, api_key, token.value):
            assert secret not in text


def test_a_source_that_cannot_be_made_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GENLOGS_EMAIL", "a@b.example")
    monkeypatch.setenv("GENLOGS_PASSWORD", "canary-password")
    monkeypatch.setenv("GENLOGS_API_KEY", "canary-key")
    monkeypatch.setenv("GENLOGS_BASE_URL", "ftp://x")
    with pytest.raises(ValueError, match=r"^GENLOGS_BASE_URL") as raised:
        TokenSource.from_env()
    shows = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    local = [repr(f.f_locals) for f in frames(raised.value) if "genlogs" in str(f.f_code)]
    assert len(local) > 1
    for text in ["".join(shows.format()), *local[1:]]:
        assert "canary" not in text


def frames(error: BaseException) -> Any:
    entry = error.__traceback__
    while entry is not None:
        yield entry.tb_frame
        entry = entry.tb_next


def test_what_is_logged(stub: StubServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "genlogs_ext")
    stub.script(Reply(503))
    source_of(stub, max_retries=1).token()
    (record,) = wait_until_written(caplog).records
    assert record.name == "genlogs_ext"
    assert record.levelno == logging.INFO
    assert record.message.startswith("token made, it expires in 360")
    assert record.message.endswith("attempts: 2")


@pytest.mark.parametrize("when", ["made", "taken", "renewal", "cache"])
def test_a_log_handler_may_want_a_token(stub: StubServer, clock: Clock, when: str) -> None:
    """Even one that has the handler's lock while the request would log."""
    cache = genlogs_ext.MemoryCache()
    if when == "cache":
        cache.load = Reply  # type: ignore[assignment,method-assign] # it fails
    source = source_of(stub, cache=cache, timeout=4)
    got: list[AccessToken] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - logging's
            got.append(source.token())

    logger = logging.getLogger("genlogs_ext")
    handler = Handler()
    if when == "taken":
        source_of(stub, cache=cache).token()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        logger.warning("before there is a token")
        if when == "renewal":
            enter_window(clock)
            stub.script(Reply(500))
            fail_to_renew(source)
        wait_for(lambda: len(got) >= 2)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert len(set(got)) == 1
    assert len(stub.requests) == (2 if when == "renewal" else 1)


# ---- pickles, forks ----------------------------------------------------------------


def test_it_pickles(stub: StubServer) -> None:
    source = source_of(stub)
    token = source.token()
    pickled = pickle.dumps(source)
    assert token.value.encode() not in pickled
    again = pickle.loads(pickled)
    assert again.base_url == source.base_url
    assert not again.token().expired


def test_sources_that_were_unpickled_in_a_process_share_a_token(stub: StubServer) -> None:
    """Each task of a worker brings its own."""
    pickled = pickle.dumps(source_of(stub))
    tokens = {pickle.loads(pickled).token() for _ in range(20)}
    assert len(tokens) == 1
    assert len(stub.requests) == 1
    again = pickle.dumps(pickle.loads(pickled))
    assert pickle.loads(again).token() in tokens


def test_a_subclass_pickles_as_what_it_is() -> None:
    assert type(pickle.loads(pickle.dumps(Sub("e", "p", "k")))) is Sub


class Sub(TokenSource):
    pass


def test_one_of_the_environment_pickles_without_secrets(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(monkeypatch, stub)
    source = TokenSource.from_env(max_retries=0)
    source.token()
    pickled = pickle.dumps(source)
    for secret in (stub.email, stub.password, stub.api_key, source.token().value):
        assert secret.encode() not in pickled
    monkeypatch.setenv("GENLOGS_PASSWORD", "wrong there")
    with pytest.raises(genlogs_ext.AuthenticationError):
        pickle.loads(pickled).token()


FORK = """
import os, sys, threading, time
from genlogs_ext import TokenSource

source = TokenSource("ada@example.com", "1234+", "stub-api-key", base_url=sys.argv[1])
if sys.argv[2] == "cold":
    threading.Thread(target=source.token, daemon=True).start()
    time.sleep(0.2)  # the request is under way, in a thread that stays behind
else:
    kept = source.token()
if sys.argv[2] == "locked":
    threading.Thread(target=source._lock.acquire).start()
    time.sleep(0.1)
child = os.fork()
if child == 0:
    token = source.token()
    if sys.argv[2] == "locked":
        source.invalidate("another")  # which takes the lock
    os._exit(0 if sys.argv[2] == "cold" or token is kept else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize("state", ["warm", "cold", "locked"])
def test_it_works_after_a_fork(stub: StubServer, state: str) -> None:
    if state == "cold":
        stub.script(Delay(1.0))
    command = [sys.executable, "-W", "ignore", "-c", FORK, stub.base_url, state]
    subprocess.run(command, check=True, timeout=30)
    assert len(stub.requests) == (2 if state == "cold" else 1)
