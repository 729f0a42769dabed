"""Builds the Events that `kubectl describe` shows."""

import uuid
from datetime import UTC, datetime
from typing import Any, Final

from tflite_api import names
from tflite_api.text import one_line
from tflite_operator.core.identity import Identity
from tflite_operator.decide.decision import EmitEvent

_COMPONENT: Final = f"{names.GROUP}/tflite-operator"
_ELSEWHERE: Final = "default"
"""Where Events about what is in no namespace have to be."""
_NAME_CHARACTERS: Final = 200
"""Of the conversion's name in that of an Event, which has 253 at most."""
_NAMESPACE: Final = {"apiVersion": "v1", "kind": "Namespace"}


def build_event(identity: Identity, told: EmitEvent, instance: str, now: datetime) -> dict[str, Any]:
    """Build an Event of the events.k8s.io API about a conversion, or about its namespace where that goes."""
    regarding = _NAMESPACE | {"name": identity.namespace} if told.elsewhere else _conversion(identity)
    where = _ELSEWHERE if told.elsewhere else identity.namespace
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": _name(identity), "namespace": where},
        "eventTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": _COMPONENT,
        "reportingInstance": one_line(instance, 128),
        "type": "Warning" if told.warning else "Normal",
        "reason": told.reason.value,
        "action": "Convert",
        "note": one_line(told.message),
        "regarding": regarding,
    }


def _name(identity: Identity) -> str:
    # Where a long name is cut off there may be a hyphen or a dot, with which no part of a name ends.
    return f"{identity.name[:_NAME_CHARACTERS].rstrip('-.')}.{uuid.uuid4().hex[:16]}"


def _conversion(identity: Identity) -> dict[str, str]:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "namespace": identity.namespace,
        "name": identity.name,
        "uid": identity.uid,
    }
