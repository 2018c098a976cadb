"""Bad arguments: a clear error that names the argument, before any connection."""

import ctypes
import inspect
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import genlogs_ext
from genlogs_ext import _core
from genlogs_ext.testing import StubServer

from .helpers import create_token

SECRET = "canary-secret"


@contextmanager
def no_new_connections() -> Iterator[None]:
    """This process can open no socket, nor anything else, as long as this lasts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_nothing_can_connect_when_a_test_here_says_so(stub: StubServer) -> None:
    with no_new_connections(), pytest.raises((genlogs_ext.TransportError, MemoryError)):
        create_token(stub)
    assert stub.requests == []
    create_token(stub)


@pytest.fixture
def silent_stub(stub: StubServer) -> Iterator[StubServer]:
    """A stub that must not be asked for anything."""
    yield stub
    assert stub.requests == []


def refuse(stub: StubServer, kind: type[Exception], says: str, **options: Any) -> Exception:
    with no_new_connections(), pytest.raises(kind, match=says) as caught:
        create_token(stub, **options)
    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize("name", ["email", "password", "api_key"])
@pytest.mark.parametrize(
    "value", [None, 7, b"bytes", ["list"], object()], ids=lambda value: type(value).__name__
)
def test_credentials_must_be_str(silent_stub: StubServer, name: str, value: object) -> None:
    error = refuse(silent_stub, TypeError, f"^{name} must be str", **{name: value})
    assert str(error) == f"{name} must be str, not {type(value).__name__}"


@pytest.mark.parametrize("name", ["email", "password", "api_key"])
@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "must not be empty"),
        (f"{SECRET}\0", "NUL"),
        (f"\0{SECRET}", "NUL"),
        (f"{SECRET}\ud800", "surrogate"),
        (SECRET + chr(0xDCFF), "surrogate"),
        (SECRET * 6000, "64 KiB"),
    ],
)
def test_credentials_must_be_text(
    silent_stub: StubServer, name: str, value: str, says: str
) -> None:
    refuse(silent_stub, ValueError, f"^{name} .*{says}", **{name: value})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (f"{SECRET}\n", "line break"),
        (f"{SECRET}\r\nx-other: 1", "line break"),
        (f"{SECRET}€", "Latin-1"),
        (f"{SECRET}Ā", "Latin-1"),
        (f"{SECRET}🚚", "Latin-1"),
        (f" {SECRET}", "white space"),
        (f"{SECRET}\t", "white space"),
        (f"{SECRET}\x01", "control"),
        (f"{SECRET}\x7f", "control"),
    ],
)
def test_api_key_must_fit_a_header(silent_stub: StubServer, value: str, says: str) -> None:
    refuse(silent_stub, ValueError, f"^api_key .*{says}", api_key=value)


@pytest.mark.parametrize("name", ["timeout", "connect_timeout"])
@pytest.mark.parametrize(
    "value", [0, -1, -0.5, float("nan"), float("inf"), -float("inf"), 1e300, 86401, 10**400]
)
def test_seconds_out_of_range(silent_stub: StubServer, name: str, value: float) -> None:
    refuse(silent_stub, ValueError, f"^{name} must be more than 0", **{name: value})


@pytest.mark.parametrize("name", ["timeout", "connect_timeout"])
@pytest.mark.parametrize("value", ["30", None, [1]], ids=repr)
def test_seconds_must_be_a_number(
    silent_stub: StubServer, name: str, value: object
) -> None:
    refuse(silent_stub, TypeError, f"^{name} must be a number of seconds", **{name: value})


@pytest.mark.parametrize("value", [1, 0.5, True])
def test_seconds_may_be_any_number(stub: StubServer, value: float) -> None:
    create_token(stub, timeout=30 * value, connect_timeout=value)
    assert len(stub.requests) == 1


@pytest.mark.parametrize("value", [-1, 101, 10**30, -(10**30)])
def test_max_retries_out_of_range(silent_stub: StubServer, value: int) -> None:
    refuse(silent_stub, ValueError, "^max_retries must be from 0 to 100", max_retries=value)


@pytest.mark.parametrize("value", ["2", 1.0, None], ids=repr)
def test_max_retries_must_be_int(silent_stub: StubServer, value: object) -> None:
    refuse(silent_stub, TypeError, "^max_retries must be int, not", max_retries=value)


def test_credentials_in_is_one_of_three(silent_stub: StubServer) -> None:
    refuse(
        silent_stub, ValueError, "^credentials_in must be 'auto'", credentials_in="header"
    )
    refuse(silent_stub, TypeError, "^credentials_in must be str, not int", credentials_in=1)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "must not be empty"),
        ("api.genlogs.io", "not a URL"),
        ("//api.genlogs.io", "not a URL|https://"),
        ("https://", "not a URL"),
        ("https:///path", "not a URL"),
        ("https:/127.0.0.1", "not a URL"),
        ("https:127.0.0.1", "not a URL"),
        ("https://[fe80::1%25lo]", "not a URL"),
        ("https://host:port", "not a URL"),
        ("https://host:99999999", "not a URL"),
        ("https://[::1", "not a URL"),
        # libcurl would decode the host again, and go to another than was checked.
        ("https://%2561.example", "not a URL"),
        ("https://%d0x.example", "not a URL"),
        ("https://127%333", "not a URL"),
        ("https://%61.example", "not a URL"),
        ("https://a b", "printable ASCII"),
        ("https://a\n", "printable ASCII"),
        ("https://exämple.com", "printable ASCII"),
        ("https://host/\x00", "NUL"),
        ("ftp://127.0.0.1", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://|not a URL"),
        ("javascript:alert(1)", "https://|not a URL"),
        ("https://host/?a=b", "query or fragment"),
        ("https://host?", "query or fragment"),
        ("https://host/#top", "query or fragment"),
        (f"https://user:{SECRET}@host", "user name or password"),
        (f"https://{SECRET}@host", "user name or password"),
        ("https://@host", "user name or password|not a URL"),
        ("http://api.genlogs.io", "anyone on the way"),
        ("http://10.0.0.1", "anyone on the way"),
        ("http://128.0.0.1", "anyone on the way"),
        ("http://127.0.0.1.evil.example", "anyone on the way"),
        ("http://localhost.evil.example", "anyone on the way"),
        ("http://[::2]", "anyone on the way"),
        ("http://[::ffff:127.0.0.1]", "anyone on the way"),
        ("http://0.0.0.0", "anyone on the way"),
        ("\ud800", "surrogate"),
        ("https://h/" + "x" * 70_000, "64 KiB"),
    ],
)
def test_base_url_is_checked(silent_stub: StubServer, value: str, says: str) -> None:
    refuse(silent_stub, ValueError, f"^base_url .*({says})", base_url=value)


@pytest.mark.parametrize(
    "name", ["GENLOGS_BASE_URL", "https_proxy", "no_proxy", "SSL_CERT_FILE"]
)
def test_an_overlong_variable_is_named(
    silent_stub: StubServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Where the system lets an environment have such a variable at all."""
    monkeypatch.setenv(name, "h" * (1024 * 1024 + 1))
    base_url = None if name == "GENLOGS_BASE_URL" else "https://h.invalid"
    refuse(silent_stub, ValueError, f"^{name} must not be longer", base_url=base_url)


