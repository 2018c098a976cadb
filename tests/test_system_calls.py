"""The system fails: whatever libcurl and OpenSSL ask it for, one time after the other.

system_calls.py makes the calls in a process of its own, in which preload/failing_calls.c
stands before the C library.
"""

import errno
import json
import os
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from genlogs_ext.testing import StubServer

from .helpers import preloaded, unused_port
from .system_calls import (
    API_KEY,
    EMAIL,
    FOR_GOOD,
    FRESH,
    KEPT,
    LATER,
    PASSING,
    PASSWORD,
    REFUSED,
    RETRIED,
    Ending,
)

LATE = 0.75  # seconds; the promise is 0.1, the rest is for busy machines

# What a call may end in, beside its usual end, when something fails: by the promises of
# docs/reliability.md. Where a function is not here, nobody is to notice.
ENDS = {
    "socket": {"ConnectError"},
    "fcntl": {"ConnectError", "TransportError"},  # a newer libcurl: unsupported protocol
    "ioctl": {"ConnectError"},
    "connect": {"ConnectError", "TimeoutError"},
    "late connect": {"ConnectError", "TimeoutError"},
    "getsockopt": {"ConnectError"},
    "send": {"ConnectError", "TransportError", "TLSError"},
    "sendto": {"TransportError", "TLSError"},
    "sendmsg": {"TransportError", "TLSError"},
    "recv": {"TransportError", "TLSError"},
    "recvfrom": {"TransportError", "TLSError"},
    "recvmsg": {"TransportError", "TLSError"},
    "recv end": {"TransportError", "TLSError"},
    "poll": {"ConnectError", "TransportError"},
    "getaddrinfo": {"ConnectError"},
    "socketpair": {"ConnectError"},
    "pipe": {"ConnectError"},
    "pipe2": {"ConnectError"},
    "eventfd": {"ConnectError"},
    "write": {"ConnectError"},
    "pthread_create": {"ConnectError"},
    "stat": {"TLSError"},
    "open": {"TLSError"},
    "fopen": {"TLSError"},
    "fread": {"TLSError"},
    "clock_gettime": {"ConnectError", "TimeoutError", "TransportError"},
}

# What keeps a new connection from coming up, or its answer from coming.
FATAL = {"socket", "connect", "late connect", "send", "recv", "recv end", "getaddrinfo"}
FATAL_FOR_GOOD = {"connect", "send", "recv", "getaddrinfo", "fopen", "fread"}

# libcurl's codes that are worth another attempt: name, connection, time, handshake,
# nothing, sending, receiving, a part.
RETRYABLE = {6, 7, 28, 35, 52, 55, 56, 18}

# The files of authorities that cannot be read, and what comes of that.
AUTHORITIES = {"stat", "open", "fopen", "fread"}
UNVERIFIED = {60, 77}

# What is called on the way, by any libcurl.
CONNECTING = {"socket", "fcntl", "setsockopt", "connect", "late connect", "getsockopt"}
TALKING = {"send", "short send", "recv", "recv end", "short recv", "poll", "clock_gettime"}
READING = {"fopen", "fread", "short fread"}
CALLED = {
    "http": CONNECTING | TALKING,
    "http kept": TALKING,
    "https": CONNECTING | TALKING | READING,
    "https kept": TALKING,
    "https by name": CONNECTING | TALKING | READING
    | {"getaddrinfo", "pthread_create", "close"},
    "https with a CA directory": CONNECTING | TALKING | READING | {"stat"},
    REFUSED: CONNECTING | {"poll", "close"},
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """Two servers, and what a child needs to know of them.

    Attributes:
        urls: Their base URLs, by scheme.
        refused: A base URL where nobody listens.
        directory: With the file ca.pem of the CA, which OpenSSL finds by its hash, too.
        preload: LD_PRELOAD.
    """

    urls: dict[str, str]
    refused: str
    directory: Path
    preload: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("authorities")
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "api.test").configure_cert(context)
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    subprocess.run(["openssl", "rehash", directory], check=True)
    known = {"users": {EMAIL: PASSWORD}, "api_keys": [API_KEY]}
    with (
        StubServer(**known) as plain,  # type: ignore[arg-type] # two kinds in one dict
        StubServer(**known, tls=context) as secure,  # type: ignore[arg-type] # the same
        unused_port() as refused,
    ):
        yield World(
            {"http": plain.base_url, "https": secure.base_url},
            f"http://127.0.0.1:{refused}",
            directory,
            preloaded(tmp_path_factory.mktemp("preload"), "failing_calls"),
        )


