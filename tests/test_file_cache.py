"""FileCache: a token that only its owner can read, whole or not at all."""

import errno
import json
import logging
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from genlogs_ext import (
    CacheError,
    FileCache,
)
from genlogs_ext.file_cache import _name
from genlogs_ext.testing import StubServer

from .caching import KEY, source_of, stored
from .helpers import Clock, wait_until_written

posix = pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")

FILE = _name(KEY)


@posix
def test_only_the_owner_can_read_files(tmp_path: Path, stub: StubServer) -> None:
    directory = tmp_path / "deep" / "cache"
    token = source_of(stub, FileCache(directory)).token()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    files = list(directory.iterdir())
    assert sorted(path.suffix for path in files) == [".json", ".lock"]
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = b"".join(path.read_bytes() for path in files)
    assert token.value.encode() in written
    for secret in (stub.password, stub.api_key):
        assert secret.encode() not in written
        assert all(secret not in path.name for path in files)


@posix
def test_the_default_is_the_users_cache_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    directory = FileCache().directory
    assert directory.name == "genlogs-ext"
    assert tmp_path in directory.parents


def open_to_others(directory: Path) -> None:
    directory.chmod(0o750)


def linked_directory(directory: Path) -> None:
    directory.rename(directory.with_name("elsewhere"))
    directory.symlink_to("elsewhere")


def a_file(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
    directory.touch(0o600)


def readable_file(directory: Path) -> None:
    (directory / FILE).chmod(0o644)


def linked_file(directory: Path) -> None:
    path = directory / FILE
    path.rename(directory / "elsewhere")
    path.symlink_to("elsewhere")


def a_directory(directory: Path) -> None:
    path = directory / FILE
    path.unlink()
    path.mkdir(0o700)


@posix
@pytest.mark.parametrize(
    "spoil",
    [open_to_others, linked_directory, a_file, readable_file, linked_file, a_directory],
)
def test_what_others_could_have_made_is_refused(tmp_path: Path, spoil: Any) -> None:
    directory = tmp_path / "cache"
    cache = FileCache(directory)
    cache.store(KEY, stored())
    assert cache.load(KEY) is not None
    spoil(directory)
    with pytest.raises(CacheError, match=str(directory)):
        cache.load(KEY)


@posix
def test_what_belongs_to_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored())
    somebody = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody)
    with pytest.raises(CacheError, match="belongs to somebody else"):
        cache.load(KEY)
    with pytest.raises(CacheError, match="belongs to somebody else"):
        cache.store(KEY, stored())
    with pytest.raises(CacheError, match="belongs to somebody else"):
        cache.lock(KEY, 1).__enter__()


@posix
def test_a_refused_directory_is_logged_and_the_source_works(
    tmp_path: Path, stub: StubServer, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "cache"
    directory.mkdir(0o755)
    assert not source_of(stub, FileCache(directory)).token().expired
    (record,) = wait_until_written(caplog).records
    assert record.levelno == logging.WARNING
    assert "cache unusable" in record.message
    assert f"{directory} is open to others" in record.message
    assert list(directory.iterdir()) == []


WHOLE = {
    "boot": "set by the test",
    "end": 1e12,
    "lifetime": 3600.0,
    "response": {"access_token_data": {"token": "t", "expires": "2100-01-01T00:00:00Z"}},
}
DATA = {"token": "t", "expires": "2100-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    "change",
    [
        {"boot": "another"}, {"boot": None}, {"boot": 7.0}, {"end": 0.0}, {"end": "x"},
        {"end": None}, {"end": float("nan")}, {"lifetime": 0}, {"lifetime": None},
        {"lifetime": "x"}, {"response": []}, {"response": {}}, {"response": None},
        {"response": {"access_token_data": []}},
        {"response": {"access_token_data": {**DATA, "token": 7}}},
        {"response": {"access_token_data": {**DATA, "token": ""}}},
        {"response": {"access_token_data": {**DATA, "expires": "soon"}}},
        {"response": {"access_token_data": {**DATA, "expires": None}}},
    ],
)  # fmt: skip
def test_a_file_of_no_use_is_as_no_file(tmp_path: Path, change: dict[str, Any]) -> None:
    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored())
    path = tmp_path / "cache" / FILE
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "end": 1e12}))
    assert cache.load(KEY) is not None
    path.write_text(json.dumps({**kept, "end": 1e12, **change}))
    assert cache.load(KEY) is None


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"{", b"[]", b"null", b"7", b"\xff\xfe", b"[" * 100_000]
)
def test_a_broken_file_is_as_no_file(
    tmp_path: Path, stub: StubServer, content: bytes
) -> None:
    cache = FileCache(tmp_path / "cache")
    source_of(stub, cache).token()
    (path,) = (tmp_path / "cache").glob("*.json")
    path.write_bytes(content)
    source_of(stub, cache).token()
    assert source_of(stub, cache).token() == source_of(stub, cache).token()
    assert len(stub.requests) == 2


