"""Seconds on a clock that nobody sets, and that goes on while the machine sleeps."""

import sys
import time
from collections.abc import Callable
from functools import partial


def _find() -> Callable[[], float]:
    if sys.platform == "linux":
        return partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        # Its CLOCK_MONOTONIC counts sleep; what time.monotonic() reads does not.
        return partial(time.clock_gettime, time.CLOCK_MONOTONIC)
    return time.monotonic  # on Windows it counts sleep


now = _find()
