"""Which exception says what, and what none of them says."""

import copy
import html
import json
import pickle
import time
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

import genlogs_ext
from genlogs_ext.testing import Reply, StubServer

from .helpers import create_token, shown, unused_port

STATUSES = [
    (301, genlogs_ext.APIError, False),
    (400, genlogs_ext.InvalidRequestError, False),
    (401, genlogs_ext.AuthenticationError, False),
    (402, genlogs_ext.APIError, False),
    (403, genlogs_ext.PermissionDeniedError, False),
    (404, genlogs_ext.InvalidRequestError, False),
    (405, genlogs_ext.InvalidRequestError, False),
    (408, genlogs_ext.APIError, True),
    (422, genlogs_ext.InvalidRequestError, False),
    (429, genlogs_ext.RateLimitError, True),
    (500, genlogs_ext.ServerError, True),
    (501, genlogs_ext.ServerError, False),
    (502, genlogs_ext.ServerError, True),
    (503, genlogs_ext.ServerError, True),
    (504, genlogs_ext.ServerError, True),
    (599, genlogs_ext.ServerError, False),
]


@pytest.mark.parametrize(("status", "kind", "retryable"), STATUSES)
def test_status_decides_the_class(
    stub: StubServer, status: int, kind: type[genlogs_ext.APIError], retryable: bool
) -> None:
    stub.script(Reply(status, {"message": "the server's words"}))
    with pytest.raises(genlogs_ext.APIError) as caught:
        create_token(stub)
    assert type(caught.value) is kind
    assert caught.value.status_code == status
    assert caught.value.detail == "the server's words"
    assert caught.value.retryable is retryable
    assert str(caught.value).startswith(f"the server's words (HTTP {status}")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"detail": "Incorrect email or password"}, "Incorrect email or password"),
        ({"detail": {"message": "Locked"}}, "Locked"),
        ({"message": "Forbidden", "subcode": "X1"}, "Forbidden"),
        ({"detail": "", "message": "the other"}, "the other"),
        ({"detail": None, "message": "the other"}, "the other"),
        ({"detail": 7, "message": "the other"}, "the other"),
        ({"detail": [], "message": "the other"}, "the other"),
        ({"detail": {"message": 7}, "message": "the other"}, "the other"),
        ({"detail": [{"loc": ["query", "email"], "msg": "Field required"}]},
         "query.email: Field required"),
        ({"detail": [{"loc": ["query", "email"], "msg": "A"},
                     {"loc": ["body", 3, "x"], "msg": "B"}, {"msg": "C"}, {"loc": []}, 7]},
         "query.email: A; body.3.x: B; C"),
        ({"detail": "café 🚚"}, "café 🚚"),
        ({"detail": "line\nbreak\x1b[31mred"}, "line break [31mred"),
        ('{"detail": "half \\ud83d"}', "half ���"),
        ('{"detail": "a", "detail": "b"}', "b"),
    ],
)  # fmt: skip
def test_the_servers_own_text_is_the_message(
    stub: StubServer, body: Any, detail: str
) -> None:
    stub.script(Reply(401, body))
    with pytest.raises(genlogs_ext.AuthenticationError) as caught:
        create_token(stub)
    assert caught.value.detail == detail
    assert str(caught.value) == f"{detail} (HTTP 401)"


@pytest.mark.parametrize(
    "body",
    ["", "<html><b>Bad</b></html>", "plain", "[]", "7", "{}", '{"message": ""}', "{"],
)
@pytest.mark.parametrize(
    ("status", "message"),
    [(500, "Internal Server Error (HTTP 500)"), (599, "Unknown status (HTTP 599)")],
)
def test_without_a_text_the_status_phrase_is_the_message(
    stub: StubServer, status: int, message: str, body: str
) -> None:
    stub.script(Reply(status, body))
    with pytest.raises(genlogs_ext.ServerError) as caught:
        create_token(stub)
    assert caught.value.detail is None
    assert str(caught.value) == message


