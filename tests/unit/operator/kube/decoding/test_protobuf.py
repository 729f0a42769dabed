"""What a watch in protobuf tells reads like the same in JSON.

The recorded frames and objects are those of a real API server (Kubernetes 1.36): pods that run, wait, have ended, find
no node and are being deleted, and their Jobs.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.unit.operator.kube.test_client import Answer, ask, event, streaming, watched
from tflite_operator.informer.object_cache import ObjectCache
from tflite_operator.kube.client import CONVERSIONS, JOBS, PODS, Client
from tflite_operator.kube.decoding.protobuf import MEDIA_TYPE, read, watch_event
from tflite_operator.kube.errors import ClusterError, GoneError
from tflite_operator.observe.job import observe_job
from tflite_operator.observe.pod import observe_pod

RECORDED = json.loads((Path(__file__).parent / "recorded_watch.json").read_text())
OBJECTS = [pytest.param(one, id=f"{one['kind']}-{one['json']['metadata']['name']}") for one in RECORDED["objects"]]


def frame(recorded: str) -> bytes:
    return base64.b64decode(recorded)


def framed(*frames: bytes) -> bytes:
    return b"".join(len(one).to_bytes(4, "big") + one for one in frames)


def in_protobuf(*chunks: bytes, cut: bool = False) -> Answer:
    streamed = streaming(*chunks, cut=cut, kind=MEDIA_TYPE)

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept"].startswith(f"{MEDIA_TYPE};stream=watch,")
        return await streamed(request)

    return answer


@pytest.mark.parametrize("recorded", OBJECTS)
def test_an_object_reads_like_the_same_in_json(recorded: dict[str, Any]) -> None:
    kind, shown = watch_event(frame(recorded["frame"]))
    assert kind in {"ADDED", "MODIFIED"}
    whole = recorded["json"]
    assert shown["metadata"]["resourceVersion"] == whole["metadata"]["resourceVersion"]
    if recorded["kind"] == "Pod":
        assert observe_pod(shown) == observe_pod(whole)
    else:
        assert observe_job(shown) == observe_job(whole)
        cache = ObjectCache(observe_job)
        cache.record(whole)
        assert cache.show(shown) is None, "the event of our own write changes nothing"


def field(number: int, *parts: bytes) -> bytes:
    """Return a field of bytes in protobuf's encoding: its number and type, their length, and they themselves."""
    content = b"".join(parts)
    tag = number << 3 | 2
    return (bytes([tag]) if tag < 128 else bytes([tag & 127 | 128, tag >> 7])) + bytes([len(content)]) + content


def test_a_native_sidecar_and_the_nodes_that_are_asked_for_read_like_the_same_in_json() -> None:
    proxy, arch = "proxy", "kubernetes.io/arch"
    spec = field(
        2,
        field(7, field(1, arch.encode()), field(2, b"arm64")),
        field(20, field(1, proxy.encode()), field(24, b"Always")),
    )
    status = field(3, field(10, field(1, proxy.encode()), field(2, field(2))))
    shown = read(b"k8s\0" + field(1, field(2, b"Pod")) + field(2, spec, status))
    in_json = {
        "spec": {
            "nodeSelector": {arch: "arm64"},
            "initContainers": [{"name": proxy, "restartPolicy": "Always"}],
        },
        "status": {"initContainerStatuses": [{"name": proxy, "state": {"running": {}}}]},
    }
    assert shown == in_json
    pod = observe_pod(shown)
    assert (pod.architecture, pod.stranger) == ("arm64", None)


def test_a_bookmark_tells_the_version_and_an_error_its_code() -> None:
    kind, shown = watch_event(frame(RECORDED["bookmark"]))
    assert (kind, shown["metadata"]["resourceVersion"].isdigit()) == ("BOOKMARK", True)
    kind, shown = watch_event(frame(RECORDED["error"]))
    assert (kind, shown["code"], shown["reason"]) == ("ERROR", 410, "Expired")
    with pytest.raises(GoneError, match="too old resource version"):
        ask(in_protobuf(framed(frame(RECORDED["error"]))), watched)


@pytest.mark.parametrize("step", [3, 1000, 10**6])
def test_frames_come_whole_however_they_are_cut(step: int) -> None:
    sent = framed(*(frame(one["frame"]) for one in RECORDED["objects"]))
    events = ask(in_protobuf(*(sent[start : start + step] for start in range(0, len(sent), step))), watched)
    names = [one["json"]["metadata"]["name"] for one in RECORDED["objects"]]
    assert [shown["metadata"]["name"] for _, shown in events] == names


def test_a_watch_that_is_cut_off_ends_after_its_last_whole_frame() -> None:
    sent = framed(frame(RECORDED["objects"][0]["frame"]))
    assert len(ask(in_protobuf(sent, sent[:-1], cut=True), watched)) == 1


def test_a_server_that_knows_only_json_is_understood() -> None:
    assert ask(streaming(event("ADDED", metadata={"name": "a"})), watched) == [("ADDED", {"metadata": {"name": "a"}})]


def test_custom_resources_are_asked_for_in_json() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers["Accept"])
        return web.Response(body=b"")

    async def watch_all(client: Client) -> None:
        for resource in (CONVERSIONS, JOBS, PODS):
            async for _ in client.watch(resource, "team", "7"):
                pass

    ask(answer, watch_all)
    assert [MEDIA_TYPE in accepted for accepted in asked] == [False, True, True]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x08",
        b"\n\x03ADDED",
        b"\n\x05ADDED",
        b"\n\x05ADDED\x12\x02\n\x00",
        b"\n\x05ADDED\x12\x08\n\x06k8s\0\n\x09",
        b"\n\x05ADDED\x12\x12\n\x10k8s\0\n\x0a\n\x02v1\x12\x04Node",
    ],
)
def test_what_is_no_event_of_ours_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any, which the watch tells of
        watch_event(content)
    with pytest.raises(ClusterError, match="makes no sense"):
        ask(in_protobuf(framed(content)), watched)


def test_a_refusal_in_protobuf_keeps_its_words() -> None:
    refusal = (
        b"k8s\0\n\x0c\n\x02v1\x12\x06Status\x12E\n\x06\n\0\x12\0\x1a\0\x12\x07Failure\x1a#field label not supported:"
        b' nonsense"\nBadRequest0\x90\x03\x1a\0"\0'
    )
    assert read(refusal)["message"] == "field label not supported: nonsense"

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=400, body=refusal, content_type=MEDIA_TYPE)

    with pytest.raises(ClusterError, match="field label not supported: nonsense"):
        ask(answer, watched)


def test_a_time_that_no_calendar_has_is_refused() -> None:
    # A pod whose metadata was created in the year 10^9.
    created = b"\x42\x08\x08\x80\x80\x80\x80\x80\x80\x40"
    content = b"\x0a" + bytes([len(created)]) + created
    envelope = b"k8s\0\n\x09\n\x02v1\x12\x03Pod\x12" + bytes([len(content)]) + content
    with pytest.raises(ValueError, match="malformed Pod"):
        read(envelope)
