"""What a kept token costs to get: beside azure-identity's and google-auth's.

Each is asked by its public API for a token that it has and
that is far from its end, as often as a program asks before each call; no network is used.
"""

import json
import timeit
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import google.oauth2.credentials
from azure.core.pipeline.transport import HttpResponse, HttpTransport
from azure.identity import ClientSecretCredential

from benchmarks.place import Place
from benchmarks.table import Column, Table
from genlogs_ext import TokenSource
from genlogs_ext.testing import StubServer

ROUNDS = 9


def of_google() -> Callable[[], object]:
    """google-auth's credentials, as its transports use them before each request."""
    credentials: Any = google.oauth2.credentials.Credentials(  # type: ignore[no-untyped-call] # theirs
        "kept", expiry=datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(hours=1)
    )

    def call() -> object:
        headers: dict[str, str] = {}
        credentials.before_request(None, "GET", "https://example.com", headers)
        return headers["authorization"]

    return call


class Answer(HttpResponse):
    """An HTTP answer of our making."""

    def __init__(self, request: Any, content: dict[str, Any]) -> None:
        super().__init__(request, None)
        self.status_code = 200
        self.headers = {"content-type": "application/json"}
        self.content_type = "application/json"
        self._content = json.dumps(content).encode()

    def body(self) -> bytes:
        """All of it."""
        return self._content


class Local(HttpTransport[Any, Any]):
    """Answers azure-identity's first two requests; a kept token needs none."""

    def open(self) -> None:
        """There is nothing to open."""

    def close(self) -> None:
        """There is nothing to close."""

    def __enter__(self) -> "Local":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def send(self, request: Any, **_: Any) -> Answer:
        """The authority's metadata, or a token."""
        base = "https://login.microsoftonline.com/tenant"
        if request.method == "POST":
            token = {"access_token": "kept", "expires_in": 3600, "token_type": "Bearer"}
            return Answer(request, token)
        endpoints = {
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "issuer": f"{base}/v2.0",
        }
        return Answer(request, endpoints)


def of_azure() -> Callable[[], object]:
    """azure-identity's credential, as its clients use it before each request."""
    credential = ClientSecretCredential(
        "tenant", "client", "secret", transport=Local(), disable_instance_discovery=True
    )
    return lambda: credential.get_token("https://example.com/.default").token


def kept_token(place: Place) -> list[Table]:
    """Ask each in turn, several times."""
    ours = "TokenSource.token()"
    table = Table("token", "A kept token, without a network", ours, [Column("time", "s")])
    with StubServer() as server:
        source = TokenSource(
            server.email, server.password, server.api_key, base_url=server.base_url
        )
        calls: dict[str, tuple[Callable[[], object], int]] = {
            ours: (source.token, 200_000),
            "TokenSource.headers()": (source.headers, 100_000),
            "google-auth before_request()": (of_google(), 20_000),
            "azure-identity get_token()": (of_azure(), 200),
        }
        for call, _ in calls.values():
            call()  # the first makes the token
        for _ in range(place.rounds(ROUNDS)):
            for name, (call, number) in calls.items():
                cost = timeit.timeit(call, number=number) / number
                table.add(name, {"time": cost})
        asked = len(server.requests)
    assert asked == 1, "the token was not kept"
    return [table]
