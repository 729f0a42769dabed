"""kopf's requests pass as far as they only read, and what comes of them says how well conversions are watched."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration
from prometheus_client import REGISTRY

from tflite_operator.informer.object_cache import EVERYWHERE
from tflite_operator.kube.client import CONVERSIONS
from tflite_operator.kube.connection import Connection
from tflite_operator.kube.watch_monitor import WatchMonitor, WriteRefusedError

CUT_OFF = 0
"""In the place of a status: the connection ends without an answer."""


class Scene:
    """A server that answers with the next of these statuses, 200 after the last, and a session such as kopf's."""

    def __init__(self, scopes: tuple[str, ...]) -> None:
        self.statuses: list[int] = []
        self.arrived: list[web.Request] = []
        self.relisted: list[str] = []
        self.monitor = WatchMonitor(scopes, self.relisted.append)
        self.configuration = Configuration()
        self.session: aiohttp.ClientSession
        self.host = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.arrived.append(request)
        status = self.statuses.pop(0) if self.statuses else 200
        if status == CUT_OFF and request.transport is not None:
            request.transport.abort()
        return web.json_response({"kind": "TFLiteConversionList", "items": []}, status=status or 500)

    async def request(self, path: str, method: str = "GET", **query: str) -> None:
        async with self.session.request(method, self.host + path, params=query) as response:
            await response.read()

    async def list(self, scope: str = EVERYWHERE, **query: str) -> None:
        await self.request(CONVERSIONS.path(scope), limit="100", **query)

    async def watch(self, scope: str = EVERYWHERE) -> None:
        await self.request(CONVERSIONS.path(scope), watch="true", resourceVersion="7")


def play(scene: Callable[[Scene], Awaitable[None]], *scopes: str) -> None:
    async def run() -> None:
        at = Scene(scopes or (EVERYWHERE,))
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", at.answer)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        at.host = at.configuration.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
        connection = Connection(at.configuration)
        try:
            async with asyncio.timeout(10), connection.session(at.monitor) as at.session:
                await scene(at)
        finally:
            await connection.close()
            await runner.cleanup()

    asyncio.run(run())


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", [CONVERSIONS.path("team") + "/a", "/api/v1/namespaces/team/events"])
def test_whatever_does_not_only_read_is_refused_and_never_sent(method: str, path: str) -> None:
    async def scene(at: Scene) -> None:
        with pytest.raises(WriteRefusedError, match=f"may not {method} {path}"):
            await at.request(path, method)
        assert at.arrived == []
        await at.request(path)
        assert [one.method for one in at.arrived] == ["GET"]

    play(scene)


def test_each_request_bears_the_token_of_the_moment() -> None:
    async def scene(at: Scene) -> None:
        for token in ("Bearer first", "Bearer second"):
            at.configuration.api_key = {"BearerToken": token}
            await at.list()
        assert [one.headers["Authorization"] for one in at.arrived] == ["Bearer first", "Bearer second"]
        assert {one.headers["User-Agent"] for one in at.arrived} == {"tflite-operator"}

    play(scene)


def test_nothing_is_watched_before_each_scope_has_its_watch() -> None:
    async def scene(at: Scene) -> None:
        assert at.monitor.problem == "not watching yet"
        for scope in ("a", "b"):
            await at.list(scope)
        await at.watch("a")
        assert at.monitor.problem == "not watching yet"
        assert not at.monitor.synced.is_set()
        await at.watch("elsewhere")
        await at.watch(EVERYWHERE)
        assert at.monitor.problem == "not watching yet"
        await at.watch("b")
        assert at.monitor.problem == ""
        assert at.monitor.synced.is_set()

    play(scene, "a", "b")


@pytest.mark.parametrize(("status", "words"), [(403, "HTTP 403"), (404, "HTTP 404"), (500, "HTTP 500")])
@pytest.mark.parametrize("what", [Scene.list, Scene.watch], ids=["list", "watch"])
def test_a_refusal_is_the_problem_until_a_watch_is_there_again(
    status: int, words: str, what: Callable[[Scene], Awaitable[None]]
) -> None:
    async def scene(at: Scene) -> None:
        await at.list()
        await at.watch()
        at.statuses = [status]
        await what(at)
        assert at.monitor.problem == f"tfliteconversions cannot be watched: {words}"
        await at.list()
        assert at.monitor.problem == f"tfliteconversions cannot be watched: {words}", "a list is no watch"
        await at.watch()
        assert at.monitor.problem == ""

    play(scene)


