"""What the prepare container, and no other, needs to reach the model: its source's Secret, or its volume."""

from typing import Any, Final

from tflite_api.names import MODEL_ENV_PREFIX, VOLUME_DIR
from tflite_api.spec import ConversionSpec
from tflite_operator.jobs.credentials import from_secret

_VOLUME: Final = "source"
_S3_KEYS: Final = {"AWS_ACCESS_KEY_ID": False, "AWS_SECRET_ACCESS_KEY": False, "AWS_SESSION_TOKEN": True}
"""The keys of a Secret, and which may be absent."""
_KAGGLE_KEYS: Final = ("KAGGLE_USERNAME", "KAGGLE_KEY")
"""As kagglehub reads them."""


def environment(spec: ConversionSpec) -> list[dict[str, Any]]:
    """Give the variables with the credentials of the model's source."""
    s3, kaggle = spec.model.s3, spec.model.kaggle
    if s3 is not None and s3.secret_ref is not None:
        name = s3.secret_ref.name
        return [from_secret(name, key, optional=may, prefix=MODEL_ENV_PREFIX) for key, may in _S3_KEYS.items()]
    if kaggle is not None and kaggle.secret_ref is not None:
        return [from_secret(kaggle.secret_ref.name, key) for key in _KAGGLE_KEYS]
    return []


def mounts(spec: ConversionSpec) -> list[dict[str, Any]]:
    """Give the mount of the volume that the model comes from."""
    if spec.model.volume is None:
        return []
    return [{"name": _VOLUME, "mountPath": VOLUME_DIR, "readOnly": True}]


def volumes(spec: ConversionSpec) -> list[dict[str, Any]]:
    """Give the volume that `mounts` speaks of; read-only as a whole, so that the kubelet changes no owner in it."""
    if spec.model.volume is None:
        return []
    claim = {"claimName": spec.model.volume.claim_name, "readOnly": True}
    return [{"name": _VOLUME, "persistentVolumeClaim": claim}]
