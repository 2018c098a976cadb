"""What the C library is asked for on the way of a call fails, one time after the other.

    python -m tests.system_calls WAY BASE_URL REFUSED_URL

runs with tests/preload/failing_calls.c preloaded. For each function and each of its
failures the first time it is called fails, then the second, until the call makes no more
of them. It writes a line of JSON for each, and judges nothing: test_system_calls.py does.
"""

import ctypes
import errno
import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import genlogs_ext

from .helpers import shown, wait_for

EMAIL = "ada@example.com"
PASSWORD = "canary-password"
API_KEY = "canary-key"

TIMEOUT = 3.0  # seconds
SHORT_TIMEOUT = 0.3  # where nothing goes on until it is over
MOST_CALLS = 400  # of one function: byte by byte they would be thousands

NO_DESCRIPTORS = ["EMFILE", "ENFILE"]
NO_MEMORY = ["ENOBUFS", "ENOMEM"]
UNREACHABLE = ["ENETUNREACH", "EHOSTUNREACH"]
LATER = ["EINTR", "EAGAIN"]

# Each function that libcurl and OpenSSL may call, of whatever version, and how it may
# fail: with an errno, or an EAI_; "" where there is one way only.
FAILURES = {
    "socket": [*NO_DESCRIPTORS, *NO_MEMORY, "EACCES", "EAFNOSUPPORT"],
    "fcntl": ["EPERM"],
    "ioctl": ["EINVAL"],
    "setsockopt": ["ENOPROTOOPT", "EINVAL", "ENOMEM"],
    "connect": [*UNREACHABLE, *LATER, "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT",
                "EADDRNOTAVAIL", "EACCES", "EPERM"],
    "late connect": [*UNREACHABLE, "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT"],
    "getsockopt": ["ENOBUFS", "ENOTSOCK"],
    "getsockname": ["ENOBUFS", "ENOTCONN"],
    "getpeername": ["ENOBUFS", "ENOTCONN"],
    "shutdown": ["ENOTCONN"],
    "send": [*NO_MEMORY, *LATER, *UNREACHABLE, "ECONNRESET", "EPIPE", "ETIMEDOUT",
             "EACCES"],
    "sendto": [*NO_MEMORY, *LATER, "ECONNRESET", "EPIPE"],
    "sendmsg": [*NO_MEMORY, *LATER, "ECONNRESET", "EPIPE"],
    "short send": [""],
    "recv": [*LATER, *UNREACHABLE, "ECONNRESET", "ETIMEDOUT", "ENOMEM"],
    "recvfrom": [*LATER, "ECONNRESET", "ENOMEM"],
    "recvmsg": [*LATER, "ECONNRESET", "ENOMEM"],
    "recv end": [""],
    "short recv": [""],
    "poll": ["EINTR", "ENOMEM", "EINVAL"],
    "getaddrinfo": [name for name in dir(socket) if name.startswith("EAI_")],
    "socketpair": [*NO_DESCRIPTORS, "ENOMEM"],
    "pipe": NO_DESCRIPTORS,
    "pipe2": NO_DESCRIPTORS,
    "eventfd": [*NO_DESCRIPTORS, "ENOMEM"],
    "pthread_create": ["EAGAIN", "EPERM"],
    "stat": ["EACCES", "EIO", "ENOENT", "ELOOP"],
    "fstat": ["EIO", "EOVERFLOW"],
    "open": [*NO_DESCRIPTORS, "EACCES", "EIO", "ENOENT"],
    "fopen": [*NO_DESCRIPTORS, "EACCES", "EIO", "ENOENT", "ENOMEM"],
    "fread": ["EIO", "EISDIR", "EINTR"],
    "short fread": [""],
    "read": [*LATER, "EIO"],
    "write": [*LATER, "EIO", "EPIPE"],
    "close": ["EINTR", "EIO"],
    "clock_gettime": ["EINVAL"],
}  # fmt: skip

# These fail from the first time on.
FOR_GOOD = {
    "connect": ["ECONNREFUSED", "EAGAIN"],
    "send": LATER,
    "recv": LATER,
    "short send": [""],
    "short recv": [""],
    "poll": ["EINTR", "ENOMEM"],
    "getaddrinfo": ["EAI_AGAIN"],
    "stat": ["EACCES"],
    "fopen": ["EMFILE"],
    "fread": ["EIO"],
    "clock_gettime": ["EINVAL"],
}

# What a call goes by.  A call before it makes the connection that is kept.
FRESH = ("http", "https", "https by name", "https with a CA directory")
KEPT = ("http kept", "https kept")
REFUSED = "http, refused"

# Here a call is tried once more, and only these fail, once.
RETRIED = "https by name, retried"
PASSING = [
    ("getaddrinfo", "EAI_AGAIN"),
    ("socket", "EMFILE"),
    ("connect", "ENETUNREACH"),
    ("late connect", "ECONNREFUSED"),
    ("send", "EPIPE"),
    ("recv", "ECONNRESET"),
]


