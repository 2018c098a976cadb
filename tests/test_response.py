"""What create_token makes of a success."""

import json
import subprocess
import sys
from typing import Any

import pytest

import genlogs_ext
from genlogs_ext.testing import Raw, Reply, StubServer

from .helpers import create_token

TOKEN_DATA = {"token": "t", "expires": "2026-11-24T12:00:00+00:00"}


def test_the_dict_is_all_that_the_server_sent(stub: StubServer) -> None:
    tokens = create_token(stub)
    assert type(tokens) is dict
    assert list(tokens) == [
        "access_token_data",
        "refresh_token_data",
        "user_id",
        "company_id",
        "customer_name",
    ]
    assert tokens["user_id"] == "1"
    assert tokens["company_id"] == 77
    assert tokens["customer_name"] is None


@pytest.mark.parametrize(
    "text",
    [
        '{"access_token_data": {"token": "t", "expires": "e"}}',
        '{"user_id": 7, "access_token_data": {"expires": "e", "token": "t"}}',
        '\ufeff {"access_token_data": {"token": "t", "expires": "e"}} \r\n\t',
        '{"access_token_data": 1, "access_token_data": {"token": "t", "expires": "e"}}',
        '{"access_t\\u006fken_data": {"\\u0074oken": "\\u0074", "expires": "e"}}',
    ],
)
def test_documents_that_keep_the_contract(stub: StubServer, text: str) -> None:
    stub.script(Reply(200, text))
    assert create_token(stub) == json.loads(text.removeprefix("\ufeff"))


@pytest.mark.parametrize(
    "value",
    [
        [], {}, [[]], [{}], {"a": {"b": [1, {"c": None}]}}, [True, False, None],
        0, -1, 10**17, 10**18, -(10**18), 2**63, 10**4299, "-0",
        0.5, -0.0, 1e-7, 1.7976931348623157e308, 5e-324, "1e400", "0e0", "1E+2",
        "", "a", 'q"\\/\b\f\n\r\t', "é€🚚", "\u2028", "\x7f", "a" * 100_000,
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_values_come_as_json_loads_gives_them(stub: StubServer, value: Any) -> None:
    raw = value if value in ("-0", "1e400", "0e0", "1E+2") else json.dumps(value)
    document = f'{{"access_token_data": {json.dumps(TOKEN_DATA)}, "x": {raw}}}'
    stub.script(Reply(200, document))
    found = dict(create_token(stub))["x"]
    expected = json.loads(document)["x"]
    assert repr(found) == repr(expected)
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "invalid JSON at byte 0"),
        (b"<html>Welcome to the Wi-Fi</html>", "invalid JSON at byte 0"),
        (b'{"access_token_data": }', "invalid JSON at byte 22: expected a value"),
        (b"[]", "not an object"),
        (b'"token"', "not an object"),
        (b"null", "not an object"),
        (b"{}", "access_token_data"),
        (b'{"access_token_data": []}', "access_token_data"),
        (b'{"access_token_data": {"expires": "e"}}', "access_token_data.token"),
        (b'{"access_token_data": {"token": "", "expires": "e"}}', "data.token"),
        (b'{"access_token_data": {"token": 1, "expires": "e"}}', "access_token_data.token"),
        (b'{"access_token_data": {"token": "t"}}', "access_token_data.expires"),
        (b'{"access_token_data": {"token": "t", "expires": null}}', "data.expires"),
        (b'{"access_token_data": {"token": "t", "expires": ""}}', "data.expires"),
        (b'{"access_token_data": {"token": "t", "expires": "e"}, "n": '
         + b"1" * 5000 + b"}", "5000 digits"),
        (b'{"access_token_data": {"token": "t", "expires": "e"}, "n": '
         + b"[" * 300 + b"]" * 300 + b"}", "nested"),
        (b" " * (1024 * 1024 + 1), "1048576 bytes"),
    ],
    ids=lambda part: part[:40] if isinstance(part, bytes) else part,
)  # fmt: skip
def test_a_200_that_breaks_the_contract_is_an_error(
    stub: StubServer, body: bytes, says: str
) -> None:
    stub.script(Reply(200, body))
    with pytest.raises(genlogs_ext.InvalidResponseError, match=says) as caught:
        create_token(stub)
    assert caught.value.retryable is False


@pytest.mark.parametrize("status", [201, 202, 204])
def test_another_2xx_is_an_error(stub: StubServer, status: int) -> None:
    body: Any = b"" if status == 204 else {"access_token_data": TOKEN_DATA}
    stub.script(Reply(status, body))
    with pytest.raises(genlogs_ext.InvalidResponseError, match=f"status {status}"):
        create_token(stub)


def test_a_status_line_without_a_status_is_no_error_of_the_server(
    stub: StubServer,
) -> None:
    """libcurl's older versions find a status of 0 there, newer ones a 200."""
    stub.script(Raw(b"HTTP/200 OK\r\ncontent-length: 2\r\n\r\n{}"))
    with pytest.raises(
        genlogs_ext.GenLogsError, match=r"no HTTP status|no object"
    ) as caught:
        create_token(stub)
    assert not isinstance(caught.value, genlogs_ext.APIError)


@pytest.mark.parametrize(("length", "count"), [(1000, 70), (70_000, 1), (200_000, 1)])
def test_headers_are_limited(stub: StubServer, length: int, count: int) -> None:
    line = b"x-fill: " + b"f" * length + b"\r\n"
    stub.script(Raw(b"HTTP/1.1 200 OK\r\n" + line * count + b"content-length: 0\r\n\r\n"))
    with pytest.raises(genlogs_ext.InvalidResponseError, match="65536 bytes"):
        create_token(stub)


CONTINUED = """
import sys, genlogs_ext
for _ in range(80):
    try:
        genlogs_ext.create_token(
            "ada@example.com", "1234+", "stub-api-key", base_url=sys.argv[1], max_retries=1
        )
    except genlogs_ext.GenLogsError:
        pass
print("alive")
"""


def test_a_line_that_continues_none_takes_up_nothing_of_the_answer_before(
    stub: StubServer,
) -> None:
    """It did, in libcurl before 8.1.0: a server could make it use freed memory."""
    for length in range(40):
        stub.script(
            Raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 20 * length + b"\r\n\r\n{}"),
            Raw(b"HTTP/1.1 200 OK\r\n a: b\r\n\r\n{}"),
        )
    answer = subprocess.run(
        [sys.executable, "-c", CONTINUED, stub.base_url],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert (answer.returncode, answer.stdout) == (0, "alive\n"), answer.stderr
    assert len(stub.requests) == 80
