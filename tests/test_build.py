"""The build names what it misses, and what to install."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    not (ROOT / "setup.py").is_file(), reason="an installed package is tested"
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the build reads, so that it writes nowhere else."""
    for name in ("csrc", "genlogs_ext"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.so"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def build(tree: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        capture_output=True,
        text=True,
        cwd=tree,
        env={**os.environ, **environment},
        check=False,
    )


def last_line(answer: subprocess.CompletedProcess[str]) -> str:
    assert answer.returncode != 0
    return answer.stderr.strip().splitlines()[-1]


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_missing_libcurl_is_named(tree: Path) -> None:
    line = last_line(
        build(tree, PKG_CONFIG="no-such-program", CURL_CONFIG="no-such-program")
    )
    for package in ("libcurl4-openssl-dev", "libcurl-devel", "Homebrew"):
        assert package in line


def test_an_old_libcurl_is_named(tree: Path) -> None:
    old = script(tree / "old-pkg-config", "echo 7.80.0")
    line = last_line(build(tree, PKG_CONFIG=old))
    assert "libcurl 7.80.0 is too old, 7.81.0 is needed" in line


def test_a_missing_jsmn_is_named(tree: Path) -> None:
    line = last_line(build(tree, CC="gcc -nostdinc"))
    for package in ("libjsmn-dev", "jsmn-devel", "Homebrew", "JSMN_INCLUDE_DIR"):
        assert package in line


def test_curl_config_serves_where_pkg_config_does_not(tree: Path) -> None:
    answer = build(tree, PKG_CONFIG="no-such-program")
    assert answer.returncode == 0, answer.stderr
    assert list((tree / "genlogs_ext").glob("_core.*"))


def test_jsmn_include_dir_is_searched_first(tree: Path) -> None:
    (tree / "jsmn.h").write_text("#error not the one\n")
    assert "jsmn.h is missing" in last_line(build(tree, JSMN_INCLUDE_DIR=str(tree)))


def test_an_sdist_brings_jsmn_and_is_built_with_it(tree: Path, tmp_path: Path) -> None:
    into = str(tmp_path / "dist")
    command = [sys.executable, "setup.py", "-q", "sdist", "--dist-dir", into]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    (archive,) = (tmp_path / "dist").iterdir()
    shutil.unpack_archive(archive, tmp_path / "unpacked")
    (source,) = (tmp_path / "unpacked").iterdir()
    header = source / "jsmn" / "jsmn.h"
    assert "MIT License" in (source / "jsmn" / "LICENSE").read_text()
    assert build(source).returncode == 0
    header.write_text("#error this is it\n")
    answer = build(source)
    assert answer.returncode != 0
    assert "jsmn.h is missing" in answer.stderr


def test_a_bundle_that_is_not_there_is_named(tree: Path) -> None:
    line = last_line(build(tree, GENLOGS_EXT_BUNDLE=str(tree / "nowhere")))
    assert "GENLOGS_EXT_BUNDLE" in line
    assert "tools/bundle/build.py" in line
