"""Errors are counted where they are, and the worst samples are the worst."""

import numpy as np
import pytest

from tflite_api.steps.report import BINS
from tflite_converter.report.error_histogram import ErrorDistribution, distributions

RNG = np.random.default_rng(5)


def test_the_shares_and_bins_are_those_of_all_elements() -> None:
    expected = [RNG.standard_normal((4, 50)) for _ in range(8)]
    noise = [RNG.normal(0.1, 1, (4, 50)) for _ in range(8)]
    errors = np.concatenate([one.ravel() for one in noise])
    largest = float(np.abs(errors).max())
    found = distributions(
        {"y": largest},
        [(number, {"y": e}, {"y": e + n}) for number, (e, n) in enumerate(zip(expected, noise, strict=True))],
    )["y"].summary("y")
    assert found.elements == 1600
    assert sum(found.counts) == 1600
    assert found.counts == tuple(np.histogram(errors, BINS, (-largest, largest))[0])
    assert float(found.mean_error) == pytest.approx(errors.mean(), rel=1e-3)
    assert float(found.median_error) == pytest.approx(np.quantile(np.abs(errors), 0.5), rel=0.01)
    assert float(found.p99_error) == pytest.approx(np.quantile(np.abs(errors), 0.99), rel=0.01)


def test_the_worst_samples_come_worst_first_with_the_element_that_is_furthest_off() -> None:
    distribution = ErrorDistribution(8.0)
    for number, error in enumerate((1.0, 4.0, 0.5, 8.0, 2.0, 0.25, 0.0)):
        expected = np.full((2, 3), 10.0)
        found = expected.copy()
        found[1, 2] -= error
        distribution.add(number, expected, found)
    worst = distribution.summary("y").worst
    assert [sample.number for sample in worst] == [3, 1, 4, 0, 2]
    assert worst[0].position == (1, 2)
    assert (worst[0].expected, worst[0].found, worst[0].max_absolute_error) == ("10", "2", "8")


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool", "complex64"])
def test_every_type_of_output_is_counted(dtype: str) -> None:
    array = RNG.integers(0, 2, (3, 4)).astype(dtype)
    distribution = ErrorDistribution(0.0)
    distribution.add(0, array, array)
    found = distribution.summary("y")
    assert found.counts[BINS // 2] == found.elements == array.size * (2 if dtype == "complex64" else 1)
    assert (found.p99_error, found.max_absolute_error, found.worst[0].snr_decibels) == ("0", "0", "inf")


def test_an_empty_output_counts_nothing() -> None:
    distribution = ErrorDistribution(0.0)
    distribution.add(0, np.zeros((0, 3)), np.zeros((0, 3)))
    assert distribution.summary("y").elements == 0
