"""Locks that the kernel releases when their holder dies, however it dies."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.host.checkout import MACHINE_WIDE, Checkout
from dev.host.progress import say


@contextmanager
def held(path: Path, waiting_for: str) -> Iterator[None]:
    """Hold the lock of this file; if another process holds it, print what is waited for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Opened without truncating, never deleted: a deleted lock file would let two holders in.
    with path.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for {waiting_for}")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def of_checkout(checkout: Checkout) -> Iterator[None]:
    """Hold the lock that lets only one `up`, `down` or `clean` of a checkout run at a time."""
    name = f"{checkout.identity}.lock"
    with held(MACHINE_WIDE / name, f"another make up, down or clean in {checkout.root}"):
        yield


@contextmanager
def of_machine() -> Iterator[None]:
    """Hold the lock under which one checkout at a time chooses its addresses and removes leftovers."""
    with held(MACHINE_WIDE / "machine.lock", "another checkout that is choosing its addresses"):
        yield
