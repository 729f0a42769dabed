"""An attestation for tests, and what it is about."""

import hashlib
from collections.abc import Mapping
from typing import Any

from tests.unit.converter.signing import signing_keys
from tflite_api.names import SIGNING_KEY_ENV
from tflite_api.steps.step import PreparedModel, StepRequest

ARTIFACT = b"\x1c\0\0\0TFL3 an artifact"
SHA256 = hashlib.sha256(ARTIFACT).hexdigest()
SPEC: dict[str, Any] = {
    "model": {"handle": "https://example.com/model/1"},
    "quantization": {"type": "Int8", "calibration": {"dataset": "s3://datasets/images/"}},
    "verification": {"samples": {"dataset": "https://example.com/samples.npz"}},
    "destination": {"s3": {"bucket": "models", "key": "a/b.tflite", "secretRef": {"name": "s"}}},
    "attestation": {"secretRef": {"name": "signing-key"}},
}
BYPRODUCTS = {"result": "8" * 64}
IMAGE = f"registry.example.com/converter@sha256:{'4' * 64}"
PREPARED = PreparedModel.from_object(
    {
        "path": "unpacked",
        "modelDigest": f"sha256:{'3' * 64}",
        "started": "2026-11-22T12:00:00Z",
        "datasets": {
            "calibration": {"path": "calibration-dataset", "digest": f"sha256:{'6' * 64}"},
            "verification": {"path": "verification-dataset/samples.npz", "digest": f"sha256:{'7' * 64}"},
        },
    }
)


def request(**changes: Any) -> StepRequest:
    invocation = {"id": "11111111-2222-3333-4444-555555555555/2/3", "image": IMAGE}
    return StepRequest.from_object(
        {"owner": "team/a", "cluster": "prod", "spec": {**SPEC, **changes}, "invocation": invocation}
    )


def environment(key: Any = signing_keys.P256) -> Mapping[str, str]:
    return {SIGNING_KEY_ENV: signing_keys.pkcs8(key).decode()}
