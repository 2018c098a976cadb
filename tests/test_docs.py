"""The examples of README and docs run, and what the pages say of names is so."""

import ast
import asyncio
import inspect
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import genlogs_ext
from genlogs_ext import errors
from genlogs_ext.testing import StubServer

from .helpers import run_their_suite
from .servers import find, redis_server

ROOT = Path(__file__).parents[1]
TOP = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CHANGELOG")]
# Without the pages an installed package is tested.
PAGES = [page for page in [*TOP, *sorted((ROOT / "docs").glob("*.md"))] if page.is_file()]
BLOCK = re.compile(
    r"^(<!-- not run: [^\n]+ -->\n)?```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE
)

# What can be run, what is there to be read, and what is Sphinx's.
RUN = {"python", "sh"}
NOT_RUN = {"text", "{c-header}", "{eval-rst}", "{include}", "{toctree}"}


def blocks(page: Path) -> Iterator[tuple[str, str, str, bool]]:
    """Of a page: a block's place, language, text, and whether it says why it cannot run."""
    text = page.read_text("utf-8")
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield f"{page.name}:{line}", match[2].split(" ")[0], match[3], bool(match[1])


def examples(language: str, wanted: Callable[[str], bool]) -> list[Any]:
    """Every block of a language that does not say why it cannot run."""
    return [
        pytest.param(code, id=place)
        for page in PAGES
        for place, found, code, excused in blocks(page)
        if found == language and not excused and wanted(code)
    ]


def is_test(code: str) -> bool:
    return re.search(r"^def test_", code, re.MULTILINE) is not None


def is_program(code: str) -> bool:
    return '__name__ == "__main__"' in code


def is_snippet(code: str) -> bool:
    return not is_test(code) and not is_program(code)


def page(name: str) -> str:
    if ROOT / "docs" / name not in PAGES:
        pytest.skip("an installed package is tested")
    return (ROOT / "docs" / name).read_text("utf-8")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubServer]:
    """The API, and an environment that has all there is to know of it."""
    data: dict[str, Any] = {"/carrier/recommendations": {"carriers": []}}
    with StubServer(api_keys={"my-api-key"}, data=data) as server:
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


