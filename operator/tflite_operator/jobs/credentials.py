"""How the containers that talk to the storage come by credentials: from a Secret, or as a ServiceAccount.

The convert container, which runs the model, gets nothing of this.
"""

from typing import Any, Final

from tflite_api.names import CONVERT
from tflite_api.spec import ConversionSpec

_VOLUME: Final = "identity"
_TOKEN_FOLDER: Final = "/var/run/secrets/tflite-operator.dev"  # noqa: S105 - a folder, no secret
_TOKEN_SECONDS: Final = 3600
_AUDIENCE: Final = "sts.amazonaws.com"
"""What AWS, and what speaks its protocol, wants a token to be meant for
(https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html)."""
_SKIP_ANNOTATION: Final = "eks.amazonaws.com/skip-containers"
"""Keeps the webhook of Amazon EKS, which mounts tokens into every container, away from the model's
(https://github.com/aws/amazon-eks-pod-identity-webhook)."""


def environment(spec: ConversionSpec) -> list[dict[str, Any]]:
    """Give the variables of a container that talks to the storage."""
    secret = spec.destination.s3.secret_ref
    if secret is not None:
        return [
            from_secret(secret.name, "AWS_ACCESS_KEY_ID"),
            from_secret(secret.name, "AWS_SECRET_ACCESS_KEY"),
            from_secret(secret.name, "AWS_SESSION_TOKEN", optional=True),
        ]
    variables = [{"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": f"{_TOKEN_FOLDER}/token"}]
    role = spec.destination.s3.role_arn
    return variables if role is None else [*variables, {"name": "AWS_ROLE_ARN", "value": role}]


def mounts(spec: ConversionSpec) -> list[dict[str, Any]]:
    """Give the mounts of a container that talks to the storage."""
    if spec.destination.s3.secret_ref is not None:
        return []
    return [{"name": _VOLUME, "mountPath": _TOKEN_FOLDER, "readOnly": True}]


def volumes(spec: ConversionSpec) -> list[dict[str, Any]]:
    """Give the volumes that `mounts` speaks of."""
    if spec.destination.s3.secret_ref is not None:
        return []
    token = {"path": "token", "audience": _AUDIENCE, "expirationSeconds": _TOKEN_SECONDS}
    return [{"name": _VOLUME, "projected": {"sources": [{"serviceAccountToken": token}]}}]


def account(spec: ConversionSpec) -> dict[str, Any]:
    """Give the fields of a pod's spec that say as whom it acts; its token for the API server is never mounted."""
    fields: dict[str, Any] = {"automountServiceAccountToken": False}
    name = spec.service_account_name
    return fields if name is None else fields | {"serviceAccountName": name}


def annotations(spec: ConversionSpec) -> dict[str, str]:
    """Give the annotations of a pod that keep others from handing credentials to the model's container."""
    return {} if spec.service_account_name is None else {_SKIP_ANNOTATION: CONVERT}


def from_secret(secret: str, key: str, *, optional: bool = False, prefix: str = "") -> dict[str, Any]:
    """Give a variable, named as a key of a Secret with `prefix` in front, that holds the key's value."""
    reference: dict[str, Any] = {"name": secret, "key": key}
    if optional:
        reference["optional"] = True
    return {"name": f"{prefix}{key}", "valueFrom": {"secretKeyRef": reference}}
