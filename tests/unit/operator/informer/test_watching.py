"""Work begins when all is known, and every event has its conversion looked at."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.unit.operator.builders import COMPLETE, RUNNING, Object, conversion, failed, job, pod, waiting
from tflite_operator.informer.object_cache import Store
from tflite_operator.informer.watching import Watching
from tflite_operator.jobs.job import CONVERSION_LABEL, NAME_ANNOTATION
from tflite_operator.kube.client import CONVERSIONS, JOBS, PODS, Cluster, Page, Resource
from tflite_operator.reconcile.work_queue import Key


class Server(Cluster):
    """Lists and watches as it is told, resource by resource."""

    def __init__(self, **lists: list[Object]) -> None:
        self.lists = lists
        self.may_list = {name: asyncio.Event() for name in ("conversions", "jobs", "pods")}
        self.events: dict[str, asyncio.Queue[tuple[str, Object] | Exception]] = {
            name: asyncio.Queue() for name in self.may_list
        }
        self.scopes: set[tuple[str, str]] = set()

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


def test_jobs_and_pods_are_chosen_by_the_server() -> None:
    assert {one.selector for one in (JOBS, PODS)} == {CONVERSION_LABEL}
    assert CONVERSIONS.selector == ""


def test_nothing_is_known_before_all_three_are_listed() -> None:
    async def scenario() -> None:
        server = Server()
        stop = asyncio.Event()
        async with Watching(server, Store(), lambda _: None, lambda _: None, ()) as watching:
            known = asyncio.create_task(watching.synced(stop))
            for name in ("pods", "conversions"):
                server.may_list[name].set()
            done, _ = await asyncio.wait([known], timeout=0.05)
            assert not done
            server.may_list["jobs"].set()
            assert await asyncio.wait_for(known, 5)

    asyncio.run(scenario())


def test_it_can_be_stopped_before_anything_is_known() -> None:
    async def scenario() -> None:
        stop = asyncio.Event()
        async with Watching(Server(), Store(), lambda _: None, lambda _: None, ()) as watching:
            stop.set()
            assert not await asyncio.wait_for(watching.synced(stop), 5)

    asyncio.run(scenario())


def test_every_event_has_its_conversion_looked_at_and_an_unchanged_one_does_not() -> None:
    owner = conversion()
    made = job(owner)
    made["metadata"]["resourceVersion"] = "11"
    runs = pod(made)
    runs["metadata"] |= {"resourceVersion": "12", "annotations": {NAME_ANNOTATION: owner["metadata"]["name"]}}
    added: asyncio.Queue[Key] = asyncio.Queue()
    key = (owner["metadata"]["namespace"], owner["metadata"]["name"])

    async def scenario() -> None:
        server = Server(conversions=[owner])
        stop = asyncio.Event()
        for event in server.may_list.values():
            event.set()
        async with Watching(server, Store(), added.put_nowait, added.put_nowait, ()) as watching:
            await asyncio.wait_for(watching.synced(stop), 5)
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
def test_where_all_goes_well_a_conversion_is_looked_at_by_and_by(
    kind: str, what: str, shown: Object, at_once: bool
) -> None:
    owner = conversion()
    shown["metadata"] |= {"resourceVersion": "12", "annotations": {NAME_ANNOTATION: owner["metadata"]["name"]}}
    told: asyncio.Queue[bool] = asyncio.Queue()

    async def scenario() -> None:
        server = Server()
        for event in server.may_list.values():
            event.set()
        at_once_to, by_and_by_to = lambda _: told.put_nowait(True), lambda _: told.put_nowait(False)
        async with Watching(server, Store(), at_once_to, by_and_by_to, ()) as watching:
            await asyncio.wait_for(watching.synced(asyncio.Event()), 5)
            server.events[what].put_nowait((kind, shown))
            assert await asyncio.wait_for(told.get(), 5) is at_once

    asyncio.run(scenario())


def test_each_namespace_is_watched_by_itself() -> None:
    async def scenario() -> None:
        server = Server()
        for event in server.may_list.values():
            event.set()
        async with Watching(server, Store(), lambda _: None, lambda _: None, ("a", "b")) as watching:
            await asyncio.wait_for(watching.synced(asyncio.Event()), 5)
        assert server.scopes == {(kind, space) for kind in ("conversions", "jobs", "pods") for space in ("a", "b")}

    asyncio.run(scenario())


def test_a_watch_that_breaks_in_our_own_code_ends_the_process_instead_of_leaving_it_blind() -> None:
    async def scenario() -> None:
        server = Server()
        stop = asyncio.Event()
        for event in server.may_list.values():
            event.set()
        async with Watching(server, Store(), lambda _: None, lambda _: None, ()) as watching:
            await asyncio.wait_for(watching.synced(stop), 5)
            server.events["jobs"].put_nowait(TypeError("bug"))
            with pytest.raises(TypeError, match="bug"):
                await asyncio.wait_for(watching.until(stop), 5)

    asyncio.run(scenario())
