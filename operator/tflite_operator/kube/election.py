"""Wins the lease, keeps it, and gives it back.

Not `kubernetes.aio.leaderelection` (37.0): a connection that is refused ends its loop without a word to the leader, one
that keeps silent holds it up for 300 s while the leader works on, another's lease is only believed after the renew
deadline, it measures by the wall clock, and it never releases.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from tflite_operator.kube.client import Client, Object
from tflite_operator.kube.errors import ClusterError, ConflictError, NotFoundError
from tflite_operator.kube.fence import Clock, Fence, LeaseLostError, uptime
from tflite_operator.kube.lease import Lease, LeaseTerms, Sighting, held, released, sight
from tflite_operator.telemetry.log import LOGGER

_HELD_UP: Final = "this process was held up"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Election:
    """One candidate for one lease."""

    def __init__(
        self,
        client: Client,
        fence: Fence,
        terms: LeaseTerms,
        lease: tuple[str, str],
        identity: str,
        clocks: tuple[Clock, Callable[[], datetime]] = (uptime, _utc_now),
    ) -> None:
        """Take the lease's namespace and name, and an identity that no other process ever has.

        `clocks` are the fence's own, by which everything is measured, and the one that people read in the Lease.
        """
        self._client = client
        self._fence = fence
        self._terms = terms
        self._namespace, self._name = lease
        self._identity = identity
        self._clock, self._wall_clock = clocks
        self._sighting: Sighting | None = None
        self._written: Object = {}
        self._problem = ""

    @property
    def holder(self) -> str:
        """Who held the lease when it was last seen; empty for nobody."""
        return self._sighting.lease.holder if self._sighting is not None else ""

    @property
    def problem(self) -> str:
        """Why the last attempt could not tell who holds the lease; empty when it could."""
        return self._problem

    async def win(self, stop: asyncio.Event) -> bool:
        """Wait for the lease; False when `stop` was set before."""
        while not stop.is_set():
            if await self._attempt(self._terms.renew_deadline / 2):
                return True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._until_next_look())
        return False

    async def keep(self) -> None:
        """Renew the lease for ever.

        Raises:
            LeaseLostError: it could not be renewed in time, or is another's.
        """
        while True:
            await asyncio.sleep(min(self._terms.retry_period, self._fence.seconds_left()))
            # An answer that does not come leaves time for another attempt.
            seconds = min(self._left(), self._terms.renew_deadline / 2)
            if not await self._attempt(seconds) and not self._problem:
                raise LeaseLostError(f"{self.holder} holds the lease")
            self._left()

    async def release(self) -> None:
        """Return the lease back, so that the next one need not wait for its end."""
        try:
            async with asyncio.timeout(self._left()):
                found = await self._client.lease(self._namespace, self._name)
                if Lease.of(found).holder == self._identity:
                    lease = released(found, self._name, self._wall_clock())
                    await self._client.replace_lease(self._namespace, self._name, lease)
        except (ClusterError, LeaseLostError, TimeoutError) as error:
            LOGGER.warning("the lease was not released, the next one waits for its end: %s", error)

    def _until_next_look(self) -> float:
        """Return the seconds to wait: not past the end of the other's lease."""
        # Twice as often as the other renews: the lease runs from when its renewal was seen.
        pause = self._terms.retry_period / 2
        left = self._sighting.seconds_left(self._clock(), self._terms) if self._sighting is not None else 0.0
        return min(pause, left) if left > 0 else pause

    def _left(self) -> float:
        left = self._fence.seconds_left()
        if not left:
            raise LeaseLostError(f"the lease was not renewed in time: {self._problem or _HELD_UP}")
        return left

    async def _attempt(self, seconds: float) -> bool:
        """Take or renew the lease; False when it is another's, or when that is unknown, which `problem` tells."""
        began = self._clock()
        try:
            async with asyncio.timeout(seconds):
                taken = await self._take_or_renew()
        except (ClusterError, TimeoutError) as error:
            problem = str(error) or "the API server does not answer"
            # A process that is frozen while it waits for an answer finds out of its time when it goes on.
            if self._clock() - began > seconds + self._terms.retry_period:
                problem = _HELD_UP
            if problem != self._problem:
                LOGGER.warning("the lease %s/%s: %s", self._namespace, self._name, problem)
            self._problem = problem
            return False
        self._problem = ""
        return taken

    async def _take_or_renew(self) -> bool:
        sent = self._clock()
        # The holder knows what it wrote, and need not look: were that changed, its version would tell.
        known, self._written = self._written, {}
        found = known or await self._read()
        now = self._clock()
        self._sighting = sight(Lease.of(found), self._sighting, now)
        if self.holder != self._identity and self._sighting.seconds_left(now, self._terms) > 0:
            return False
        lease = held(found, self._name, self._identity, self._terms, self._wall_clock())
        write = self._client.replace_lease if found else self._client.create_lease
        try:
            self._written = await write(self._namespace, self._name, lease)
        except ConflictError as conflict:
            if known:
                return await self._take_or_renew()
            raise ConflictError(f"somebody else was faster: {conflict}") from conflict
        self._sighting = Sighting(Lease.of(lease), now)
        self._fence.renewed(sent)
        return True

    async def _read(self) -> Object:
        try:
            return await self._client.lease(self._namespace, self._name)
        except NotFoundError:
            return {}
