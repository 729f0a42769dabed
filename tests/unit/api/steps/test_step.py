"""A step's report fits its place and says how the step ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflite_api.names import TERMINATION_LOG_BYTES
from tflite_api.reasons import Outcome, Reason
from tflite_api.resource.status import (
    MOST_SLOW_OPERATORS,
    ArtifactSignature,
    Benchmark,
    MeasuredError,
    SlowOperator,
    Tensor,
)
from tflite_api.steps.step import ExitCode, StepResult, exit_code

TENSORS = st.builds(
    Tensor,
    name=st.text(max_size=300),
    dtype=st.just("float32"),
    shape=st.lists(st.integers(-1, 2**31), max_size=8).map(tuple),
)
SIGNATURES = st.builds(
    ArtifactSignature,
    key=st.text(max_size=256),
    inputs=st.lists(TENSORS, max_size=64).map(tuple),
    outputs=st.lists(TENSORS, max_size=64).map(tuple),
)


@given(message=st.text(max_size=1024), signature=SIGNATURES)
def test_a_report_always_fits_the_termination_message(message: str, signature: ArtifactSignature) -> None:
    result = StepResult(reason=Reason.CONVERTED, message=message, signature=signature)
    text = result.to_json()
    assert len(text.encode()) <= TERMINATION_LOG_BYTES
    read = StepResult.model_validate_json(text)
    assert read.reason is Reason.CONVERTED
    if read.signature is not None and read.signature != signature:
        assert read.signature.truncated


def test_metrics_are_left_out_last_and_how_sure_they_are_before_them() -> None:
    message = "m" * 1024
    figure = {"value": "0.12345", "low": "0.12345", "high": "0.12345"}
    metric = {"name": "R2", "output": "y" * 500, "samples": 10_000, "model": figure, "artifact": figure, "drop": figure}
    error = {"snrDecibels": "1", "maxAbsoluteError": "1", "cosine": "1", "samples": 1, "source": "Verification"}
    outputs = [
        {"name": "y" * 500, **{name: error[name] for name in ("snrDecibels", "maxAbsoluteError", "cosine")}}
    ] * 64
    verification = MeasuredError.from_object({**error, "metrics": [metric] * 8, "outputs": outputs})
    signature = ArtifactSignature(key="k" * 256, inputs=(), outputs=())
    result = StepResult(reason=Reason.CONVERTED, message=message, verification=verification, signature=signature)
    read = StepResult.model_validate_json(result.to_json())
    assert read.verification is not None
    assert (read.signature, read.verification.outputs, read.verification.truncated) == (None, None, True)
    assert 0 < len(read.verification.metrics or ()) < 8
    assert not any(metric.has_intervals for metric in read.verification.metrics or ())
    assert {metric.artifact.value for metric in read.verification.metrics or ()} == {"0.12345"}
    assert read.message == message


def test_trials_go_before_the_figures_that_gates_are_held_to() -> None:
    figure = {"value": "0.12345", "low": "0.1", "high": "0.2"}
    metric = {"name": "R2", "output": "y", "samples": 99, "model": figure, "artifact": figure, "drop": figure}
    error = {"snrDecibels": "1", "maxAbsoluteError": "1", "cosine": "1", "samples": 1, "source": "Verification"}
    whole = searched(trials=12, names=1).model_copy(
        update={"verification": MeasuredError.from_object({**error, "metrics": [metric] * 8})}
    )
    without = whole.model_copy(update={"trials": None})
    read = StepResult.model_validate_json(whole.to_json(len(without.to_json()) + 100))
    assert read.verification is not None
    assert read.verification == whole.verification
    assert len(read.trials or ()) < 12


def test_of_a_benchmark_at_most_the_names_of_operators_and_signature_are_left_out() -> None:
    slow = tuple(SlowOperator(name="n" * 64, share="0.200") for _ in range(MOST_SLOW_OPERATORS))
    short = Benchmark(runtime="r", p90_milliseconds="1", operators=slow)
    assert StepResult(reason=Reason.CONVERTED, message="m", benchmark=short).to_json().count("0.200") == len(slow)
    cut = StepResult(reason=Reason.CONVERTED, message="m", benchmark=short).to_json(300)
    assert StepResult.model_validate_json(cut).benchmark == short.model_copy(update={"operators": None})
    measured = Benchmark(runtime="r" * 64, p90_milliseconds="1" * 12, signature="é" * 512, arena_bytes=2**63 - 1)
    read = StepResult.model_validate_json(
        StepResult(reason=Reason.CONVERTED, message="m" * 1024, report_problem="p" * 1024, benchmark=measured).to_json()
    )
    assert read.benchmark == measured
    read = StepResult.model_validate_json(
        StepResult(reason=Reason.CONVERTED, message="é" * 1024, report_problem="p" * 1024, benchmark=measured).to_json()
    )
    assert read.benchmark == measured.model_copy(update={"signature": None})
    assert read.message == "é" * 1024


def test_what_does_not_fit_however_short_is_refused() -> None:
    result = StepResult(reason=Reason.CONVERTED, message="as it was", report_problem="no room")
    with pytest.raises(ValueError, match="does not fit in 10"):
        result.to_json(10)


def test_a_report_that_fits_is_left_whole() -> None:
    signature = ArtifactSignature(key="k", inputs=(Tensor(name="x", dtype="float32", shape=(1, -1)),), outputs=())
    result = StepResult(reason=Reason.REUSED, message="as it was", signature=signature)
    assert StepResult.model_validate_json(result.to_json()) == result


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_has_an_exit_code_exactly_if_it_ends_a_step(reason: Reason) -> None:
    if reason.outcome in {Outcome.PAUSED, Outcome.VERDICT}:
        with pytest.raises(ValueError, match="ends no step"):
            exit_code(reason)
    else:
        assert exit_code(reason) in ExitCode


def test_exit_codes_are_those_of_the_documentation() -> None:
    assert exit_code(Reason.CONVERTED) == exit_code(Reason.PREPARING) == exit_code(Reason.ARTIFACT_DELETED) == 0
    assert exit_code(Reason.SIGNATURE_NOT_FOUND) == 3
    assert exit_code(Reason.STORAGE_UNAVAILABLE) == 4


def searched(trials: int, names: int) -> StepResult:
    kept = {"tensors": [f"{number:0400}" for number in range(names)]}
    trial = {"type": "Int8", "keptLayers": names, "keepFloat": kept, "sizeBytes": 1000, "snrDecibels": "20.1"}
    made = [{**trial, "outcome": "Missed", "message": "m" * 256} for _ in range(trials - 1)]
    return StepResult.from_object(
        {
            "reason": "Converted",
            "message": "m" * 1024,
            "quantization": {"type": "Int8", "keepFloat": {"tensors": kept["tensors"][:4]}},
            "trials": [*made, {**trial, "outcome": "Chosen"}],
        }
    )


def test_of_trials_the_details_are_left_out_first_and_what_was_chosen_last() -> None:
    result = searched(trials=12, names=3)
    read = StepResult.model_validate_json(result.to_json())
    assert read.quantization == result.quantization
    assert read.message == result.message
    assert [trial.kept_layers for trial in read.trials or ()] == [3] * 12
    assert {(trial.message, trial.keep_float) for trial in read.trials or ()} == {(None, None)}
    short = StepResult.model_validate_json(result.to_json(2400))
    assert short.quantization == result.quantization
    assert [trial.outcome for trial in short.trials or ()][-1:] in ([], ["Chosen"])


def test_a_choice_too_long_for_any_message_is_left_out_at_the_end() -> None:
    kept = {"tensors": [f"{number:02000}" for number in range(8)]}
    result = StepResult.from_object(
        {"reason": "Converted", "message": "m", "quantization": {"type": "Int8", "keepFloat": kept}}
    )
    read = StepResult.model_validate_json(result.to_json())
    assert read.quantization is None
