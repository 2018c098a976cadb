"""What tests of caches do alike."""

from typing import Any

import pytest

from genlogs_ext import StoredToken, TokenCache, TokenSource
from genlogs_ext.testing import StubServer

from .servers import find

needs_redis = pytest.mark.skipif(
    find("redis-server") is None, reason="redis-server is not installed"
)

KEY = "0" * 64


def stored(value: str = "t", left: float = 100.0) -> StoredToken:
    """A token as caches keep it."""
    data = {"token": value, "expires": "2100-01-01T00:00:00Z"}
    return StoredToken({"access_token_data": data, "user_id": "é7"}, 3600.0, left)  # type: ignore[typeddict-item] # made here


def source_of(server: StubServer, cache: TokenCache, **options: Any) -> TokenSource:
    """A source of a stub's tokens that shares them by a cache."""
    return TokenSource(
        server.email,
        server.password,
        server.api_key,
        base_url=server.base_url,
        cache=cache,
        **{"max_retries": 0, **options},
    )
