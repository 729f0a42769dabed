"""Conversions that wait for a reconcile: each at most once, none by two workers at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from tflite_api.json_log import with_fields
from tflite_operator.core.labels import Key
from tflite_operator.kube.errors import ClusterError
from tflite_operator.telemetry.log import LOGGER
from tflite_operator.telemetry.metrics import QUEUE_LENGTH

Handle = Callable[[Key], Awaitable[float | None]]
"""Reconciles a conversion; returns the seconds after which to do so again, or None."""

_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 60.0


class WorkQueue:
    """A queue of keys. While a key is handled it may be added again, and is handled once more afterwards."""

    def __init__(self) -> None:
        """Start empty."""
        # None wakes a worker that waits, so that it ends; it leaves another for the next one.
        self._ready: asyncio.Queue[Key | None] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._active: set[Key] = set()
        self._again: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._closed = False

    def add(self, key: Key) -> None:
        """Have a conversion reconciled as soon as possible."""
        if key in self._active:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)
            QUEUE_LENGTH.set(len(self._waiting))

    def add_within(self, key: Key, seconds: float) -> None:
        """Have a conversion reconciled after so long, or before if something else asks for it."""
        loop, known = asyncio.get_running_loop(), self._timers.get(key)
        when = loop.time() + seconds
        if known is None or when < known.when():
            self._forget_timer(key)
            self._timers[key] = loop.call_at(when, self._ring, key)

    def close(self) -> None:
        """Have the workers end once they have handled what they are at."""
        self._closed = True
        self._ready.put_nowait(None)

    async def work(self, handle: Handle) -> None:
        """Handle keys until the queue is closed; an error in one is logged and tried again, ever later."""
        while True:
            key = await self._ready.get()
            if key is None or self._closed:
                self._ready.put_nowait(None)
                return
            self._waiting.discard(key)
            QUEUE_LENGTH.set(len(self._waiting))
            self._active.add(key)
            self._forget_timer(key)
            try:
                await self._handle(handle, key)
            finally:
                self._active.discard(key)
            if key in self._again:
                self._again.discard(key)
                self.add(key)
            # A reconcile that asks the server nothing gives nobody a turn, and thousands in a row would cost the lease.
            await asyncio.sleep(0)

    async def _handle(self, handle: Handle, key: Key) -> None:
        try:
            again = await handle(key)
        except Exception as error:  # noqa: BLE001 - one conversion must not stop the others
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
            delay = min(_FIRST_DELAY * 2**failures, _LONGEST_DELAY)
            if isinstance(error, ClusterError):
                delay = max(delay, error.retry_after)
            LOGGER.error(
                "reconciling a conversion failed: %s: %s",
                type(error).__name__,
                error,
                exc_info=failures == 0,
                extra=with_fields(namespace=key[0], name=key[1], seconds=delay),
            )
            self.add_within(key, delay)
        else:
            self._failures.pop(key, None)
            if again is not None:
                self.add_within(key, again)

    def _ring(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _forget_timer(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
