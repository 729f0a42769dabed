"""The operator knows of the admission policies by two watches, and counts what it cannot see as not there."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta

from tests.unit.operator.builders import NOW, Object
from tflite_operator.core.fields import timestamp
from tflite_operator.kube.client import ADMISSION_POLICIES, Client, Page, Resource
from tflite_operator.kube.errors import RefusedError
from tflite_operator.observe.admission import JOBS_POLICY, POLICIES
from tflite_operator.reconcile.admission_watch import AdmissionWatch

Event = tuple[str, Object]

HOLDS = timedelta(seconds=30)


def rule(name: str, version: int) -> Object:
    """One object that serves as a policy and as a binding."""
    metadata = {"name": name, "resourceVersion": str(version), "creationTimestamp": timestamp(NOW)}
    return {"metadata": metadata, "spec": {"failurePolicy": "Fail", "validationActions": ["Deny"]}}


class Cluster(Client):
    """Holds the policies with their bindings, and a stranger's; tells of the former what a test lets happen."""

    def __init__(self, refused: bool = False) -> None:
        self.happens: asyncio.Queue[Event | Exception] = asyncio.Queue()
        self.refused = refused
        self.asked = 0

    async def page(self, resource: Resource, namespace: str, token: str) -> Page:
        self.asked += 1
        if self.refused:
            raise RefusedError("forbidden")
        return Page([rule(name, 3) for name in (*POLICIES, "somebody-else")], "10", "")

    async def watch(self, resource: Resource, namespace: str, version: str) -> AsyncGenerator[Event, None]:
        self.asked += 1
        while resource == ADMISSION_POLICIES:
            event = await self.happens.get()
            if isinstance(event, Exception):
                raise event
            yield event
        await asyncio.Event().wait()


async def until(watch: AdmissionWatch, expected: datetime | None) -> None:
    async with asyncio.timeout(5):
        while watch.guarded_since() != expected:  # noqa: ASYNC110 - nothing says when it is to be asked again
            await asyncio.sleep(0)


def watched(cluster: Cluster, *expected: tuple[Event | Exception | None, datetime | None]) -> None:
    """Let one thing happen after the other, and wait after each for what is known then."""

    async def run() -> None:
        watch = AdmissionWatch(cluster)
        assert watch.guarded_since() is None
        running = asyncio.create_task(watch.run())
        try:
            for event, known in expected:
                if event is not None:
                    cluster.happens.put_nowait(event)
                await until(watch, known)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())


def test_what_is_listed_is_known_and_nothing_is_asked_again() -> None:
    cluster = Cluster()
    watched(cluster, (None, NOW + HOLDS))
    assert cluster.asked == 4, "two lists and two watches"


def test_a_policy_that_goes_and_comes_back_is_noticed() -> None:
    watched(
        Cluster(),
        (None, NOW + HOLDS),
        (("DELETED", rule(JOBS_POLICY, 11)), None),
        (("ADDED", rule(JOBS_POLICY, 12)), NOW + HOLDS),
    )


def test_after_a_right_is_withdrawn_nothing_counts_as_there() -> None:
    cluster = Cluster()
    cluster.happens.put_nowait(("BOOKMARK", {"metadata": {"resourceVersion": "11"}}))

    async def run() -> None:
        watch = AdmissionWatch(cluster)
        running = asyncio.create_task(watch.run())
        await until(watch, NOW + HOLDS)
        cluster.refused = True
        cluster.happens.put_nowait(RefusedError("forbidden"))
        await until(watch, None)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())
