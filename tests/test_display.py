"""What a TokenSource shows of itself, as text and as a card: no secret, by no request."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter

import genlogs_ext
from genlogs_ext import TokenSource
from genlogs_ext._display import HiddenDict, HiddenTuple, duration, one_line
from genlogs_ext.testing import Delay, Reply, StubServer

from .helpers import Clock, wait_for

UNTIL = r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC"


def source_of(server: StubServer, **options: Any) -> TokenSource:
    options = {"base_url": server.base_url, "max_retries": 0, **options}
    return TokenSource(server.email, server.password, server.api_key, **options)


class _Card(HTMLParser):
    """Reads names and texts, and sees that every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser's
        self.open.append(tag)
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def card_of(source: TokenSource) -> dict[str, str]:
    """The rows of the card, as a notebook would get it."""
    displayed, _ = DisplayFormatter().format(source)  # type: ignore[no-untyped-call] # theirs
    assert displayed["text/plain"] == repr(source)
    card = _Card()
    card.feed(displayed["text/html"])
    card.close()
    assert card.open == []
    assert card.tags == {"table", "caption", "tbody", "tr", "th", "td"}
    title, *cells = card.texts
    assert title == "GenLogs token source"
    return dict(zip(cells[::2], cells[1::2], strict=True))


def test_it_says_who_until_when_and_how_long_that_is(stub: StubServer) -> None:
    stub.token_lifetime = 4 * 3600 + 12 * 60 + 30
    source = source_of(stub)
    token = source.token()
    card = card_of(source)
    assert list(card) == ["User", "API", "Token", "Expires in"]
    assert (card["User"], card["API"]) == (stub.email, stub.base_url)
    until = re.fullmatch(f"valid until {UNTIL}", card["Token"])
    assert until is not None
    assert until[1] == token.expires_at.strftime("%Y-%m-%d %H:%M:%S")
    assert card["Expires in"] == "4 h 12 min"
    assert repr(source) == (
        f"<TokenSource of {stub.email} at {stub.base_url}: "
        f"token valid until {until[1]} UTC, expires in 4 h 12 min>"
    )


def test_to_show_itself_it_asks_nobody(stub: StubServer) -> None:
    source = source_of(stub)
    assert card_of(source)["Token"] == "not there yet"
    assert repr(source).endswith(": token not there yet>")
    assert stub.requests == []


def test_an_expired_token_is_said_to_be(stub: StubServer, clock: Clock) -> None:
    source = source_of(stub)
    source.token()
    clock.seconds += 4000
    card = card_of(source)
    assert list(card) == ["User", "API", "Token"]
    assert re.fullmatch(f"expired at {UNTIL}", card["Token"])
    assert len(stub.requests) == 1


def test_a_renewal_that_failed_is_said_and_then_forgotten(
    stub: StubServer, clock: Clock
) -> None:
    source = source_of(stub)
    source.token()
    clock.seconds += 3400
    stub.script(Reply(503, {"message": "being <b>mended</b>"}))
    source.token()
    wait_for(lambda: "Last try" in card_of(source))
    card = card_of(source)
    assert card["Last try"] == "failed: being <b>mended</b> (HTTP 503)"
    assert card["Expires in"].startswith("3 min")
    assert "last try failed: being <b>mended</b> (HTTP 503)>" in repr(source)
    clock.seconds += 100
    source.token()
    wait_for(lambda: card_of(source)["Expires in"] == "1 h")
    assert "Last try" not in card_of(source)


def test_a_first_request_that_failed_is_said(stub: StubServer) -> None:
    source = source_of(stub)
    stub.script(Reply(401, {"detail": "Account is locked"}))
    with pytest.raises(genlogs_ext.AuthenticationError):
        source.token()
    assert card_of(source)["Last try"] == "failed: Account is locked (HTTP 401)"
    source.close()
    assert "Last try" not in card_of(source)


def test_a_request_under_way_is_said(stub: StubServer) -> None:
    source = source_of(stub)
    stub.script(Delay(30))
    source._look()
    assert card_of(source)["Next one"] == "under way"
    assert repr(source).endswith("token not there yet, next one under way>")
    source.close()


def test_an_email_is_text_and_no_markup() -> None:
    email = 'ada"<script>alert(1)</script>&\x1b[2J\n@example.com'
    with StubServer(users={email: "1234+"}) as server:
        source = source_of(server)
        html = source._repr_html_()
        assert "<script" not in html
        shown = 'ada"<script>alert(1)</script>& [2J @example.com'
        assert card_of(source)["User"] == shown
        assert f"of {shown} at" in repr(source)


def test_no_secret_is_shown() -> None:
    password, api_key = "canary-password-1", "canary-key-2"
    with StubServer(users={"a@b.example": password}, api_keys={api_key}) as server:
        source = source_of(server)
        said = repr(source) + source._repr_html_()
        server.script(Reply(401, {"detail": f"{password} {api_key}"}))
        with pytest.raises(genlogs_ext.AuthenticationError):
            source.token()
        said += repr(source) + source._repr_html_()
        token = source.token()
        said += repr(source) + source._repr_html_()
        said += repr(source._credentials)
    for secret in (password, api_key, token.value, token.value[-6:], "canary"):
        assert secret not in said


def test_one_that_is_not_made_yet_shows_itself() -> None:
    """A traceback may show it."""
    source = TokenSource.__new__(TokenSource)
    assert repr(source) == "<TokenSource of at : token not there yet>"
    assert "not there yet" in source._repr_html_()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (0.9, "0 s"),
        (59.99, "59 s"),
        (60.0, "1 min"),
        (61.0, "1 min 1 s"),
        (3599.9, "59 min 59 s"),
        (3600.0, "1 h"),
        (3659.0, "1 h"),
        (15_179.0, "4 h 12 min"),
        (86_399.0, "23 h 59 min"),
        (86_400.0, "1 d"),
        (90_000.0, "1 d 1 h"),
        (86_400.0 * 1000, "1000 d"),
    ],
)
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_what_is_hidden_works_and_does_not_show() -> None:
    three, named = HiddenTuple(("a", "b", "c")), HiddenDict({"password": "canary"})
    assert (*three,) == ("a", "b", "c")
    assert named["password"] == "canary"
    for text in (repr(three), str(three), f"{three}", repr([three])):
        assert text.strip("[]") == "(***)"
    for text in (repr(named), str(named), f"{named}", repr([named])):
        assert text.strip("[]") == "{***}"


def test_one_line_moves_no_cursor() -> None:
    assert one_line("a\x1b[2J\n b\u202e\t c ") == "a [2J b c"
