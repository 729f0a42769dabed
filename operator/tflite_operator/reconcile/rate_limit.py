"""Rate-limits requests of low priority, so that the API server is there for those that somebody waits for."""

from collections.abc import Callable


class RateLimiter:
    """A token bucket."""

    def __init__(self, rate: float, burst: int, seconds: Callable[[], float]) -> None:
        """Allow `rate` requests a second, and after a rest `burst` of them at once; `seconds` is a monotonic clock."""
        self._rate = rate
        self._burst = burst
        self._seconds = seconds
        self._tokens = float(burst)
        """Below 0 as many are reserved ahead."""
        self._counted = seconds()

    def reserve(self) -> float:
        """Take the next token; return the moment when it is there."""
        self._count()
        self._tokens -= 1
        return self._counted + max(-self._tokens, 0.0) / self._rate

    def try_acquire(self) -> bool:
        """Take a token that is there now; return whether there was one."""
        self._count()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _count(self) -> None:
        now = self._seconds()
        self._tokens = min(self._tokens + (now - self._counted) * self._rate, float(self._burst))
        self._counted = now
