"""Whatever a FileCache's file holds, reading it ends well, and writing mends it.

More examples: --hypothesis-profile=assure.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genlogs_ext import CacheError, FileCache, StoredToken, TokenSource, _clock
from genlogs_ext._sharing import key_for
from genlogs_ext.file_cache import _boot, _name
from genlogs_ext.testing import StubServer

KEY = "0" * 64
TOKEN = StoredToken(
    {
        "access_token_data": {"token": "t0k3n", "expires": "2099-01-01T00:00:00Z"},
        "user_id": "7",
    },
    3600.0,
    3600.0,
)
DEEP = "[" * 700 + "]" * 700


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> FileCache:
    made = FileCache(tmp_path_factory.mktemp("fuzz") / "cache")
    made.store(KEY, TOKEN)
    return made


def file_of(cache: FileCache, key: str = KEY) -> Path:
    return cache.directory / _name(key)


def content(**changes: Any) -> dict[str, Any]:
    return {
        **TOKEN.to_json(),
        "boot": _boot(),
        "end": _clock.now() + 3600.0,
        **changes,
    }


def check(cache: FileCache, data: bytes) -> None:
    """A token, None or CacheError; and the next token that is stored is read."""
    file_of(cache).write_bytes(data)
    with suppress(CacheError):
        found = cache.load(KEY)
        assert found is None or 0 < found.expires_in < float("inf")
        assert found is None or found.response["access_token_data"]["token"]
    cache.store(KEY, TOKEN)
    mended = cache.load(KEY)
    assert mended is not None
    assert mended.response == TOKEN.response


together = settings(deadline=None)  # files on a busy machine
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["access_token_data", "token", "expires", "response", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
huge = st.sampled_from([10**400, -(10**400), float("inf"), float("nan"), 1e308, -0.0, 0])


@together
@given(data=st.binary(max_size=300))
@example(data=b"\xff\xfe{}")
@example(data=b"[" * 100_000)
def test_arbitrary_bytes_are_no_token(cache: FileCache, data: bytes) -> None:
    check(cache, data)


@together
@given(
    cut=st.integers(0, 400),
    insert=st.binary(max_size=6),
    skip=st.integers(0, 60),
)
def test_a_file_that_was_tampered_with(
    cache: FileCache, cut: int, insert: bytes, skip: int
) -> None:
    whole = json.dumps(content()).encode()
    check(cache, whole[:cut] + insert + whole[cut + skip :])


@together
@given(
    changes=st.dictionaries(
        st.sampled_from(["lifetime", "end", "boot", "response"]), values | huge, min_size=1
    )
)
@example(changes={"lifetime": 10**400})
@example(changes={"end": 10**400})
@example(changes={"lifetime": float("inf"), "end": float("inf")})
def test_json_of_another_shape(cache: FileCache, changes: dict[str, Any]) -> None:
    check(cache, json.dumps(content(**changes)).encode())


@together
@given(data=values)
def test_a_response_of_another_shape(cache: FileCache, data: object) -> None:
    response = {**TOKEN.response, "access_token_data": data}
    check(cache, json.dumps(content(response=response)).encode())


@pytest.mark.parametrize("deep", [f'"x": {DEEP}', '"user_id": ' + DEEP])
def test_a_source_makes_a_token_where_the_file_is_of_no_use(
    tmp_path: Path, stub: StubServer, deep: str
) -> None:
    """Nested so deeply that it can be read, and not copied."""
    cache = FileCache(tmp_path / "cache")
    key = key_for(stub.base_url, stub.email, stub.password, stub.api_key)
    cache.store(key, TOKEN)
    whole = json.dumps(content())
    file_of(cache, key).write_text(whole.replace('"user_id": "7"', deep))
    source = TokenSource(
        stub.email, stub.password, stub.api_key, base_url=stub.base_url, cache=cache
    )
    with source:
        assert source.token().value.startswith("stub-access-")
