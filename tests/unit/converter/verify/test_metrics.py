"""The measures and the gate."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tflite_api.reasons import Reason
from tflite_api.resource.status import MeasuredError, OutputError
from tflite_converter.core.failure import StepFailure
from tflite_converter.verify.metrics import Accuracy, Comparison, responds, same

VALUES = st.floats(-1e3, 1e3, allow_subnormal=False, width=32)
ARRAYS = arrays.arrays(np.float32, st.integers(1, 8), elements=VALUES)


def accuracy(reference: object, measured: object) -> Accuracy:
    result = Accuracy()
    result.add(np.asarray(reference, np.float64), np.asarray(measured, np.float64))
    return result


def comparison(reference: object, measured: object) -> Comparison:
    result = Comparison()
    result.add({"out": np.asarray(reference)}, {"out": np.asarray(measured)})
    return result


def test_a_tenth_of_the_amplitude_is_twenty_decibels() -> None:
    assert accuracy([1.0, -1.0], [1.1, -0.9]).snr_decibels == pytest.approx(20)


@given(ARRAYS)
def test_the_same_is_infinitely_close(values: np.ndarray) -> None:
    measured = accuracy(values, values)
    assert (measured.snr_decibels, measured.largest) == (math.inf, 0)
    assert measured.cosine == pytest.approx(1)


@given(ARRAYS, st.floats(1e-3, 10), st.floats(1e-2, 1e2))
def test_snr_and_cosine_do_not_depend_on_the_unit(values: np.ndarray, noise: float, unit: float) -> None:
    expected = values.astype(np.float64)
    found = expected + noise
    plain, scaled = accuracy(expected, found), accuracy(expected * unit, found * unit)
    if np.vdot(expected, expected) * unit * unit > 1e-9:
        assert scaled.snr_decibels == pytest.approx(plain.snr_decibels, abs=1e-3)
        assert scaled.cosine == pytest.approx(plain.cosine, abs=1e-6)


@given(st.lists(VALUES, min_size=1, max_size=8), st.lists(VALUES, min_size=1, max_size=8))
def test_samples_add_up(first: list[float], second: list[float]) -> None:
    together = accuracy(first + second, np.zeros(len(first + second)))
    gathered = accuracy(first, np.zeros(len(first)))
    gathered.add(np.asarray(second), np.zeros(len(second)))
    assert gathered.noise == pytest.approx(together.noise)
    assert gathered.largest == together.largest


@pytest.mark.parametrize(
    ("measured", "snr"), [([0.0, 0.0], math.inf), ([1e-7, 0.0], math.inf), ([0.1, 0.0], -math.inf)]
)
def test_a_reference_of_zeros_allows_rounding_alone(measured: list[float], snr: float) -> None:
    assert accuracy([0.0, 0.0], measured).snr_decibels == snr


def test_integers_booleans_and_complex_numbers_are_compared_as_numbers() -> None:
    assert comparison(np.array([255], np.uint8), np.array([0], np.uint8)).worst()[1].largest == 255
    assert comparison(np.array([True]), np.array([False])).worst()[1].largest == 1
    assert comparison(np.array([1 + 1j]), np.array([1 + 3j])).worst()[1].largest == 2


def test_the_worst_output_counts() -> None:
    measured = Comparison()
    measured.add({"good": np.array([1.0]), "bad": np.array([1.0])}, {"good": np.array([1.0]), "bad": np.array([1.1])})
    assert measured.worst()[0] == "bad"
    assert measured.summary() == MeasuredError(
        snr_decibels="20.0",
        max_absolute_error="0.1",
        cosine="1",
        samples=1,
        source="Generated",
        outputs=(
            OutputError(name="bad", snr_decibels="20.0", max_absolute_error="0.1", cosine="1"),
            OutputError(name="good", snr_decibels="inf", max_absolute_error="0", cosine="1"),
        ),
    )


def test_a_classifier_is_known_by_its_probabilities_and_its_first_class_counts() -> None:
    measured = Comparison()
    measured.add(
        {"scores": np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]]), "logits": np.array([[2.0, 1.0, 3.0]])},
        {"scores": np.array([[0.2, 0.3, 0.5], [0.3, 0.5, 0.2]]), "logits": np.array([[2.0, 1.0, 3.0]])},
    )
    found = {output.name: output.top1_agreement for output in measured.summary().outputs or ()}
    assert found == {"scores": "0.5", "logits": None}


def test_an_output_that_is_no_classifier_once_is_none() -> None:
    measured = Comparison()
    for values in ([0.5, 0.5], [0.5, 0.6]):
        measured.add({"y": np.array([values])}, {"y": np.array([values])})
    assert measured.outputs["y"].top1_agreement is None


@given(ARRAYS, ARRAYS)
def test_every_summary_fits_into_status(reference: np.ndarray, noise: np.ndarray) -> None:
    length = min(len(reference), len(noise))
    comparison(reference[:length], reference[:length] + noise[:length]).summary()


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ({}, "lacks the output out"),
        ({"out": np.zeros((2, 1))}, "shape"),
        ({"out": np.array([1.0, np.nan])}, "NaN"),
        ({"out": np.array([1.0, np.inf])}, "infinities"),
    ],
)
def test_what_is_no_answer_fails(measured: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(StepFailure, match=words) as caught:
        Comparison().add({"out": np.array([1.0, 2.0])}, measured)
    assert caught.value.reason is Reason.VERIFICATION_FAILED


def test_a_model_is_the_same_as_itself_up_to_rounding() -> None:
    first = {"out": np.array([1.0, np.pi])}
    assert same(first, {"out": np.array([1.0, np.pi + 1e-7])})
    assert not same(first, {"out": np.array([1.0, 3.0])})
    assert not same(first, {"out": np.array([np.nan, np.pi])})
    assert not same(first, {"out": np.array([1.0])})


@pytest.mark.parametrize(
    ("outputs", "answer"),
    [
        ([[[1.0, 0.0]], [[0.0, 1.0]]], True),
        ([[[1.0, 0.0]], [[1.0, 0.0]]], False),
        # A batch of one beside a batch of two.
        ([[[1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]], False),
        ([[[1.0, 0.0]], [[0.5, 0.0], [1.0, 0.0]]], True),
        # Less than what 60 dB leaves unseen.
        ([[[1.0, 1e-4]], [[1.0, 2e-4]]], False),
        # Another size of image.
        ([[[1.0, 1.0]], [[1.0, 1.0, 1.0]]], True),
        # As many rows as the values make, as tf.boolean_mask gives them; or another rank.
        ([[], [1.0]], True),
        ([1.0, [1.0]], True),
        ([[[0.0]], [[0.0]]], False),
        ([[[1.0]]], True),
    ],
)
def test_a_model_that_gives_the_same_for_all_samples_does_not_respond(outputs: list[object], answer: bool) -> None:
    assert responds([{"out": np.asarray(output)} for output in outputs]) is answer


def test_one_output_that_responds_is_enough() -> None:
    fixed = np.ones((1, 2))
    assert responds([{"a": fixed, "b": np.array([[1]])}, {"a": fixed, "b": np.array([[2]])}])
