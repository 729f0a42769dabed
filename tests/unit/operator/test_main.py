"""The process waits for what it needs, can be stopped before, and ends when a part of it does."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.unit.operator.builders import SETTINGS
from tests.unit.operator.informer.test_informers import Server, informers
from tests.unit.operator.test_kopf_watch import END, Scene, connected, named
from tflite_operator.kube.client import Client
from tflite_operator.kube.errors import ClusterError
from tflite_operator.main import Process, _first_of


def test_it_can_be_stopped_before_anything_is_known() -> None:
    async def scenario() -> None:
        stop = asyncio.Event()
        async with informers(Server()) as watching:
            waiting = asyncio.create_task(_first_of([stop.wait(), watching.synced()], watching.tasks))
            done, _ = await asyncio.wait([waiting], timeout=0.05)
            assert not done
            stop.set()
            await asyncio.wait_for(waiting, 5)
            assert not any(task.done() for task in watching.tasks), "they are stopped with the context alone"

    asyncio.run(scenario())


def test_it_goes_on_once_all_is_known() -> None:
    async def scenario() -> None:
        async with informers(Server.ready()) as watching:
            await asyncio.wait_for(_first_of([asyncio.Event().wait(), watching.synced()], watching.tasks), 5)

    asyncio.run(scenario())


def test_a_watch_that_breaks_in_our_own_code_ends_the_process_instead_of_leaving_it_blind() -> None:
    async def scenario() -> None:
        server = Server.ready()
        stop = asyncio.Event()
        async with informers(server) as watching:
            await asyncio.wait_for(watching.synced(), 5)
            server.events["jobs"].put_nowait(TypeError("bug"))
            with pytest.raises(TypeError, match="bug"):
                await asyncio.wait_for(_first_of([stop.wait()], watching.tasks), 5)

    asyncio.run(scenario())


async def operate(at: Scene, then: Callable[[Process], Awaitable[None]]) -> None:
    """Operate against the scene's server, and do something once all is watched."""
    process = Process(SETTINGS)
    async with connected(at) as connection:
        operating = asyncio.create_task(process._operate(Client(connection, 5), connection))
        try:
            while not operating.done() and process._unready():  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
            await then(process)
            await operating
        finally:
            process._stop.set()
            await asyncio.wait([operating])
            # kopf waits for whatever began after it: here that is the server's end of the connections as well.
            await connection.close()
            if process._kopf is not None:
                await asyncio.wait([process._kopf])


def test_it_is_ready_while_it_watches_and_ends_when_it_is_told_to() -> None:
    async def scenario() -> None:
        at = Scene(("",))

        async def then(process: Process) -> None:
            assert (process._unready(), process._unhealthy()) == ("", "")
            process._stop.set()

        await operate(at, then)

    asyncio.run(scenario())


def test_a_watch_of_conversions_that_breaks_is_the_reason_why_the_process_ends() -> None:
    async def scenario() -> None:
        at = Scene(("",))

        async def then(_: Process) -> None:
            at.refusal = 404
            at.events.put_nowait(END)

        with pytest.raises(ClusterError, match="tfliteconversions cannot be watched: HTTP 404"):
            await operate(at, then)

    asyncio.run(scenario())


def test_versions_that_went_back_are_the_reason_why_the_process_ends() -> None:
    async def scenario() -> None:
        at = Scene(("",))

        async def then(process: Process) -> None:
            # The list is at version 50.
            at.events.put_nowait(("ADDED", named("a", 90)))
            while not process.stats.counts():  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
            at.events.put_nowait(("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"}))

        with pytest.raises(ClusterError, match="at version 50, and was at 90"):
            await operate(at, then)

    asyncio.run(scenario())
