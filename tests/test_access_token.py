"""AccessToken: what it knows, that it does not change, and does not show itself."""

import copy
import json
import pickle
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter

import genlogs_ext
from genlogs_ext import AccessToken
from genlogs_ext.access_token import lifetime, parse_expires

from .helpers import Clock

CANARY = "canary-token-5c1f"


def response(expires: str = "2026-11-24T12:00:00+00:00", **more: Any) -> Any:
    return {"access_token_data": {"token": CANARY, "expires": expires}, **more}


def test_it_knows_what_the_server_said() -> None:
    token = AccessToken(response(user_id="7", company_id=77), 3600.0)
    assert token.value == CANARY
    assert token.expires_at == datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
    assert token.expires_at.utcoffset() == timedelta(0)
    assert token.user_id == "7"
    assert token.raw == response(user_id="7", company_id=77)
    assert AccessToken(response(), 1.0).user_id is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-24T12:00:00Z", 0.0),
        ("2026-11-24T12:00:00z", 0.0),
        ("2026-11-24t12:00:00Z", 0.0),
        ("2026-11-24 12:00:00", 0.0),
        ("2026-11-24T12:00:00", 0.0),
        ("2026-11-24T12:00", 0.0),
        ("2026-11-24T12:00:00.5", 0.5),
        ("2026-11-24T12:00:00.123456+00:00", 0.123456),
        ("2026-11-24T12:00:00.123456789Z", 0.123456),
        ("2026-11-24T12:00:00,25Z", 0.25),
        ("2026-11-24T14:00:00+02:00", 0.0),
        ("2026-11-24T06:30:00-0530", 0.0),
        (" 2026-11-24T12:00:00Z\n", 0.0),
    ],
)
def test_every_form_of_expires_is_read(text: str, seconds: float) -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
    assert parse_expires(text) == noon + timedelta(seconds=seconds)
    assert parse_expires(text).tzinfo is timezone.utc


@pytest.mark.parametrize(
    "text",
    ["", "soon", "1790000000", "2026-11-24", "2026-13-24T12:00:00Z", "12:00:00Z",
     "2026-11-24T12:00:00Zulu", "2026-11-24T12:00:00+99:99", "9999-12-31T23:59:59-05:00",
     "\uff12\uff10\uff12\uff16-11-24T12:00:00Z"],
)  # fmt: skip
def test_what_is_no_date_is_named_and_not_quoted(text: str) -> None:
    with pytest.raises(genlogs_ext.InvalidResponseError, match=r"\.expires is no ISO") as e:
        AccessToken(response(text), 1.0)
    assert not text or text not in str(e.value)


def test_lifetime_is_expires_minus_the_servers_date() -> None:
    date = datetime(2026, 11, 24, 11, tzinfo=timezone.utc).timestamp()
    assert lifetime(response(), date) == 3600.0


def test_without_a_date_the_local_clock_stands_in(clock: Clock) -> None:
    date = datetime(2026, 11, 24, 11, 30, tzinfo=timezone.utc).timestamp()
    clock.wall = date - time.time()
    assert lifetime(response(), None) == pytest.approx(1800.0, abs=5)


@pytest.mark.parametrize(
    ("sent", "clock"), [(None, "this machine's clock"), (4e9, "the server's Date header")]
)
def test_a_token_that_comes_expired_is_an_error(sent: float | None, clock: str) -> None:
    with pytest.raises(genlogs_ext.InvalidResponseError, match=f"had expired .*{clock}"):
        lifetime(response("2001-01-01T00:00:00Z"), sent)


def test_its_life_is_counted_down(clock: Clock) -> None:
    token = AccessToken(response(), 100.0)
    assert (token.expires_in, token.expired) == (100.0, False)
    clock.seconds += 99.5
    assert (token.expires_in, token.expired) == (0.5, False)
    clock.seconds += 0.5
    assert (token.expires_in, token.expired) == (0.0, True)
    clock.seconds += 1000
    assert (token.expires_in, token.expired) == (0.0, True)


def test_it_does_not_change() -> None:
    token = AccessToken(response(), 100.0)
    for name in ("value", "expires_at", "user_id", "raw", "_value", "_end", "anything"):
        with pytest.raises(AttributeError, match="does not change"):
            setattr(token, name, "x")
    with pytest.raises(AttributeError, match="does not change"):
        del token._value
    token.raw["access_token_data"]["token"] = "changed"
    assert token.raw == response()


def test_it_is_not_made_twice() -> None:
    token = AccessToken(response(), 100.0)
    with pytest.raises(AttributeError, match="does not change"):
        token.__init__(response(user_id=8), 1.0)  # type: ignore[misc] # the point of it
    assert token.user_id is None


@pytest.mark.parametrize("odd", ["canary\n", "can ary", "canary\u20ac", "canary\x7f", ""])
def test_what_no_header_can_carry_is_refused_and_not_quoted(odd: str) -> None:
    """An HTTP client would quote it in its exception."""
    data = {"token": odd, "expires": "2026-11-24T12:00:00Z"}
    with pytest.raises(genlogs_ext.InvalidResponseError, match=r"\.token is nothing") as e:
        AccessToken({"access_token_data": data}, 1.0)  # type: ignore[typeddict-item] # a dict
    assert "canary" not in str(e.value)


def test_what_it_was_made_of_may_change() -> None:
    given = response()
    token = AccessToken(given, 100.0)
    given["access_token_data"]["token"] = "changed"
    assert token.raw == response()


def test_nothing_shows_it() -> None:
    token = AccessToken(response(), 3600.0)
    shown = [repr(token), str(token), f"{token}", f"{token!s:>90}", "%s" % token]  # noqa: UP031 - one of the ways
    shown += [repr([token]), repr({"token": token})]
    shown.append(json.dumps(DisplayFormatter().format(token)))  # type: ignore[no-untyped-call] # theirs
    for text in shown:
        assert CANARY not in text
        assert CANARY[:6] not in text
        assert CANARY[-4:] not in text
        assert "***" in text
        assert "2026-11-24 12:00:00+00:00" in text
    assert not hasattr(token, "__dict__")


def test_it_says_how_long_it_lives(clock: Clock) -> None:
    token = AccessToken(response(), 90.0)
    assert "(in 90 s)" in repr(token)
    clock.seconds += 90
    assert "(expired)" in repr(token)


def test_equal_are_those_of_the_same_value() -> None:
    token, same = AccessToken(response(), 1.0), AccessToken(response(), 2.0)
    assert token == same
    assert len({token, same}) == 1
    assert token != CANARY


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_pickles_and_its_life_goes_on(clock: Clock, protocol: int) -> None:
    token = AccessToken(response(user_id=7), 100.0)
    clock.seconds += 30
    pickled = pickle.dumps(token, protocol)
    clock.wall += 20  # on its way
    again = pickle.loads(pickled)
    assert (again.value, again.user_id) == (CANARY, 7)
    assert again.expires_in == pytest.approx(50.0, abs=1)
    assert copy.deepcopy(token) == token


def test_a_clock_that_goes_back_on_the_way_gives_no_time(clock: Clock) -> None:
    pickled = pickle.dumps(AccessToken(response(), 100.0))
    clock.wall -= 5000
    assert pickle.loads(pickled).expires_in == 100.0
