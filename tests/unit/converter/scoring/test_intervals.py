"""Intervals mean something near 0 and 1 as well, where resampling gives a single number."""

import numpy as np
import pytest

from tflite_api.resource.metrics import MetricName
from tflite_converter.scoring import bootstrap, intervals, proportions
from tflite_converter.scoring.formulas import FORMULAS, Formula, Numbers

ACCURACY, ERROR = FORMULAS[MetricName.TOP1_ACCURACY], FORMULAS[MetricName.MEAN_ABSOLUTE_ERROR]
OVERLAP, WORDS = FORMULAS[MetricName.INTERSECTION_OVER_UNION], FORMULAS[MetricName.WORD_ERROR_RATE]


def answers(right: int, of: int = 100) -> Numbers:
    return np.array([[float(number < right), 1.0] for number in range(of)])


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    # Newcombe, Two-Sided Confidence Intervals for the Single Proportion, Statistics in Medicine 17, 1998, table I.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_share_is_wilson_s(right: int, of: int, low: float, high: float) -> None:
    assert proportions.wilson(right / of, of) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_of_a_difference_is_newcombe_s() -> None:
    # Newcombe, Improved Confidence Intervals for the Difference Between Binomial Proportions Based on Paired Data,
    # Statistics in Medicine 17, 1998, table II, method 10: 36 right in both, 12 and 2 in one, 0 in neither.
    first = np.array([1.0] * 36 + [1.0] * 12 + [0.0] * 2)
    second = np.array([1.0] * 36 + [0.0] * 12 + [1.0] * 2)
    assert proportions.paired(first, second) == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_where_all_are_right_the_interval_says_how_many_there_were() -> None:
    found = intervals.of((answers(100), answers(100)), ACCURACY)
    assert found.each[0] == found.each[1] == pytest.approx((0.963, 1.0), abs=5e-4)
    assert found.each[0][1] == 1.0
    assert found.difference == pytest.approx((-0.037, 0.037), abs=5e-4)
    assert intervals.of((answers(1000, 1000),) * 2, ACCURACY).each[0][0] == pytest.approx(0.9962, abs=5e-4)
    assert intervals.of((answers(0), answers(0)), ACCURACY).each[0] == pytest.approx((0, 0.037), abs=5e-4)


def test_a_difference_of_few_examples_is_not_taken_for_certain() -> None:
    """Three of 100 that changed may be chance, as McNemar's test says (p = 0.25)."""
    low, high = intervals.of((answers(80), answers(77)), ACCURACY).difference
    # With the correction for continuity of the correlation, which keeps 0 in.
    assert (low, high) == pytest.approx((-0.0119, 0.0750), abs=5e-4)
    low, high = intervals.of((answers(800, 1000), answers(770, 1000)), ACCURACY).difference
    assert 0.018 < low < 0.03 < high < 0.045


def test_an_answer_that_is_left_out_counts_for_nothing() -> None:
    left_out = np.vstack([answers(30, 40), np.zeros((60, 2))])
    found = intervals.of((left_out, left_out), ACCURACY)
    assert found.each == intervals.of((answers(30, 40), answers(30, 40)), ACCURACY).each
    assert intervals.counted_examples(left_out) == 40


def test_several_answers_of_one_example_are_resampled_together() -> None:
    """Twenty answers of an example say less than those of twenty."""
    rows = np.array([[20.0, 20.0]] * 30 + [[0.0, 20.0]] * 10)
    low, high = intervals.of((rows, rows), ACCURACY).each[0]
    assert low == pytest.approx(0.6, abs=0.03)
    assert high == pytest.approx(0.875, abs=0.03)


@pytest.mark.parametrize(
    ("formula", "row", "interval"),
    [
        (ACCURACY, [20.0, 20.0], (0.963, 1.0)),
        (OVERLAP, [10.0, 20.0, 10.0, 20.0], (0.963, 1.0)),
        (WORDS, [0.0, 7.0], (0.0, 0.037)),
    ],
)
def test_what_is_perfect_in_each_example_is_as_sure_as_that_many(
    formula: Formula, row: list[float], interval: tuple[float, float]
) -> None:
    rows = np.array([row] * 100)
    found = intervals.of((rows, rows), formula)
    assert found.each[0] == found.each[1] == pytest.approx(interval, abs=5e-4)
    assert found.difference == pytest.approx((-0.037, 0.037), abs=5e-4)


def test_an_error_of_numbers_is_as_sure_as_its_resamples() -> None:
    rows = np.array([[0.5, 0.25, 1.0, 1.0, 1.0]] * 100)
    found = intervals.of((rows, rows), ERROR)
    assert found.each == ((0.5, 0.5),) * 2
    assert found.difference == (0, 0)


def test_a_word_error_rate_beyond_1_is_no_share() -> None:
    rows = np.array([[14.0, 7.0]] * 100)
    assert intervals.of((rows, rows), WORDS).each == ((2.0, 2.0),) * 2


def test_the_difference_is_that_of_the_first_and_the_last() -> None:
    published, model, artifact = answers(900, 1000), answers(500, 1000), answers(890, 1000)
    found = intervals.of((published, model, artifact), ACCURACY)
    assert len(found.each) == 3
    assert found.difference == intervals.of((published, artifact), ACCURACY).difference


def test_resamples_are_the_same_each_time_and_of_all_alike() -> None:
    chance = np.random.default_rng(4)
    rows = np.stack([chance.normal(1, 1, 50), np.zeros(50), np.ones(50)], axis=1)
    once = bootstrap.intervals((rows, rows + 1, rows), ERROR.value)
    assert once == bootstrap.intervals((rows, rows + 1, rows), ERROR.value)
    assert once[-1] == (0, 0)
