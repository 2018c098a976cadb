"""The package as such: what it imports, what it offers, where it runs."""

import ctypes
import doctest
import gc
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

import genlogs_ext
from genlogs_ext import _core

from .helpers import preloaded

HEAVY = {"ssl", "asyncio", "logging", "http", "json", "datetime", "typing", "socket", "re"}


def python(code: str, *options: str, **environment: str) -> str:
    """Run code in a fresh interpreter that has our package and little else."""
    answer = subprocess.run(
        [sys.executable, *options, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def test_import_brings_nothing_heavy() -> None:
    loaded = python(
        "import sys; sys.modules_before = set(sys.modules); import genlogs_ext;"
        "print(*(set(sys.modules) - sys.modules_before))"
    )
    names = set(loaded.split())
    assert {"genlogs_ext", "genlogs_ext._core", "genlogs_ext.errors"} <= names
    assert not names & HEAVY
    own = names - set(sys.builtin_module_names)
    assert all(name.startswith("genlogs_ext") for name in own)


def test_a_source_tree_that_is_not_built_says_what_to_do(tmp_path: Path) -> None:
    package = Path(genlogs_ext.__file__).parent
    shutil.copytree(
        package,
        tmp_path / package.name,
        ignore=shutil.ignore_patterns("_core.*", "__pycache__"),
    )
    answer = subprocess.run(
        [sys.executable, "-S", "-c", "import genlogs_ext"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert answer.returncode == 1
    said = answer.stderr.splitlines()[-1]
    assert said.startswith(f"ImportError: {tmp_path / package.name} is the source of")
    assert "start Python in another directory" in said


def test_a_core_that_is_not_there_is_told_from_one_that_lacks_something() -> None:
    """In its own words; what it lacks in those of whoever missed it."""
    code = """
import sys

class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name == "genlogs_ext._core":
            raise ModuleNotFoundError("No module named 'x'", name="x")

{}
try:
    import genlogs_ext
except ImportError as error:
    print(error)
"""
    said = python(code.format("sys.modules['genlogs_ext._core'] = None"))
    assert "not built: start Python in another directory" in said
    assert (
        python(code.format("sys.meta_path.insert(0, Lacking())")) == "No module named 'x'"
    )


def test_version_is_the_distributions() -> None:
    assert genlogs_ext.__version__ == importlib.metadata.version("genlogs-ext")


def test_there_is_no_dependency() -> None:
    requires = importlib.metadata.requires("genlogs-ext") or []
    assert [line for line in requires if "extra ==" not in line] == []


def test_public_names_are_there() -> None:
    for name in genlogs_ext.__all__:
        assert getattr(genlogs_ext, name) is not None
    assert set(genlogs_ext.__all__) <= set(dir(genlogs_ext))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = genlogs_ext.no_such_name  # type: ignore[attr-defined] # not there, that is the point


def test_create_token_is_the_c_function() -> None:
    assert genlogs_ext.create_token is _core.create_token
    assert type(genlogs_ext.create_token).__name__ == "builtin_function_or_method"


def test_the_c_docstrings_example_runs() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    (example,) = finder.find(genlogs_ext.create_token, "create_token", module=False)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


def test_the_binary_serves_every_python() -> None:
    path = _core.__file__
    assert path is not None
    if "abi3" not in Path(path).name:
        assert getattr(sys, "_is_gil_enabled", lambda: True)() is False
    else:
        assert Path(path).name.startswith("_core.abi3.")


def test_the_rooms_below_python_do_not_know_it() -> None:
    rooms = Path(__file__).parents[1] / "csrc"
    if not rooms.is_dir():
        pytest.skip("an installed package is tested, without its C sources")
    upper = {"module", "arguments", "exceptions", "json_object", "url_cache"}
    for path in rooms.iterdir():
        if path.stem not in upper:
            included = re.findall(r'#\s*include [<"](.+)[>"]', path.read_text("utf-8"))
            assert not {Path(name).stem for name in included} & {"Python", *upper}, path


SUBINTERPRETERS = """
import os, sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
from genlogs_ext.testing import StubServer
code = '''
import genlogs_ext
print(genlogs_ext.create_token({!r}, {!r}, {!r}, base_url={!r})["user_id"], flush=True)
'''
with StubServer() as server:
    for _ in range(3):
        own = interpreters.create()
        failed = interpreters.run_string(
            own, code.format(server.email, server.password, server.api_key, server.base_url)
        )
        assert failed is None, failed
        interpreters.destroy(own)
    print(len(server.requests))
"""


def test_subinterpreters_each_have_their_own() -> None:
    assert python(SUBINTERPRETERS).split() == ["1", "1", "1", "3"]


def test_the_module_may_be_loaded_twice() -> None:
    """Nothing of it is static: each load has its own state."""
    assert (
        python(
            "import sys, genlogs_ext._core as first;"
            "del sys.modules['genlogs_ext._core'];"
            "import importlib; second = importlib.import_module('genlogs_ext._core');"
            "print(first is second, first.create_token is second.create_token)"
        )
        == "False False"
    )


START = """
import os
for code in (27, 2, 0):
    os.environ["CURL_START"] = str(code)
    try:
        import genlogs_ext._core
        print("started")
    except (MemoryError, ImportError) as error:
        print(type(error).__name__, error)
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(_core.__file__), "curl_version"),
    reason="a wheel's libcurl is the extension's own",
)
def test_a_libcurl_that_does_not_start_is_an_import_error_and_tried_again(
    tmp_path: Path,
) -> None:
    lines = python(START, LD_PRELOAD=preloaded(tmp_path, "no_start")).splitlines()
    assert lines == [
        "MemoryError ",
        "ImportError libcurl does not start: Failed initialization",
        "started",
    ]


def test_the_collector_sees_what_a_module_refers_to() -> None:
    for name in ("TransportError", "ConnectError", "TimeoutError", "TLSError",
                 "APIError", "InvalidResponseError"):  # fmt: skip
        assert _core in gc.get_referrers(getattr(genlogs_ext, name))
    assert _core in gc.get_referrers(_core.Call)
    (urls,) = [o for o in gc.get_referents(_core) if isinstance(o, dict) and not
               set(o) & set(vars(_core))]  # fmt: skip
    assert _core in gc.get_referrers(urls)


def test_a_module_that_was_not_begun_is_collected() -> None:
    spec = importlib.util.find_spec("genlogs_ext._core")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    alive = weakref.ref(module)
    gc.collect()
    module.itself = module  # type: ignore[attr-defined] # a cycle
    del module
    gc.collect()
    assert alive() is None


def test_a_call_takes_no_arguments() -> None:
    with pytest.raises(TypeError, match="Call"):
        _core.Call(1)  # type: ignore[call-arg] # on purpose


RELOADS = """
import gc, importlib.util, sys
import genlogs_ext
from genlogs_ext import _core
before = sys.getrefcount(genlogs_ext.TLSError)
for _ in range(50):
    spec = importlib.util.spec_from_file_location("genlogs_ext._core", _core.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.__dict__.clear()
    del module, spec
gc.collect()
print(sys.getrefcount(genlogs_ext.TLSError) - before)
"""


def test_a_module_that_dies_takes_its_references_along() -> None:
    assert python(RELOADS) == "0"
