"""What is told where nothing holds: how near the best came, and what to relax."""

import pytest

from tests.unit.converter.search.test_plan import DYNAMIC, FLOAT16, INT4, INT8, NONE, error, everything, missed
from tflite_api.reasons import Reason
from tflite_api.resource.budget import Budget
from tflite_api.resource.quantization_types import QuantizationType
from tflite_api.resource.status import Benchmark
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.search import choice, unreachable
from tflite_converter.search.choice import Candidate, Made
from tflite_converter.search.plan import State


def miss(kind: QuantizationType, decibels: float, size: int) -> Made:
    return Made(Candidate(kind), "Missed", size, 100, error(decibels), missed(decibels))


def told(*made: Made, most: int | None = None, trials: int = 32) -> StepFailure:
    tried = tuple(each.candidate.kind for each in made)
    state = State(candidates=(*tried, NONE), max_trials=trials, most_bytes=most, made=made)
    return unreachable.explained(state, 25)


def test_the_nearest_is_told_with_the_gate_that_it_would_hold() -> None:
    failure = told(miss(INT8, 12.3, 900), miss(DYNAMIC, 24.8, 1000))
    assert failure.reason is Reason.BUDGET_UNREACHABLE
    assert failure.message == (
        "None of 2 trials of quantization.type Auto holds all that is asked; the nearest, DynamicRange, has 1000 bytes"
        " and misses: SNR 24.8 dB, but verification.minSNRDecibels asks for 25 dB. Lower"
        " verification.minSNRDecibels to 24, or name inputs that the model is made for in verification.samples"
    )
    assert [trial.outcome for trial in failure.trials or ()] == ["Missed", "Missed"]


def test_the_smallest_that_holds_the_gates_is_told_with_the_budget_that_it_needs() -> None:
    large = Made(Candidate(FLOAT16), "TooLarge", 2000, 100, error(60))
    larger = Made(Candidate(NONE), "TooLarge", 4000, 100, error(120))
    failure = told(miss(INT8, 12.3, 900), larger, large, most=1000)
    assert "the smallest that holds the gates, Float16, has 2000 bytes, and budget.maxSizeBytes allows 1000" in (
        failure.message
    )
    assert "within it the nearest, Int8, has 900 bytes and misses" in str(failure)
    assert "Raise budget.maxSizeBytes to 2000, or lower verification.minSNRDecibels to 12" in str(failure)


def test_a_miss_that_is_too_large_as_well_is_not_the_nearest() -> None:
    failure = told(miss(INT8, 12.3, 900), miss(DYNAMIC, 24.8, 1001), most=1000)
    assert "the nearest, Int8" in str(failure)


def test_a_budget_that_nothing_reaches_is_told_with_the_smallest() -> None:
    failure = told(miss(INT4, 12.3, 2000), most=1000)
    assert "The only trial of quantization.type Auto does not hold" in str(failure)
    assert "the smallest, WeightOnlyInt4, has 2000 bytes, and budget.maxSizeBytes allows 1000" in str(failure)
    assert "Raise budget.maxSizeBytes to 2000 at least, or convert a smaller model" in str(failure)


def over(kind: QuantizationType, milliseconds: str, arena: int, size: int) -> Made:
    benchmark = Benchmark(runtime="LiteRT", p90_milliseconds=milliseconds, threads=1, arena_bytes=arena)
    failure = StepFailure(Reason.BUDGET_EXCEEDED, "it takes too much", OWN_CURE)
    return Made(Candidate(kind), "OverBudget", size, 100, error(40), failure, benchmark=benchmark)


