"""kopf itself, with our handlers, against an API server on this machine: what it asks, what it tells, how it ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientHandlerType, web
from kubernetes.aio.client import Configuration

from tests.unit.operator.builders import SETTINGS, Object, conversion
from tflite_api import names
from tflite_operator.handlers import Memo, watch
from tflite_operator.kube.client import CONVERSIONS
from tflite_operator.kube.connection import Connection
from tflite_operator.kube.errors import ClusterError
from tflite_operator.kube.watch_monitor import WatchMonitor

GROUP = {"groupVersion": f"{names.GROUP}/{names.VERSION}", "version": names.VERSION}
DISCOVERY: dict[str, Object] = {
    "/api": {"versions": ["v1"]},
    "/api/v1": {
        "resources": [
            {"name": "namespaces", "singularName": "namespace", "kind": "Namespace", "namespaced": False, "verbs": []},
            {"name": "events", "singularName": "event", "kind": "Event", "namespaced": True, "verbs": ["create"]},
        ]
    },
    "/apis": {"groups": [{"name": names.GROUP, "versions": [GROUP], "preferredVersion": GROUP}]},
    f"/apis/{names.GROUP}/{names.VERSION}": {
        "resources": [
            {
                "name": names.PLURAL,
                "singularName": "tfliteconversion",
                "kind": names.KIND,
                "namespaced": True,
                "verbs": ["list", "watch", "patch"],
            }
        ]
    },
}
Event = tuple[str, Object]
END: Event = ("", {})
"""The server ends a watch."""


def named(name: str, version: int, **metadata: object) -> Object:
    found = conversion()
    found["metadata"] |= {"name": name, "uid": f"uid-of-{name}", "resourceVersion": str(version)} | metadata
    return found


class Requests(WatchMonitor):
    """Takes note of what kopf asks, before that is refused or sent."""

    def __init__(self, scopes: tuple[str, ...], relisted: Callable[[str], None]) -> None:
        super().__init__(scopes, relisted)
        self.asked: list[str] = []

    async def __call__(self, request: aiohttp.ClientRequest, send: ClientHandlerType) -> aiohttp.ClientResponse:
        self.asked.append(f"{request.method} {request.url.path}{' watch' if 'watch' in request.url.query else ''}")
        return await super().__call__(request, send)


class Scene:
    """kopf, what it tells, and the server: its list in pages, its events, and whether it refuses."""

    def __init__(self, scopes: tuple[str, ...]) -> None:
        self.told: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()
        self.relisted: asyncio.Queue[str] = asyncio.Queue()
        self.monitor = Requests(scopes, self.relisted.put_nowait)
        self.pages: list[list[Object]] = [[]]
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.refusal = 0
        self.stop, self.ready = asyncio.Event(), asyncio.Event()
        self.watching: asyncio.Task[None]

    def take(self, conversion: Mapping[str, Any], *, gone: bool) -> None:
        self.told.put_nowait((conversion["metadata"]["name"], gone))

    async def next(self) -> tuple[str, bool]:
        return await self.told.get()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path in DISCOVERY:
            return web.json_response(DISCOVERY[request.path])
        if request.path.endswith(("/jobs", "/pods")):
            return await self._none(request)
        if self.refusal or not request.path.endswith(f"/{names.PLURAL}"):
            status = self.refusal or 404
            return web.json_response({"kind": "Status", "code": status, "message": "no"}, status=status)
        if "watch" not in request.query:
            number = int(request.query.get("continue") or 0)
            more = str(number + 1) if number + 1 < len(self.pages) else ""
            return web.json_response(
                {"metadata": {"resourceVersion": "50", "continue": more}, "items": self.pages[number]}
            )
        response = web.StreamResponse()
        await response.prepare(request)
        while (event := await self.events.get()) != END:
            kind, shown = event
            await response.write(json.dumps({"type": kind, "object": shown}).encode() + b"\n")
        return response

    async def _none(self, request: web.Request) -> web.StreamResponse:
        """There are none of these, and none come."""
        if "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": "50"}, "items": []})
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.Event().wait()
        return response


@asynccontextmanager
async def connected(at: Scene) -> AsyncIterator[Connection]:
    """The scene's server, and the way to it."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", at.answer)
    # kopf waits for whatever began after it, and so for the server's handlers, which are in the same loop here.
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    connection = Connection(Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}"))
    try:
        async with asyncio.timeout(15):
            yield connection
    finally:
        await connection.close()
        await runner.cleanup()


