"""Any email, password and API key arrive at the server exactly."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genlogs_ext
from genlogs_ext.testing import StubServer

# Everything but control characters, surrogates and unassigned code points.
printable = st.characters(exclude_categories=["C"])
text = st.text(printable, min_size=1, max_size=60)
api_key = st.text(
    st.characters(max_codepoint=0xFF, exclude_categories=["C"]), min_size=1, max_size=60
).filter(lambda key: key == key.strip(" \t"))


@pytest.fixture(scope="module", params=["query", "body"])
def open_stub(request: pytest.FixtureRequest) -> Iterator[StubServer]:
    """Takes the credentials as they come and keeps them."""
    with StubServer(credentials_in=request.param) as server:
        yield server


@settings(deadline=None, max_examples=150)
@given(email=text, password=text, key=api_key)
def test_credentials_arrive_exactly(
    open_stub: StubServer, email: str, password: str, key: str
) -> None:
    open_stub.users = {email: password}
    open_stub.api_keys = [key]
    tokens = genlogs_ext.create_token(
        email,
        password,
        key,
        base_url=open_stub.base_url,
        credentials_in=open_stub.credentials_in,
        max_retries=0,
    )
    assert tokens["access_token_data"]["token"]
    arrived = open_stub.requests.pop()
    assert arrived.header("x-api-key") == key
    if open_stub.credentials_in == "query":
        assert arrived.query == {"email": email, "password": password}
        assert arrived.target.isascii()
