"""Progress for the user. All of it goes to stderr: stdout is for `env`."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dev.host import durations
from dev.host.checkout import Checkout


def say(message: str) -> None:
    """Print one line of progress."""
    print(f"dev: {message}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str, cold: str = "") -> Iterator[None]:
    """Print what begins and how long it took last time, and how long it took after it has succeeded.

    Args:
        what: is done.
        cold: how long it takes where nothing of it is there yet, in words.
    """
    checkout = Checkout.here()
    before = durations.last(checkout, what)
    expected = ([f"cold: {cold}"] if cold else []) + ([f"last time {durations.text(before)}"] if before else [])
    say(f"{what} ({', '.join(expected)}) ..." if expected else f"{what} ...")
    begin = time.monotonic()
    yield
    seconds = time.monotonic() - begin
    durations.record(checkout, what, seconds)
    say(f"{what}: {durations.text(seconds)}")
