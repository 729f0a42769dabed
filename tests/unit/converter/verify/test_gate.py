"""What a measurement is worth: the gate, for the whole and for each distribution."""

from dataclasses import replace

import numpy as np
import pytest

from tflite_api.reasons import Reason
from tflite_api.resource.status import Distribution
from tflite_converter.core.failure import StepFailure
from tflite_converter.datasets.distributions import IN_TURN
from tflite_converter.verify.gate import Circumstances, judge
from tflite_converter.verify.measurement import Measurement, is_still


def measurement(
    *pairs: tuple[object, object], drawn: tuple[Distribution, ...] = (), ranges: dict[str, float] | None = None
) -> Measurement:
    result = Measurement(ranges or {})
    for number, (expected, found) in enumerate(pairs):
        ours, theirs = ({"out": np.asarray(each, np.float64)} for each in (expected, found))
        result.add(ours, theirs, drawn[number] if drawn else None)
    return result


def choosing(measured: Measurement) -> Measurement:
    return replace(measured, choosing=("ARG_MAX",))


def refusal(measured: Measurement, gate: int, seen: Circumstances | None = None) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        judge(measured, gate, seen or Circumstances())
    assert caught.value.reason is Reason.VERIFICATION_FAILED
    return caught.value


def test_the_gate_names_measured_asked_and_output_and_keeps_the_measurement() -> None:
    failure = refusal(measurement(([1.0], [1.1])), 21)
    assert failure.message == "SNR 20.0 dB (output out), but verification.minSNRDecibels asks for 21 dB"
    assert failure.verification is not None
    assert failure.verification.snr_decibels == "20.0"


def test_the_gate_lets_pass_what_reaches_it() -> None:
    assert judge(measurement(([1.0], [1.1])), 19, Circumstances()).reason is Reason.SNR_SUFFICIENT


def test_a_gate_of_zero_reports_only() -> None:
    assert judge(measurement(([1.0], [-50.0])), 0, Circumstances()).reason is Reason.REPORT_ONLY


def test_the_gate_holds_for_each_distribution() -> None:
    right, wrong = ([[3.0, 1.0]], [[3.01, 1.0]]), ([[1.0, 0.5]], [[0.5, 1.0]])
    drawn: tuple[Distribution, ...] = ("Normal",) * 40 + ("Uniform",)
    measured = measurement(*[right] * 40, wrong, drawn=drawn)
    assert measured.whole.worst()[1].snr_decibels > 25
    failure = refusal(measured, 20)
    assert "4.0 dB on Uniform inputs alone (output out)" in failure.message
    assert "1 of 41 samples are below it" in failure.message
    summary = measured.summary("Generated")
    assert summary.worst_sample_snr_decibels == "4.0"
    assert [(part.name, part.samples, part.snr_decibels) for part in summary.distributions or ()] == [
        ("Normal", 40, "50.0"),
        ("Uniform", 1, "4.0"),
    ]


def test_what_vanishes_on_one_distribution_is_measured_against_the_others() -> None:
    drawn: tuple[Distribution, ...] = ("Normal", "Uniform", "Sparse")
    quiet = measurement(([1.0], [1.001]), ([1.0], [1.001]), ([0.0], [0.005]), drawn=drawn)
    assert judge(quiet, 20, Circumstances()).reason is Reason.SNR_SUFFICIENT
    loud = measurement(([1.0], [1.001]), ([1.0], [1.001]), ([0.0], [0.05]), drawn=drawn)
    assert "on Sparse inputs alone" in refusal(loud, 20).message


def test_what_vanishes_against_its_operators_range_is_measured_against_that_and_not_called_good() -> None:
    tiny = ([5e-17, 3e-17], [0.0, 0.0])
    assert refusal(measurement(tiny), 10)
    verdict = judge(measurement(tiny, ranges={"out": 1.0}), 10, Circumstances())
    assert verdict.reason is Reason.INSENSITIVE
    assert "out is vanishingly small against what its operator can give" in verdict.message
    # A step of eight bits passes, and what is more does not.
    assert judge(measurement(([5e-17], [1 / 512]), ranges={"out": 1.0}), 10, Circumstances())
    assert refusal(measurement(([5e-17], [0.1]), ranges={"out": 1.0}), 10)


