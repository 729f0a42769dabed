"""The operator knows which cluster it writes for, or says what to do."""

import asyncio

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from tflite_operator.kube.client import Client
from tflite_operator.kube.connection import Connection
from tflite_operator.kube.errors import ClusterError
from tflite_operator.main import Process
from tflite_operator.settings import Settings

UID = "9f6c0c2e-6c7e-4a3f-9a0b-6f0c2b1d7e55"
FOUND = (200, {"metadata": {"name": "kube-system", "uid": UID}})
REFUSED = (403, {"kind": "Status", "code": 403, "message": "may not get namespaces"})
ABSENT = (404, {"kind": "Status", "code": 404, "message": "not found"})
BROKEN = (500, {"kind": "Status", "code": 500, "message": "etcd is away"})


def cluster_id(*answers: tuple[int, object], monkeypatch: pytest.MonkeyPatch, given: str = "") -> tuple[str, list[str]]:
    """Return what a process takes for the cluster's id, and what it asked, where the server answers so."""
    monkeypatch.setattr("tflite_operator.main._RESOURCE_SECONDS", 0.01)
    asked = list[str]()
    left = list(answers)

    async def answer(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path}")
        status, body = left.pop(0)
        return web.json_response(body, status=status)

    async def run() -> str:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        connection = Connection(Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}"))
        process = Process(Settings(converter_image="x", cluster_id=given))
        try:
            await process._know_the_cluster(Client(connection, 5))
        finally:
            await connection.close()
            await runner.cleanup()
        return process._settings.cluster_id

    return asyncio.run(run()), asked


def test_it_is_the_uid_of_kube_system(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cluster_id(FOUND, monkeypatch=monkeypatch) == (UID, ["GET /api/v1/namespaces/kube-system"])


def test_what_the_administrator_says_goes_before_and_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cluster_id(monkeypatch=monkeypatch, given="production") == ("production", [])


@pytest.mark.parametrize("answer", [REFUSED, ABSENT])
def test_where_it_cannot_be_read_the_process_ends_and_names_the_setting(
    answer: tuple[int, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ClusterError, match=r"namespace kube-system.*cannot be read.*set CLUSTER_ID"):
        cluster_id(answer, monkeypatch=monkeypatch)


def test_a_server_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found, asked = cluster_id(BROKEN, FOUND, monkeypatch=monkeypatch)
    assert (found, len(asked)) == (UID, 2)


def test_a_namespace_without_a_uid_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClusterError, match="CLUSTER_ID"):
        cluster_id((200, {"metadata": {"name": "kube-system"}}), monkeypatch=monkeypatch)
