"""The pytest fixture `genlogs_stub`. pytest finds it by itself.

Imports little: pytest loads it in every project that has this package.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from genlogs_ext.testing.stub_server import StubServer


@pytest.fixture
def genlogs_stub(monkeypatch: pytest.MonkeyPatch) -> "Iterator[StubServer]":
    """A running `StubServer`; GENLOGS_BASE_URL points to it during the test."""
    from genlogs_ext.testing.stub_server import StubServer

    with StubServer() as server:
        monkeypatch.setenv("GENLOGS_BASE_URL", server.base_url)
        yield server
