"""Samples, shapes and gates that are changed as a refusal or a caveat says are enough."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.followed import Followed, Trial, follow, followed
from tests.unit.converter.verify.test_gate import measurement
from tflite_api.reasons import Reason
from tflite_converter.core.failure import RunRefused
from tflite_converter.core.tensors import Outputs, Sample, TensorFacts
from tflite_converter.verify import observation, sequence
from tflite_converter.verify.gate import Circumstances, judge
from tflite_converter.verify.metrics import Verdict
from tflite_converter.verify.observation import Inputs
from tflite_converter.verify.reference import GivenSamples, Reference

MISSED = Reason.VERIFICATION_FAILED
FLEXIBLE, FIXED = TensorFacts("x", "float32", (-1, 8)), TensorFacts("x", "float32", (9, 8))
REAL = Circumstances(source="Verification")
GUESSED = Circumstances(guessed="Generated: real numbers around 0")


def nine_rows(sample: Sample) -> Outputs:
    if sample["x"].shape[0] != 9:
        raise RunRefused("expected 9 rows")
    return {"y": sample["x"] * 2}


def beyond_100(sample: Sample) -> Outputs:
    if sample["x"].min() < 100:
        raise RunRefused("a length is too small")
    return {"y": sample["x"] * 2}


def flat(sample: Sample) -> Outputs:
    """Something of inputs beyond 100 alone, and nothing finite of those below 0."""
    return {"y": np.clip(sample["x"], 100, 200)}


def logarithm(sample: Sample) -> Outputs:
    with np.errstate(all="ignore"):
        return {"y": np.log(sample["x"] - 100)}


def given(*samples: Any) -> GivenSamples:
    return GivenSamples([{"x": np.asarray(each, np.float32)} for each in samples], "Verification")


NINE = given(*np.random.default_rng(1).normal(size=(3, 9, 8)))
LARGE = given(*np.random.default_rng(1).uniform(101, 199, size=(3, 9, 8)))


def observed(run: Callable[[Sample], Outputs], tensor: TensorFacts, samples: GivenSamples | None = None) -> Trial:
    return lambda _: _observed(run, tensor, samples)


def _observed(run: Callable[[Sample], Outputs], tensor: TensorFacts, samples: GivenSamples | None) -> Reference:
    return observation.observe(run, Inputs([tensor], {}), samples, assigns_state=False)


def replayed(*values: float) -> Trial:
    """Return what calls a model in a row from its start, that takes nothing smaller than what it took before."""

    @contextmanager
    def start() -> Iterator[sequence.Run]:
        largest: list[Any] = [-np.inf]

        def run(_: str, sample: Sample) -> Outputs:
            if sample["x"] < largest[0]:
                raise RunRefused("time goes on")
            largest[0] = sample["x"]
            return {"y": sample["x"]}

        yield run

    samples = tuple({"x": np.array(value)} for value in values)
    seen = Reference(samples, tuple({"y": sample["x"]} for sample in samples), "Verification", True, True, True)
    return lambda _: sequence.replayed({"serve": seen}, start)


def judged(found: float, gate: int, seen: Circumstances = REAL) -> Trial:
    return lambda _: judge(measurement(([1.0], [found])), gate, seen)


FOLLOWED: list[Followed] = [
    followed(
        "pin its shapes in signature.inputs, or name inputs that it takes in verification.samples",
        MISSED,
        observed(nine_rows, FLEXIBLE),
        observed(nine_rows, FIXED),
        observed(nine_rows, FLEXIBLE, NINE),
    ),
    followed(
        "name inputs that it takes in verification.samples",
        MISSED,
        observed(beyond_100, FIXED),
        observed(beyond_100, FIXED, LARGE),
    ),
    followed(
        "Give samples that it takes",
        Reason.DATASET_MISMATCH,
        observed(beyond_100, FIXED, NINE),
        observed(beyond_100, FIXED, LARGE),
    ),
    followed("Name others in verification.samples", MISSED, replayed(1, 3, 2), replayed(1, 2, 3)),
    followed(
        "Name inputs that the model is made for in verification.samples; where the error is no smaller on these, use a"
        " gentler quantization.type",
        MISSED,
        judged(1.1, 21, GUESSED),
        judged(1.01, 21),
        judged(1.001, 21, GUESSED),
    ),
    followed(
        "Use a gentler quantization.type, or lower verification.minSNRDecibels if the error is acceptable",
        MISSED,
        judged(1.1, 21),
        judged(1.01, 21),
        judged(1.1, 19),
    ),
]


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)


CAVEATS: list[tuple[str, Reason, Callable[[], Verdict | None], Callable[[], Verdict | None]]] = [
    (
        "name inputs that it responds to in verification.samples",
        Reason.INSENSITIVE,
        lambda: _observed(flat, FIXED, None).caveat,
        lambda: _observed(flat, FIXED, LARGE).caveat,
    ),
    (
        "name inputs that it is made for in verification.samples",
        Reason.NON_FINITE,
        lambda: _observed(logarithm, FIXED, None).inconclusive,
        lambda: _observed(logarithm, FIXED, LARGE).inconclusive,
    ),
]


@pytest.mark.parametrize(("words", "reason", "caveat", "cured"), CAVEATS)
def test_samples_that_a_caveat_asks_for_take_it_away(
    words: str,
    reason: Reason,
    caveat: Callable[[], Verdict | None],
    cured: Callable[[], Verdict | None],
) -> None:
    found = caveat()
    assert found is not None
    assert (found.reason, words in found.message) == (reason, True), found.message
    assert cured() is None


def test_real_inputs_make_a_verdict_of_a_synthetic_calibration_whole() -> None:
    measured = measurement(([1.0], [1.01]))
    seen = Circumstances(source="Generated", is_synthetic=True)
    found = judge(measured, 20, seen)
    assert found.reason is Reason.REAL_DATA_NOT_SEEN
    assert "name real ones in verification.samples" in found.message
    assert judge(measured, 20, replace(seen, source="Verification")).reason is Reason.SNR_SUFFICIENT


def test_an_output_that_is_there_to_see_is_no_longer_judged_by_its_range() -> None:
    vanishing = measurement(([1e-9], [0.0]), ranges={"out": 1.0})
    found = judge(vanishing, 20, REAL)
    assert found.reason is Reason.INSENSITIVE
    assert "name inputs that it responds to in verification.samples" in found.message
    assert judge(measurement(([0.5], [0.501]), ranges={"out": 1.0}), 20, REAL).reason is Reason.SNR_SUFFICIENT
