"""What it costs to import and to keep: the wheel beside its peers, in one run.

`make bench-import` runs it. Each is installed into an environment of its own, so that
its size is that of all it brings; processes that import one and nothing else run in turn,
and the medians are what an import adds to a bare Python.
"""

import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

PEERS = {
    "genlogs_ext": "genlogs-ext",
    "pycurl": "pycurl",
    "curl_cffi": "curl_cffi",
    "requests": "requests",
    "httpx": "httpx",
}
ROUNDS = 21


def install(package: str, directory: Path) -> Path:
    """An environment with a package; returns its Python."""
    python = directory / "bin" / "python"
    if not python.exists():
        venv.create(directory, with_pip=True)
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", package], check=True)
        subprocess.run([python, "-m", "compileall", "-q", directory / "lib"], check=False)
    return python


def size(directory: Path) -> float:
    """MB of all that an environment has beyond pip, caches of bytecode left out."""
    return (
        sum(
            path.stat().st_size
            for path in directory.glob("lib/python*/site-packages/**/*")
            if path.is_file()
            and path.suffix != ".pyc"
            and not path.relative_to(directory).parts[3].startswith(("pip", "setuptools"))
        )
        / 1e6
    )


def seconds(python: Path, code: str) -> float:
    """How long a process takes."""
    started = time.perf_counter()
    subprocess.run([python, "-I", "-c", code], check=True)
    return time.perf_counter() - started


def main() -> None:
    """Install, measure in turn, print."""
    root = Path(sys.argv[1])
    (wheel,) = Path(sys.argv[2]).glob("*.whl")
    pythons = {
        name: install(str(wheel) if name == "genlogs_ext" else package, root / name)
        for name, package in PEERS.items()
    }
    costs: dict[str, list[float]] = {name: [] for name in pythons}
    for _ in range(ROUNDS):
        for name, python in pythons.items():
            bare = seconds(python, "pass")
            costs[name].append(seconds(python, f"import {name}") - bare)
    ours = statistics.median(costs["genlogs_ext"])
    print(f"\nImport over a bare Python; genlogs_ext is 1 (there {ours * 1e3:.1f} ms)\n")
    print(f"{'':16}{'ratio':>8}{'spread':>16}{'MB':>8}")
    for name in pythons:
        ratios = sorted(cost / ours for cost in costs[name])
        spread = f"{ratios[3]:.2f} to {ratios[-4]:.2f}"
        megabytes = size(root / name)
        print(f"{name:16}{statistics.median(ratios):>8.2f}{spread:>16}{megabytes:>8.1f}")


if __name__ == "__main__":
    main()
