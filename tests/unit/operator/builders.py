"""Conversions, Jobs and pods as a real API server gives them, for the planner's tests."""

import copy
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from tflite_api.names import CONVERT, PREPARE, PUBLISH, STEPS
from tflite_api.reasons import Reason
from tflite_api.resource.recipe import recipe_hash
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.core.fields import timestamp
from tflite_operator.core.identity import Identity
from tflite_operator.core.labels import CONVERSION_LABEL
from tflite_operator.decide.decision import EmitEvent
from tflite_operator.decide.evidence import Evidence
from tflite_operator.decide.plan import Plan, plan
from tflite_operator.decide.state import Observation
from tflite_operator.informer.conversion_cache import ConversionCache
from tflite_operator.informer.object_cache import ObjectCache
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import build_job, queue_labels
from tflite_operator.observe.conversion import observe_conversion
from tflite_operator.observe.job import observe_job
from tflite_operator.observe.pod import observe_pod
from tflite_operator.reconcile.observer import Caches
from tflite_operator.settings import Settings
from tflite_operator.telemetry.conversion_stats import ConversionStats

Object = dict[str, Any]

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
UID = "11111111-2222-3333-4444-555555555555"
SETTINGS = Settings(converter_image="example.com/converter:1", cluster_id="prod")
SPEC: Object = {
    "model": {"handle": "https://tfhub.dev/google/model/1"},
    "quantization": {"type": "None"},
    "destination": {
        "s3": {"bucket": "models", "key": "a/b.tflite", "region": "us-east-1", "secretRef": {"name": "s3"}}
    },
    "activeDeadlineSeconds": 3600,
}


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def conversion(*, status: Object | None = None, generation: int = 1, **spec: Any) -> Object:
    return {
        "apiVersion": "tflite-operator.dev/v1alpha1",
        "kind": "TFLiteConversion",
        "metadata": {
            "name": "mobile.net",
            "namespace": "team",
            "uid": UID,
            "generation": generation,
            "resourceVersion": "7",
            "creationTimestamp": timestamp(NOW),
        },
        "spec": copy.deepcopy(SPEC) | spec,
        "status": status if status is not None else {"observedGeneration": -1},
    }


def job(
    owner: Object,
    attempt: int = 1,
    failures: int = 0,
    end: Object | None = None,
    request: str = "",
    *,
    forced: bool = False,
    **settings: Any,
) -> Object:
    """The Job of an attempt; `end` is its final condition (see `failed` and `COMPLETE`)."""
    spec = ConversionSpec.from_object(owner["spec"])
    made = build_job(
        Identity.of(owner),
        spec,
        Attempt(attempt, failures, request, forced),
        SETTINGS.model_copy(update=settings),
        queue_labels(owner),
    )
    made["metadata"] |= {"uid": f"job-{owner['metadata']['generation']}-{attempt}", "creationTimestamp": timestamp(NOW)}
    made["status"] = {"conditions": [end]} if end is not None else {"active": 1, "ready": 0}
    return made


