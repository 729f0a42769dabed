"""Waits for conditions."""

import time
from collections.abc import Callable
from typing import Final

PATIENCE_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.02


def until(what: str, holds: Callable[[], bool], within: float = PATIENCE_SECONDS) -> float:
    """Wait until a condition holds; return the seconds that it took.

    Raises:
        AssertionError: it does not hold in time.
    """
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < within, f"{what}: not within {within:g} s"
        time.sleep(_PAUSE_SECONDS)
    return time.monotonic() - begun
