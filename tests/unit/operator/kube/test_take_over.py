"""How long it takes until another replica holds the lease, in a time that passes at once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from tests.unit.operator.kube.test_election import Leases, Object
from tflite_operator.kube.election import Election
from tflite_operator.kube.fence import Fence
from tflite_operator.kube.lease import Lease
from tflite_operator.settings import Settings

TERMS = Settings(converter_image="x", leader_election=True, lease_namespace="system").lease_terms
WITHIN_SECONDS = 20
"""What docs/operations.md promises."""


class Hasty(asyncio.SelectorEventLoop):
    """An event loop that never waits: its clock jumps to whatever is due next. For code without real connections."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._selector.select = self._jump  # type: ignore[attr-defined] # asyncio has no public place for this

    def time(self) -> float:
        return self.now

    def _jump(self, seconds: float | None) -> list[object]:
        assert seconds is not None, "nothing is due: this would wait for ever"
        self.now += seconds
        return []


class Link(Leases):
    """One replica's way to the Lease that all share."""

    def __init__(self, shared: Leases, before: Callable[[str], Awaitable[None]]) -> None:
        super().__init__()
        self.shared = shared
        self.passes = before

    async def lease(self, namespace: str, name: str) -> Object:
        await self.passes("read")
        return await self.shared.lease(namespace, name)

    async def create_lease(self, namespace: str, name: str, lease: Object) -> Object:
        await self.passes("write")
        return await self.shared.create_lease(namespace, name, lease)

    async def replace_lease(self, namespace: str, name: str, lease: Object) -> Object:
        await self.passes("write")
        return await self.shared.replace_lease(namespace, name, lease)


def seconds_to_take_over(cut: float, answers_after: float, lost: int | None = None) -> float:
    """Play a holder that is cut off, and give the seconds from its last renewal to the next one's acquisition.

    Args:
        cut: when the holder is cut off, in seconds from its first renewal.
        answers_after: the seconds that every request takes.
        lost: which of the other's requests after that is never answered.
    """
    loop = Hasty()
    shared = Leases()
    assert TERMS is not None

    async def of_holder(_: str) -> None:
        await asyncio.sleep(answers_after if loop.now < cut else 3600)

    asked = 0

    async def of_other(_: str) -> None:
        nonlocal asked
        asked += loop.now >= cut
        await asyncio.sleep(3600 if asked == lost else answers_after)

    def election(name: str, passes: Callable[[str], Awaitable[None]]) -> Election:
        clocks = (loop.time, lambda: datetime.fromtimestamp(loop.now, UTC))
        return Election(Link(shared, passes), Fence(TERMS, loop.time), TERMS, ("system", "l"), name, clocks)

    async def play() -> float:
        holder, other, stop = election("holder", of_holder), election("other", of_other), asyncio.Event()
        assert await holder.win(stop)
        keeping = asyncio.create_task(holder.keep())
        winning = asyncio.create_task(other.win(stop))
        await asyncio.sleep(max(cut - loop.now, 0))
        assert shared.holder == "holder", "slow answers cost it the lease"
        renewed = Lease.of(shared.stored or {}).renewed
        assert await winning
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        assert shared.stored is not None
        acquired = datetime.fromisoformat(shared.stored["spec"]["acquireTime"])
        return (acquired - datetime.fromisoformat(renewed)).total_seconds()

    try:
        return loop.run_until_complete(play())
    finally:
        loop.close()


CUTS = [40 + step / 7 for step in range(50)]
"""Over several renewals, in no step with them."""


@pytest.mark.parametrize("answers_after", [0.01, 0.5, 1.0, 1.5])
def test_another_takes_over_in_time_however_slow_the_answers_are(answers_after: float) -> None:
    took = [seconds_to_take_over(cut, answers_after) for cut in CUTS]
    assert max(took) < WITHIN_SECONDS


@pytest.mark.parametrize("lost", range(1, 16))
def test_another_takes_over_in_time_though_any_one_answer_is_lost(lost: int) -> None:
    took = [seconds_to_take_over(cut, 0.05, lost) for cut in CUTS]
    assert max(took) < WITHIN_SECONDS


def test_nobody_takes_over_before_the_holder_has_given_up() -> None:
    assert TERMS is not None
    took = [seconds_to_take_over(cut, answers_after) for cut in CUTS for answers_after in (0.01, 0.5, 1.5)]
    assert min(took) >= TERMS.duration
