"""Where benchmarks run: processors, servers, environments, the C program."""

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.servers import ANSWER, Nginx, nginx

HERE = Path(__file__).parent
KIB = 1024
SIZES = (1 * KIB, 16 * KIB, 256 * KIB, 1024 * KIB)

CREDENTIALS = {
    "GENLOGS_EMAIL": "ada@example.com",
    "GENLOGS_PASSWORD": "1234+",
    "GENLOGS_API_KEY": "stub-api-key",
}
QUERY = "email=ada%40example.com&password=1234%2B"

# What a user installs to get each module.
PACKAGES = {
    "genlogs_ext": "",  # our wheel
    "pycurl": "pycurl",
    "http.client": "",  # of the standard library
    "urllib3": "urllib3",
    "requests": "requests",
    "httpx": "httpx",
    "aiohttp": "aiohttp",
    "curl_cffi": "curl_cffi",
}


def processors() -> tuple[int, int]:
    """Two that may be used, for the one who asks and for the server; maybe the same."""
    if not hasattr(os, "sched_getaffinity"):
        return 0, 0
    mine = sorted(os.sched_getaffinity(0))
    return mine[0], mine[-1]


@contextmanager
def run_on(processor: int) -> Iterator[None]:
    """Let this process, and those that it starts, run there alone; where that works."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def answer(size: int) -> str:
    """A token response of a number of bytes."""
    head = (
        '{"access_token_data": {"token": "nginx-token",'
        ' "expires": "2026-11-24T12:00:00.000000+00:00"}, "user_id": "7", "notes": ['
    )
    piece = '{"id": 12345, "name": "a\\u00e9 name", "on": true}, '
    tail = '""]}'
    pieces, rest = divmod(size - len(head) - len(tail), len(piece))
    return head + piece * pieces + tail.replace('""', f'"{"x" * rest}"')


@dataclass
class Place:
    """What a question needs to be answered.

    Attributes:
        directory: Of this run, for servers.
        installed: Where environments of peers are kept from run to run.
        wheel: Ours.
        quick: Whether to try the way only: few rounds, which say little.
    """

    directory: Path
    installed: Path
    wheel: Path
    quick: bool

    def rounds(self, number: int) -> int:
        """How many there are instead of so many."""
        return 2 if self.quick else number

    @contextmanager
    def server(self, scheme: str, *, on: int | None = None) -> Iterator[Nginx]:
        """An nginx, on a processor; its paths /after-20, /after-50 and /1024 serve too."""
        directory = self.directory / f"nginx-{len(list(self.directory.iterdir()))}"
        directory.mkdir()
        locations = [
            f"location = /after-{wait}/auth/token {{ default_type application/json;"
            f" echo_sleep {wait / 1000}; echo -n '{ANSWER}'; }}"
            for wait in (20, 50)
        ]
        locations.append(f"root {directory};")
        for size in SIZES:
            (directory / f"{size}.json").write_text(answer(size))
            # A file is for GET; as the page of an error it answers a POST as well.
            locations.append(
                f"location = /{size}/auth/token"
                f" {{ error_page 405 =200 /{size}.json; return 405; }}"
            )
        with ExitStack() as stack:
            with run_on(processors()[1] if on is None else on):
                server = stack.enter_context(
                    nginx(
                        directory,
                        listen="ssl" if scheme == "https" else "",
                        locations="\n".join(locations),
                        modules=("ngx_http_echo_module",),
                    )
                )
            yield server

    @cached_property
    def limit(self) -> Path:
        """The C program."""
        return build_limit(self.installed, Path("build/bundle").resolve())

    @cached_property
    def pythons(self) -> dict[str, Path]:
        """By module, the Python of an environment that has it and nothing else."""
        return {name: self._python(name, package) for name, package in PACKAGES.items()}

    def _python(self, name: str, package: str) -> Path:
        directory = self.installed / name
        python = directory / "bin" / "python"
        if not python.exists():
            print(f"==> An environment for {name}", file=sys.stderr)
            venv.create(directory, with_pip=True)
        if name == "genlogs_ext":
            package = str(self.wheel)
        stamp = directory / "installed"
        wanted = f"{package} {self.wheel.stat().st_mtime if name == 'genlogs_ext' else ''}"
        if package and not (stamp.exists() and stamp.read_text() == wanted):
            pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
            again = ["--force-reinstall"] if name == "genlogs_ext" else []
            subprocess.run([*pip, "install", *again, package], check=True)
            subprocess.run(
                [python, "-m", "compileall", "-q", directory / "lib"], check=False
            )
            stamp.write_text(wanted)
        return python


def script(name: str) -> Path:
    """The program that gets one token by a module."""
    return HERE / "peers" / f"with_{name.replace('.', '_')}.py"


def build_limit(directory: Path, bundle: Path | None = None) -> Path:
    """Compile the C program, with the libcurl of this machine or of the wheel."""
    program = directory / "limit"
    query = ["pkg-config", "--cflags", "--libs", "libcurl"]
    environment = dict(os.environ)
    if bundle is not None:
        query.append("--static")
        environment["PKG_CONFIG_PATH"] = str(bundle / "lib" / "pkgconfig")
    flags = subprocess.run(
        query, capture_output=True, text=True, check=True, env=environment
    ).stdout.split()
    source = HERE / "limit.c"
    subprocess.run(["gcc", "-std=c11", "-O2", source, "-o", program, *flags], check=True)
    return program
