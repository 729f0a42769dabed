"""Holds to a pace what nobody waits for, so that the API server is there for what somebody does."""

from collections.abc import Callable


class Pace:
    """Turns at a steady rate; those that nobody took are kept, up to a number."""

    def __init__(self, rate: float, at_once: int, seconds: Callable[[], float]) -> None:
        """Allow `rate` turns a second, and after a rest `at_once` of them in the same instant."""
        self._rate = rate
        self._at_once = at_once
        self._seconds = seconds
        self._left = float(at_once)
        """Turns that are free; below 0 as many are booked ahead."""
        self._counted = seconds()

    def book(self) -> float:
        """Take the next turn that is free; give the moment when it comes."""
        self._count()
        self._left -= 1
        return self._counted + max(-self._left, 0.0) / self._rate

    def take(self) -> bool:
        """Take a turn that is free at this moment; tell whether there was one."""
        self._count()
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def _count(self) -> None:
        now = self._seconds()
        self._left = min(self._left + (now - self._counted) * self._rate, float(self._at_once))
        self._counted = now
