"""What starts cost: an import, a whole process, and what an installation takes."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.place import CREDENTIALS, Place, processors, run_on, script
from benchmarks.table import Column, Table

ROUNDS = 9
RUNS = 10
OURS = "genlogs_ext, the wheel"
BARE = "python -c pass"


def seconds(commands: dict[str, list[str]], place: Place) -> list[dict[str, float]]:
    """Round by round, how long processes take; hyperfine runs them in turn."""
    report = place.directory / "hyperfine.json"
    runs = str(place.rounds(RUNS))
    rounds = []
    for _ in range(place.rounds(ROUNDS)):
        costs = {}
        for name, command in commands.items():
            hyperfine = subprocess.run(
                ["hyperfine", "--shell=none", "--style=none", "--warmup=1",
                 "--runs", runs, "--export-json", report, quoted(command)],
                check=False,
                capture_output=True,
                text=True,
                env={**os.environ, **CREDENTIALS},
            )  # fmt: skip
            if hyperfine.returncode != 0:  # its warnings of outliers are not shown
                sys.exit(hyperfine.stderr)
            (result,) = json.loads(report.read_text())["results"]
            costs[name] = result["median"]
        rounds.append(costs)
    return rounds


def quoted(command: list[str]) -> str:
    """One string of a command, as hyperfine takes it."""
    return " ".join("'" + part.replace("'", "'\\''") + "'" for part in command)


def named(module: str) -> str:
    """A module's row."""
    return OURS if module == "genlogs_ext" else module


def imports(place: Place) -> list[Table]:
    """Import over a bare Python, and the size of what is installed."""
    table = Table(
        "import",
        "An import, over a bare Python",
        OURS,
        [Column("time", "s"), Column("time ", "ms", "absolute"),
         Column("installed", "MB", "absolute")],
    )  # fmt: skip
    commands = {}
    for module, python in place.pythons.items():
        commands[f"bare {module}"] = [str(python), "-I", "-c", "pass"]
        commands[module] = [str(python), "-I", "-c", f"import {module}"]
    with run_on(processors()[0]):
        for costs in seconds(commands, place):
            for module in place.pythons:
                cost = costs[module] - costs[f"bare {module}"]
                table.add(named(module), {"time": cost, "time ": cost * 1e3})
    for module, python in place.pythons.items():
        table.add(named(module), {"installed": megabytes(python.parents[1])})
    own = statistics.median(table.rows[OURS]["time "])
    table.goal(f"{OURS}, at most 5 ms", own, met=own <= 5)
    table.times_less(20, OURS, "time", than="requests")
    return [table]


def processes(place: Place) -> list[Table]:
    """A whole process: start, import, one call over HTTPS."""
    table = Table(
        "process",
        "A whole process over https: start, import, one call",
        BARE,
        [Column("time", "s"), Column("more", "ms", "absolute")],
    )
    with place.server("https") as server, run_on(processors()[0]):
        commands = {BARE: [str(place.pythons["genlogs_ext"]), "-I", "-c", "pass"]}
        for module, python in place.pythons.items():
            commands[named(module)] = [
                str(python), "-I", str(script(module)), server.base_url, server.ca_file,
            ]  # fmt: skip
        for costs in seconds(commands, place):
            for name, cost in costs.items():
                table.add(name, {"time": cost, "more": (cost - costs[BARE]) * 1e3})
    own = statistics.median(table.rows[OURS]["more"])
    table.goal(f"{OURS}, within 12 ms of {BARE}", own, met=own <= 12)
    peers = (name for name in table.rows if name not in (OURS, BARE))
    for name in peers:
        table.at_most(1, OURS, "time", than=name)
    return [table]


def megabytes(environment: Path) -> float:
    """Of all that an environment has beyond pip, caches of bytecode left out."""
    return (
        sum(
            path.stat().st_size
            for path in environment.glob("lib/python*/site-packages/**/*")
            if path.is_file()
            and path.suffix != ".pyc"
            and not path.relative_to(environment)
            .parts[3]
            .startswith(("pip", "setuptools", "pkg_resources", "_distutils_hack"))
        )
        / 1e6
    )
