"""What several test files do alike."""

import os
import pickle
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import genlogs_ext
from genlogs_ext.testing import RecordedRequest, StubServer


def create_token(server: StubServer, **options: Any) -> genlogs_ext.TokenResponse:
    """Get a token from a stub with its own credentials, without retries."""
    options.setdefault("base_url", server.base_url)
    options.setdefault("max_retries", 0)
    credentials = {
        "email": server.email,
        "password": server.password,
        "api_key": server.api_key,
    }
    return genlogs_ext.create_token(**{**credentials, **options})


def only_request(server: StubServer) -> RecordedRequest:
    """The one request that a stub has seen."""
    (request,) = server.requests
    return request


@contextmanager
def unused_port() -> Iterator[int]:
    """A loopback port on which nothing listens, and nothing else will."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def shown(error: BaseException) -> str:
    """All that an exception says, to whoever asks."""
    text = "".join(
        traceback.TracebackException.from_exception(error, capture_locals=False).format()
    )
    return "\n".join(
        [text, str(error), repr(error), repr(error.args), repr(vars(error)),
         repr(pickle.loads(pickle.dumps(error)))]
    )  # fmt: skip


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something is so, which it soon will be."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def wait_until_written(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What sources log, which they do when nobody waits any more."""
    wait_for(lambda: all(t.name != "genlogs-token" for t in threading.enumerate()))
    return caplog


class Clock:
    """The clocks that tokens are timed by, in a test's hand.

    Attributes:
        seconds: What the clock that nobody sets shows.
        wall: What the time of day is ahead of the machine's own, in seconds.
    """

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.wall = 0.0


def built(directory: Path, name: str) -> str:
    """The library of this one of tests/preload."""
    library = directory / f"{name}.so"
    source = Path(__file__).parent / "preload" / f"{name}.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    return str(library)


def preloaded(directory: Path, *names: str) -> str:
    """LD_PRELOAD with these of tests/preload."""
    # Behind what is preloaded already: a sanitizer has to come first.
    libraries = [os.environ.get("LD_PRELOAD", "")]
    libraries += [built(directory, name) for name in names]
    return ":".join(filter(None, libraries))


def run_their_suite(directory: Path, test: str) -> str:
    """Run a test file in a project of its own, without any configuration."""
    (directory / "test_theirs.py").write_text(test)
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(directory)],
        capture_output=True,
        text=True,
        cwd=directory,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout
