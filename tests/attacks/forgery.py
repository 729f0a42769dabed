"""Makes Jobs that pass for a conversion's, as somebody who would like to write its status."""

import json
from typing import Any, Final

from tflite_api.resource.recipe import recipe_hash
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.core.identity import Identity
from tflite_operator.core.labels import ATTEMPT_ANNOTATION, CONVERSION_LABEL, NAME_ANNOTATION, job_name

Object = dict[str, Any]

SHA256: Final = "f" * 64
"""Of an artifact that nobody made."""
_WRITE: Final = "import os; open('/dev/termination-log', 'w').write(os.environ['FORGED'])"
_RESTRICTED: Final = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def report(conversion: Object) -> Object:
    """Return what publish would report of a success."""
    spec = ConversionSpec.from_object(conversion["spec"])
    return {
        "reason": "Converted",
        "message": "SNR 188 dB",
        "verdict": "SNRSufficient",
        "artifact": {"uri": spec.destination.s3.uri, "sha256": SHA256, "sizeBytes": 40, "etag": '"e"'},
        "signature": {
            "key": "serving_default",
            "inputs": [{"name": "x", "dtype": "float32", "shape": [1]}],
            "outputs": [{"name": "y", "dtype": "float32", "shape": [1]}],
        },
        "verification": {
            "snrDecibels": "188",
            "maxAbsoluteError": "0",
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
    }


def marks(conversion: Object, attempt: int = 1) -> Object:
    """Return the metadata of an attempt's Job: all that is in it is public."""
    identity = Identity.of(conversion)
    owner = {"apiVersion": conversion["apiVersion"], "kind": conversion["kind"], "name": identity.name}
    return {
        "name": job_name(identity, attempt),
        "labels": {CONVERSION_LABEL: identity.uid},
        "annotations": {NAME_ANNOTATION: identity.name, ATTEMPT_ANNOTATION: str(attempt)},
        "ownerReferences": [owner | {"uid": identity.uid, "controller": True}],
    }


def pod_spec(conversion: Object, image: str, name: str = "publish") -> Object:
    """Return a pod that reports a success, and does nothing else."""
    container = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", _WRITE],
        "env": [{"name": "FORGED", "value": json.dumps(report(conversion))}],
        "securityContext": _RESTRICTED,
    }
    return {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]}


def job(conversion: Object, image: str, attempt: int = 1, **metadata: Any) -> Object:
    """Return the Job of an attempt that was never made."""
    made = marks(conversion, attempt) | metadata
    of_pods = {"labels": made["labels"], "annotations": {NAME_ANNOTATION: conversion["metadata"]["name"]}}
    template = {"metadata": of_pods, "spec": pod_spec(conversion, image)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": made,
        "spec": {"backoffLimit": 0, "template": template},
    }
