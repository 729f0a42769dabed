"""The Job of one attempt, as an object for the API server."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from tflite_api import names
from tflite_api.names import CLEANUP, CONVERT, MODEL_DIR, OUTPUT_DIR, PREPARE, PUBLISH
from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.step import ExitCode, Invocation, StepRequest
from tflite_operator.core.fields import Object, mapping
from tflite_operator.core.identity import Identity
from tflite_operator.core.labels import (
    ATTEMPT_ANNOTATION,
    CONVERSION_LABEL,
    FAILURES_ANNOTATION,
    FORCED_ANNOTATION,
    GENERATION_ANNOTATION,
    NAME_ANNOTATION,
    REQUEST_ANNOTATION,
    cleanup_name,
    job_name,
)
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.placement import marks, placement
from tflite_operator.jobs.pod_access import (
    annotations,
    model_access,
    network_access,
    pull_secrets,
    service_account,
    signing_access,
    storage_access,
    verifying_access,
)
from tflite_operator.jobs.resources import resources_of
from tflite_operator.settings import Settings

USER_ID: Final = 65532
"""Any number but 0 would do: nothing in the image belongs to it."""
_NO_QUEUE: Final[Mapping[str, str]] = MappingProxyType({})
STEP_REQUEST_BYTES: Final = 128 * 1024 - len(names.STEP_REQUEST_ENV) - 2
"""Linux starts no program with a longer environment variable (MAX_ARG_STRLEN, include/uapi/linux/binfmts.h)."""
_SCRATCH: Final = "/tmp"  # noqa: S108 - a volume of the pod's own
_GRACE_SECONDS: Final = 10
_POD_RULES: Final[Mapping[str, Any]] = {
    "restartPolicy": "Never",
    "enableServiceLinks": False,
    "terminationGracePeriodSeconds": _GRACE_SECONDS,
}
_CLEANUP_TRIES: Final = 3
_CLEANUP_MARGIN_SECONDS: Final = 10
"""How much longer the Job may run than the operator waits for it: its deadline takes the pod away, and with it what the
pod was waiting for, which the operator tells when it gives up."""
_CLEANUP_TTL_SECONDS: Final = 300


def queue_labels(conversion: Object) -> dict[str, str]:
    """Return the labels of a conversion that a queueing system reads on its Jobs."""
    labels = mapping(conversion, "metadata", "labels")
    return {name: str(value) for name, value in labels.items() if name.startswith(names.QUEUE_LABEL_PREFIX)}


def build_cleanup(identity: Identity, spec: ConversionSpec, settings: Settings) -> dict[str, Any]:
    """Build the Job that deletes the artifact of a conversion that is being deleted.

    It has no owner: the garbage collector deletes what a conversion owns before the conversion itself where that is
    deleted in the foreground. It goes by its ttl.
    """
    told = _told(step_request(identity, spec, settings))
    outside = storage_access(spec) + network_access(settings)
    container = _container(
        CLEANUP, settings, [told, *outside.environment], list(outside.mounts), resources_of(CLEANUP, spec, settings)
    )
    scratch = {"name": f"scratch-{CLEANUP}", "emptyDir": {"sizeLimit": "16Mi"}}
    pod = {
        "containers": [container],
        "volumes": [scratch, *outside.volumes],
        **pull_secrets(settings),
        **placement(spec, settings),
    }
    labels = _labels(identity)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": cleanup_name(identity),
            "namespace": identity.namespace,
            "labels": labels,
            "annotations": {NAME_ANNOTATION: identity.name},
        },
        "spec": {
            "backoffLimit": _CLEANUP_TRIES - 1,
            "activeDeadlineSeconds": math.ceil(settings.cleanup_seconds) + _CLEANUP_MARGIN_SECONDS,
            "ttlSecondsAfterFinished": _CLEANUP_TTL_SECONDS,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {
                        "action": "FailJob",
                        "onExitCodes": {"operator": "In", "values": [int(ExitCode.SPEC_MUST_CHANGE)]},
                    },
                ]
            },
            "template": {
                "metadata": _pod_metadata(identity, spec, settings),
                "spec": {**_pod_rules(settings), **service_account(spec), **pod},
            },
        },
    }


def _pod_metadata(identity: Identity, spec: ConversionSpec, settings: Settings) -> dict[str, dict[str, str]]:
    return marks(spec, settings, _labels(identity), {NAME_ANNOTATION: identity.name, **annotations()})


def _labels(identity: Identity) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "tflite-converter",
        "app.kubernetes.io/component": "conversion",
        "app.kubernetes.io/managed-by": "tflite-operator",
        CONVERSION_LABEL: identity.uid,
    }


def build_job(
    identity: Identity, spec: ConversionSpec, attempt: Attempt, settings: Settings, queue: Mapping[str, str] = _NO_QUEUE
) -> dict[str, Any]:
    """Build the Job of an attempt; `queue` are the labels that a queueing system reads."""
    labels = _labels(identity)
    owner = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": identity.name,
        "uid": identity.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    notes = {
        NAME_ANNOTATION: identity.name,
        GENERATION_ANNOTATION: str(identity.generation),
        ATTEMPT_ANNOTATION: str(attempt.number),
        FAILURES_ANNOTATION: str(attempt.failures),
    }
    if attempt.request:
        notes[REQUEST_ANNOTATION] = attempt.request
    if attempt.forced:
        notes[FORCED_ANNOTATION] = "true"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(identity, attempt.number),
            "namespace": identity.namespace,
            "labels": labels | dict(queue),
            "annotations": notes,
            "ownerReferences": [owner],
        },
        "spec": {
            # One attempt is one Job: what is tried again, and when, is the operator's decision.
            "backoffLimit": 0,
            "activeDeadlineSeconds": spec.active_deadline_seconds,
            "podFailurePolicy": {
                "rules": [
                    # A drained or evicted pod is replaced by the Job itself and costs no attempt.
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [int(ExitCode.SUCCEEDED)]}},
                ]
            },
            "template": {
                "metadata": _pod_metadata(identity, spec, settings),
                "spec": _pod_spec(identity, spec, attempt, settings),
            },
        },
    }


def step_request(identity: Identity, spec: ConversionSpec, settings: Settings, attempt: Attempt | None = None) -> str:
    """Return what the steps of an attempt, or the cleanup, are told in their environment variable, as JSON."""
    request = StepRequest(
        spec=spec.without_placement,
        owner=f"{identity.namespace}/{identity.name}",
        cluster=settings.cluster_id,
        limits=settings.limits,
        forced=attempt is not None and attempt.forced,
        invocation=_invocation(identity, attempt, settings) if attempt is not None else None,
    )
    return request.model_dump_json(by_alias=True, exclude_none=True)


def _told(request: str) -> dict[str, str]:
    # The kubelet puts other variables, credentials among them, in the place of $(NAME), and one $ in that of two.
    # JSON's own way to write the sign takes six bytes, for which a text of nothing else has no room.
    return {"name": names.STEP_REQUEST_ENV, "value": request.replace("$", "$$")}


def _invocation(identity: Identity, attempt: Attempt, settings: Settings) -> Invocation:
    return Invocation(id=f"{identity.uid}/{identity.generation}/{attempt.number}", image=settings.converter_image)


def _pod_spec(identity: Identity, spec: ConversionSpec, attempt: Attempt, settings: Settings) -> dict[str, Any]:
    told = _told(step_request(identity, spec, settings, attempt))
    outside, model = storage_access(spec) + network_access(settings), model_access(spec)
    prepare = _container(
        PREPARE,
        settings,
        [told, *outside.environment, *model.environment, *verifying_access(spec).environment],
        [_mount("model", MODEL_DIR), *outside.mounts, *model.mounts],
        resources_of(PREPARE, spec, settings),
    )
    convert = _container(
        CONVERT,
        settings,
        [told],
        [_mount("model", MODEL_DIR, read_only=True), _mount("output", OUTPUT_DIR)],
        resources_of(CONVERT, spec, settings),
    )
    publish = _container(
        PUBLISH,
        settings,
        [told, *outside.environment, *signing_access(spec).environment],
        [_mount("model", MODEL_DIR, read_only=True), _mount("output", OUTPUT_DIR, read_only=True), *outside.mounts],
        resources_of(PUBLISH, spec, settings),
    )
    return {
        **_pod_rules(settings),
        **service_account(spec),
        "initContainers": [prepare, convert],
        "containers": [publish],
        "volumes": [*_volumes(settings), *outside.volumes, *model.volumes],
        **pull_secrets(settings),
        **placement(spec, settings),
    }


def _pod_rules(settings: Settings) -> dict[str, Any]:
    # A namespace of OpenShift has users of its own, and admits no other.
    fixed = {"runAsUser": USER_ID, "runAsGroup": USER_ID, "fsGroup": USER_ID} if settings.fixed_user else {}
    context = {"runAsNonRoot": True, **fixed, "seccompProfile": {"type": "RuntimeDefault"}}
    return {**_POD_RULES, "securityContext": context}


def _volumes(settings: Settings) -> list[dict[str, Any]]:
    unpacked = settings.max_unpacked_bytes
    sizes = {
        "model": settings.max_archive_bytes + unpacked,
        "output": unpacked,
        # One for each container: convert runs the model, and must not leave anything for publish to trip over.
        f"scratch-{PREPARE}": settings.max_archive_bytes + unpacked,
        f"scratch-{CONVERT}": 4 * unpacked,
        f"scratch-{PUBLISH}": unpacked,
    }
    return [{"name": name, "emptyDir": {"sizeLimit": str(size)}} for name, size in sizes.items()]


def _mount(volume: str, path: str, *, read_only: bool = False) -> dict[str, Any]:
    mount: dict[str, Any] = {"name": volume, "mountPath": path}
    return mount | {"readOnly": True} if read_only else mount


def _container(
    step: str,
    settings: Settings,
    environment: list[dict[str, Any]],
    mounts: list[dict[str, Any]],
    resources: dict[str, Any],
) -> dict[str, Any]:
    return {
        "name": step,
        "image": settings.converter_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["tflite-convert", step],
        "env": [{"name": "HOME", "value": _SCRATCH}, {"name": "TMPDIR", "value": _SCRATCH}, *environment],
        "volumeMounts": [*mounts, _mount(f"scratch-{step}", _SCRATCH)],
        "resources": resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": names.TERMINATION_LOG,
        "terminationMessagePolicy": "File",
    }
