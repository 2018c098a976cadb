"""Calls of every outcome leave nothing behind. The long form: `make assure`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .leaks import MOST_BYTES, MOST_REFERENCES, OUTCOMES, Level, differences

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_outcome_leaks() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "tests.leaks", "4000"],
        capture_output=True, text=True, cwd=ROOT, timeout=50, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    calls = re.search(r"(\d+) calls of (\d+) outcomes", answer.stdout)
    assert calls is not None
    assert int(calls[1]) >= 4000
    assert int(calls[2]) == len(OUTCOMES)


def test_growth_is_seen() -> None:
    level = Level(10 * MOST_BYTES, 10, 10, 1000)
    assert differences([level] * 5) == []
    grown = Level(12 * MOST_BYTES, 20, 20, 1000 + 2 * MOST_REFERENCES)
    assert len(differences([level, level, grown])) == 4
