"""Servers that most tests need."""

import os
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from hypothesis import settings

from genlogs_ext import _clock, access_token
from genlogs_ext.testing import StubServer

from .helpers import Clock
from .servers import redis_server

# For `make assure`: tests that say no number of examples themselves try so many.
settings.register_profile("assure", max_examples=20_000, deadline=None)

CA_VARIABLES = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
PROXY_VARIABLES = ("https_proxy", "http_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of this machine decides what a test sees."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in ("BASE_URL", "EMAIL", "PASSWORD", "API_KEY"):
        monkeypatch.delenv(f"GENLOGS_{name}", raising=False)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    ours = SimpleNamespace(time=lambda: time.time() + clock.wall)
    monkeypatch.setattr(_clock, "now", lambda: clock.seconds)
    monkeypatch.setattr(access_token, "time", ours)  # the stub's is right
    return clock


@pytest.fixture
def stub() -> Iterator[StubServer]:
    with StubServer() as server:
        yield server


@pytest.fixture
def tls_stub() -> Iterator[StubServer]:
    with StubServer(tls=True) as server:
        yield server


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In CI nothing may be missing, so nothing may be skipped."""
    if os.environ.get("CI") and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("A test was skipped, and in CI none may be.", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
