"""Threads that do not keep a program from ending."""

import threading
from collections.abc import Callable


def start(work: Callable[[], object], name: str) -> None:
    """Do the work in a thread of its own.

    Args:
        work: What to do.
        name: Of the thread.

    Raises:
        RuntimeError: No thread is to be had.
    """
    try:
        thread = threading.Thread(target=work, name=name, daemon=True)
    except RuntimeError:  # an isolated sub-interpreter has no daemon threads
        thread = threading.Thread(target=work, name=name)
    thread.start()
