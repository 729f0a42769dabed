"""What is timed on the cluster: a conversion, and a bare Job of the same pod whose containers do nothing."""

import copy
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from kubernetes import client, watch

from bench.single.stages import Object, Seen
from tests.e2e.fixtures.conversions import Workbench, condition, is_finished

_WITHIN_SECONDS: Final = 600
_NOTHING: Final = ("command", "args", "env", "envFrom")
"""What makes a container of a conversion do anything."""


@dataclass(frozen=True)
class Run:
    """A conversion that became Ready."""

    seconds: float
    seen: list[Seen]
    job: Object


def convert(bench: Workbench, name: str, handle: str) -> Run:
    """Apply a conversion, and wait until it is Ready; afterwards nothing is left of it but its artifact.

    Raises:
        RuntimeError: it became Stalled.
    """
    seen: list[Seen] = []
    started = time.monotonic()
    watcher = _watch(bench, seen, started)
    bench.create(bench.conversion(name, handle))
    found = bench.wait(name, is_finished, _WITHIN_SECONDS)
    seconds = time.monotonic() - started
    if condition(found, "Ready").get("status") != "True":
        raise RuntimeError(f"{name} is not Ready: {condition(found, 'Ready').get('message')}")
    jobs = client.BatchV1Api(bench.api)
    job = bench.api.sanitize_for_serialization(
        jobs.read_namespaced_job(found["status"]["job"]["name"], bench.namespace)
    )
    bench.delete(name)
    watcher.join()
    return Run(seconds, [one for one in seen if one.moment <= seconds], job)


def run_bare(bench: Workbench, name: str, job: Object) -> float:
    """Run a Job with the pod of another whose containers end at once; return the seconds until it is complete."""
    jobs, bare = client.BatchV1Api(bench.api), bare_job(name, job)
    started = time.monotonic()
    jobs.create_namespaced_job(bench.namespace, bare)
    stream = watch.Watch().stream(
        jobs.list_namespaced_job,
        bench.namespace,
        field_selector=f"metadata.name={name}",
        timeout_seconds=_WITHIN_SECONDS,
    )
    for event in stream:
        kinds = {one.type for one in event["object"].status.conditions or () if one.status == "True"}
        if kinds & {"Complete", "Failed"}:
            break
    else:
        raise RuntimeError(f"{name} did not end within {_WITHIN_SECONDS} s")
    seconds = time.monotonic() - started
    if "Failed" in kinds:
        raise RuntimeError(f"{name} failed")
    jobs.delete_namespaced_job(name, bench.namespace, propagation_policy="Background")
    bench.until(lambda: not client.CoreV1Api(bench.api).list_namespaced_pod(bench.namespace).items, "its pod is gone")
    return seconds


def bare_job(name: str, job: Object) -> Object:
    """Return a Job with the pod of another, whose containers do nothing. Pure."""
    pod = copy.deepcopy(job["spec"]["template"]["spec"])
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        for field in _NOTHING:
            container.pop(field, None)
        container["command"] = ["true"]
    return {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}


def _watch(bench: Workbench, seen: list[Seen], started: float) -> threading.Thread:
    """Note every version of the namespace's pod until it is gone; nothing else may run in it."""

    def note() -> None:
        stream: Any = watch.Watch().stream(
            client.CoreV1Api(bench.api).list_namespaced_pod, bench.namespace, timeout_seconds=_WITHIN_SECONDS
        )
        for event in stream:
            seen.append(Seen(time.monotonic() - started, event["raw_object"]))
            if event["type"] == "DELETED":
                return

    thread = threading.Thread(target=note, daemon=True)
    thread.start()
    return thread
