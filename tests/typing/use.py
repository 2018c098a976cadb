"""Not run: what a user's type checker must make of our types (mypy, pyright)."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import requests

import genlogs_ext
from genlogs_ext import AccessToken, FileCache, TokenData, TokenResponse, TokenSource
from genlogs_ext.auth import GenLogsAuth, GenLogsTransport
from genlogs_ext.testing import Reply, StubServer

if TYPE_CHECKING:
    from typing_extensions import assert_type

    tokens = genlogs_ext.create_token("e", "p", "k", ca_file=Path("ca.pem"), timeout=5)
    assert_type(tokens, TokenResponse)
    assert_type(tokens["access_token_data"], TokenData)
    assert_type(tokens["access_token_data"]["token"], str)
    assert_type(tokens["access_token_data"]["expires"], str)
    assert_type(tokens.get("company_id"), int | None)

    async def asynchronous() -> None:
        assert_type(await genlogs_ext.create_token_async("e", "p", "k"), TokenResponse)

    genlogs_ext.create_token("e", "p", "k", credentials_in="header")  # type: ignore[arg-type] # not one of three
    genlogs_ext.create_token("e", "p")  # type: ignore[call-arg] # the key is missing

    try:
        pass
    except genlogs_ext.APIError as error:
        assert_type(error.status_code, int)
        assert_type(error.detail, str | None)
        assert_type(error.retry_after, float | None)
        assert_type(error.retryable, bool)

    source = TokenSource("e", "p", "k", cache=FileCache(), timeout=5)
    assert_type(source.token(), AccessToken)
    assert_type(source.token().value, str)
    assert_type(source.token().expires_at, datetime)
    assert_type(source.token().user_id, str | int | None)
    assert_type(source.token().raw, TokenResponse)
    assert_type(source.headers(), dict[str, str])
    assert_type(genlogs_ext.login(email="e", store=False, timeout=5), TokenSource)
    genlogs_ext.login("e")  # type: ignore[call-arg] # what is given has a name
    TokenSource("e", "p", "k", cache="redis://")  # type: ignore[arg-type] # no cache

    async def with_a_source() -> None:
        assert_type(await TokenSource.from_env().token_async(), AccessToken)

    requests.get("https://api.genlogs.io", auth=GenLogsAuth(source), timeout=5)
    httpx.Client(transport=GenLogsTransport(source))
    httpx.AsyncClient(transport=GenLogsTransport(source))

    server = StubServer(users={"e": "p"}, api_keys={"k"}, credentials_in="body")
    server.data["/lanes"] = lambda request: {"lane": request.query["lane"]}
    server.script(Reply(503, {"message": "down"}), times=2)
    assert_type(server.base_url, str)
