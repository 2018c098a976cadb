"""The contract, against a server that none of us wrote: FastAPI under uvicorn."""

from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel

import genlogs_ext

from .asgi import Server

EMAIL = "ada+test@example.com"
PASSWORD = "1234+ é&=%"
API_KEY = "contract-key"


class Credentials(BaseModel):
    email: str
    password: str


class TokenSchema(BaseModel):
    token: str
    expires: str


class AuthSchema(BaseModel):
    access_token_data: TokenSchema
    refresh_token_data: TokenSchema
    user_id: str


def issue(email: str, password: str, api_key: str) -> AuthSchema:
    """The endpoint's own decisions, the same for both forms."""
    if api_key != API_KEY:
        raise HTTPException(403, "Forbidden")
    if (email, password) != (EMAIL, PASSWORD):
        raise HTTPException(401, "Incorrect email or password")
    token = TokenSchema(token="fastapi-token", expires="2026-11-24T12:00:00+00:00")
    return AuthSchema(access_token_data=token, refresh_token_data=token, user_id="42")


def query_app() -> FastAPI:
    """As the contract declares it: two query parameters and a header."""
    app = FastAPI()

    @app.post("/auth/token")
    def create(
        email: str, password: str, x_api_key: Annotated[str, Header()]
    ) -> AuthSchema:
        return issue(email, password, x_api_key)

    return app


def body_app() -> FastAPI:
    """As of July 2026: a JSON body and a header."""
    app = FastAPI()

    @app.post("/auth/token")
    def create(credentials: Credentials, x_api_key: Annotated[str, Header()]) -> AuthSchema:
        return issue(credentials.email, credentials.password, x_api_key)

    return app


@pytest.fixture(scope="module", params=[query_app, body_app], ids=["query", "body"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with Server(request.param()) as base_url:
        yield base_url


def test_defaults_get_a_token(url: str) -> None:
    tokens = genlogs_ext.create_token(EMAIL, PASSWORD, API_KEY, base_url=url)
    data = {"token": "fastapi-token", "expires": "2026-11-24T12:00:00+00:00"}
    assert tokens == {
        "access_token_data": data,
        "refresh_token_data": data,
        "user_id": "42",
    }


def test_401_comes_out_as_authentication_error(url: str) -> None:
    with pytest.raises(genlogs_ext.AuthenticationError) as caught:
        genlogs_ext.create_token(EMAIL, "wrong", API_KEY, base_url=url)
    assert caught.value.detail == "Incorrect email or password"


def test_403_comes_out_as_permission_denied_error(url: str) -> None:
    with pytest.raises(genlogs_ext.PermissionDeniedError):
        genlogs_ext.create_token(EMAIL, PASSWORD, "wrong", base_url=url)


@pytest.mark.parametrize(
    ("app", "form", "detail"),
    [
        (query_app, "body", "query.email: Field required; query.password: Field required"),
        (body_app, "query", "body: Field required"),
    ],
)
def test_422_comes_out_as_invalid_request_error(
    app: object, form: str, detail: str
) -> None:
    assert callable(app)
    with (
        Server(app()) as base_url,
        pytest.raises(genlogs_ext.InvalidRequestError) as caught,
    ):
        genlogs_ext.create_token(
            EMAIL,
            PASSWORD,
            API_KEY,
            base_url=base_url,
            credentials_in=form,  # type: ignore[arg-type] # one of both
        )
    assert caught.value.status_code == 422
    assert caught.value.detail == detail
    assert PASSWORD not in str(caught.value)
