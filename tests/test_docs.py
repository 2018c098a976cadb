"""The examples of README and docs run."""

import ast
import asyncio
import inspect
import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import genlogs_ext
from genlogs_ext.testing import StubServer

ROOT = Path(__file__).parents[1]
BLOCK = r"(<!-- not run: [^\n]+ -->\n)?```{}\n(.*?)```"


def examples(language: str, *pages: Path) -> Iterator[Any]:
    """Every block of a language that does not say why it cannot run."""
    for page in [ROOT / "README.md", *pages]:
        if page.is_file():
            text = page.read_text("utf-8")
            for match in re.finditer(BLOCK.format(language), text, re.DOTALL):
                line = text.count("\n", 0, match.start()) + 1
                if not match[1]:
                    yield pytest.param(match[2], id=f"{page.name}:{line}")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubServer]:
    """The API, and an environment that has all there is to know of it."""
    with StubServer(api_keys={"my-api-key"}) as server:
        for name, value in {
            "GENLOGS_EMAIL": server.email,
            "GENLOGS_PASSWORD": server.password,
            "GENLOGS_API_KEY": server.api_key,
            "GENLOGS_BASE_URL": server.base_url,
            "XDG_CACHE_HOME": str(tmp_path),
            "HOME": str(tmp_path),
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        yield server


@pytest.mark.parametrize(
    "code", list(examples("python", *sorted((ROOT / "docs").glob("*.md"))))
)
def test_an_example_runs(code: str, server: StubServer) -> None:
    names: dict[str, object] = {
        "genlogs_ext": genlogs_ext,
        "email": server.email,
        "password": server.password,
        "api_key": server.api_key,
        "BASE_URL": server.base_url,
    }
    compiled = compile(code, "example", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    done = eval(compiled, {"__name__": "example", **names})  # noqa: S307 - our own
    if inspect.iscoroutine(done):
        asyncio.run(done)


@pytest.mark.parametrize("code", list(examples("sh", ROOT / "docs" / "shell.md")))
def test_an_example_for_the_shell_runs(
    code: str, server: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", sysconfig.get_path("scripts"), prepend=os.pathsep)
    # A sanitizer that is preloaded is for our code, and curl hangs under it.
    script = 'curl() { LD_PRELOAD="" command curl "$@"; }\n' + code.replace(
        "https://api.genlogs.io", server.base_url
    )
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    if "curl" in code:
        assert server.requests[-1].path == "/carrier/recommendations"
        assert server.requests[-1].header("access-token")


@pytest.mark.parametrize("page", ["reliability.md", "security.md"])
def test_a_test_that_a_page_names_exists(page: str) -> None:
    path = ROOT / "docs" / page
    if not path.is_file():
        pytest.skip("an installed package is tested")
    source = ""
    named = 0
    for match in re.finditer(
        r"\b(test_\w+\.[pc]\w?)\b|::(test_\w+)", path.read_text("utf-8")
    ):
        if match[1]:
            found = [*ROOT.glob(f"tests/**/{match[1]}"), *ROOT.glob(f"tools/{match[1]}")]
            assert found, match[1]
            source = found[0].read_text("utf-8")
        else:
            assert f"def {match[2]}(" in source, match[2]
        named += 1
    assert named > 10
