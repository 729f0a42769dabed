"""Two replicas and one Lease, against an API server in memory that can fail, keep silent and be too late."""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.operator.kube.test_fence import Hands
from tflite_operator.kube.client import Client
from tflite_operator.kube.election import Election
from tflite_operator.kube.errors import ClusterError, ConflictError, NotFoundError
from tflite_operator.kube.fence import Fence, LeaseLostError
from tflite_operator.kube.lease import Lease, LeaseTerms

Object = dict[str, Any]
TERMS = LeaseTerms(duration=15, renew_deadline=10, retry_period=0.002)
"""The clock of these tests stands still unless it is moved; only the pause between two looks is real."""


class Leases(Client):
    """Holds one Lease, with the resource version that makes the slower of two writers fail."""

    def __init__(self) -> None:
        self.stored: Object | None = None
        self.version = 0
        self.writes = 0
        self.before: Callable[[str], Awaitable[None]] | None = None

    @property
    def holder(self) -> str:
        return Lease.of(self.stored or {}).holder

    async def lease(self, namespace: str, name: str) -> Object:
        await self._asked("read")
        if self.stored is None:
            raise NotFoundError("no such lease")
        return copy.deepcopy(self.stored)

    async def create_lease(self, namespace: str, name: str, lease: Object) -> Object:
        await self._asked("write")
        if self.stored is not None:
            raise ConflictError("exists")
        return self._store(lease)

    async def replace_lease(self, namespace: str, name: str, lease: Object) -> Object:
        await self._asked("write")
        if self.stored is None:
            raise NotFoundError("no such lease")
        if lease["metadata"]["resourceVersion"] != self.stored["metadata"]["resourceVersion"]:
            raise ConflictError("changed")
        return self._store(lease)

    async def _asked(self, what: str) -> None:
        await asyncio.sleep(0)
        if self.before is not None:
            await self.before(what)

    def _store(self, lease: Object) -> Object:
        self.version += 1
        self.writes += 1
        self.stored = copy.deepcopy(lease)
        self.stored["metadata"]["resourceVersion"] = str(self.version)
        return copy.deepcopy(self.stored)


class Scene:
    """Two candidates; the time of all of them is moved by hand."""

    def __init__(self) -> None:
        self.server = Leases()
        self.clock = Hands()
        self.stop = asyncio.Event()
        self.fences = {name: Fence(TERMS, self.clock) for name in "ab"}
        clocks = (self.clock, lambda: datetime.fromtimestamp(self.clock.now, UTC))
        self.a, self.b = (Election(self.server, self.fences[n], TERMS, ("system", "l"), n, clocks) for n in "ab")