@pytest.mark.parametrize("status", [302, 401, 500])
def test_a_huge_error_body_does_not_hide_the_status(stub: StubServer, status: int) -> None:
    stub.script(Reply(status, b'{"detail": "' + b"x" * 2_000_000))
    with pytest.raises(genlogs_ext.APIError) as caught:
        create_token(stub)
    assert caught.value.status_code == status
    assert caught.value.detail is None


def test_a_long_text_is_cut_between_characters(stub: StubServer) -> None:
    stub.script(Reply(401, {"detail": "é" * 5000}))
    with pytest.raises(genlogs_ext.AuthenticationError) as caught:
        create_token(stub)
    assert caught.value.detail is not None
    assert set(caught.value.detail.removesuffix("...")) == {"é"}
    assert 400 < len(caught.value.detail) < 1024


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), (None, None), ("soon", None), ("-3", None), ("0", None)],
)
def test_retry_after_is_passed_on(
    stub: StubServer, header: str | None, seconds: float | None
) -> None:
    headers = {} if header is None else {"retry-after": header}
    stub.script(Reply(429, headers=headers))
    with pytest.raises(genlogs_ext.RateLimitError) as caught:
        create_token(stub)
    assert caught.value.retry_after == seconds


PASSWORD = 'canary-pässword +/%&"\\<x>'
API_KEY = 'canary-kéy +/%&"\\<x>'


def assert_no_secret(error: BaseException) -> None:
    """Neither canary shows, whole or in any part of it that is long enough to know."""
    text = shown(error)
    for secret in (PASSWORD, API_KEY):
        for spelling in (secret, quote(secret, safe=""), quote_plus(secret)):
            for form in (spelling, spelling.lower(), repr(spelling)[1:-1]):
                assert form not in text
    assert "canary" not in text.lower()


@pytest.mark.parametrize(
    "echo",
    [
        lambda p: {"detail": f"bad password: {p}"},
        lambda p: {"detail": f"{p}{p} twice {p}"},
        lambda p: {
            "message": f"no route for POST /auth/token?email=e&password={quote(p)} HTTP"
        },
        lambda p: {"detail": f"password={quote(p, safe='')}"},
        lambda p: {"detail": f"password={quote_plus(p)}"},
        lambda p: {"detail": f"lower {quote(p, safe='').lower()}"},
        lambda p: {
            "detail": [{"loc": ["query", p], "msg": f"{p!s} is too short", "input": p}]
        },
        lambda p: {"detail": [{"loc": ["body"], "msg": "m", "input": {"password": p}}]},
        lambda p: {"detail": [{"loc": ["body"], "input": {"password": p}}]},
        lambda p: {"detail": {"message": f"x{p}"}},
        lambda p: {"detail": "a\x00b" + p},
        lambda p: {"detail": "é" * 505 + p},
    ],
)
@pytest.mark.parametrize("secret", [PASSWORD, API_KEY], ids=["password", "key"])
@pytest.mark.parametrize("status", [401, 422, 500])
def test_no_secret_shows_even_when_the_server_echoes_it(
    stub: StubServer, status: int, secret: str, echo: Any
) -> None:
    stub.script(Reply(status, echo(secret)))
    with pytest.raises(genlogs_ext.APIError) as caught:
        create_token(stub, password=PASSWORD, api_key=API_KEY, credentials_in="query")
    assert_no_secret(caught.value)


