"""What an Event about a conversion is called."""

import re
from datetime import UTC, datetime

import pytest

from tests.unit.operator.builders import conversion
from tflite_api.reasons import Reason
from tflite_operator.core.identity import Identity
from tflite_operator.decide.decision import EmitEvent
from tflite_operator.reconcile.events import build_event

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""What the API server takes for a name (RFC 1123)."""


@pytest.mark.parametrize(
    "name", ["a", "a" * 253, "a" * 199 + "-" + "b" * 53, "a" * 199 + ".b", "a" * 197 + "-.-" + "b"]
)
def test_it_has_a_name_that_the_api_server_takes_whatever_the_conversion_s_is(name: str) -> None:
    owner = conversion()
    owner["metadata"]["name"] = name
    told = EmitEvent(False, Reason.PENDING, "Attempt 1 started.")
    made = build_event(Identity.of(owner), told, "operator-0", datetime(2026, 1, 1, tzinfo=UTC))
    assert SUBDOMAIN.fullmatch(made["metadata"]["name"])
    assert len(made["metadata"]["name"]) <= 253