def condition(kind: str, reason: str = "", seconds: float = 60, message: str = "") -> Object:
    when = timestamp(at(seconds))
    return {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": when}


COMPLETE = condition("Complete", "CompletionsReached")


def failed(reason: str = "PodFailurePolicy", seconds: float = 60) -> Object:
    return condition("Failed", reason, seconds)


RUNNING: Object = {"running": {"startedAt": timestamp(NOW)}}
INITIALIZING: Object = {"waiting": {"reason": "PodInitializing"}}


def waiting(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, report: object = "", reason: str = "", **more: Any) -> Object:
    message = report if isinstance(report, str) else json.dumps(report)
    return {
        "terminated": {
            "exitCode": code,
            "reason": reason or ("Completed" if code == 0 else "Error"),
            "message": message,
            "startedAt": timestamp(at(1)),
            "finishedAt": timestamp(at(31)),
            **more,
        }
    }


def pod(owner: Object, *states: Object, phase: str = "Pending", **status: Any) -> Object:
    """The pod of a Job; `states` are those of prepare, convert and publish, as far as the kubelet has told."""
    statuses = [
        {"name": name, "state": state, "image": "example.com/converter:1", "imageID": _image_id(state)}
        for name, state in zip(STEPS, [*states, *[INITIALIZING] * (len(STEPS) - len(states))], strict=True)
    ]
    return {
        "metadata": {
            "name": f"{owner['metadata']['name']}-x7x7x",
            "namespace": "team",
            "uid": "pod-1",
            "creationTimestamp": timestamp(NOW),
            "labels": {CONVERSION_LABEL: UID},
            "ownerReferences": [{"kind": "Job", "uid": owner["metadata"]["uid"], "controller": True}],
        },
        "spec": copy.deepcopy(owner["spec"]["template"]["spec"]),
        "status": {
            "phase": phase,
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": timestamp(NOW)}],
            "initContainerStatuses": statuses[:2],
            "containerStatuses": statuses[2:],
        }
        | status,
    }


def _image_id(state: Object) -> str:
    return "" if "waiting" in state else "example.com/converter@sha256:ab"


def failing_pod(owner: Object, step: str, code: int, report: object = "", reason: str = "", **status: Any) -> Object:
    """A pod whose step ended like this, after those before it succeeded."""
    end = ended(code, report, reason)
    states = {
        PREPARE: [end],
        CONVERT: [ended(0), end],
        PUBLISH: [ended(0), ended(0), end],
    }[step]
    return pod(owner, *states, phase="Failed", **status)


def report(reason: Reason, message: str = "as it happened", **more: Any) -> Object:
    return {"reason": reason.value, "message": message} | more


def success(owner: Object, reason: Reason = Reason.CONVERTED, **more: Any) -> Object:
    """What publish reports when all went well."""
    spec = ConversionSpec.from_object(owner["spec"])
    return {
        "reason": reason.value,
        "message": "SNR 92.4 dB",
        "verdict": "SNRSufficient",
        "artifact": {"uri": spec.destination.s3.uri, "sha256": "a" * 64, "sizeBytes": 1234, "etag": '"e"'},
        "signature": {
            "key": "serving_default",
            "inputs": [{"name": "x", "dtype": "float32", "shape": [-1, 3]}],
            "outputs": [{"name": "y", "dtype": "float32", "shape": [-1, 2]}],
        },
        "verification": {
            "snrDecibels": "92.4",
            "maxAbsoluteError": "1e-05",
            "cosine": "1",
            "samples": 4,
            "source": "Generated",
        },
        "provenance": {
            "modelDigest": "sha256:" + "b" * 64,
            "recipeHash": recipe_hash(spec),
            "tensorflow": "2.21.0",
            "strategy": "Plain",
        },
    } | more


def succeeded_pod(owner: Object, made: Object, **more: Any) -> Object:
    return pod(made, ended(0), ended(0), ended(0, success(owner, **more)), phase="Succeeded")


def observed(
    owner: Object,
    jobs: Iterable[Object] = (),
    pods: Iterable[Object] = (),
    settings: Settings = SETTINGS,
    **more: Any,
) -> Observation:
    """What the operator reads from these objects, as they were asked for unless there are doubts."""
    more.setdefault("evidence", Evidence(doubts={}))
    return Observation(
        observe_conversion(owner, settings),
        [observe_job(one) for one in jobs],
        [observe_pod(one) for one in pods],
        **more,
    )


def empty_caches(stats: ConversionStats | None = None) -> Caches:
    """What is in memory of a process that has heard of nothing yet."""
    return Caches(
        ConversionCache(lambda shown, before: observe_conversion(shown, SETTINGS, before), stats or ConversionStats()),
        ObjectCache(observe_job),
        ObjectCache(observe_pod),
    )


def planned(owner: Object, *jobs: Object, pods: list[Object] | None = None, now: datetime = NOW, **more: Any) -> Plan:
    """The plan for a conversion with these Jobs and pods."""
    settings = more.pop("settings", SETTINGS)
    return plan(observed(owner, jobs, pods or [], settings=settings, **more), now, settings)


def is_at_rest(made: Plan) -> bool:
    """Return whether nothing is done or written."""
    return not made.everything and made.status is None


def after(owner: Object, made: Plan) -> Object:
    """The conversion once the plan's status is written."""
    if made.status is None:
        return owner
    return owner | {"status": made.status.to_object()}


def conditions(made: Plan) -> dict[str, tuple[str, str]]:
    """Type -> (status, reason) of the planned conditions."""
    assert made.status is not None
    return {one.type: (one.status, one.reason) for one in made.status.conditions or ()}


def message(made: Plan, kind: str = "Ready") -> str:
    assert made.status is not None
    return next(one.message for one in made.status.conditions or () if one.type == kind)


def running(reason: Reason) -> dict[str, tuple[str, str]]:
    return {"Ready": ("Unknown", reason.value), "Reconciling": ("True", reason.value)}


def stalled(reason: Reason) -> dict[str, tuple[str, str]]:
    return {"Ready": ("False", reason.value), "Stalled": ("True", reason.value)}


def started(**spec: Any) -> tuple[Object, Object]:
    """A conversion whose first Job is known to its status, and the Job."""
    owner = conversion(**spec)
    made = job(owner)
    return after(owner, planned(owner, made)), made


def told(made: Plan) -> list[Reason]:
    """The reasons of the Events that the plan emits."""
    return [action.reason for action in made.follow_ups if isinstance(action, EmitEvent)]
