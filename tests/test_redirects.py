"""Redirects: 307 and 308 to the same origin, and nowhere else."""

import pytest

import genlogs_ext
from genlogs_ext.testing import Reply, StubServer

from .helpers import create_token


def redirect(status: int, location: str) -> Reply:
    return Reply(status, headers={"location": location})


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize(
    "location",
    ["{query}", "http://127.0.0.1:{port}{query}", "HTTP://127.0.0.1:{port}{query}#x"],
)
def test_the_same_origin_is_followed(stub: StubServer, status: int, location: str) -> None:
    query = "/auth/token?email=ada%40example.com&password=1234%2B"
    stub.script(redirect(status, location.format(query=query, port=stub.port)))
    create_token(stub)
    first, second = stub.requests
    assert second.target == query
    assert second.method == "POST"
    assert second.header("x-api-key") == stub.api_key
    assert first.connection == second.connection


def test_the_body_is_sent_again() -> None:
    with StubServer(credentials_in="body") as server:
        server.script(redirect(308, "/auth/token"))
        create_token(server, credentials_in="body")
        first, second = server.requests
        assert first.body == second.body != b""


def test_a_servers_trailing_slash_is_followed(stub: StubServer) -> None:
    """As FastAPI answers the other spelling of the path."""
    stub.script(redirect(307, "/auth/token/?email=ada%40example.com&password=1234%2B"))
    create_token(stub)
    assert [request.path for request in stub.requests] == [
        "/auth/token", "/auth/token/", "/auth/token",
    ]  # fmt: skip


@pytest.mark.parametrize(("hops", "followed"), [(3, True), (4, False)])
def test_three_are_followed(stub: StubServer, hops: int, followed: bool) -> None:
    target = "/auth/token?email=ada%40example.com&password=1234%2B"
    stub.script(redirect(307, target), times=hops)
    if followed:
        create_token(stub)
    else:
        with pytest.raises(genlogs_ext.APIError, match="which is not followed") as caught:
            create_token(stub)
        assert caught.value.status_code == 307
        assert caught.value.attempts == 1
    assert len(stub.requests) == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["host", "port", "scheme", "user"])
def test_no_other_origin_hears_anything(stub: StubServer, status: int, place: str) -> None:
    with StubServer() as foreign:
        location = {
            "host": f"http://localhost:{stub.port}/a",
            "port": f"{foreign.base_url}/a",
            "scheme": f"https://127.0.0.1:{stub.port}/a",
            "user": f"http://bob:canary@127.0.0.1:{stub.port}/a",
        }[place]
        stub.script(redirect(status, location + "?password=canary#canary"))
        with pytest.raises(genlogs_ext.APIError) as caught:
            create_token(stub)
        assert foreign.requests == []
    assert len(stub.requests) == 1
    assert caught.value.status_code == status
    assert type(caught.value) is genlogs_ext.APIError
    shown = location.replace("bob:canary@", "")
    assert f"it points to {shown}, which is not followed" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_https_does_not_lead_to_http(tls_stub: StubServer, stub: StubServer) -> None:
    tls_stub.script(redirect(307, f"{stub.base_url}/auth/token"))
    with pytest.raises(genlogs_ext.APIError):
        create_token(tls_stub, ca_file=tls_stub.ca_file)
    assert stub.requests == []
