"""Until when this process may write: what keeps one that was frozen, or cut off, from acting on what it once knew."""

import math
import time
from collections.abc import Callable

from tflite_operator.kube.lease import LeaseTerms

Clock = Callable[[], float]
"""Returns seconds since some fixed instant, and never goes back."""


class LeaseLostError(Exception):
    """The lease has run out, or is another's: this process may not write any more."""


def uptime() -> float:
    """Return the seconds since the machine started, those that it slept included."""
    # CLOCK_MONOTONIC stands still while Linux is suspended; the lease of a machine that sleeps goes on expiring.
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Fence:
    """Open while the lease is held for certain. Once it has closed it never opens again.

    The API server cannot know that a write comes from a process that lost its lease, so the process must. What it
    handed to the kernel, and the network did not take, is kept from arriving later by `kube/in_flight.py`. One that is
    stopped between the check and the write still sends that write: there it meets a resource version, a UID or the
    deterministic name of a Job.
    """

    def __init__(self, terms: LeaseTerms | None, clock: Clock = uptime) -> None:
        """Start closed until the lease is won; without terms there is no lease, and the fence is always open."""
        self._terms = terms
        self._clock = clock
        self._renewed = -math.inf if terms else math.inf
        self._closed = False

    def renewed(self, sent: float) -> None:
        """Count from when the request that renewed the lease was sent, in seconds on this fence's clock."""
        self._renewed = sent

    def seconds_left(self) -> float:
        """Return for how long writes may begin; 0 when they may not."""
        if self._terms is None:
            return math.inf
        left = self._renewed + self._terms.renew_deadline - self._clock()
        self._closed = self._closed or (left <= 0 and self._renewed > -math.inf)
        return 0.0 if self._closed else max(left, 0.0)

    def write_seconds(self) -> float:
        """Return how long a write that begins now may take: no longer than others leave the lease alone.

        Raises:
            LeaseLostError: none may begin.
        """
        left = self.seconds_left()
        if not left:
            raise LeaseLostError("the lease was not renewed in time")
        return left if self._terms is None else left + self._terms.grace