def run(way: str, world: World) -> list[Ending]:
    """Make the calls of a way, in a process of their own."""
    url = world.urls[way.split()[0].strip(",")]
    if "by name" in way:
        url = url.replace("127.0.0.1", "api.test")
    authority = world.directory if "directory" in way else world.directory / "ca.pem"
    environment = {"LD_PRELOAD": world.preload, "SSL_CERT_FILE": str(authority)}
    answer = subprocess.run(
        [sys.executable, "-m", "tests.system_calls", way, url, world.refused],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return [Ending(**json.loads(line)) for line in answer.stdout.splitlines()]


def may_end(way: str, ending: Ending) -> set[str]:
    """What exceptions are right; "" is a token."""
    usual = "ConnectError" if way == REFUSED else ""
    if ending.for_good and ending.code in LATER and ending.function != "poll":
        return {"TimeoutError", *ENDS[ending.function]}
    if ending.function == "recv" and ending.code in LATER:
        return {usual}
    others = set()
    if ending.code == "ENOMEM":
        others = {"MemoryError"}
    elif ending.function == "poll" and ending.for_good:
        others = {"TimeoutError"}  # a libcurl that does not try without it
    return {usual, *others, *ENDS.get(ending.function, set())}


def tokens_against_all_odds(way: str, endings: list[Ending]) -> set[tuple[str, str]]:
    """What failed without any effect, though there cannot be a token then."""
    failed = {(e.function, e.code): False for e in endings if is_fatal(way, e)}
    for ending in endings:
        if ending.error and (ending.function, ending.code) in failed:
            failed[ending.function, ending.code] = True
    return {failure for failure, had_effect in failed.items() if not had_effect}


def is_fatal(way: str, ending: Ending) -> bool:
    if ending.for_good:
        return ending.function in FATAL_FOR_GOOD
    return way in FRESH and ending.function in FATAL and ending.code not in LATER


def says_why(way: str, ending: Ending) -> bool:
    """Whether the message names the system's reason where the user can do something."""
    if ending.error == "MemoryError":
        return True  # which says it all
    if ending.function not in {"socket", "connect", "late connect"}:
        return ending.said != ""
    if ending.code == "ETIMEDOUT":
        return ending.said.endswith("the system waits no longer (ETIMEDOUT)")
    if ending.code in LATER:
        return True
    # A libcurl may ask for a socket for other reasons, and go on without it.
    is_refused = way == REFUSED and "Connection refused" in ending.said
    return is_refused or os.strerror(getattr(errno, ending.code)) in ending.said


def may_pass(ending: Ending) -> bool:
    """Whether the exception is to say that it is worth another attempt."""
    has_no_code = ending.error == "ConnectError" and ending.curl_code == 0
    return has_no_code or ending.curl_code in RETRYABLE


def blames_the_server(ending: Ending) -> bool:
    """Of a file in a directory libcurl knows but what OpenSSL says, and passes that on."""
    openssl = ("system library", "PEM routines", "BIO routines")
    return ending.curl_code not in UNVERIFIED and not any(
        words in ending.said for words in openssl
    )


def problems(way: str, ending: Ending) -> Iterator[str]:
    if ending.error not in may_end(way, ending) or not ending.documented:
        yield "ends otherwise"
    if ending.error and ending.retryable != may_pass(ending):
        yield "worth another attempt, or not"
    if ending.function in AUTHORITIES and ending.error and blames_the_server(ending):
        yield "blames the server"
    if ending.error and not says_why(way, ending):
        yield "does not say why"
    if "canary" in ending.everything:
        yield "shows a secret"
    if ending.seconds > ending.timeout + LATE:
        yield "late"
    if ("ConnectError" in ending.next_error) != (way == REFUSED):
        yield "the next call"
    if way != REFUSED and ending.next_error:
        yield "the next call fails"
    if ending.descriptors != 0:
        yield "descriptors"


@pytest.mark.parametrize("way", [*FRESH, *KEPT, REFUSED])
def test_whatever_fails_a_call_ends_as_documented_and_the_next_one_works(
    way: str, world: World
) -> None:
    endings = run(way, world)
    wrong = [f"{what}: {ending}" for ending in endings for what in problems(way, ending)]
    assert not wrong, "\n".join(wrong[:10])
    assert tokens_against_all_odds(way, endings) == set()
    failures = Counter(ending.function for ending in endings)
    print(f"{way}: {failures.total()} failures, {dict(failures)}")
    assert failures.keys() >= CALLED[way]
    if "by name" in way:
        assert failures.keys() & {"socketpair", "pipe", "pipe2", "eventfd"}
    assert {ending.function for ending in endings if ending.for_good} == (
        FOR_GOOD.keys() & failures.keys()
    )


def test_what_may_pass_is_tried_again(world: World) -> None:
    endings = run(RETRIED, world)
    assert [(ending.function, ending.code) for ending in endings] == PASSING
    for ending in endings:
        assert (ending.failures, ending.error) == (1, ""), ending