@dataclass
class Ending:
    """How a call ended in which something failed, and the next one.

    Attributes:
        function: What failed.
        code: How: the name of an errno or EAI_.
        nth: Which time, from 1.
        for_good: Whether all later ones failed, too.
        failures: How many did.
        error: The exception's class, "" for a token.
        documented: Whether that is one of GenLogsError, or MemoryError.
        retryable: The exception's own.
        curl_code: The exception's own, 0 where it has none.
        said: Its message.
        everything: All that it says in any way.
        seconds: How long the call took.
        timeout: How long it was to take at most.
        next_error: All that the next call's exception says, "" for a token.
        descriptors: How many are open now that were not before.
    """

    function: str
    code: str
    nth: int
    for_good: bool
    failures: int = 0
    error: str = ""
    documented: bool = True
    retryable: bool = False
    curl_code: int = 0
    said: str = ""
    everything: str = ""
    seconds: float = 0.0
    timeout: float = TIMEOUT
    next_error: str = ""
    descriptors: int = 0


def number_of(code: str) -> int:
    """What a failure's name is as a number; 0 for none."""
    return int(getattr(socket if code.startswith("EAI_") else errno, code)) if code else 0


class Caller:
    """Makes calls in which something fails.

    Attributes:
        kept: Whether calls find a connection that is open.
    """

    def __init__(self, way: str, base_url: str, refused_url: str) -> None:
        self.kept = way in KEPT
        self._base_url = refused_url if way == REFUSED else base_url
        self._refused_url = refused_url
        self._retries = 1 if way == RETRIED else 0
        self._library: Any = ctypes.CDLL(None)
        self._library.failing_disarm.restype = ctypes.c_long
        self.forget_connection()
        self._descriptors = self._open_descriptors()

    def call(self, timeout: float = TIMEOUT, **options: Any) -> None:
        options = {"base_url": self._base_url, "max_retries": self._retries, **options}
        genlogs_ext.create_token(EMAIL, PASSWORD, API_KEY, timeout=timeout, **options)

    def forget_connection(self) -> None:
        """A call that fails closes the connection that was kept, if there was one."""
        try:
            self.call(base_url=self._refused_url, max_retries=0)
        except genlogs_ext.ConnectError:
            return
        raise AssertionError("somebody listens")

    def fail(self, function: str, code: str, nth: int, for_good: bool = False) -> Ending:
        """Make a call in which something fails, and one in which nothing does."""
        ending = Ending(function, code, nth, for_good)
        if for_good:
            ending.timeout = SHORT_TIMEOUT
        if self.kept:
            self.call()
        self._fail(ending)
        try:
            self.call()
        except Exception as error:
            ending.next_error = shown(error)
        self.forget_connection()
        ending.descriptors = self._surplus_descriptors()
        return ending

    def _fail(self, ending: Ending) -> None:
        name, code = ending.function.encode(), number_of(ending.code)
        nth, for_good = ctypes.c_long(ending.nth), ctypes.c_int(ending.for_good)
        start = time.monotonic()
        try:
            self._library.failing_arm(name, nth, code, for_good)
            self.call(ending.timeout)
        except Exception as error:
            ending.failures = self._library.failing_disarm()
            ending.seconds = time.monotonic() - start
            ending.error = type(error).__name__
            ending.documented = isinstance(error, genlogs_ext.GenLogsError | MemoryError)
            ending.retryable = getattr(error, "retryable", False)
            ending.curl_code = getattr(error, "curl_code", 0)
            ending.said = str(error)
            ending.everything = shown(error)
        else:
            ending.failures = self._library.failing_disarm()
            ending.seconds = time.monotonic() - start

    def _open_descriptors(self) -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    def _surplus_descriptors(self) -> int:
        """How many are open too many, once a thread that looked a name up has ended."""
        with suppress(AssertionError):
            wait_for(lambda: self._open_descriptors() == self._descriptors)
        return self._open_descriptors() - self._descriptors


def endings(caller: Caller) -> Iterator[Ending]:
    """Every failure on a way, up to the one that is not reached any more."""
    for function, codes in FAILURES.items():
        for code in codes:
            for nth in range(1, MOST_CALLS):
                ending = caller.fail(function, code, nth)
                if ending.failures == 0:
                    break
                yield ending
            if nth == 1:
                break  # nobody calls it
    for function, codes in FOR_GOOD.items():
        for code in codes:
            ending = caller.fail(function, code, 1, for_good=True)
            if ending.failures > 0:
                yield ending


def main() -> None:
    way, base_url, refused_url = sys.argv[1:]
    caller = Caller(way, base_url, refused_url)
    once = (caller.fail(function, code, 1) for function, code in PASSING)
    for ending in once if way == RETRIED else endings(caller):
        print(json.dumps(asdict(ending)), flush=True)


if __name__ == "__main__":
    main()
