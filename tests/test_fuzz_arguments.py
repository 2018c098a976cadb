"""Whatever is passed to create_token, a documented exception comes out, and no secret.

More examples: --hypothesis-profile=assure.
"""

import traceback
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import genlogs_ext
from genlogs_ext import _core

PASSWORD = "canary-password"


class Hostile:
    """Fails wherever it is asked for something."""

    def __float__(self) -> float:
        raise ZeroDivisionError("its own")

    def __fspath__(self) -> str:
        raise ZeroDivisionError("its own")

    def __repr__(self) -> str:
        raise AssertionError("an argument is shown")


text = st.text(
    st.characters() | st.sampled_from("\0\n\r\t \x7f\ud800\udfff\u2028é🚚:/@%"), max_size=20
)
huge = st.sampled_from(
    [10**400, -(10**400), float("nan"), float("inf"), -0.0, 1e-320, 2**63, -(2**63)]
)
anything = (
    text
    | huge
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=9)
    | st.builds(Hostile)
    | st.builds(object)
    | st.sampled_from([Decimal("sNaN"), Decimal(1), Fraction(1, 3), Path("x\0y"), 1j])
    | st.lists(st.integers(), max_size=2)
)
urls = st.tuples(
    st.sampled_from(["https://", "http://", "socks5h://", "", "HTTPS:/"]),
    text | st.sampled_from(["u:" + PASSWORD + "@"]),
    st.sampled_from(["127.0.0.1", "[::1]", "localhost", "h.invalid", ""]),
    text,
).map("".join)
names = st.sampled_from(
    (
        *("base_url", "credentials_in", "timeout", "connect_timeout", "max_retries"),
        *("ca_file", "proxy", "email", "no_such"),
    )
)


def check(*args: Any, **options: Any) -> None:
    """_core.check is create_token up to where it would send."""
    try:
        _core.check(*args, **options)
        return
    except Exception as caught:
        error = caught
    if isinstance(error, ZeroDivisionError):
        # What an argument raises by itself is left as it is.
        assert str(error) == "its own"
        return
    assert isinstance(error, TypeError | ValueError | genlogs_ext.GenLogsError)
    # Python's own UnicodeError would hold the whole value.
    assert not isinstance(error, UnicodeError)
    assert error.__context__ is None
    shown = "".join(traceback.format_exception_only(type(error), error))
    assert "canary" not in shown + repr(vars(error)) + repr(error.args)


@settings(deadline=None)
@given(args=st.lists(anything, max_size=5), options=st.dictionaries(names, anything))
def test_any_objects(args: list[Any], options: dict[str, Any]) -> None:
    check(*args, **options)


@settings(deadline=None)
@given(email=anything, rest=text, key=anything, options=st.dictionaries(names, anything))
def test_any_credentials(email: Any, rest: str, key: Any, options: dict[str, Any]) -> None:
    options.pop("email", None)
    check(email, PASSWORD + rest, key, **options)


@settings(deadline=None)
@given(base_url=urls, proxy=urls)
@example(base_url="https://h.invalid", proxy=f"http://u:{PASSWORD}@h\ud800")
@example(base_url=f"https://u:{PASSWORD}@h", proxy="")
def test_any_urls(base_url: str, proxy: str) -> None:
    check("e", "p", "k", base_url=base_url, proxy=proxy)


@settings(deadline=None)
@given(value=huge | st.floats() | st.integers(), name=names)
def test_any_numbers(value: float, name: str) -> None:
    check("e", PASSWORD, "k", **{name: value})


def test_create_token_checks_as_check_does() -> None:
    """So what is shown here for the one holds for the other."""
    cases: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        (("e\ud800", PASSWORD, "k"), {}),
        (("e", PASSWORD + "\0", "k"), {}),
        (("e", PASSWORD, "k"), {"timeout": float("nan")}),
        (("e", PASSWORD, b"k"), {}),
    ]
    for args, options in cases:
        raised = []
        for call in (_core.check, genlogs_ext.create_token):
            with pytest.raises((TypeError, ValueError)) as caught:
                call(*args, **options)
            raised.append((type(caught.value), str(caught.value)))
        assert raised[0] == raised[1]