def play(scene: Callable[[Scene], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(5):
            await scene(Scene())

    asyncio.run(run())


async def until(fact: Callable[[], bool]) -> None:
    while not fact():  # noqa: ASYNC110 - facts of several parts, none of which tells
        await asyncio.sleep(0.001)


async def some_looks() -> None:
    await asyncio.sleep(TERMS.retry_period * 10)


def test_the_first_wins_and_the_second_waits_until_the_lease_has_run_out() -> None:
    async def scene(at: Scene) -> None:
        assert await at.a.win(at.stop)
        waiting = asyncio.create_task(at.b.win(at.stop))
        await until(lambda: at.b.holder == "a")
        at.clock.now += 14.9
        await some_looks()
        assert not waiting.done()
        at.clock.now += 0.1
        assert await waiting
        assert at.server.holder == "b"

    play(scene)


def test_of_two_that_see_a_free_lease_one_wins() -> None:
    async def scene(at: Scene) -> None:
        candidates = {asyncio.create_task(one.win(at.stop)) for one in (at.a, at.b)}
        won, lost = await asyncio.wait(candidates, return_when=asyncio.FIRST_COMPLETED)
        await some_looks()
        assert (len(won), len(lost)) == (1, 1)
        assert sum(fence.seconds_left() > 0 for fence in at.fences.values()) == 1
        at.stop.set()
        assert not await lost.pop()

    play(scene)


def test_a_holder_that_renews_is_never_replaced() -> None:
    async def scene(at: Scene) -> None:
        assert await at.a.win(at.stop)
        keeping = asyncio.create_task(at.a.keep())
        waiting = asyncio.create_task(at.b.win(at.stop))
        for _ in range(30):
            at.clock.now += 5
            writes = at.server.writes
            await until(lambda: at.server.writes >= writes + 2)  # noqa: B023 - used up before the next round
        assert not keeping.done()
        assert not waiting.done()
        keeping.cancel()
        at.stop.set()
        assert not await waiting

    play(scene)


def test_a_released_lease_is_taken_at_once() -> None:
    async def scene(at: Scene) -> None:
        assert await at.a.win(at.stop)
        waiting = asyncio.create_task(at.b.win(at.stop))
        await until(lambda: at.b.holder == "a")
        await at.a.release()
        assert await waiting
        assert at.clock.now == 1000

    play(scene)


def test_a_frozen_holder_wakes_up_and_writes_nothing() -> None:
    async def scene(at: Scene) -> None:
        assert await at.a.win(at.stop)
        # As SIGSTOP: the clock goes on, the process does not.
        at.clock.now += 16
        at.b._sighting = None
        waiting = asyncio.create_task(at.b.win(at.stop))
        await until(lambda: at.b.holder == "a")
        at.clock.now += 16
        assert await waiting
        writes = at.server.writes
        with pytest.raises(LeaseLostError, match="not renewed in time"):
            await at.a.keep()
        with pytest.raises(LeaseLostError):
            at.fences["a"].write_seconds()
        await at.a.release()
        assert (at.server.writes, at.server.holder) == (writes, "b")

    play(scene)


def test_a_frozen_holder_ends_even_where_nobody_took_its_lease() -> None:
    async def scene(at: Scene) -> None:
        assert await at.a.win(at.stop)
        at.clock.now += 10
        with pytest.raises(LeaseLostError):
            await at.a.keep()
        assert at.server.writes == 1

    play(scene)


@pytest.mark.parametrize("error", [TimeoutError(), ClusterError("the connection was closed")])
def test_a_holder_that_is_frozen_while_it_waits_for_an_answer_does_not_blame_the_server(error: Exception) -> None:
    async def scene(at: Scene) -> None:
        assert await at.a.win(at.stop)

        async def frozen(_: str) -> None:
            at.clock.now += 30
            raise error

        at.server.before = frozen
        with pytest.raises(LeaseLostError, match="not renewed in time: this process was held up"):
            await at.a.keep()

    play(scene)


def test_a_holder_that_sees_another_one_gives_up_at_once() -> None:
    async def scene(at: Scene) -> None:
        assert await at.a.win(at.stop)
        assert at.server.stored is not None
        at.server.stored["spec"]["holderIdentity"] = "b"
        at.server.stored["metadata"]["resourceVersion"] = "another"
        with pytest.raises(LeaseLostError, match="b holds the lease"):
            await at.a.keep()
        assert at.server.holder == "b"

    play(scene)


def test_a_holder_renews_without_a_look_unless_somebody_touched_the_lease() -> None:
    async def scene(at: Scene) -> None:
        asked: list[str] = []

        async def note(what: str) -> None:
            asked.append(what)

        assert await at.a.win(at.stop)
        at.server.before = note
        keeping = asyncio.create_task(at.a.keep())
        await until(lambda: len(asked) >= 3)
        assert set(asked) == {"write"}
        assert at.server.stored is not None
        at.server.stored["metadata"] |= {"resourceVersion": "another", "annotations": {"note": "by hand"}}
        writes = at.server.writes
        await until(lambda: at.server.writes >= writes + 2)
        assert asked.count("read") == 1
        assert at.server.stored["metadata"]["annotations"] == {"note": "by hand"}
        assert not keeping.done()
        keeping.cancel()

    play(scene)


@pytest.mark.parametrize("silent", [True, False], ids=["silent", "refusing"])
def test_a_holder_that_is_cut_off_gives_up_at_its_deadline(silent: bool) -> None:
    async def scene(at: Scene) -> None:
        assert await at.a.win(at.stop)

        async def cut(_: str) -> None:
            at.clock.now += 1
            if silent:
                raise TimeoutError
            raise ClusterError("connection refused")

        at.server.before = cut
        begun = at.clock.now
        with pytest.raises(LeaseLostError, match=r"not renewed in time: .*(answer|refused)"):
            await at.a.keep()
        assert at.clock.now - begun == TERMS.renew_deadline
        assert at.server.writes == 1

    play(scene)


def test_a_server_that_never_answers_does_not_hold_a_holder_up() -> None:
    terms = LeaseTerms(duration=0.6, renew_deadline=0.4, retry_period=0.01)

    async def scene(at: Scene) -> None:
        fence = Fence(terms)
        holder = Election(at.server, fence, terms, ("system", "l"), "a")
        assert await holder.win(at.stop)

        async def never(_: str) -> None:
            await asyncio.Event().wait()

        at.server.before = never
        with pytest.raises(LeaseLostError):
            await holder.keep()
        # Releasing it does not wait either.
        await holder.release()

    play(scene)


def test_an_answer_that_comes_late_does_not_lengthen_the_lease() -> None:
    async def scene(at: Scene) -> None:
        async def slow(_: str) -> None:
            at.clock.now += 2

        at.server.before = slow
        assert await at.a.win(at.stop)
        assert at.fences["a"].seconds_left() == TERMS.renew_deadline - 4

    play(scene)


def test_an_outage_shorter_than_the_deadline_costs_nothing() -> None:
    async def scene(at: Scene) -> None:
        assert await at.a.win(at.stop)
        keeping = asyncio.create_task(at.a.keep())
        failures = 0

        async def fail(_: str) -> None:
            nonlocal failures
            failures += 1
            at.clock.now += 1
            if failures < 9:
                raise ClusterError("HTTP 503")
            at.server.before = None

        at.server.before = fail
        await until(lambda: at.server.writes > 3 or keeping.done())
        assert not keeping.done()
        assert at.a.problem == ""
        keeping.cancel()

    play(scene)


def test_a_candidate_outlives_an_outage_and_says_why_it_cannot_tell() -> None:
    async def scene(at: Scene) -> None:
        async def fail(_: str) -> None:
            raise ClusterError("leases.coordination.k8s.io is forbidden")

        at.server.before = fail
        waiting = asyncio.create_task(at.b.win(at.stop))
        await until(lambda: "forbidden" in at.b.problem)
        at.server.before = None
        assert await waiting

    play(scene)


def test_a_lease_that_somebody_deleted_is_made_again_by_its_holder() -> None:
    async def scene(at: Scene) -> None:
        assert await at.a.win(at.stop)
        at.server.stored = None
        keeping = asyncio.create_task(at.a.keep())
        await until(lambda: at.server.holder == "a")
        keeping.cancel()

    play(scene)
