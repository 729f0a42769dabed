"""Who may have lost the lease does not write."""

import math

import pytest

from tflite_operator.kube.fence import Fence, LeaseLostError
from tflite_operator.kube.lease import LeaseTerms

TERMS = LeaseTerms(duration=15, renew_deadline=10, retry_period=2)


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_written_before_the_lease_is_won() -> None:
    fence = Fence(TERMS, Hands())
    with pytest.raises(LeaseLostError):
        fence.write_seconds()
    fence.renewed(1000)
    assert fence.write_seconds() == 15


def test_a_write_begins_before_the_deadline_and_ends_before_another_takes_over() -> None:
    clock = Hands()
    fence = Fence(TERMS, clock)
    fence.renewed(clock.now)
    clock.now += 9.5
    assert fence.write_seconds() == 5.5
    clock.now += 0.5
    with pytest.raises(LeaseLostError, match="not renewed in time"):
        fence.write_seconds()


def test_the_time_counts_from_when_the_renewal_was_sent() -> None:
    clock = Hands()
    fence = Fence(TERMS, clock)
    fence.renewed(clock.now - 8)
    assert fence.seconds_left() == 2


def test_one_that_was_frozen_stays_shut_even_if_it_could_renew() -> None:
    clock = Hands()
    fence = Fence(TERMS, clock)
    fence.renewed(clock.now)
    clock.now += 60
    assert fence.seconds_left() == 0
    fence.renewed(clock.now)
    assert fence.seconds_left() == 0
    with pytest.raises(LeaseLostError):
        fence.write_seconds()


def test_one_that_was_frozen_while_its_renewal_was_under_way_is_shut() -> None:
    clock = Hands()
    fence = Fence(TERMS, clock)
    sent, clock.now = clock.now, clock.now + 60
    fence.renewed(sent)
    with pytest.raises(LeaseLostError):
        fence.write_seconds()


def test_without_leader_election_there_is_no_fence() -> None:
    assert Fence(None, Hands()).write_seconds() == math.inf
