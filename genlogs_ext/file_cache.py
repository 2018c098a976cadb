"""FileCache: one token for all processes of a user on a machine."""

import contextlib
import functools
import hashlib
import json
import os
import platform
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from genlogs_ext import _clock
from genlogs_ext.cache import StoredToken
from genlogs_ext.errors import CacheBusyError, CacheError

__all__ = ["FileCache"]

# Windows has neither; there the user's profile keeps others out.
_IS_POSIX = os.name == "posix"
_DIRECTORY = getattr(os, "O_DIRECTORY", 0)
_LEFT_BEHIND = 60.0  # seconds after which a file is not being written any more
# Nor does a pipe that somebody put there make us wait.
_NO_LINK = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


class FileCache:
    """One token for all processes of a user on this machine that have the same credentials.

    A token is a file that its owner alone can read, in a directory that its owner alone
    can enter. Directories and files that belong to somebody else, are links, or can be
    read by others are refused with a CacheError. Files are replaced in one step; one
    that is broken counts as none. How long a token lives is counted on a clock that all
    processes share and nobody sets; it begins anew with each boot, and so do the tokens.

    Needs filelock and platformdirs: `pip install 'genlogs-ext[file-cache]'`.

    Args:
        directory: Where the files go. Default: `genlogs-ext` in the user's cache
            directory, as platformdirs knows it. It is made if there is none.

    Raises:
        ImportError: filelock or platformdirs is missing.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        try:
            import filelock
            import platformdirs
        except ImportError as error:
            raise ImportError(
                f"FileCache needs {error.name}: pip install 'genlogs-ext[file-cache]'"
            ) from error
        self._make_lock = functools.partial(
            filelock.FileLock, mode=0o600, thread_local=False
        )
        self._locked_out = filelock.Timeout
        self.directory = Path(directory or platformdirs.user_cache_path("genlogs-ext"))

    def __repr__(self) -> str:
        return f"FileCache({str(self.directory)!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return FileCache, (self.directory,)

    def load(self, key: str, /) -> StoredToken | None:
        """See `TokenCache`."""
        with self._opened() as directory:
            try:
                file = self._open(directory, _name(key), os.O_RDONLY)
            except FileNotFoundError:
                return None
            with os.fdopen(file, encoding="utf-8", errors="replace") as opened:
                return _parse(opened.read())

    def store(self, key: str, token: StoredToken, /) -> None:
        """See `TokenCache`."""
        content = {
            **token.to_json(),
            "boot": _boot(),
            "end": _clock.now() + token.expires_in,
        }
        name = f"{_name(key)}.{secrets.token_hex(8)}"
        with self._opened() as directory:
            self._sweep(key)
            file = self._open(directory, name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                with os.fdopen(file, "w", encoding="utf-8") as opened:
                    json.dump(content, opened)
                self._rename(directory, name, _name(key))
            except BaseException:
                with contextlib.suppress(OSError):
                    (self.directory / name).unlink()
                raise

    def _sweep(self, key: str) -> None:
        """Remove what a process left that died while it was writing."""
        for path in self.directory.glob(f"{_name(key)}.*[0-9a-f]"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEFT_BEHIND:
                    path.unlink()

    @contextlib.contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[None]:
        """See `TokenCache`. The system frees the lock of a process that dies."""
        with self._opened():
            lock = self._make_lock(self.directory / f"{_name(key)}.lock", timeout)
            try:
                lock.acquire()
            except self._locked_out:
                raise CacheBusyError(
                    f"another process has been making a token for {timeout:.1f} s"
                ) from None
        try:
            yield
        finally:
            lock.release()

    # Tokens are read and written by the descriptor of a directory that was checked, so
    # that nobody can put another in its place meanwhile. The lock is one of good manners.

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int | None]:
        """The directory's descriptor; what the system refuses inside is a CacheError."""
        with _as_cache_error():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _IS_POSIX:
                yield None
                return
            directory = os.open(self.directory, os.O_RDONLY | _DIRECTORY | _NO_LINK)
            try:
                _check_private(os.fstat(directory), stat.S_ISDIR, self.directory)
                yield directory
            finally:
                os.close(directory)

    def _open(self, directory: int | None, name: str, flags: int) -> int:
        """The descriptor of a file that is ours alone."""
        path = self.directory / name
        try:
            if directory is None:
                return os.open(path, flags, 0o600)
            file = os.open(name, flags | _NO_LINK, 0o600, dir_fd=directory)
        except OSError as error:
            error.filename = str(path)
            raise
        try:
            _check_private(os.fstat(file), stat.S_ISREG, path)
        except BaseException:
            os.close(file)
            raise
        return file

    def _rename(self, directory: int | None, old: str, new: str) -> None:
        if directory is None:
            (self.directory / old).replace(self.directory / new)
        else:
            os.replace(old, new, src_dir_fd=directory, dst_dir_fd=directory)


def _name(key: str) -> str:
    """A file's name: machines that share a home do not share a clock."""
    machine = hashlib.sha256(platform.node().encode()).hexdigest()
    return f"{key[:32]}-{machine[:8]}.json"


@contextlib.contextmanager
def _as_cache_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheError(str(error)) from error


def _check_private(found: os.stat_result, is_kind: Any, path: Path) -> None:
    """Refuse what others could have made, or could read."""
    if not is_kind(found.st_mode):
        _refuse(path, "is not what it should be")
    if found.st_uid != os.geteuid():
        _refuse(path, "belongs to somebody else")
    if found.st_mode & 0o077:
        _refuse(path, "is open to others: chmod go= it")


def _refuse(path: Path, reason: str) -> NoReturn:
    raise CacheError(f"{path} {reason}")


def _parse(text: str) -> StoredToken | None:
    """Read a file's content; what is broken, of another boot or expired is nothing."""
    try:
        content = json.loads(text)
        if _is_this(content["boot"]):
            return StoredToken.from_json(content, content["end"] - _clock.now())
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        pass
    return None


def _boot() -> str | float:
    """What tells the clock's beginning: the boot's id, or else about when it was."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return time.time() - _clock.now()


def _is_this(boot: str | float) -> bool:
    here = _boot()
    if isinstance(here, str) or isinstance(boot, str):
        return here == boot
    return abs(here - boot) < 60.0  # the time of day may have been corrected
