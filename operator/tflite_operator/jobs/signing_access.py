"""How the container that publishes comes by the key that signs the attestation; no other container gets it."""

from typing import Any

from tflite_api.names import SIGNING_KEY_ENV, SIGNING_PASSWORD_ENTRY, SIGNING_PASSWORD_ENV
from tflite_api.spec import ConversionSpec
from tflite_operator.jobs.credentials import from_secret


def environment(spec: ConversionSpec) -> list[dict[str, Any]]:
    """Give the variables of the container that signs.

    Variables rather than a volume: the kubelet says which Secret or entry is missing, and does so when this container
    starts; for a missing volume it starts no container of the pod, and says so nowhere but in an Event.
    """
    reference = spec.attestation.secret_ref if spec.attestation is not None else None
    if reference is None:
        return []
    return [
        from_secret(reference.name, reference.key) | {"name": SIGNING_KEY_ENV},
        from_secret(reference.name, SIGNING_PASSWORD_ENTRY, optional=True) | {"name": SIGNING_PASSWORD_ENV},
    ]
