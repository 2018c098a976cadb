"""The command genlogs-token, in pipes and on a terminal, where others run, too."""

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

EMAIL, PASSWORD, API_KEY = "ada@example.com", "correct horse+battery", "key-4f1d9a"
COMMAND = [sys.executable, "-m", "genlogs_ext"]

# A keyring of the tests' own: keyring itself is the real one.
BACKEND = """
import json, os, pathlib
import keyring.backend, keyring.errors

class Keyring(keyring.backend.KeyringBackend):
    priority = 1
    path = pathlib.Path(os.environ["FAKE_KEYRING"])

    def _all(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def get_password(self, service, name):
        return self._all().get(service + " " + name)

    def set_password(self, service, name, password):
        self.path.write_text(json.dumps({**self._all(), service + " " + name: password}))

    def delete_password(self, service, name):
        left = self._all()
        del left[service + " " + name]
        self.path.write_text(json.dumps(left))

class Locked(Keyring):
    def get_password(self, service, name):
        raise keyring.errors.KeyringLocked("correct horse+battery")

class Swallowing(Keyring):
    def set_password(self, service, name, password):
        pass
"""


def set_keyring(monkeypatch: pytest.MonkeyPatch, directory: Path) -> Path:
    """Let processes that are started keep credentials in a file of this directory."""
    (directory / "fake_keyring.py").write_text(BACKEND)
    monkeypatch.setenv("PYTHONPATH", str(directory))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "fake_keyring.Keyring")
    monkeypatch.setenv("FAKE_KEYRING", str(directory / "keyring.json"))
    return directory / "keyring.json"


# What gives a child the terminal that its standard input is.
LAUNCHER = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run the command in pipes."""
    done = subprocess.run(
        [*COMMAND, *arguments], input=stdin, capture_output=True, timeout=40, check=False
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def refusal(done: subprocess.CompletedProcess[str], status: int) -> str:
    """The one line of an error, which shows no secret."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert re.fullmatch(r"genlogs-token: [^\n]+\n", done.stderr), done.stderr
    assert done.stderr.rstrip("\n").isprintable()
    for secret in (PASSWORD, API_KEY, "stub-access-"):
        assert secret not in done.stderr
    return done.stderr


class Terminal:
    """A command on a terminal, its standard output in a pipe, as in $(genlogs-token)."""

    def __init__(self, *command: str) -> None:
        self._master, slave = pty.openpty()
        self.seen = ""
        self._process = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, *command],
            stdin=slave, stdout=subprocess.PIPE, stderr=slave,
        )  # fmt: skip
        self._slave = slave

    def answer(self, prompt: str, text: str | bytes) -> None:
        """Wait for a prompt, then type."""
        self._read_until(lambda: self.seen.endswith(prompt))
        os.write(self._master, text.encode() if isinstance(text, str) else text)

    def is_echoing(self) -> bool:
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def end(self) -> tuple[int, str]:
        """The exit status, and what was written to standard output."""
        output, _ = self._process.communicate(timeout=20)
        self._read_until(lambda: not select.select([self._master], [], [], 0.05)[0])
        return self._process.returncode, output.decode()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        os.close(self._master)
        os.close(self._slave)

    def _read_until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end, self.seen
            if select.select([self._master], [], [], 0.1)[0]:
                self.seen += (
                    os.read(self._master, 4096)
                    .decode(errors="replace")
                    .replace("\r\n", "\n")
                )


@contextmanager
def terminal(*arguments: str, command: Sequence[str] = COMMAND) -> Iterator[Terminal]:
    opened = Terminal(*command, *arguments)
    try:
        yield opened
    finally:
        opened.close()