@pytest.mark.parametrize(
    ("password", "echo"),
    [
        ("pässwörd-canary", lambda p: json.dumps({"password": p})),
        ("canary🚚lorry", lambda p: json.dumps(p)),
        ("canary🚚lorry", lambda p: json.dumps(p).replace("d83d", "D83D")),
        ("canary\nline\ttab", lambda p: json.dumps(p)),
        ("canary\x01\x7f", lambda p: json.dumps(p)),
        ("canary/slash", lambda p: json.dumps(p).replace("/", "\\/")),
        ('canary\'s "q"', repr),
        ("canary\x85\xa0\U000e0001", repr),
        ("ab'canary+d%", lambda p: "?password=" + quote(p, safe="!'()*~")),
        ("cana/ry+secret", lambda p: "seen " + quote(p)),
        ("cana ry+secret", lambda p: "seen " + quote_plus(p).lower()),
        ("cana<ry&secret\"'", lambda p: "seen " + html.escape(p)),
        ("cana<ry&secret", lambda p: "seen " + "".join(f"&#{ord(c)};" for c in p)),
        ("cana<ryé", lambda p: "seen " + "".join(f"&#x{ord(c):X};" for c in p)),
        ("correct canary", lambda p: "seen " + p.replace(" ", "\n")),
        ("correct canary", lambda p: "seen " + p.replace(" ", "\x7f")),
        ("correct canary", lambda p: "seen " + p.replace(" ", "\x96")),
        ('correct "canary"', lambda p: "seen " + html.escape(p).replace(" ", "\u2028")),
        ("canary%25%2B", lambda p: "seen " + p),
        ("canary%25%2B", lambda p: "seen " + quote(p)),
        ("canary\\n\\u0041", lambda p: "seen " + p),
        ("canary&amp;", lambda p: "seen " + p),
        ("unrelated", lambda p: f"PASSWORD=canary {p}"),
    ],
)
def test_no_spelling_of_a_secret_shows(stub: StubServer, password: str, echo: Any) -> None:
    stub.script(Reply(401, {"detail": f"before {echo(password)} after"}))
    with pytest.raises(genlogs_ext.AuthenticationError) as caught:
        create_token(stub, password=password)
    detail = caught.value.detail
    assert detail is not None
    assert detail.startswith("before ")
    assert detail.endswith(" after")
    assert "***" in detail
    for part in ("cana", "lorry", "secret", "line", "correct", "wörd", "0041", "25"):
        assert part not in detail.lower()


@pytest.mark.parametrize("password", ["e", "or", "ail"])
def test_a_text_with_a_short_secret_is_dropped(stub: StubServer, password: str) -> None:
    """Stars in "Inc***rrect" would tell the password."""
    stub.script(Reply(401, {"detail": "Incorrect email"}))
    with pytest.raises(genlogs_ext.AuthenticationError) as caught:
        create_token(stub, password=password)
    assert caught.value.detail is None
    assert str(caught.value) == "Unauthorized (HTTP 401)"


def test_a_short_secret_that_does_not_show_costs_no_text(stub: StubServer) -> None:
    stub.script(Reply(401, {"detail": "Incorrect email"}))
    with pytest.raises(genlogs_ext.AuthenticationError, match="Incorrect email"):
        create_token(stub, password="xyz")


@pytest.mark.parametrize("end", ["", "b"])
def test_redaction_costs_little(stub: StubServer, end: str) -> None:
    """Not the secret's length times the text's."""
    stub.script(Reply(401, {"detail": "a" * 1_000_000}))
    started = time.monotonic()
    with pytest.raises(genlogs_ext.AuthenticationError):
        create_token(stub, password="a" * 60_000 + end, credentials_in="body")
    assert time.monotonic() - started < 5.0


@pytest.mark.parametrize(
    "text", ["\x9b31mred", "\u202egnp", "\u2066x", "a\u2028b", "\x1b]0;t\x07", "\x7f"]
)
def test_no_text_steers_a_terminal(stub: StubServer, text: str) -> None:
    stub.script(Reply(401, {"detail": f"x{text}x"}))
    with pytest.raises(genlogs_ext.AuthenticationError) as caught:
        create_token(stub)
    assert str(caught.value).isprintable()


def test_json_escaped_echo_is_redacted(stub: StubServer) -> None:
    escaped = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    stub.script(Reply(401, {"detail": f'got {{"password": "{escaped}"}}'}))
    with pytest.raises(genlogs_ext.AuthenticationError) as caught:
        create_token(stub, password=PASSWORD, api_key=API_KEY)
    assert_no_secret(caught.value)
    assert caught.value.detail == 'got {"password": "***"}'