@pytest.mark.parametrize("moved", [-5.0, 5.0])
def test_where_no_boot_has_an_id_a_clock_that_is_set_right_is_no_boot(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, moved: float
) -> None:
    from genlogs_ext import file_cache

    def no_id(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", no_id)
    monkeypatch.setattr(file_cache, "time", clock_of(clock))
    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored())
    clock.wall += moved
    assert cache.load(KEY) is not None
    clock.wall += 20 * moved
    assert cache.load(KEY) is None


def clock_of(clock: Clock) -> Any:
    class Time:
        @staticmethod
        def time() -> float:
            return 1e9 + clock.wall

    return Time


@posix
def test_a_pipe_in_a_files_place_makes_nobody_wait(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored())
    (tmp_path / "cache" / FILE).unlink()
    os.mkfifo(tmp_path / "cache" / FILE, 0o600)
    with pytest.raises(CacheError, match="is not what it should be"):
        cache.load(KEY)


def test_what_a_dead_process_left_half_written_is_removed(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored())
    left, new = (tmp_path / "cache" / f"{FILE}.{end}" for end in ("0a", "0b"))
    for path in (left, new):
        path.touch(0o600)
    os.utime(left, (1, 1))
    cache.store(KEY, stored())
    assert not left.exists()
    assert new.exists(), "somebody may be writing it"


def test_where_there_are_no_owners_it_does_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, which has no descriptors of directories either."""
    from genlogs_ext import file_cache

    monkeypatch.setattr(file_cache, "_IS_POSIX", False)
    cache = FileCache(tmp_path / "cache")
    with cache.lock(KEY, 1):
        cache.store(KEY, stored("old"))
        cache.store(KEY, stored("new"))
    found = cache.load(KEY)
    assert found is not None
    assert found.response["access_token_data"]["token"] == "new"
    assert cache.load("1" * 64) is None


@pytest.mark.parametrize("cleaning_fails", [False, True])
def test_a_full_disk_leaves_no_half_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cleaning_fails: bool
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored("old"))
    with monkeypatch.context() as patch:
        patch.setattr(json, "dump", full)
        if cleaning_fails:
            patch.setattr(Path, "unlink", full)
        with pytest.raises(CacheError, match="No space left"):
            cache.store(KEY, stored("new"))
    found = cache.load(KEY)
    assert found is not None
    assert found.response["access_token_data"]["token"] == "old"
    left = [path.name for path in (tmp_path / "cache").iterdir()]
    assert (left == [FILE]) != cleaning_fails


def test_machines_that_share_a_home_do_not_share_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = FileCache(tmp_path / "cache")
    cache.store(KEY, stored())
    with monkeypatch.context() as patch:
        patch.setattr("platform.node", lambda: "another")
        assert cache.load(KEY) is None
    assert cache.load(KEY) is not None


def test_a_reader_never_sees_half_a_token(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    long = {n: stored(str(n) * 200_000) for n in range(10)}
    cache.store(KEY, long[0])
    done = threading.Event()

    def write() -> None:
        for _ in range(10):
            for token in long.values():
                cache.store(KEY, token)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while not done.is_set():
        found = cache.load(KEY)
        assert found is not None
        value = found.response["access_token_data"]["token"]
        assert len(value) == 200_000
        assert len(set(value)) == 1
        seen += 1
    writer.join()
    assert seen > 3
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [FILE]
