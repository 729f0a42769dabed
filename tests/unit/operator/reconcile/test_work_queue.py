"""Each conversion is looked at once at a time, and again when something came in between."""

import asyncio
from collections.abc import Awaitable, Callable

from tflite_operator.core.labels import Key
from tflite_operator.reconcile.work_queue import WorkQueue

A, B = ("team", "a"), ("team", "b")


class Looks:
    """Looks at conversions; `act` says what a look does."""

    def __init__(self, act: Callable[["Looks", Key], Awaitable[float | None]]) -> None:
        self.done: list[Key] = []
        self.active: set[Key] = set()
        self.overlaps = 0
        self._act = act
        self._changed = asyncio.Event()

    async def handle(self, key: Key) -> float | None:
        # Not an assertion: the queue would take it for an error of the look, and try again.
        self.overlaps += key in self.active
        self.active.add(key)
        self._changed.set()
        try:
            return await self._act(self, key)
        finally:
            self.active.discard(key)
            self.done.append(key)
            self._changed.set()

    async def until(self, fact: Callable[[], bool]) -> None:
        while not fact():
            self._changed.clear()
            await self._changed.wait()


def run(looks: Looks, scenario: Callable[[WorkQueue], Awaitable[None]]) -> None:
    async def main() -> None:
        queue = WorkQueue()
        workers = [asyncio.create_task(queue.work(looks.handle)) for _ in range(3)]
        async with asyncio.timeout(5):
            await scenario(queue)
        assert not any(worker.done() for worker in workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    asyncio.run(main())
    assert looks.overlaps == 0


def test_many_wishes_become_one_look_and_none_is_lost() -> None:
    gate = asyncio.Event()

    async def wait(_: Looks, __: Key) -> None:
        await gate.wait()

    looks = Looks(wait)

    async def scenario(queue: WorkQueue) -> None:
        for _ in range(5):
            queue.add(A)
        queue.add(B)
        await looks.until(lambda: len(looks.active) == 2)
        for _ in range(5):
            queue.add(A)
        gate.set()
        await looks.until(lambda: looks.done.count(A) == 2)
        await asyncio.sleep(0.05)

    run(looks, scenario)
    assert sorted(looks.done) == [A, A, B]


def test_an_error_is_tried_again_and_stops_nobody() -> None:
    async def fail_once(looks: Looks, key: Key) -> None:
        if key == A and A not in looks.done:
            raise ValueError("broken")

    looks = Looks(fail_once)

    async def scenario(queue: WorkQueue) -> None:
        queue.add(A)
        queue.add(B)
        await looks.until(lambda: looks.done.count(A) == 2)

    run(looks, scenario)
    assert looks.done.count(B) == 1


def test_a_look_can_ask_for_the_next_and_a_wish_comes_before_it() -> None:
    async def thrice(looks: Looks, _: Key) -> float | None:
        return 0.02 if len(looks.done) < 2 else 60.0

    looks = Looks(thrice)

    async def scenario(queue: WorkQueue) -> None:
        queue.add(A)
        await looks.until(lambda: len(looks.done) == 3)
        queue.add(A)
        await looks.until(lambda: len(looks.done) == 4)

    run(looks, scenario)


def test_of_two_wishes_for_later_the_earlier_counts() -> None:
    async def at_once(_: Looks, __: Key) -> None:
        pass

    looks = Looks(at_once)

    async def scenario(queue: WorkQueue) -> None:
        for seconds in (60.0, 0.02, 60.0):
            queue.add_within(A, seconds)
        await looks.until(lambda: bool(looks.done))
        queue.add(B)
        queue.add_within(B, 0.01)
        await looks.until(lambda: B in looks.done)
        await asyncio.sleep(0.05)

    run(looks, scenario)
    assert looks.done == [A, B], "who waits for a look already needs no other"


def test_looks_that_never_wait_let_others_have_their_turn() -> None:
    """Else the lease would not be renewed while thousands of conversions at rest are looked at."""
    turns = 0

    async def nothing(_: Looks, __: Key) -> None:
        pass

    looks = Looks(nothing)

    async def scenario(queue: WorkQueue) -> None:
        nonlocal turns
        for number in range(300):
            queue.add(("team", f"at-rest-{number}"))
        while len(looks.done) < 300:
            await asyncio.sleep(0)
            turns += 1

    run(looks, scenario)
    assert turns >= 100


def test_a_closed_queue_ends_its_workers_after_what_they_are_at() -> None:
    gate, done = asyncio.Event(), []

    async def handle(key: Key) -> None:
        await gate.wait()
        done.append(key)

    async def main() -> None:
        queue = WorkQueue()
        workers = [asyncio.create_task(queue.work(handle)) for _ in range(3)]
        queue.add(A)
        queue.add(B)
        await asyncio.sleep(0)
        for number in range(5):
            queue.add(("team", f"later-{number}"))
        queue.close()
        queue.add(("team", "last"))
        gate.set()
        async with asyncio.timeout(5):
            await asyncio.gather(*workers)

    asyncio.run(main())
    # The third worker had not begun, or was at one of the later ones.
    assert {A, B} <= set(done)
    assert len(done) <= 3
