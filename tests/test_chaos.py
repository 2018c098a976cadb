"""Some seconds of random faults. The long form: `make assure`."""

import asyncio
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

import genlogs_ext

from .chaos import MARGIN, PASSWORD, Report, random_fault

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(sys.platform != "linux", reason="forks with threads")
def test_calls_end_well_whatever_happens() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--seconds", "6"],
        capture_output=True, text=True, cwd=ROOT, timeout=55, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    rounds = re.search(r"(\d+) rounds", answer.stdout)
    assert rounds is not None
    assert int(rounds[1]) > 0
    assert "'token'" in answer.stdout


def test_a_seed_says_what_servers_do() -> None:
    first, second = random.Random(7), random.Random(7)  # noqa: S311 - no secret
    for _ in range(50):
        assert random_fault(first) == random_fault(second)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (genlogs_ext.TransportError(f"at {PASSWORD}"), 0.0),
        (RuntimeError(), 0.0),
        (None, 1.0 + MARGIN),
        (asyncio.CancelledError(), 1.0 + MARGIN),
    ],
)
def test_what_may_not_be_is_seen(error: BaseException | None, seconds: float) -> None:
    report = Report()
    report.take(error, seconds, 0.9)
    assert len(report.wrong) == 1