def test_base_url_must_be_str(silent_stub: StubServer) -> None:
    refuse(
        silent_stub, TypeError, "^base_url must be str, not bytes", base_url=b"https://x"
    )


def test_a_bad_variable_is_named(
    silent_stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENLOGS_BASE_URL", "http://api.genlogs.io")
    refuse(silent_stub, ValueError, "^GENLOGS_BASE_URL must begin", base_url=None)


@pytest.mark.parametrize(
    "value",
    [
        "http://",
        "ftp://host",
        f"http://user:{SECRET}@",
        f"http://user:{SECRET}/more@127.0.0.1:1",
        f"http://user:{SECRET}?more@127.0.0.1:1",
        f"http://user:{SECRET}#more@127.0.0.1:1",
        "http://127.0.0.1:1/path",
        "ho st:1",
        "http://h:port",
        "http://%2541:1",  # libcurl would decode it again
        "http://%%d00a:1",
        "http://u%40:p@127%333:1",
        "é",
    ],
)
def test_proxy_is_checked(silent_stub: StubServer, value: str) -> None:
    refuse(silent_stub, ValueError, "^proxy is not a proxy", proxy=value)


def test_a_proxy_here_may_do_for_http(silent_stub: StubServer) -> None:
    url = silent_stub.base_url
    assert _core.check("e", "p", "k", base_url=url, proxy=url) == f"{url}/auth/token"


def test_an_overlong_proxy_is_named(silent_stub: StubServer) -> None:
    refuse(silent_stub, ValueError, "^proxy must not be longer", proxy="h" * 65537)


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENLOGS_BASE_URL", "")
    assert _core.check("e", "p", "k") == "https://api.genlogs.io/auth/token"


def test_a_number_that_cannot_be_asked_for_its_value() -> None:
    class Broken:
        def __float__(self) -> float:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _core.check("e", "p", "k", timeout=Broken())


def test_a_path_that_cannot_be_asked_for_its_text() -> None:
    class Broken:
        def __fspath__(self) -> str:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _core.check("e", "p", "k", ca_file=Broken())


def test_proxy_must_be_text(silent_stub: StubServer) -> None:
    refuse(silent_stub, TypeError, "^proxy must be str, not int", proxy=3128)
    refuse(silent_stub, ValueError, "^proxy is not a proxy", proxy="http://h\0")


def test_a_bad_proxy_variable_is_named(
    silent_stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "ftp://host")
    refuse(
        silent_stub, ValueError, "^https_proxy is not a proxy", base_url="https://h.invalid"
    )


@pytest.mark.parametrize("proxy", ["http://10.1.1.1:80", "socks5://127.0.0.1:1"])
def test_plain_http_goes_through_no_foreign_proxy(
    silent_stub: StubServer, proxy: str
) -> None:
    """A SOCKS server's loopback address is its own machine's."""
    refuse(
        silent_stub, ValueError, "^proxy must be an HTTP proxy on this machine", proxy=proxy
    )


@pytest.mark.parametrize("value", [7, ["a"]], ids=repr)
def test_ca_file_must_be_a_path(silent_stub: StubServer, value: object) -> None:
    refuse(silent_stub, TypeError, "^ca_file must be a path", ca_file=value)


@pytest.mark.parametrize("value", ["", b"", "a\0b"], ids=repr)
def test_ca_file_must_be_possible(silent_stub: StubServer, value: object) -> None:
    refuse(silent_stub, ValueError, "^ca_file ", ca_file=value)


@pytest.mark.parametrize("form", [str, os.fsencode, Path], ids=["str", "bytes", "Path"])
def test_ca_file_may_be_any_path(tls_stub: StubServer, form: Any) -> None:
    create_token(tls_stub, ca_file=form(tls_stub.ca_file))
    assert len(tls_stub.requests) == 1


def test_arguments_may_be_named_or_not(stub: StubServer) -> None:
    genlogs_ext.create_token(
        api_key=stub.api_key,
        password=stub.password,
        email=stub.email,
        base_url=stub.base_url,
    )
    genlogs_ext.create_token(
        stub.email, stub.password, stub.api_key, base_url=stub.base_url
    )
    assert len(stub.requests) == 2


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        ((), {}, "is missing the required argument 'email'"),
        (("e", "p"), {}, "is missing the required argument 'api_key'"),
        (("e",), {"api_key": "k"}, "is missing the required argument 'password'"),
        (("e", "p", "k", "https://x.invalid"), {}, "takes 3 positional arguments but 4 "),
        (("e", "p", "k"), {"verify": False}, "an unexpected keyword argument 'verify'"),
        (("e", "p", "k"), {"é": 1}, "an unexpected keyword argument 'é'"),
        (("e", "p", "k"), {"email": "e"}, "got multiple values for argument 'email'"),
    ],
)
def test_the_signature_is_enforced(
    args: tuple[str, ...], kwargs: dict[str, Any], said: str
) -> None:
    with pytest.raises(TypeError, match=rf"^create_token\(\) .*{said}"):
        genlogs_ext.create_token(*args, **kwargs)


