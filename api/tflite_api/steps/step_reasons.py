"""What each step can know, and so may report: a closed list for each, and what only the operator can know.

A reason that is in no list is believed of no step. The convert container runs the model's code, which may write any
report: were it believed that a server is down, the operator would try for ever.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tflite_api.names import CLEANUP, CONVERT, PREPARE, PUBLISH
from tflite_api.reasons import Reason

_OF_ANY_STEP: Final = frozenset({Reason.INVALID_SPEC, Reason.OUT_OF_MEMORY, Reason.OUT_OF_DISK, Reason.INTERNAL_ERROR})
_OF_STORAGE: Final = frozenset(
    {
        Reason.CREDENTIALS_REFUSED,
        Reason.BUCKET_NOT_FOUND,
        Reason.STORAGE_REFUSED,
        Reason.DESTINATION_CONFLICT,
        Reason.STORAGE_UNAVAILABLE,
        Reason.SERVER_UNREACHABLE,
        Reason.DESTINATION_CHANGED,
        Reason.ADDRESS_REFUSED,
    }
)
_OF_FETCHING: Final = frozenset(
    {
        Reason.MODEL_NOT_FOUND,
        Reason.MODEL_ACCESS_DENIED,
        Reason.MODEL_TOO_LARGE,
        Reason.MODEL_UNAVAILABLE,
        Reason.DATASET_NOT_FOUND,
        Reason.DATASET_ACCESS_DENIED,
        Reason.DATASET_TOO_LARGE,
        Reason.DATASET_UNAVAILABLE,
        Reason.DIGEST_MISMATCH,
        Reason.ARCHIVE_REFUSED,
        Reason.NOT_A_SAVED_MODEL,
        Reason.TAGS_NOT_FOUND,
    }
)
_OF_CONVERTING: Final = frozenset(
    {
        Reason.NOT_A_SAVED_MODEL,
        Reason.TAGS_NOT_FOUND,
        Reason.MODEL_LOAD_FAILED,
        Reason.SIGNATURE_NOT_FOUND,
        Reason.INPUT_NOT_FOUND,
        Reason.INPUT_SHAPE_MISMATCH,
        Reason.INPUT_UNSUPPORTED,
        Reason.UNSUPPORTED_OPERATION,
        Reason.OPERATION_NOT_QUANTIZABLE,
        Reason.INVALID_METADATA,
        Reason.DATASET_INVALID,
        Reason.DATASET_MISMATCH,
        Reason.METRIC_MISMATCH,
        Reason.TOO_FEW_LABELS,
        Reason.BASELINE_UNUSABLE,
        Reason.CONVERSION_FAILED,
        Reason.CONVERSION_CRASHED,
        Reason.QUANTIZATION_NOT_APPLIED,
        Reason.VERIFICATION_FAILED,
        Reason.BUDGET_EXCEEDED,
        Reason.BUDGET_UNREACHABLE,
        Reason.TARGET_UNMET,
        Reason.ARTIFACT_REFUSED,
        Reason.DEADLINE_EXCEEDED,
    }
)
OF_VARIANT: Final = frozenset(
    {
        Reason.UNSUPPORTED_OPERATION,
        Reason.OPERATION_NOT_QUANTIZABLE,
        Reason.BASELINE_UNUSABLE,
        Reason.CONVERSION_FAILED,
        Reason.CONVERSION_CRASHED,
        Reason.QUANTIZATION_NOT_APPLIED,
        Reason.VERIFICATION_FAILED,
        Reason.BUDGET_EXCEEDED,
        Reason.TARGET_UNMET,
    }
)
"""What may be wrong with one variant and not with others: these are converted and published all the same, and then it
is publish that tells."""
_OF_PUBLISHING: Final = frozenset(
    {Reason.CONVERTED, Reason.REUSED, Reason.ARTIFACT_REFUSED, Reason.BUDGET_EXCEEDED, Reason.SIGNING_KEY_INVALID}
)

STEP_REASONS: Final[Mapping[str, frozenset[Reason]]] = MappingProxyType(
    {
        PREPARE: _OF_ANY_STEP | _OF_FETCHING | _OF_STORAGE | {Reason.ARTIFACT_REFUSED, Reason.BASELINE_UNUSABLE},
        CONVERT: _OF_ANY_STEP | _OF_CONVERTING,
        PUBLISH: _OF_ANY_STEP | _OF_STORAGE | _OF_PUBLISHING,
        CLEANUP: _OF_STORAGE | {Reason.ARTIFACT_DELETED},
    }
)

OPERATOR_REASONS: Final = frozenset(
    {
        Reason.PENDING,
        Reason.QUEUED,
        Reason.PREPARING,
        Reason.CONVERTING,
        Reason.PUBLISHING,
        Reason.SECRET_NOT_FOUND,
        Reason.VOLUME_NOT_FOUND,
        Reason.CONFIG_MAP_NOT_FOUND,
        Reason.JOB_REFUSED,
        Reason.POD_NOT_STARTING,
        Reason.POD_STUCK_TERMINATING,
        Reason.SUSPENDED,
        Reason.INVALID_SPEC,
        Reason.OUT_OF_MEMORY,
        Reason.OUT_OF_DISK,
        Reason.DEADLINE_EXCEEDED,
        Reason.IMAGE_PULL_FAILED,
        Reason.UNSCHEDULABLE,
        Reason.NAME_COLLISION,
        Reason.POD_DISRUPTED,
        Reason.JOB_DELETED,
        Reason.START_FAILED,
        Reason.STEP_CRASHED,
        Reason.CLEANUP_FAILED,
    }
)
"""What the operator finds out from Jobs, pods and the spec."""