def test_the_urls_query_never_shows(stub: StubServer) -> None:
    stub.script(
        Reply(404, {"detail": "no /auth/token?email=bob%40x.example&password=other, sorry"})
    )
    with pytest.raises(genlogs_ext.InvalidRequestError) as caught:
        create_token(stub)
    assert caught.value.detail == "no /auth/token?email=***&password=*** sorry"


@pytest.mark.parametrize("where", ["argument", "variable"])
@pytest.mark.parametrize(
    "proxy",
    [
        "http://bob:canary-{0}@127.0.0.1:{1}",
        "bob:canary-{0}@127.0.0.1:{1}",
        "http://bob:c%61nary-{0}@127.0.0.1:{1}",
        "bob:canary-{0}@ftp.invalid:{1}",
    ],
)
def test_a_proxys_password_does_not_show(
    where: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unused_port() as port:
        url = proxy.format("x" * 300, port)
        if where == "variable":
            monkeypatch.setenv("https_proxy", url)
        with pytest.raises(genlogs_ext.ConnectError) as caught:
            genlogs_ext.create_token(
                "e",
                "p",
                "k",
                base_url="https://127.0.0.1:1",
                proxy=url if where == "argument" else None,
                max_retries=0,
            )
    assert "canary" not in shown(caught.value)
    assert "xxx" not in shown(caught.value)


def test_transport_errors_show_no_secret() -> None:
    with unused_port() as port, pytest.raises(genlogs_ext.ConnectError) as caught:
        genlogs_ext.create_token(
            "e@x.example",
            PASSWORD,
            API_KEY,
            base_url=f"http://127.0.0.1:{port}",
            max_retries=0,
        )
    assert_no_secret(caught.value)
    assert str(caught.value).startswith(f"cannot connect to http://127.0.0.1:{port}: ")
    assert str(caught.value).endswith(
        " (Connection refused; does a server listen there, and are base_url and the "
        "proxy right?)"
    )


def test_an_unknown_host_and_an_unknown_proxy_are_told_apart() -> None:
    def said(base_url: str, proxy: str = "") -> str:
        with pytest.raises(genlogs_ext.ConnectError) as caught:
            genlogs_ext.create_token(
                "e@x.example",
                PASSWORD,
                API_KEY,
                base_url=base_url,
                proxy=proxy,
                max_retries=0,
            )
        assert_no_secret(caught.value)
        return str(caught.value)

    unknown = "x" * 64 + ".invalid"  # too long a label for anybody to be asked
    assert "does base_url name the right host?" in said(f"https://{unknown}")
    assert "is the proxy's name right?" in said(
        "https://127.0.0.1:1", f"http://{unknown}:1"
    )


def all_errors() -> list[genlogs_ext.GenLogsError]:
    errors: list[genlogs_ext.GenLogsError] = [
        genlogs_ext.APIError.from_status(status, "words", 2.5, True)
        for status, *_ in STATUSES
    ]
    errors += [
        kind("words", curl_code=7, retryable=True)
        for kind in (
            genlogs_ext.TransportError,
            genlogs_ext.ConnectError,
            genlogs_ext.TimeoutError,
            genlogs_ext.TLSError,
        )
    ]
    return [
        *errors,
        genlogs_ext.InvalidResponseError("words"),
        genlogs_ext.GenLogsError("words"),
    ]


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_pickles_and_copies(
    error: genlogs_ext.GenLogsError, protocol: int
) -> None:
    for twin in (
        pickle.loads(pickle.dumps(error, protocol)),
        copy.copy(error),
    ):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert twin.args == error.args
        assert vars(twin) == vars(error)
        assert twin.retryable == error.retryable


def test_builtin_classes_catch_ours() -> None:
    assert issubclass(genlogs_ext.ConnectError, ConnectionError)
    assert issubclass(genlogs_ext.TimeoutError, TimeoutError)
    assert not issubclass(genlogs_ext.TLSError, OSError)


def test_defaults_of_hand_made_errors() -> None:
    """Users make them in their own tests."""
    error = genlogs_ext.AuthenticationError("no", status_code=401)
    assert (error.detail, error.retry_after, error.retryable) == (None, None, False)
    assert genlogs_ext.TimeoutError("late").curl_code == 0
