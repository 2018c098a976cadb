"""What create_token puts on the wire."""

import json

import pytest

import genlogs_ext
from genlogs_ext.testing import Reply, StubServer

from .helpers import create_token, only_request


def user_agent() -> str:
    """What we call ourselves; a test below says what that must be."""
    with StubServer() as server:
        create_token(server)
        agent = only_request(server).header("user-agent")
    assert agent is not None
    return agent


def test_query_form_is_sent_byte_for_byte(stub: StubServer) -> None:
    create_token(stub, credentials_in="query")
    assert only_request(stub).raw == (
        b"POST /auth/token?email=ada%40example.com&password=1234%2B HTTP/1.1\r\n"
        b"Host: 127.0.0.1:" + str(stub.port).encode() + b"\r\n"
        b"accept: application/json\r\n"
        b"x-api-key: stub-api-key\r\n"
        b"user-agent: " + user_agent().encode() + b"\r\n"
        b"Content-Length: 0\r\n"
        b"\r\n"
    )


def test_body_form_is_sent_byte_for_byte() -> None:
    with StubServer(credentials_in="body") as server:
        create_token(server, credentials_in="body")
        assert only_request(server).raw == (
            b"POST /auth/token HTTP/1.1\r\n"
            b"Host: 127.0.0.1:" + str(server.port).encode() + b"\r\n"
            b"accept: application/json\r\n"
            b"x-api-key: stub-api-key\r\n"
            b"user-agent: " + user_agent().encode() + b"\r\n"
            b"Content-Type: application/json\r\n"
            b"Content-Length: 49\r\n"
            b"\r\n"
            b'{"email": "ada@example.com", "password": "1234+"}'
        )


def test_user_agent_names_both_versions() -> None:
    own, curl = user_agent().split(" ")
    assert own == f"genlogs-ext/{genlogs_ext.__version__}"
    name, version = curl.split("/")
    assert name == "libcurl"
    assert tuple(map(int, version.split("-")[0].split("."))) >= (7, 81, 0)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("1234+", "1234%2B"),
        ("a b", "a%20b"),
        ("a@b", "a%40b"),
        ("é", "%C3%A9"),
        ("€", "%E2%82%AC"),
        ("🚚", "%F0%9F%9A%9A"),
        ("%2B", "%252B"),
        ("a&password=b", "a%26password%3Db"),
        ("-._~azAZ09", "-._~azAZ09"),
        ("!\"#$'()*,/:;<=>?[\\]^`{|}", "%21%22%23%24%27%28%29%2A%2C%2F%3A%3B%3C%3D%3E%3F"
         "%5B%5C%5D%5E%60%7B%7C%7D"),
        ("\t\r\n\x7f", "%09%0D%0A%7F"),
    ],
)  # fmt: skip
def test_everything_but_unreserved_is_percent_encoded(
    stub: StubServer, text: str, encoded: str
) -> None:
    with pytest.raises(genlogs_ext.AuthenticationError):
        create_token(stub, email=text, password=text, credentials_in="query")
    assert only_request(stub).target == f"/auth/token?email={encoded}&password={encoded}"


@pytest.mark.parametrize("text", ['"', "\\", "\x01\x1f\t\n", "é€🚚", "</script>", "\x7f"])
def test_json_body_is_escaped(text: str) -> None:
    with StubServer(users={text: text}, credentials_in="body") as server:
        create_token(server, credentials_in="body")
        body = only_request(server).body
    assert json.loads(body) == {"email": text, "password": text}


@pytest.mark.parametrize(
    ("suffix", "path"),
    [
        ("", "/auth/token"),
        ("/", "/auth/token"),
        ("//", "/auth/token"),
        ("/v2", "/v2/auth/token"),
        ("/v2/", "/v2/auth/token"),
        ("/a%20b/c", "/a%20b/c/auth/token"),
    ],
)
def test_base_url_may_end_in_a_slash_and_have_a_prefix(
    stub: StubServer, suffix: str, path: str
) -> None:
    stub.script(Reply(404))
    with pytest.raises(genlogs_ext.InvalidRequestError):
        create_token(stub, base_url=stub.base_url + suffix, credentials_in="query")
    assert only_request(stub).path == path


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1", "0x7f.1"])
def test_loopback_may_be_reached_by_http(stub: StubServer, host: str) -> None:
    create_token(stub, base_url=f"http://{host}:{stub.port}")
    assert len(stub.requests) == 1


def test_base_url_comes_from_the_environment(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENLOGS_BASE_URL", stub.base_url)
    create_token(stub, base_url=None)
    assert len(stub.requests) == 1


def test_argument_beats_the_environment(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENLOGS_BASE_URL", "https://elsewhere.invalid")
    create_token(stub)
    assert len(stub.requests) == 1


def test_the_largest_body_is_sent_without_expect() -> None:
    email = password = "\x01" * 65536  # six bytes each in JSON
    with StubServer(users={email: password}, credentials_in="body") as server:
        create_token(server, credentials_in="body")
        request = only_request(server)
    assert len(request.body) > 2 * 6 * 65536
    assert request.header("expect") is None


def test_auto_sends_the_query_form_when_the_server_takes_it(stub: StubServer) -> None:
    create_token(stub)
    assert only_request(stub).query == {"email": stub.email, "password": stub.password}


def test_auto_turns_to_the_body_when_the_server_asks_for_it() -> None:
    with StubServer(credentials_in="body") as server:
        tokens = create_token(server)
        assert [len(request.body) > 0 for request in server.requests] == [False, True]
        assert server.requests[1].query == {}
    assert tokens["access_token_data"]["token"].startswith("stub-access-")


@pytest.mark.parametrize("form", ["query", "body"])
def test_without_auto_nothing_is_sent_twice(form: str) -> None:
    other = "body" if form == "query" else "query"
    with StubServer(credentials_in=other) as server:  # type: ignore[arg-type] # one of both
        with pytest.raises(genlogs_ext.InvalidRequestError) as caught:
            create_token(server, credentials_in=form)
        assert len(server.requests) == 1
    assert caught.value.status_code == 422


def test_auto_does_not_send_the_body_for_another_422(stub: StubServer) -> None:
    stub.script(Reply(422, {"detail": [{"loc": ["query", "body"], "msg": "no"}]}))
    with pytest.raises(genlogs_ext.InvalidRequestError):
        create_token(stub)
    assert len(stub.requests) == 1


def test_api_key_travels_as_latin_1(stub: StubServer) -> None:
    stub.api_keys = ["clé-ÿ"]
    create_token(stub)
    assert b"x-api-key: cl\xe9-\xff\r\n" in only_request(stub).raw


def test_netrc_and_cookies_are_not_used(
    stub: StubServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / ".netrc").write_text("machine 127.0.0.1 login bob password secret\n")
    (home / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(home))
    stub.script(Reply(500, headers={"set-cookie": "a=b"}))
    with pytest.raises(genlogs_ext.ServerError):
        create_token(stub)
    create_token(stub)
    names = {name.lower() for request in stub.requests for name, _ in request.headers}
    assert names == {"host", "accept", "x-api-key", "user-agent", "content-length"}
