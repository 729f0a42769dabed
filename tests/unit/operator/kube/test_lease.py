"""When a lease may be taken, and what is written into it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tflite_operator.kube.lease import Lease, LeaseTerms, Sighting, held, released, sight

TERMS = LeaseTerms(duration=15, renew_deadline=10, retry_period=2)
NOW = datetime(2026, 11, 25, 12, 0, 0, 5, tzinfo=UTC)
WRITTEN = "2026-11-25T12:00:00.000005Z"


def lease(holder: str | None = "a", renewed: str = "2026-11-25T11:00:00.000000Z", **spec: Any) -> dict[str, Any]:
    said = {"renewTime": renewed, "leaseDurationSeconds": 15, "acquireTime": renewed, "leaseTransitions": 3} | spec
    return {
        "metadata": {"name": "l", "resourceVersion": "7", "uid": "u"},
        "spec": said | ({"holderIdentity": holder} if holder is not None else {}),
    }


def test_a_lease_is_left_alone_for_as_long_as_its_holder_promised() -> None:
    seen = Sighting(Lease.of(lease(leaseDurationSeconds=30)), since=100)
    assert seen.seconds_left(100, TERMS) == 30
    assert seen.seconds_left(129.9, TERMS) == pytest.approx(0.1)
    assert seen.seconds_left(130, TERMS) == 0


def test_a_lease_that_says_nothing_of_its_duration_has_ours() -> None:
    assert Sighting(Lease.of(lease(leaseDurationSeconds=None)), since=0).seconds_left(0, TERMS) == 15


@pytest.mark.parametrize("spec", [{}, {"spec": None}, {"spec": {"holderIdentity": 7, "renewTime": []}}, lease(None)])
def test_a_lease_without_a_holder_is_free(spec: dict[str, Any]) -> None:
    assert Sighting(Lease.of(spec), since=0).seconds_left(0, TERMS) == 0


def test_only_a_renewal_starts_the_time_anew() -> None:
    first = sight(Lease.of(lease()), None, 100)
    assert sight(Lease.of(lease()), first, 107) is first
    assert sight(Lease.of(lease(renewed="2026-11-25T11:00:02.000000Z")), first, 107).since == 107
    assert sight(Lease.of(lease("b")), first, 107).since == 107


def test_the_holders_clock_does_not_matter() -> None:
    """A holder whose clock is an hour behind is not taken for one that is dead."""
    behind = sight(Lease.of(lease(renewed="2026-11-25T11:00:00.000000Z")), None, 0)
    assert behind.seconds_left(1, TERMS) == 14


def test_who_takes_over_counts_a_transition_and_keeps_what_else_is_there() -> None:
    made = held(lease("a", strategy="OldestEmulationVersion"), "l", "b", TERMS, NOW)
    assert made["metadata"]["resourceVersion"] == "7"
    assert made["spec"] == {
        "holderIdentity": "b",
        "leaseDurationSeconds": 15,
        "acquireTime": WRITTEN,
        "renewTime": WRITTEN,
        "leaseTransitions": 4,
        "strategy": "OldestEmulationVersion",
    }


def test_who_renews_keeps_the_time_of_taking() -> None:
    made = held(lease("a"), "l", "a", TERMS, NOW)["spec"]
    assert (made["acquireTime"], made["renewTime"]) == ("2026-11-25T11:00:00.000000Z", WRITTEN)
    assert made["leaseTransitions"] == 3


def test_a_whole_second_is_written_as_every_other() -> None:
    assert held({}, "l", "a", TERMS, NOW.replace(microsecond=0))["spec"]["renewTime"] == "2026-11-25T12:00:00.000000Z"


def test_the_first_lease_has_a_name_and_no_version() -> None:
    assert held({}, "l", "a", TERMS, NOW)["metadata"] == {"name": "l"}


def test_a_released_lease_is_free() -> None:
    made = released(lease("a"), "l", NOW)
    assert Sighting(Lease.of(made), since=0).seconds_left(0, TERMS) == 0
    assert made["spec"]["leaseDurationSeconds"] == 1
    assert made["metadata"]["resourceVersion"] == "7"