def test_rows_of_probabilities_are_measured_as_they_are() -> None:
    many = np.full((1, 1000), 1e-3)
    assert refusal(measurement((many, np.zeros_like(many)), ranges={"out": 1.0}), 10)


def test_what_has_seen_no_real_data_is_not_plainly_verified() -> None:
    measured = measurement(([1.0], [1.01]))
    synthetic = Circumstances("Generated", is_synthetic=True)
    verdict = judge(measured, 10, synthetic)
    assert verdict.reason is Reason.REAL_DATA_NOT_SEEN
    assert "verification.samples" in verdict.message
    # Following that cure makes it plain.
    assert judge(measured, 10, Circumstances("Verification", is_synthetic=True)).reason is Reason.SNR_SUFFICIENT
    assert judge(measured, 10, Circumstances("Calibration")).reason is Reason.SNR_SUFFICIENT


def test_a_refusal_on_guesses_says_which_and_names_the_cure() -> None:
    seen = Circumstances(guessed="Generated: ids as whole numbers from 0 to 9")
    failure = refusal(measurement(([1.0], [2.0])), 10, seen)
    assert "Generated: ids as whole numbers from 0 to 9" in failure.message
    assert "verification.samples" in failure.message
    assert failure.cure_given
    assert "verification.samples" not in refusal(measurement(([1.0], [2.0])), 10, Circumstances("Verification")).message


def test_a_near_tie_that_fell_the_other_way_is_told_as_that() -> None:
    pairs = [([1.0], [1.0]), ([1.0], [9.0])]
    failure = refusal(choosing(measurement(*pairs)), 10)
    assert "1 of 2 samples are below it; it has ARG_MAX, where a near tie" in failure.message
    # Where none is right, it is no tie.
    assert "near tie" not in refusal(choosing(measurement(pairs[1])), 10).message


def places(*others: int, count: int = 40) -> Measurement:
    """Return a measurement of the place of the largest, which is another in some of the samples."""
    result = Measurement(choosing=("ARG_MAX",))
    for number in range(count):
        drawn = IN_TURN[number % len(IN_TURN)]
        result.add({"best": np.array([7])}, {"best": np.array([0 if number in others else 7])}, drawn)
    return result


def test_a_place_that_is_another_in_a_tenth_of_the_samples_is_a_near_tie() -> None:
    verdict = judge(places(0, 5, 10, 20), 60, Circumstances())
    assert verdict.reason is Reason.SNR_SUFFICIENT
    assert "by near ties of ARG_MAX, best is another in 4 of 40 samples" in verdict.message
    summary = places(0, 5, 10, 20).summary("Generated")
    assert (summary.snr_decibels, summary.worst_sample_snr_decibels, summary.samples) == ("inf", "0.0", 40)
    assert {part.snr_decibels for part in summary.distributions or ()} == {"inf"}
    assert "5 of 40 samples are below it; it has ARG_MAX" in refusal(places(0, 5, 10, 15, 20), 20).message
    # Of fewer than ten samples none is left out.
    assert refusal(places(0, count=9), 20)


def test_a_sample_of_which_next_to_nothing_comes_is_measured_by_what_usually_does() -> None:
    measured = measurement(*[([1.0, 1.0], [1.0, 1.0])] * 9, ([0.0, 0.0], [0.001, 0.001]))
    assert measured.summary("Verification").worst_sample_snr_decibels == "39.5"
    assert judge(measured, 20, Circumstances()).reason is Reason.SNR_SUFFICIENT


def test_only_places_have_near_ties() -> None:
    numbers = [([1.0], [1.0])] * 39 + [([1.0], [9.0])]
    assert refusal(choosing(measurement(*numbers)), 10)
    assert refusal(replace(places(0), choosing=()), 10)


def test_the_worst_tenth_stands_still_where_more_samples_change_nothing() -> None:
    assert is_still([30.0] * 40, 20)
    assert is_still([30.0] * 38 + [2.0], 20)
    assert not is_still([30.0] * 20 + [30.0, 2.0] * 10, 20)
    assert is_still([float("inf")] * 40, 20)
