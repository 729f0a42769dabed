"""What the containers that fetch, sign and upload are given to reach the outside: credentials, proxies, volumes.

The convert container, which runs the model, gets nothing of this: credentials could be stolen, a proxy is a way out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tflite_api.authorities import CA_FILE, OF_DESTINATION, OF_MODEL, AuthoritiesReference, AuthoritiesVolume
from tflite_api.names import (
    CA_BUNDLE_ENV,
    CONVERT,
    S3_CREDENTIALS,
    SIGNING_KEY_ENV,
    SIGNING_PASSWORD_ENTRY,
    SIGNING_PASSWORD_ENV,
    VERIFYING_KEY_ENTRY,
    VERIFYING_KEY_ENV,
    VOLUME_DIR,
)
from tflite_api.resource.destination import S3Destination
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.settings import Settings

Field = dict[str, Any]

_IDENTITY_VOLUME: Final = "identity"
_TOKEN_FOLDER: Final = "/var/run/secrets/tflite-operator.dev"  # noqa: S105 - a folder, no secret
_TOKEN_SECONDS: Final = 3600
_AUDIENCE: Final = "sts.amazonaws.com"
"""What AWS, and what speaks its protocol, wants a token to be meant for
(https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html)."""
_SKIP_ANNOTATION: Final = "eks.amazonaws.com/skip-containers"
"""Keeps the webhook of Amazon EKS, which mounts tokens into every container, away from the model's
(https://github.com/aws/amazon-eks-pod-identity-webhook)."""
_SOURCE_VOLUME: Final = "source"
_CA_VOLUME: Final = "authorities"
_CA_FOLDER: Final = "/etc/tflite-operator"


@dataclass(frozen=True)
class PodAccess:
    """What a container is given to reach something, as fields of the container and of its pod."""

    environment: tuple[Field, ...] = ()
    mounts: tuple[Field, ...] = ()
    volumes: tuple[Field, ...] = ()

    def __add__(self, other: "PodAccess") -> "PodAccess":
        """Return both together."""
        return PodAccess(self.environment + other.environment, self.mounts + other.mounts, self.volumes + other.volumes)


def storage_access(spec: ConversionSpec) -> PodAccess:
    """Return what reaches the destination: a Secret's entries or a ServiceAccount's token, and authorities to trust."""
    where = spec.destination.s3
    authorities = _authorities(where.ca_config_map_ref, OF_DESTINATION)
    if where.secret_ref is not None:
        secret = where.secret_ref
        return PodAccess(_credentials(secret.name, S3_CREDENTIALS, secret.entry_of)) + authorities
    return _token_access(where) + authorities


def _token_access(where: S3Destination) -> PodAccess:
    variables: list[Field] = [{"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": f"{_TOKEN_FOLDER}/token"}]
    if where.role_arn is not None:
        variables.append({"name": "AWS_ROLE_ARN", "value": where.role_arn})
    token = {"path": "token", "audience": _AUDIENCE, "expirationSeconds": _TOKEN_SECONDS}
    return PodAccess(
        tuple(variables),
        ({"name": _IDENTITY_VOLUME, "mountPath": _TOKEN_FOLDER, "readOnly": True},),
        ({"name": _IDENTITY_VOLUME, "projected": {"sources": [{"serviceAccountToken": token}]}},),
    )


def network_access(settings: Settings) -> PodAccess:
    """Return what the administrator gives to whatever uses the network: proxies, and authorities to trust."""
    named = {
        "HTTP_PROXY": settings.converter_http_proxy,
        "HTTPS_PROXY": settings.converter_https_proxy,
        "NO_PROXY": settings.converter_no_proxy,
        CA_BUNDLE_ENV: f"{_CA_FOLDER}/{CA_FILE}" if settings.converter_ca_config_map else "",
    }
    variables = [{"name": name, "value": value} for name, value in named.items() if value]
    if settings.converter_proxy_secret:
        secret = settings.converter_proxy_secret
        proxies = [_from_secret(secret, "HTTPS_PROXY"), _from_secret(secret, "HTTP_PROXY", optional=True)]
        variables = [*proxies, *variables]
    if not settings.converter_ca_config_map:
        return PodAccess(tuple(variables))
    source = {
        "name": settings.converter_ca_config_map,
        "items": [{"key": settings.converter_ca_key, "path": CA_FILE}],
        # A pod without it would hang with no other trace than an Event; the step says what is missing.
        "optional": True,
    }
    return PodAccess(
        tuple(variables),
        ({"name": _CA_VOLUME, "mountPath": _CA_FOLDER, "readOnly": True},),
        ({"name": _CA_VOLUME, "configMap": source},),
    )


def model_access(spec: ConversionSpec) -> PodAccess:
    """Return what the prepare container, and no other, needs to reach the model: its source's Secret, or its volume.

    Authorities to trust are with them.
    """
    source = spec.model.source
    authorities = _authorities(spec.model.s3.ca_config_map_ref, OF_MODEL) if spec.model.s3 is not None else PodAccess()
    if source.secret is not None:
        found = _credentials(source.secret.name, source.CREDENTIALS, source.entry_of, prefix=source.VARIABLE_PREFIX)
        return PodAccess(found) + authorities
    if source.claim is None:
        return authorities
    # Read-only as a whole, so that the kubelet changes no owner in it.
    claim = {"claimName": source.claim, "readOnly": True}
    return PodAccess(
        (),
        ({"name": _SOURCE_VOLUME, "mountPath": VOLUME_DIR, "readOnly": True},),
        ({"name": _SOURCE_VOLUME, "persistentVolumeClaim": claim},),
    )


def signing_access(spec: ConversionSpec) -> PodAccess:
    """Return what the container that publishes, and no other, needs to sign the attestation.

    Variables rather than a volume: the kubelet says which Secret or entry is missing, and does so when this container
    starts; for a missing volume it starts no container of the pod, and says so nowhere but in an Event.
    """
    reference = spec.attestation.secret_ref if spec.attestation is not None else None
    if reference is None:
        return PodAccess()
    return PodAccess(
        (
            _from_secret(reference.name, reference.key) | {"name": SIGNING_KEY_ENV},
            _from_secret(reference.name, SIGNING_PASSWORD_ENTRY, optional=True) | {"name": SIGNING_PASSWORD_ENV},
        )
    )


def verifying_access(spec: ConversionSpec) -> PodAccess:
    """Return what the container that looks for a finished artifact needs to know who signed it: a public key.

    Without that entry it starts nevertheless, and takes nothing that is in the bucket for signed.
    """
    reference = spec.attestation.secret_ref if spec.attestation is not None else None
    if reference is None:
        return PodAccess()
    entry = _from_secret(reference.name, VERIFYING_KEY_ENTRY, optional=True)
    return PodAccess((entry | {"name": VERIFYING_KEY_ENV},))


def _authorities(reference: AuthoritiesReference | None, volume: AuthoritiesVolume) -> PodAccess:
    """Return what shows a step the authorities of one server.

    Not optional: the pod waits for a ConfigMap that is named, and the kubelet says in an Event what is missing. No
    variable as for credentials: Linux starts no program with one as long as a bundle of all public authorities.
    """
    if reference is None:
        return PodAccess()
    source = {"name": reference.name, "items": [{"key": reference.key, "path": CA_FILE}]}
    return PodAccess(
        (),
        ({"name": volume.name, "mountPath": volume.folder, "readOnly": True},),
        ({"name": volume.name, "configMap": source},),
    )


def service_account(spec: ConversionSpec) -> Field:
    """Return the fields of a pod's spec that say as whom it acts; its token for the API server is never mounted."""
    fields: Field = {"automountServiceAccountToken": False}
    return fields if spec.service_account_name is None else fields | {"serviceAccountName": spec.service_account_name}


def annotations() -> dict[str, str]:
    """Return the annotations of a pod that keep others from handing credentials to the model's container.

    Whatever the spec says: the namespace's default ServiceAccount may stand for a role as well.
    """
    return {_SKIP_ANNOTATION: CONVERT}


def pull_secrets(settings: Settings) -> Field:
    """Return the field of a pod's spec that says how its image is pulled."""
    secrets = [{"name": name} for name in settings.converter_pull_secrets]
    return {"imagePullSecrets": secrets} if secrets else {}


def _credentials(
    secret: str, variables: Mapping[str, bool], entries: Mapping[str, str], prefix: str = ""
) -> tuple[Field, ...]:
    """Return the variables that hold credentials, and tell which may be absent, from their entries of a Secret."""
    return tuple(
        _from_secret(secret, entries[name], optional=may) | {"name": f"{prefix}{name}"}
        for name, may in variables.items()
        if name in entries
    )


def _from_secret(secret: str, key: str, *, optional: bool = False) -> Field:
    """Return a variable, named as a key of a Secret, that holds the key's value."""
    reference: Field = {"name": secret, "key": key}
    if optional:
        reference["optional"] = True
    return {"name": key, "valueFrom": {"secretKeyRef": reference}}
