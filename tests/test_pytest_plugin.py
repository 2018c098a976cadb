"""The fixture that users' test suites get with the package."""

from pathlib import Path

import genlogs_ext
from genlogs_ext.testing import StubServer

from .helpers import run_their_suite


def test_the_fixture_is_a_stub_that_the_environment_points_to(
    genlogs_stub: StubServer,
) -> None:
    genlogs_ext.create_token(
        genlogs_stub.email, genlogs_stub.password, genlogs_stub.api_key
    )
    assert len(genlogs_stub.requests) == 1


def test_a_users_suite_finds_it(tmp_path: Path) -> None:
    output = run_their_suite(
        tmp_path,
        "import os\n"
        "def test_it(genlogs_stub):\n"
        "    assert os.environ['GENLOGS_BASE_URL'] == genlogs_stub.base_url\n",
    )
    assert "1 passed" in output


def test_the_plugin_is_light(tmp_path: Path) -> None:
    """Every pytest run of every project that has the package loads it."""
    output = run_their_suite(
        tmp_path,
        "import sys\n"
        "def test_it():\n"
        "    assert 'genlogs_ext.testing.pytest_plugin' in sys.modules\n"
        "    assert 'genlogs_ext.testing.stub_server' not in sys.modules\n",
    )
    assert "1 passed" in output
