"""Which layers are left out of a quantization that misses a gate, and how many."""

import pytest

from tflite_api.field_types import json_bytes
from tflite_api.resource.quantization import MOST_KEPT_TENSORS
from tflite_api.resource.status import TrialOutcome
from tflite_converter.search.repair import NAMES_BYTES, Layer, affordable, next_count


def layer(name: str, badness: float, cost: int = 10) -> Layer:
    return Layer(name=name, badness=badness, cost=cost)


def test_the_worst_come_first() -> None:
    assert affordable([layer("a", 1), layer("b", 3), layer("c", 2)], None) == ("b", "c", "a")


def test_a_layer_that_costs_too_much_is_passed_over_for_those_behind_it() -> None:
    found = affordable([layer("large", 9, 100), layer("b", 3, 30), layer("c", 2, 30), layer("d", 1, 39)], 100)
    assert found == ("b", "c", "d")


def test_what_is_left_out_keeps_the_artifact_smaller_and_not_as_large() -> None:
    assert affordable([layer("a", 1, 10)], 10) == ()
    assert affordable([layer("a", 1, 10)], 11) == ("a",)
    assert affordable([layer("a", 1, 10)], 0) == ()


def test_a_name_that_no_spec_can_hold_is_passed_over() -> None:
    assert affordable([layer("", 3), layer("a\nb", 2), layer("c" * 2049, 2), layer("d", 1)], None) == ("d",)


def test_the_names_fit_into_a_spec_and_into_what_is_told_of_a_conversion() -> None:
    short = affordable([layer(f"{number}", 1) for number in range(200)], None)
    assert len(short) == MOST_KEPT_TENSORS
    long = affordable([layer(f"{number:0250}", 1) for number in range(20)], None)
    assert len(long) == 4
    assert json_bytes(long) <= NAMES_BYTES


@pytest.mark.parametrize("needed", range(1, 11))
def test_halving_finds_the_fewest_that_hold(needed: int) -> None:
    tried: dict[int, TrialOutcome] = {}
    while (count := next_count(10, tried)) is not None:
        assert count not in tried
        tried[count] = "Held" if count >= needed else "Missed"
    assert min(count for count, outcome in tried.items() if outcome == "Held") == needed
    assert len(tried) <= 5


@pytest.mark.parametrize("outcome", ["Missed", "Failed"])
def test_where_all_do_not_help_none_are_tried_after_them(outcome: TrialOutcome) -> None:
    assert next_count(10, {10: outcome}) is None


@pytest.mark.parametrize("outcome", ["NotSmaller", "TooLarge"])
def test_where_all_are_too_large_fewer_are_tried(outcome: TrialOutcome) -> None:
    assert next_count(10, {10: outcome}) == 5


def test_where_nothing_can_be_left_out_nothing_is_tried() -> None:
    assert next_count(0, {}) is None


def test_where_less_is_affordable_than_before_no_more_is_left_out() -> None:
    assert next_count(0, {10: "Held"}) is None
    assert next_count(3, {10: "Held", 2: "Missed"}) == 3
    assert next_count(3, {10: "Held", 4: "Missed"}) is None
