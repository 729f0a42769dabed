"""The names that tie objects together: keys, labels, annotations, and the names of Jobs."""

import hashlib
from typing import Final

from tflite_api import names
from tflite_operator.core.identity import Identity

Key = tuple[str, str]
"""Namespace and name of a conversion."""

CONVERSION_LABEL: Final = f"{names.GROUP}/conversion"
"""On Jobs and pods: the conversion's UID. The operator watches what carries it."""
NAME_ANNOTATION: Final = f"{names.GROUP}/conversion-name"
GENERATION_ANNOTATION: Final = f"{names.GROUP}/generation"
ATTEMPT_ANNOTATION: Final = f"{names.GROUP}/attempt"
FAILURES_ANNOTATION: Final = f"{names.GROUP}/failures"
"""How many earlier attempts count against the limit: those whose reason is counted."""
REQUEST_ANNOTATION: Final = names.REQUESTED_AT_ANNOTATION
FORCED_ANNOTATION: Final = f"{names.GROUP}/forced"

READY: Final = "Ready"
RECONCILING: Final = "Reconciling"
STALLED: Final = "Stalled"
VERIFIED: Final = "Verified"

NAME_CHARACTERS: Final = 63
"""A Job's name becomes a label of its pods, so it may not be longer (`job-name`, RFC 1123 label)."""
_HASH_CHARACTERS: Final = 10


def job_name(identity: Identity, attempt: int) -> str:
    """Return the one name that an attempt's Job can have, so that no attempt ever has two Jobs."""
    return _name(identity, f"{identity.generation}/{attempt}")


def cleanup_name(identity: Identity) -> str:
    """Return the one name that the Job which deletes a conversion's artifact can have."""
    return _name(identity, "cleanup")


def _name(identity: Identity, what: str) -> str:
    suffix = hashlib.sha256(f"{identity.uid}/{what}".encode()).hexdigest()[:_HASH_CHARACTERS]
    # A conversion's name may hold dots, a label of the kind a pod's host name must be may not.
    stem = identity.name.replace(".", "-")[: NAME_CHARACTERS - 1 - _HASH_CHARACTERS].rstrip("-")
    return f"{stem}-{suffix}"
