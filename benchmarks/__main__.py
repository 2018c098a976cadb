"""`make bench`: ask all questions, or those that are named, and write the answers down.

    python -m benchmarks [--quick] [--wheel FILE] [--out DIR] [question ...]

Prints a table for each, writes results.json and a chart for each into DIR; answers to
questions that are not asked again stay what they were there.
"""

import argparse
import importlib
import json
import os
import platform
import shutil
import sys
import tempfile
import zipfile
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.place import CREDENTIALS, Place, processors
from benchmarks.table import Table

# Modules and functions, imported when the wheel's genlogs_ext is in its place.
QUESTIONS = {
    "kept": ("calls", "kept"),
    "plain": ("calls", "plain"),
    "import": ("starts", "imports"),
    "process": ("starts", "processes"),
    "threads": ("crowds", "threads"),
    "concurrent": ("crowds", "concurrent"),
    "sizes": ("calls", "sizes"),
    "token": ("kept_token", "kept_token"),
    "memory": ("memory", "memory"),
}


def ask(name: str, place: Place) -> list[Table]:
    """Answer a question."""
    module, function = QUESTIONS[name]
    question = getattr(importlib.import_module(f"benchmarks.{module}"), function)
    tables: list[Table] = question(place)
    return tables


def use(wheel: Path, directory: Path) -> None:
    """Let `import genlogs_ext` find what users install, not what lies in this clone."""
    shutil.rmtree(directory, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory)
    sys.path.insert(0, str(directory))


def machine() -> dict[str, str]:
    """What the figures depend on."""
    from genlogs_ext._core import libcurl

    model = platform.machine()
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        lines = cpuinfo.read_text().splitlines()
        named = [line for line in lines if line.startswith("model name")]
        model = named[0].partition(":")[2].strip() if named else model
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "processors": f"{len(set(processors()))} of {model}",
        "python": platform.python_version(),
        "libcurl": libcurl,
        "system": platform.system(),
    }


def main() -> int:
    """Run; a goal that is missed is no failure, since machines differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("questions", nargs="*", help=", ".join(QUESTIONS))
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--wheel", type=Path, help="ours; default: the one in dist")
    parser.add_argument("--quick", action="store_true", help="few rounds: a try")
    arguments = parser.parse_args()
    if unknown := set(arguments.questions) - set(QUESTIONS):
        parser.error(
            f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(QUESTIONS)}"
        )
    wheel = arguments.wheel or max(Path("dist").glob("*.whl"), default=None)
    if wheel is None:
        parser.error("there is no wheel in dist: run make wheel")
    os.environ.update(CREDENTIALS)
    installed = Path("build/bench-peers").resolve()
    installed.mkdir(parents=True, exist_ok=True)
    use(wheel, installed / "wheel")
    arguments.out.mkdir(parents=True, exist_ok=True)
    results = arguments.out / "results.json"
    tables = {}
    if results.exists():
        tables = json.loads(results.read_text())["tables"]
    for name in arguments.questions or QUESTIONS:
        with tempfile.TemporaryDirectory() as directory:
            place = Place(Path(directory), installed, wheel, arguments.quick)
            for table in ask(name, place):
                print(table.text(), flush=True)
                table.chart(arguments.out / f"{table.key}.svg")
                tables[table.key] = table.as_json()
        document = {"machine": machine(), "tables": tables}
        results.write_text(json.dumps(document, indent=1) + "\n")
    missed = [
        f"{key}: {goal}"
        for key, table in tables.items()
        for goal in Table.from_json(table).goals
        if not goal.met
    ]
    print("\n".join(["Missed goals:", *missed] if missed else ["Every goal is met."]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