@pytest.mark.parametrize("code", examples("python", is_snippet))
def test_an_example_runs(code: str, server: StubServer) -> None:
    names: dict[str, object] = {
        "genlogs_ext": genlogs_ext,
        "email": server.email,
        "password": server.password,
        "api_key": server.api_key,
    }
    compiled = compile(code, "example", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    done = eval(compiled, {"__name__": "example", **names})  # noqa: S307 - our own
    if inspect.iscoroutine(done):
        asyncio.run(done)


@pytest.mark.parametrize("code", examples("python", is_test))
def test_an_example_of_tests_passes(code: str, tmp_path: Path) -> None:
    count = len(re.findall(r"^def test_", code, re.MULTILINE))
    assert f"{count} passed" in run_their_suite(tmp_path, code)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("code", examples("python", is_program))
def test_an_example_that_is_a_program_runs(
    code: str, server: StubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find("redis-server") is None:
        pytest.skip("redis-server is not installed")
    program = tmp_path / "example.py"
    program.write_text(code)
    needs_redis = "GENLOGS_REDIS_URL" in code
    with redis_server(tmp_path) if needs_redis else nullcontext("") as url:
        monkeypatch.setenv("GENLOGS_REDIS_URL", url)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", program],
            capture_output=True, text=True, timeout=170, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert server.requests


@pytest.mark.parametrize("code", examples("sh", lambda _: True))
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


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_block_runs_or_says_why_not(path: Path) -> None:
    for place, language, code, excused in blocks(path):
        assert language in RUN | NOT_RUN or excused, f"{place}: {language or 'no language'}"
        if path not in TOP and language in RUN:  # the site shows so much without moving it
            assert max(map(len, code.splitlines())) <= 90, place
        if language == "python" and excused:  # it is Python all the same
            compile(code, place, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


# ---- what the pages say ------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    """Of a page's headings, as GitHub and the site make them."""
    text = re.sub(BLOCK, "", path.read_text("utf-8"))
    titles = re.findall(r"^#+ +(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_link_leads_somewhere(path: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", re.sub(BLOCK, "", path.read_text("utf-8")))
    for target in re.findall(r"\]\(\s*([^)\s]+)", text):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        assert file.is_file(), target
        assert not anchor or anchor in anchors(file), target


def rows(text: str, heading: str) -> dict[str, list[str]]:
    """The first table below a heading: its cells by each name in the first of a row."""
    section = text.partition(f"\n## {heading}\n")[2]
    table = re.search(r"^\|[-: |]+\|\n((?:\|.*\n)+)", section, re.MULTILINE)
    assert table is not None, heading
    found = {}
    for line in table[1].splitlines():
        first, *others = (cell.strip() for cell in line.strip("|").split("|"))
        for name in re.findall(r"`(\w+)`", first):
            found[name] = others
    return found


def test_the_options_are_those_that_there_are() -> None:
    text = page("options.md")
    told = rows(text, "Options of a call")
    of_source = {**told, **rows(text, "Options of a source")}
    for function, arguments in (
        (genlogs_ext.create_token, told),
        (genlogs_ext.create_token_async, told),
        (genlogs_ext.TokenSource, of_source),
    ):
        parameters = inspect.signature(function).parameters
        assert set(parameters) == set(arguments)
        for name, parameter in parameters.items():
            default = re.match(r"`([^`]+)`", arguments[name][0])
            if parameter.default is parameter.empty:
                assert default is None, name
            else:
                assert default is not None, name
                assert ast.literal_eval(default[1]) == parameter.default, name


def test_every_variable_that_is_read_is_told_of() -> None:
    told = set(rows(page("options.md"), "The environment"))
    read = set()
    package = Path(genlogs_ext.__file__).parent
    for path in [*ROOT.glob("csrc/*.c"), *package.glob("**/*.py")]:
        code = path.read_text("utf-8")
        read |= set(re.findall(r'"(GENLOGS_[A-Z_]+|\w+_(?:proxy|PROXY))"', code))
        read |= set(re.findall(r'"(SSL_CERT_FILE|\w+_CA_BUNDLE)"', code))
    assert read == told


def test_every_exception_says_what_to_do() -> None:
    text = page("errors.md")
    tree = set(re.findall(r"^[│├└─ ]*(\w+Error)\b", text, re.MULTILINE))
    assert tree == set(errors.__all__)
    assert set(rows(text, "What to do")) == tree - {"GenLogsError"}


def test_the_reference_has_every_public_name() -> None:
    text = page("api.md")
    for module, names in (
        ("genlogs_ext", set(genlogs_ext.__all__) - {"__version__"}),
        ("genlogs_ext.auth", {"GenLogsAuth", "GenLogsTransport"}),
        ("genlogs_ext.testing", set(genlogs_ext.testing.__all__) - {"Fault"}),
    ):
        parts = re.findall(rf"currentmodule:: {re.escape(module)}\n(.*?)```", text, re.S)
        shown = re.findall(r"auto\w+:: (\w+)", "".join(parts))
        assert sorted(shown) == sorted(names)


@pytest.mark.parametrize("name", ["reliability.md", "security.md"])
def test_a_test_that_a_page_names_exists(name: str) -> None:
    source = ""
    named = 0
    for match in re.finditer(r"\b(test_\w+\.[pc]\w?)\b|::(test_\w+)", page(name)):
        if match[1]:
            found = [*ROOT.glob(f"tests/**/{match[1]}"), *ROOT.glob(f"tools/{match[1]}")]
            assert found, match[1]
            source = found[0].read_text("utf-8")
        else:
            assert f"def {match[2]}(" in source, match[2]
        named += 1
    assert named > 10
