"""A guard: how many instructions a call on a kept connection takes, as callgrind counts.

    python -m benchmarks.instructions [--record]

Seconds on shared machines say little; instructions are the same on every run. They are
counted as a ratio to the C program's, which has the same libcurl, so that another one
changes both; one before 8.1.0, whose easy handles are not used again, has a record of its
own. More than 5 % above the recorded ratio ends in an error. --record writes the
ratio down anew: for a change that is worth its price, and says so in its message.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.place import CREDENTIALS, QUERY, build_limit, script
from genlogs_ext._core import libcurl
from tests.servers import Nginx, nginx

RECORD = Path(__file__).with_name("instructions.json")
FEW, MANY = 50, 250
ALLOWED = 1.05

CALLS = """
import sys
sys.path.insert(0, sys.argv[1])
from with_genlogs_ext import kept
call = kept(sys.argv[2], sys.argv[3])
for _ in range(int(sys.argv[4])):
    call()
"""


def counted(command: list[str], directory: Path) -> int:
    """Instructions of a process."""
    report = directory / "callgrind"
    subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={report}", *command],
        check=True,
        capture_output=True,
        env={**os.environ, **CREDENTIALS, "PYTHONHASHSEED": "0"},
    )
    (total,) = [
        line.split()[1]
        for line in report.read_text().splitlines()
        if line.startswith("totals:")
    ]
    return int(total)


def per_call(command: list[str], directory: Path) -> float:
    """Instructions of one call: starts and first calls cancel out."""
    few, many = (counted([*command, str(calls)], directory) for calls in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def ratio(server: Nginx, program: Path, directory: Path) -> float:
    """Of create_token's to the C program's."""
    url = f"{server.base_url}/auth/token?{QUERY}"
    peers = str(script("genlogs_ext").parent)
    ours = [sys.executable, "-c", CALLS, peers, server.base_url, server.ca_file]
    limit = [str(program), url, server.ca_file]
    own = per_call(ours, directory)
    least = per_call(limit, directory)
    print(f"instructions: create_token {own:,.0f}, the C program {least:,.0f}")
    return own / least


def main() -> int:
    """Count, and compare with the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions")
    parser.add_argument("--record", action="store_true", help="write the ratio down anew")
    record = parser.parse_args().record
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with nginx(directory) as server:
            found = ratio(server, build_limit(directory), directory)
    ratios = json.loads(RECORD.read_text())
    version = tuple(map(int, libcurl.removeprefix("libcurl/").split()[0].split(".")))
    handles = "renewed" if version < (8, 1, 0) else "kept"
    if record:
        ratios[handles] = round(found, 3)
        RECORD.write_text(json.dumps(ratios) + "\n")
    most = ratios[handles] * ALLOWED
    print(f"ratio {found:.3f}, allowed {most:.3f}")
    if found > most:
        print("A call takes over 5 % more instructions: see benchmarks/instructions.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