def test_the_signature_is_documented() -> None:
    assert str(inspect.signature(genlogs_ext.create_token)) == (
        "(email, password, api_key, *, base_url=None, credentials_in='auto', timeout=30.0, "
        "connect_timeout=10.0, max_retries=2, ca_file=None, proxy=None)"
    )


def test_arguments_outlive_the_callers_dict(stub: StubServer) -> None:
    """A C caller's keyword dict is its own, and Python code runs in between."""
    given: dict[str, Any] = {
        "email": "ada@" + "example.com",
        "password": "12" + "34+",
        "api_key": "stub-" + "api-key",
        "base_url": stub.base_url,
    }

    class Seconds:
        def __float__(self) -> float:
            given.clear()
            self.filler = ["x" * 14 for _ in range(1000)]
            return 30.0

    given["timeout"] = Seconds()
    call = ctypes.pythonapi.PyObject_Call
    call.restype = ctypes.py_object
    call.argtypes = [ctypes.py_object] * 3
    tokens = call(genlogs_ext.create_token, (), given)
    assert tokens["user_id"] == "1"


def test_a_type_may_have_any_name(silent_stub: StubServer) -> None:
    class Meta(type):
        __name__ = 7  # type: ignore[assignment] # the point of it

    odd = Meta("Odd", (), {})()
    refuse(silent_stub, TypeError, "^email must be str, not 7$", email=odd)