@pytest.mark.parametrize("what", [Scene.list, Scene.watch], ids=["list", "watch"])
def test_a_server_that_cannot_be_reached_is_the_problem_until_it_can(what: Callable[[Scene], Awaitable[None]]) -> None:
    async def scene(at: Scene) -> None:
        await at.list()
        await at.watch()
        at.statuses = [CUT_OFF, CUT_OFF]
        with pytest.raises(aiohttp.ClientError):
            await what(at)
        assert at.monitor.problem.startswith("tfliteconversions cannot be watched: ServerDisconnectedError")
        at.statuses = []
        await at.watch()
        assert at.monitor.problem == ""

    play(scene)


def test_one_scope_that_is_refused_is_a_problem_though_the_other_is_watched() -> None:
    async def scene(at: Scene) -> None:
        for scope in ("a", "b"):
            await at.list(scope)
            await at.watch(scope)
        at.statuses = [403]
        await at.watch("a")
        await at.watch("b")
        assert "HTTP 403" in at.monitor.problem

    play(scene, "a", "b")


def test_other_requests_say_nothing_of_the_watch() -> None:
    async def scene(at: Scene) -> None:
        await at.list()
        await at.watch()
        at.statuses = [403, 404]
        await at.request("/apis/tflite-operator.dev")
        await at.request("/api/v1/namespaces", watch="true")
        assert at.monitor.problem == ""

    play(scene)


def test_neither_the_first_list_nor_a_mere_reconnect_is_told_of() -> None:
    async def scene(at: Scene) -> None:
        await at.list()
        await at.list(**{"continue": "more"})
        for _ in range(3):
            await at.watch()
        assert at.relisted == []
        at.statuses = [500]
        await at.watch()
        assert at.relisted == []
        await at.watch()
        assert at.relisted == [""], "after it was away it may have come back with a backup"

    play(scene)


def test_a_second_list_is_told_of_once_and_only_when_it_is_watched_from() -> None:
    async def scene(at: Scene) -> None:
        await at.list()
        await at.watch()
        await at.list()
        await at.list(**{"continue": "more"})
        assert at.relisted == []
        at.statuses = [500, CUT_OFF, CUT_OFF]
        await at.watch()
        with pytest.raises(aiohttp.ClientError):
            await at.watch()
        assert at.relisted == []
        at.statuses = []
        await at.watch()
        assert at.relisted == [EVERYWHERE]
        await at.watch()
        assert at.relisted == [EVERYWHERE]
        at.statuses = [500]
        await at.watch()
        await at.list()
        await at.watch()
        assert at.relisted == [EVERYWHERE, EVERYWHERE]

    play(scene)


def test_of_several_scopes_the_one_that_was_listed_again_is_told_of() -> None:
    async def scene(at: Scene) -> None:
        for scope in ("a", "b"):
            await at.list(scope)
            await at.watch(scope)
        await at.list("b")
        await at.watch("a")
        assert at.relisted == []
        await at.watch("b")
        assert at.relisted == ["b"]

    play(scene, "a", "b")


def test_a_second_list_is_told_of_though_the_first_was_never_watched_from() -> None:
    """A server that is too busy for watches at first (HTTP 429): kopf begins again with a list."""

    async def scene(at: Scene) -> None:
        at.statuses = [200, 429]
        await at.list()
        await at.watch()
        await at.list()
        await at.watch()
        assert at.relisted == [EVERYWHERE]

    play(scene)


def measured(resource: str, code: str) -> float:
    labels = {"method": "GET", "resource": resource, "code": code}
    return REGISTRY.get_sample_value("tflite_operator_api_request_seconds_count", labels) or 0.0


def test_lists_are_measured_and_watches_which_take_minutes_are_not() -> None:
    async def scene(at: Scene) -> None:
        shown = [("conversions", "200"), ("conversions", "403"), ("discovery", "200"), ("conversions", "error")]
        before = {one: measured(*one) for one in shown}
        at.statuses = [200, 403, 200, 200, CUT_OFF, CUT_OFF]
        await at.list()
        await at.list()
        await at.watch()
        await at.request("/apis/tflite-operator.dev")
        so_far = len(at.arrived)
        with pytest.raises(aiohttp.ClientError):
            await at.list()
        # aiohttp itself asks a second time where a connection that was used before is cut off.
        assert [measured(*one) - before[one] for one in shown] == [1, 1, 1, len(at.arrived) - so_far]

    play(scene)
