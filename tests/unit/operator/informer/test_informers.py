"""Work begins when all is known, and every event of a Job or a pod has its conversion reconciled."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.unit.operator.builders import (
    COMPLETE,
    RUNNING,
    Object,
    conversion,
    empty_caches,
    failed,
    job,
    pod,
    waiting,
)
from tflite_operator.core.labels import CONVERSION_LABEL, NAME_ANNOTATION, Key
from tflite_operator.informer.informers import Add, Informers
from tflite_operator.kube.client import CONVERSIONS, JOBS, PODS, Client, Page, Resource


class Server(Client):
    """Lists and watches as it is told, resource by resource."""

    def __init__(self, **lists: list[Object]) -> None:
        self.lists = lists
        self.may_list = {name: asyncio.Event() for name in ("jobs", "pods")}
        self.events: dict[str, asyncio.Queue[tuple[str, Object] | Exception]] = {
            name: asyncio.Queue() for name in self.may_list
        }
        self.scopes: set[tuple[str, str]] = set()

    @classmethod
    def ready(cls, **lists: list[Object]) -> "Server":
        """One that lists at once."""
        server = cls(**lists)
        for event in server.may_list.values():
            event.set()
        return server

    async def page(self, resource: Resource, namespace: str, token: str) -> Page:
        self.scopes.add((resource.name, namespace))
        await self.may_list[resource.name].wait()
        return Page(self.lists.get(resource.name, []), "10", "")

    async def watch(self, resource: Resource, namespace: str, version: str) -> AsyncGenerator[tuple[str, Object], None]:
        while True:
            event = await self.events[resource.name].get()
            if isinstance(event, Exception):
                raise event
            yield event


def nobody(_: Key) -> None:
    pass


def informers(server: Server, add: Add = nobody, add_later: Add = nobody, *namespaces: str) -> Informers:
    caches = empty_caches()
    return Informers(server, (caches.jobs, caches.pods), add, add_later, namespaces)


def test_jobs_and_pods_are_chosen_by_the_server() -> None:
    assert {one.selector for one in (JOBS, PODS)} == {CONVERSION_LABEL}
    assert CONVERSIONS.selector == ""


@pytest.mark.parametrize(("first", "last"), [("jobs", "pods"), ("pods", "jobs")])
def test_nothing_is_known_before_both_are_listed(first: str, last: str) -> None:
    async def scenario() -> None:
        server = Server()
        async with informers(server) as watching:
            known = asyncio.create_task(watching.synced())
            server.may_list[first].set()
            done, _ = await asyncio.wait([known], timeout=0.05)
            assert not done
            server.may_list[last].set()
            await asyncio.wait_for(known, 5)

    asyncio.run(scenario())


def test_every_event_has_its_conversion_reconciled_and_an_unchanged_object_does_not() -> None:
    owner = conversion()
    listed = job(owner, 1)
    made = job(owner, 2)
    made["metadata"]["resourceVersion"] = "11"
    runs = pod(made)
    runs["metadata"] |= {"resourceVersion": "12", "annotations": {NAME_ANNOTATION: owner["metadata"]["name"]}}
    added: asyncio.Queue[Key] = asyncio.Queue()
    key = (owner["metadata"]["namespace"], owner["metadata"]["name"])

    async def scenario() -> None:
        server = Server.ready(jobs=[listed])
        async with informers(server, added.put_nowait, added.put_nowait) as watching:
            await asyncio.wait_for(watching.synced(), 5)
            assert await asyncio.wait_for(added.get(), 5) == key
            for name, found in (("jobs", made), ("pods", runs)):
                server.events[name].put_nowait(("ADDED", found))
                assert await asyncio.wait_for(added.get(), 5) == key
            again = made | {"metadata": made["metadata"] | {"resourceVersion": "13", "managedFields": []}}
            server.events["jobs"].put_nowait(("MODIFIED", again))
            server.events["jobs"].put_nowait(("DELETED", again))
            assert await asyncio.wait_for(added.get(), 5) == key
            assert added.empty()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("kind", "what", "shown", "at_once"),
    [
        ("ADDED", "pods", pod(job(conversion()), RUNNING), False),
        ("MODIFIED", "pods", pod(job(conversion()), waiting("ContainerCreating")), False),
        ("MODIFIED", "pods", pod(job(conversion()), waiting("CreateContainerConfigError", "no secret")), True),
        ("DELETED", "pods", pod(job(conversion()), RUNNING), True),
        ("MODIFIED", "jobs", job(conversion(), 1, 0, COMPLETE), False),
        ("MODIFIED", "jobs", job(conversion(), 1, 0, failed()), True),
        ("DELETED", "jobs", job(conversion(), 1, 0, COMPLETE), True),
    ],
)
def test_a_conversion_that_only_makes_progress_is_reconciled_with_a_delay(
    kind: str, what: str, shown: Object, at_once: bool
) -> None:
    owner = conversion()
    shown["metadata"] |= {"resourceVersion": "12", "annotations": {NAME_ANNOTATION: owner["metadata"]["name"]}}
    told: asyncio.Queue[bool] = asyncio.Queue()

    async def scenario() -> None:
        server = Server.ready()
        now, later = lambda _: told.put_nowait(True), lambda _: told.put_nowait(False)
        async with informers(server, now, later) as watching:
            await asyncio.wait_for(watching.synced(), 5)
            server.events[what].put_nowait((kind, shown))
            assert await asyncio.wait_for(told.get(), 5) is at_once

    asyncio.run(scenario())


def test_each_namespace_is_watched_by_itself() -> None:
    async def scenario() -> None:
        server = Server.ready()
        async with informers(server, nobody, nobody, "a", "b") as watching:
            await asyncio.wait_for(watching.synced(), 5)
        assert server.scopes == {(kind, space) for kind in ("jobs", "pods") for space in ("a", "b")}

    asyncio.run(scenario())


def test_a_job_that_names_no_conversion_has_none_reconciled() -> None:
    shown = job(conversion())
    shown["metadata"] |= {"resourceVersion": "12", "annotations": {}}
    added: list[Key] = []

    async def scenario() -> None:
        server = Server.ready(jobs=[shown])
        async with informers(server, added.append, added.append) as watching:
            await asyncio.wait_for(watching.synced(), 5)
        assert added == []

    asyncio.run(scenario())