def test_what_runs_too_slowly_is_told_with_the_budget_that_the_nearest_needs() -> None:
    state = State(
        candidates=(INT8, DYNAMIC, FLOAT16, NONE),
        max_trials=32,
        most_bytes=1000,
        made=(over(INT8, "3.0001", 1500, 900), over(DYNAMIC, "2.5001", 2000, 1000), over(FLOAT16, "2.1", 2, 1001)),
    )
    failure = unreachable.explained(
        state, 25, Budget.from_object({"maxLatencyMilliseconds": "2", "maxArenaBytes": 1600})
    )
    assert failure.reason is Reason.BUDGET_UNREACHABLE
    assert failure.message == (
        "None of 3 trials of quantization.type Auto holds all that is asked; the nearest that holds the gates,"
        " DynamicRange, takes 2.5001 for budget.maxLatencyMilliseconds 2, 2000 for budget.maxArenaBytes 1600. Raise"
        " budget.maxLatencyMilliseconds to 2.501 and raise budget.maxArenaBytes to 2000"
    )
    first = (failure.trials or ())[0]
    assert (first.outcome, first.latency_milliseconds, first.reason) == ("OverBudget", "3.0001", "BudgetExceeded")


def test_candidates_that_there_were_no_trials_left_for_are_named() -> None:
    assert "maxTrials" not in str(told(miss(INT8, 12.3, 900)))
    failure = told(miss(INT8, 12.3, 900), trials=1)
    assert "or raise quantization.auto.maxTrials, as None were not tried" in str(failure)


def test_a_gate_of_metrics_that_is_missed_is_what_to_relax() -> None:
    metric = StepFailure(Reason.VERIFICATION_FAILED, "R2 of y is 0.5", OWN_CURE, verification=error(40))
    failure = told(Made(Candidate(INT8), "Missed", 900, 100, error(40), metric))
    assert "relax the gate of verification.metrics that it misses" in failure.message.lower()
    assert "minSNRDecibels" not in failure.message


def test_a_measurement_that_proves_nothing_says_so() -> None:
    made = Made(Candidate(INT8), "Missed", 900, 100, error(40), doubt=(Reason.INSENSITIVE, "it gives the same for all"))
    assert "its measurement proves nothing: it gives the same for all" in told(made).message
    assert made.shown().reason == "Insensitive"


def test_a_gate_that_is_missed_by_less_than_is_shown_is_lowered_all_the_same() -> None:
    assert "Lower verification.minSNRDecibels to 24" in told(miss(INT8, 24.96, 900)).message


def test_an_artifact_that_cannot_be_run_is_none() -> None:
    failure = StepFailure(Reason.OPERATION_NOT_QUANTIZABLE, "LiteRT has no kernel of SOFTMAX", "write another")
    found = told(Made(Candidate(INT8), "Failed", 900, 100, failure=failure))
    assert found.reason is Reason.OPERATION_NOT_QUANTIZABLE
    assert "Int8: LiteRT has no kernel of SOFTMAX: write another" in found.message


def test_where_no_type_gives_an_artifact_the_reason_is_that_of_the_gentlest() -> None:
    failures = [
        StepFailure(Reason.OPERATION_NOT_QUANTIZABLE, "no integers", "write another"),
        StepFailure(Reason.CONVERSION_CRASHED, "it crashed", "try again"),
    ]
    made = [
        Made(Candidate(kind), "Failed", failure=failure)
        for kind, failure in zip((INT8, FLOAT16), failures, strict=True)
    ]
    failure = told(*made)
    assert failure.reason is Reason.CONVERSION_CRASHED
    assert failure.message == (
        "No candidate of quantization.type Auto gives an artifact that runs; Float16: it crashed: try again"
    )
    assert [trial.reason for trial in failure.trials or ()] == ["OperationNotQuantizable", "ConversionCrashed"]


@pytest.mark.parametrize("sizes", [(900, 800), (800, 900), (800, 800)])
def test_the_smallest_that_holds_is_chosen_and_of_equals_the_first(sizes: tuple[int, int]) -> None:
    made = [
        Made(Candidate(kind), "Held", size, 100, error(40)) for kind, size in zip((INT8, DYNAMIC), sizes, strict=True)
    ]
    chosen = choice.best(made, everything().objective)
    assert chosen is made[sizes.index(min(sizes))]
    assert [trial.outcome for trial in choice.shown(made, chosen)].count("Chosen") == 1
    assert choice.best([miss(INT8, 12.3, 1)], "Size") is None
