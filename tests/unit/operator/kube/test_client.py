"""The API server's answers become our own errors, and its words survive."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from tflite_operator.kube.client import CONVERSIONS, JOBS, PODS, Client, Page
from tflite_operator.kube.connection import Connection
from tflite_operator.kube.errors import (
    ClusterError,
    ConflictError,
    GoneError,
    NamespaceTerminatingError,
    NotFoundError,
    RefusedError,
)
from tflite_operator.kube.fence import LeaseLostError

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def ask(
    answer: Answer,
    question: Callable[[Client], Awaitable[Any]],
    seconds: float = 5,
    write_seconds: Callable[[], float] = lambda: 5,
    silence_seconds: float = math.inf,
) -> Any:
    """Put a question to a server that answers like this."""

    async def run() -> Any:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host = f"http://127.0.0.1:{runner.addresses[0][1]}"
            connection = Connection(Configuration(host=host))
            try:
                return await question(Client(connection, seconds, write_seconds, silence_seconds))
            finally:
                await connection.close()
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def status(code: int, message: str = "no\x1b[31m way", **more: Any) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Status", "message": message, "code": code, **more}, status=code)

    return answer


JOB = {"metadata": {"namespace": "team", "name": "a"}}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(404), NotFoundError),
        (status(409), ConflictError),
        (status(403, "exceeded quota: none"), RefusedError),
        (status(422), RefusedError),
        (status(400), RefusedError),
        (status(500, 'failed calling webhook "x"'), RefusedError),
        (status(500), ClusterError),
        (status(503), ClusterError),
        (status(429), ClusterError),
        (status(401), ClusterError),
        (status(403, details={"causes": [{"reason": "NamespaceTerminating"}]}), NamespaceTerminatingError),
    ],
)
def test_each_refusal_has_its_error(answer: Answer, error: type[ClusterError]) -> None:
    with pytest.raises(ClusterError) as raised:
        ask(answer, lambda client: client.create_job(JOB))
    assert type(raised.value) is error
    assert "\x1b" not in str(raised.value)


def test_an_answer_that_is_no_json_is_an_error() -> None:
    async def html(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>busy</html>")

    with pytest.raises(ClusterError, match="JSON"):
        ask(html, lambda client: client.conversion("team", "a"))


def test_a_server_that_keeps_silent_is_an_error_in_time() -> None:
    async def silence(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.6)
        return web.Response()

    with pytest.raises(ClusterError, match="does not answer"):
        ask(silence, lambda client: client.conversion("team", "a"), seconds=0.1)


def test_what_is_asked_for() -> None:
    asked: list[tuple[str, str, str, Any]] = []

    async def note(request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        asked.append((request.method, str(request.rel_url), request.content_type, body))
        items = [{"metadata": {"name": "x"}}, "rubbish"]
        return web.json_response({"metadata": {"uid": "its own"}, "items": items})

    async def questions(client: Client) -> None:
        await client.patch_status("team", "a", "7", "uid", {"x": None})
        await client.delete_job("team", "a", "uid")
        assert await client.jobs("team", "uid", lambda job: job["metadata"]) == [{"name": "x"}]
        await client.set_job_ttl("team", "a", "uid", 60)
        await client.job("../../x", "a?b")
        assert await client.namespace_uid("kube-system") == "its own"

    ask(note, questions)
    root = "/apis/tflite-operator.dev/v1alpha1/namespaces/team/tfliteconversions/a/status?fieldValidation=Ignore"
    jobs = "/apis/batch/v1/namespaces/team/jobs"
    merge = "application/merge-patch+json"
    assert asked[0] == (
        "PATCH",
        root,
        merge,
        {"metadata": {"resourceVersion": "7", "uid": "uid"}, "status": {"x": None}},
    )
    assert asked[1][0] == "DELETE"
    assert asked[1][3] == {"propagationPolicy": "Background", "preconditions": {"uid": "uid"}}
    assert asked[2][1] == f"{jobs}?limit=100&labelSelector=tflite-operator.dev/conversion%3Duid"
    body = {"metadata": {"uid": "uid"}, "spec": {"ttlSecondsAfterFinished": 60}}
    assert asked[3] == ("PATCH", f"{jobs}/a?fieldValidation=Ignore", merge, body)
    assert asked[4][1] == "/apis/batch/v1/namespaces/..%2F..%2Fx/jobs/a%3Fb"
    assert asked[5][:2] == ("GET", "/api/v1/namespaces/kube-system")


WRITES: dict[str, Callable[[Client], Awaitable[Any]]] = {
    "status": lambda client: client.patch_status("team", "a", "7", "uid", {}),
    "create": lambda client: client.create_job(JOB),
    "delete": lambda client: client.delete_job("team", "a", "uid"),
    "ttl": lambda client: client.set_job_ttl("team", "a", "uid", 60),
    "event": lambda client: client.create_event(JOB),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_who_lost_the_lease_reads_and_does_not_write(write: Callable[[Client], Awaitable[Any]]) -> None:
    asked: list[str] = []

    async def note(request: web.Request) -> web.StreamResponse:
        asked.append(request.method)
        return web.json_response({})

    async def questions(client: Client) -> None:
        await client.conversion("team", "a")
        with pytest.raises(LeaseLostError):
            await write(client)

    def lost() -> float:
        raise LeaseLostError("lost")

    ask(note, questions, write_seconds=lost)
    assert asked == ["GET"]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_who_loses_the_lease_while_a_connection_is_made_does_not_write(
    write: Callable[[Client], Awaitable[Any]],
) -> None:
    asked: list[str] = []

    async def note(request: web.Request) -> web.StreamResponse:
        asked.append(request.method)
        return web.json_response({})

    answers = iter([5.0])

    def soon_lost() -> float:
        for left in answers:
            return left
        raise LeaseLostError("lost")

    async def questions(client: Client) -> None:
        with pytest.raises(LeaseLostError):
            await write(client)
        await client.replace_lease("system", "l", JOB)

    ask(note, questions, write_seconds=soon_lost)
    assert asked == ["PUT"], "the lease itself is for all to take"


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_no_write_takes_longer_than_others_leave_the_lease_alone(write: Callable[[Client], Awaitable[Any]]) -> None:
    async def silence(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.6)
        return web.Response()

    with pytest.raises(ClusterError, match="does not answer"):
        ask(silence, write, seconds=5, write_seconds=lambda: 0.1)


def event(kind: str, **shown: Any) -> bytes:
    return json.dumps({"type": kind, "object": shown}).encode() + b"\n"


async def watched(client: Client) -> list[tuple[str, Any]]:
    return [one async for one in client.watch(JOBS, "team", "7")]


def streaming(*chunks: bytes, cut: bool = False, kind: str = "application/json") -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.query["resourceVersion"] == "7"
        assert request.query["labelSelector"] == JOBS.selector
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if cut and request.transport is not None:
            request.transport.abort()
        return response

    return answer


def test_events_come_whole_however_they_are_cut_and_however_long_they_are() -> None:
    long = "x" * 300_000
    sent = event("ADDED", metadata={"name": "a"}, note=long) + event("DELETED", metadata={"name": "a"})
    pieces = [sent[start : start + 70_001] for start in range(0, len(sent), 70_001)]
    events = ask(streaming(*pieces), watched)
    assert [kind for kind, _ in events] == ["ADDED", "DELETED"]
    assert events[0][1]["note"] == long


def test_a_watch_that_is_cut_off_ends_after_its_last_whole_event() -> None:
    sent = event("ADDED", metadata={"name": "a"})
    assert len(ask(streaming(sent, sent[:20], cut=True), watched)) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (streaming(event("ERROR", code=410, message="too old resource version")), GoneError),
        (streaming(event("ERROR", code=500, message="broken")), ClusterError),
        (streaming(b"<html>busy</html>\n"), ClusterError),
        (status(410), GoneError),
        (status(403), RefusedError),
        (status(404), NotFoundError),
        (status(503), ClusterError),
    ],
)
def test_each_end_of_a_watch_has_its_error(answer: Answer, error: type[ClusterError]) -> None:
    with pytest.raises(ClusterError) as raised:
        ask(answer, watched)
    assert type(raised.value) is error


def test_a_watch_of_a_server_that_is_not_there_is_an_error() -> None:
    async def run() -> None:
        connection = Connection(Configuration(host="http://127.0.0.1:1"))
        try:
            await watched(Client(connection, 5))
        finally:
            await connection.close()

    with pytest.raises(ClusterError, match="does not answer"):
        asyncio.run(run())


def test_watches_of_many_namespaces_leave_connections_for_requests() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({})
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(event("BOOKMARK"))
        await over.wait()
        return response

    async def question(client: Client) -> None:
        watches = [client.watch(JOBS, f"team-{number}", "7") for number in range(150)]
        try:
            async with asyncio.timeout(20):
                for watch in watches:
                    await anext(watch)
                await client.conversion("team", "a")
        finally:
            over.set()
            for watch in watches:
                await watch.aclose()

    over = asyncio.Event()
    ask(answer, question)


def test_writes_ask_for_no_warnings_of_unknown_fields_and_reads_do_not_speak_of_them() -> None:
    asked: list[tuple[str, str]] = []

    async def note(request: web.Request) -> web.StreamResponse:
        asked.append((request.method, request.query.get("fieldValidation", "")))
        return web.json_response({})

    async def questions(client: Client) -> None:
        await client.create_job(JOB)
        await client.patch_status("team", "a", "7", "uid", {})
        await client.replace_lease("team", "a", {})
        await client.conversion("team", "a")
        await client.delete_job("team", "a", "uid")

    ask(note, questions)
    assert asked == [("POST", "Ignore"), ("PATCH", "Ignore"), ("PUT", "Ignore"), ("GET", ""), ("DELETE", "")]


def test_a_list_comes_in_pages() -> None:
    asked: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.path == "/api/v1/pods"
        asked.append(dict(request.query))
        metadata = {"resourceVersion": "9", "continue": "" if "continue" in request.query else "more"}
        return web.json_response({"metadata": metadata, "items": [{"metadata": {"name": "x"}}, "rubbish"]})

    async def list_all(client: Client) -> list[Page]:
        first = await client.page(PODS, "", "")
        return [first, await client.page(PODS, "", first.token)]

    first, last = ask(answer, list_all)
    assert (first.version, first.token, last.token) == ("9", "more", "")
    assert first.items == [{"metadata": {"name": "x"}}]
    assert [one["labelSelector"] for one in asked] == [PODS.selector] * 2
    assert asked[1]["continue"] == "more"


def test_names_are_listed_by_the_metadata_alone_to_the_last_page() -> None:
    asked: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.path == CONVERSIONS.path("team")
        assert "as=PartialObjectMetadataList" in request.headers["Accept"]
        asked.append((request.query["limit"], request.query.get("continue", "")))
        last = "continue" in request.query
        found = {"namespace": "team", "name": "b" if last else "a", "uid": "uid-b" if last else "uid-a"}
        metadata = {"resourceVersion": "9", "continue": "" if last else "more"}
        return web.json_response({"metadata": metadata, "items": [{"metadata": found}]})

    names = ask(answer, lambda client: client.list_names(CONVERSIONS, "team"))
    assert names == ({("team", "a"): "uid-a", ("team", "b"): "uid-b"}, "9")
    assert asked == [("500", ""), ("500", "more")]


def test_a_watch_that_keeps_silent_ends_after_its_last_event() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(event("BOOKMARK"))
        await asyncio.sleep(1)
        return response

    async def question(client: Client) -> list[tuple[str, Any]]:
        async with asyncio.timeout(0.8):
            return await watched(client)

    assert [kind for kind, _ in ask(answer, question, silence_seconds=0.1)] == ["BOOKMARK"]
