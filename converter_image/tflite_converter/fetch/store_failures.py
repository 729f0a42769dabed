"""What errors mean that are about a server, whatever is asked of it: reasons, and the spec's words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tflite_api.names import REQUESTED_AT_ANNOTATION
from tflite_api.reasons import Reason
from tflite_converter.core.failure import OWN_CURE, Cure, StepFailure
from tflite_converter.storage.obstacles import Obstacle
from tflite_converter.storage.store import Fault, StoreError

ASK_AGAIN: Final = f"ask for one more run with a new value of the annotation {REQUESTED_AT_ANNOTATION}"
ROLE_CURE: Final = (
    "set destination.s3.roleARN, annotate the ServiceAccount, or associate it with a role (EKS Pod Identity)"
)
"""Where a ServiceAccount stands for no role."""

OF_SERVER: Final[Mapping[Fault, Reason]] = MappingProxyType(
    {
        Fault.LACKING_CREDENTIALS: Reason.CREDENTIALS_REFUSED,
        Fault.UNFIT_CREDENTIALS: Reason.CREDENTIALS_REFUSED,
        Fault.LACKING_ROLE: Reason.CREDENTIALS_REFUSED,
        Fault.ROLE_REFUSED: Reason.CREDENTIALS_REFUSED,
        Fault.WRITE_REFUSED: Reason.CREDENTIALS_REFUSED,
        Fault.OTHER_REGION: Reason.INVALID_SPEC,
        Fault.OTHER_ENDPOINT: Reason.INVALID_SPEC,
        Fault.OTHER_SCHEME: Reason.INVALID_SPEC,
        Fault.OTHER_ADDRESSING: Reason.INVALID_SPEC,
        Fault.NOT_A_STORE: Reason.INVALID_SPEC,
        Fault.REFUSED_ADDRESS: Reason.ADDRESS_REFUSED,
        Fault.UNKNOWN_HOST: Reason.SERVER_UNREACHABLE,
        Fault.UNKNOWN_AUTHORITY: Reason.SERVER_UNREACHABLE,
        Fault.BAD_CERTIFICATE: Reason.SERVER_UNREACHABLE,
        Fault.NO_CHECKSUMS: Reason.STORAGE_REFUSED,
        Fault.TOO_LARGE: Reason.STORAGE_REFUSED,
        Fault.FULL: Reason.STORAGE_REFUSED,
        Fault.ENCRYPTION: Reason.STORAGE_REFUSED,
        Fault.DECLINED: Reason.STORAGE_REFUSED,
    }
)

_CURES: Final[Mapping[Fault, str]] = MappingProxyType(
    {
        Fault.OTHER_REGION: "write {hint} in {field}.region",
        Fault.OTHER_ENDPOINT: "write that in {field}.endpoint, and its region in {field}.region",
        Fault.OTHER_SCHEME: "write {hint}:// in {address}",
        Fault.OTHER_ADDRESSING: "set {field}.addressingStyle to {hint}",
        Fault.NOT_A_STORE: "write the address of its S3 API in {field}.endpoint, not that of a console or a login page",
        Fault.UNKNOWN_HOST: "correct {address}",
        Fault.UNKNOWN_AUTHORITY: (
            "have the administrator add that authority to the ConfigMap that CONVERTER_CA_CONFIG_MAP names"
        ),
        Fault.BAD_CERTIFICATE: "have it renewed, or write the host name that it is for in {address}",
        Fault.ROLE_REFUSED: (
            "Have the trust policy of its role name this ServiceAccount and cluster, or correct the role,"
            f" then {ASK_AGAIN}"
        ),
        Fault.ENCRYPTION: "set {field}.encryption to what it asks for, or leave it out where it knows none",
        Fault.FULL: f"Free some room or raise the quota, then {ASK_AGAIN}",
        Fault.TOO_LARGE: f"Raise that limit (nginx calls it client_max_body_size), then {ASK_AGAIN}",
    }
)


_INSTEAD: Final = "take the model from model.s3 or model.volume"
_CURES_OF_FIXED: Final[Mapping[Fault, str]] = MappingProxyType(
    {
        Fault.UNKNOWN_HOST: f"have the administrator set CONVERTER_HTTPS_PROXY where a proxy knows it, or {_INSTEAD}",
        Fault.UNKNOWN_AUTHORITY: _CURES[Fault.UNKNOWN_AUTHORITY],
        Fault.BAD_CERTIFICATE: f"have the administrator find out what answers in its place, or {_INSTEAD}",
        Fault.OTHER_SCHEME: f"have the administrator find out what answers in its place, or {_INSTEAD}",
    }
)


def cure_of(error: StoreError, field: str) -> Cure:
    """Return what to change about a store's server.

    Args:
        error: of the store.
        field: of the spec, which says where the server is, such as destination.s3.
    """
    if error.fault is Fault.OTHER_REGION and not error.hint:
        return f"correct {field}.region"
    cure, address = _CURES.get(error.fault), f"{field}.endpoint"
    if error.fault is Fault.UNKNOWN_AUTHORITY:
        return (
            f"name a ConfigMap with that authority in {field}.caConfigMapRef, or have the administrator add it to the"
            " one that CONVERTER_CA_CONFIG_MAP names"
        )
    if error.fault is Fault.UNKNOWN_HOST:
        return f"correct {address}, or {field}.region if there is none"
    return OWN_CURE if cure is None else cure.format(field=field, address=address, hint=error.hint)


def unreachable(found: Obstacle, url: str, field: str, unavailable: Reason) -> StepFailure:
    """Return what keeps a file from being fetched from the web address that a field of the spec holds.

    Args:
        found: what is wrong with the way to its server.
        url: its address, as it may be shown; another than the field's where that redirects.
        field: of the spec.
        unavailable: why, where another attempt may help.
    """
    cure: Cure = OWN_CURE
    if (known := _CURES.get(found.fault)) is not None:
        cure = known.format(field=field, address=field, hint=found.hint)
    return StepFailure(OF_SERVER.get(found.fault, unavailable), f"{url} {found.words}", cure)


def cure_of_fixed(fault: Fault) -> Cure:
    """Return what to do about a server that no field of the spec chooses."""
    return _CURES_OF_FIXED.get(fault, OWN_CURE)


def unreachable_fixed(found: Obstacle, server: str) -> StepFailure:
    """Return what keeps a model from being fetched from such a server."""
    reason = Reason.SERVER_UNREACHABLE if found.fault in _CURES_OF_FIXED else Reason.MODEL_UNAVAILABLE
    return StepFailure(reason, f"{server} {found.words}", cure_of_fixed(found.fault))
