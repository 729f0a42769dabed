"""A list is read in pages that fit into memory, whatever size its objects have, by our own requests and by kopf's."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from tflite_operator.informer.object_cache import EVERYWHERE
from tflite_operator.kube.client import CONVERSIONS, Client, Object
from tflite_operator.kube.connection import Connection
from tflite_operator.kube.watch_monitor import WatchMonitor

MOST_BYTES = 2 * 1024**2
LARGE = 1_500_000
"""What etcd takes."""


class Lists:
    """A server with objects of these sizes, which answers with as many as are asked for."""

    def __init__(self, sizes: list[int]) -> None:
        self.objects = [
            {"metadata": {"name": f"o-{at}", "namespace": "team", "uid": f"{at}", "annotations": {"a": "x" * size}}}
            for at, size in enumerate(sizes)
        ]
        self.pages: list[tuple[int, int]] = []
        """From where on, and how many objects were asked for."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        start, limit = int(request.query.get("continue", "0")), int(request.query["limit"])
        self.pages.append((start, limit))
        end = start + limit
        more = {"continue": str(end)} if end < len(self.objects) else {}
        listed = {"kind": "List", "metadata": {"resourceVersion": "7", **more}, "items": self.objects[start:end]}
        return web.json_response(listed)


def play(lists: Lists, scene: Callable[[Connection], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        application = web.Application()
        application.router.add_get("/{path:.*}", lists.answer)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        connection = Connection(Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}"))
        try:
            async with asyncio.timeout(30):
                return await scene(connection)
        finally:
            await connection.close()
            await runner.cleanup()

    return asyncio.run(run())


async def by_pages(connection: Connection) -> list[str]:
    client, found, token = Client(connection, 30), [], ""
    while True:
        page = await client.page(CONVERSIONS, EVERYWHERE, token)
        assert len(page.items) == 1 or sum(len(str(item)) for item in page.items) <= MOST_BYTES
        found += [item["metadata"]["name"] for item in page.items]
        token = page.token
        if not token:
            return found


async def by_names(connection: Connection) -> list[str]:
    listed, version = await Client(connection, 30).list_names(CONVERSIONS, EVERYWHERE)
    assert version == "7"
    return [name for _, name in listed]


async def of_one_conversion(connection: Connection) -> list[str]:
    def name(job: Object) -> str:
        found: str = job["metadata"]["name"]
        return found

    return await Client(connection, 30).jobs("team", "uid", name)


async def as_kopf(connection: Connection) -> list[str]:
    found: list[str] = []
    query = {"limit": "100"}
    async with connection.session(WatchMonitor((EVERYWHERE,), lambda _: None)) as session:
        while True:
            async with session.get(connection.server + CONVERSIONS.path(EVERYWHERE), params=query) as response:
                answer = await response.json()
            assert len(answer["items"]) == 1 or response.content.total_bytes <= MOST_BYTES
            found += [item["metadata"]["name"] for item in answer["items"]]
            if not (token := answer["metadata"].get("continue")):
                return found
            query["continue"] = token


@pytest.mark.parametrize("read", [by_pages, by_names, of_one_conversion, as_kopf])
@pytest.mark.parametrize(
    "sizes",
    [
        [LARGE] * 12,
        [100] * 250,
        [100] * 150 + [LARGE] * 5 + [100] * 150,
        [2 * MOST_BYTES],
        [2 * MOST_BYTES, 100, 2 * MOST_BYTES],
        [130_000] * 60,
        [],
    ],
    ids=["large", "small", "mixed", "one too large", "some too large", "the largest specs", "none"],
)
def test_every_object_is_read_in_pages_that_fit(
    sizes: list[int], read: Callable[[Connection], Awaitable[list[str]]]
) -> None:
    lists = Lists(sizes)
    assert play(lists, read) == [f"o-{at}" for at in range(len(sizes))]


def test_small_objects_are_read_in_whole_pages_again_after_large_ones() -> None:
    lists = Lists([LARGE] * 3 + [100] * 1000)
    play(lists, by_pages)
    assert [limit for _, limit in lists.pages[:7]] == [100, 50, 25, 12, 6, 3, 1]
    assert [limit for _, limit in lists.pages[-5:]] == [100] * 5


def test_a_page_that_is_too_long_is_not_read_to_its_end() -> None:
    read = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal read
        response = web.StreamResponse()
        await response.prepare(request)
        while int(request.query["limit"]) > 1:
            await response.write(b"x" * 2**16)
            read += 2**16
        await response.write(b'{"items": []}')
        return response

    lists = Lists([])
    lists.answer = endless  # type: ignore[method-assign]  # a server of another kind
    assert play(lists, by_pages) == []
    # Six pages are begun; buffers of both sides hold some more of each.
    assert read < 6 * 4 * MOST_BYTES