def play(scene: Callable[[Scene], Awaitable[None]], *namespaces: str) -> Scene:
    async def run() -> Scene:
        at = Scene(namespaces or ("",))
        async with connected(at) as connection:
            memo = Memo(at, connection, at.monitor, SETTINGS)
            at.watching = asyncio.create_task(watch(memo, namespaces, stop=at.stop, ready=at.ready))
            try:
                await scene(at)
            finally:
                at.stop.set()
                await asyncio.wait([at.watching])
            await at.watching
        return at

    return asyncio.run(run())


def test_what_is_listed_and_what_happens_then_is_told_of() -> None:
    async def scene(at: Scene) -> None:
        at.pages = [[named("a", 3)], [named("b", 4)]]
        assert {await at.next(), await at.next()} == {("a", False), ("b", False)}
        await at.monitor.synced.wait()
        assert at.ready.is_set()
        assert at.monitor.problem == ""
        for kind, shown, gone in (
            ("ADDED", named("c", 51), False),
            ("MODIFIED", named("c", 52), False),
            ("DELETED", named("c", 53), True),
        ):
            at.events.put_nowait((kind, shown))
            assert await at.next() == ("c", gone)
        assert at.relisted.empty()

    play(scene)


def test_nothing_is_ever_written_whatever_others_wrote_and_nothing_else_is_read() -> None:
    notes = {
        "kopf.zalando.org/last-handled-configuration": '{"spec":{}}\n',
        "kopf.dev/conversion_event": '{"retries":1}',
    }
    held = {"annotations": notes, "finalizers": ["kopf.zalando.org/KopfFinalizerMarker", names.FINALIZER]}
    leaving = held | {"deletionTimestamp": "2026-11-22T12:00:00Z"}

    async def scene(at: Scene) -> None:
        at.pages = [[named("a", 3, **held), named("b", 4, **leaving)]]
        assert {await at.next(), await at.next()} == {("a", False), ("b", False)}
        at.events.put_nowait(("MODIFIED", named("a", 51, **leaving)))
        assert await at.next() == ("a", False)
        at.events.put_nowait(("DELETED", named("a", 52, **leaving)))
        assert await at.next() == ("a", True)

    at = play(scene)
    discovery = {f"GET {path}" for path in DISCOVERY}
    path = CONVERSIONS.path("")
    assert set(at.monitor.asked) - discovery == {f"GET {path}", f"GET {path} watch"}


def test_each_namespace_is_watched_by_itself_and_the_list_of_them_is_not_asked_for() -> None:
    async def scene(at: Scene) -> None:
        await at.monitor.synced.wait()

    at = play(scene, "one", "two")
    discovery = {f"GET {path}" for path in DISCOVERY}
    paths = [CONVERSIONS.path(namespace) for namespace in ("one", "two")]
    assert set(at.monitor.asked) - discovery == {f"GET {path}{what}" for path in paths for what in ("", " watch")}


def test_a_watch_that_ends_is_gone_on_with_and_one_that_is_too_old_begins_with_a_list_which_is_told_of() -> None:
    async def scene(at: Scene) -> None:
        await at.monitor.synced.wait()
        at.events.put_nowait(END)
        at.events.put_nowait(("ADDED", named("a", 51)))
        assert await at.next() == ("a", False)
        assert at.relisted.empty()
        at.events.put_nowait(("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"}))
        assert await at.relisted.get() == ""
        assert at.monitor.problem == ""

    at = play(scene)
    path = CONVERSIONS.path("")
    conversions = [one.removeprefix("GET ") for one in at.monitor.asked if path in one]
    assert conversions == [path, f"{path} watch", f"{path} watch", path, f"{path} watch"]
    assert at.relisted.empty()


def test_a_resource_that_goes_ends_it_with_the_problem() -> None:
    async def scene(at: Scene) -> None:
        await at.monitor.synced.wait()
        at.refusal = 404
        at.events.put_nowait(END)
        await asyncio.wait([at.watching])

    with pytest.raises(ClusterError, match="tfliteconversions cannot be watched: HTTP 404"):
        play(scene)


def test_it_ends_when_it_is_told_to_and_says_so() -> None:
    async def scene(at: Scene) -> None:
        await at.monitor.synced.wait()
        assert not at.watching.done()
        at.stop.set()
        await at.watching

    assert play(scene).watching.exception() is None
