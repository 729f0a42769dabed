"""Holding metrics against what was asked of them."""

from collections.abc import Callable

from tflite_api.reasons import Reason
from tflite_api.resource.metrics import Gate, gate_in_words, missed
from tflite_api.resource.status import Estimate, MeasuredError, MeasuredMetric
from tflite_converter.core.failure import StepFailure
from tflite_converter.scoring.placing import PlacedMetric
from tflite_converter.scoring.scores import Scores
from tflite_converter.verify.metrics import Verdict


class ModelMisses(StepFailure):
    """A gate that the model itself misses: no way to convert it helps."""

    is_final = True


def judge(scores: Scores, error: MeasuredError, judge_error: Callable[[], Verdict]) -> Verdict:
    """Return the verdict on error and metrics together.

    Args:
        scores: the metrics.
        error: of the artifact.
        judge_error: gives the verdict on the error alone.

    Raises:
        StepFailure: VerificationFailed with what was measured and asked; it carries both.
    """
    measured = scores.beside(error)
    try:
        verdict = judge_error()
    except StepFailure as failure:
        failure.verification = measured
        raise
    shown = measured.metrics or ()
    if not shown:
        return verdict
    for each, found in zip(scores.metrics, shown, strict=True):
        if gates := missed(each.metric, found):
            raise _failed(each, found, gates[0], measured)
    words = "; ".join((verdict.message, *(_in_words(each) for each in shown)))
    is_gated = any(each.metric.is_gated for each in scores.metrics)
    reason = Reason.METRICS_SUFFICIENT if is_gated and verdict.reason is Reason.REPORT_ONLY else verdict.reason
    return Verdict(reason, words)


def _in_words(found: MeasuredMetric) -> str:
    return f"{_name(found)} {found.artifact.value} (model {found.model.value})"


def _name(found: MeasuredMetric) -> str:
    return f"{found.name} of {found.output}" if found.k is None else f"{found.name} (k {found.k}) of {found.output}"


def _failed(placed: PlacedMetric, found: MeasuredMetric, gate: Gate, measured: MeasuredError) -> StepFailure:
    bound = placed.metric.gates[gate]
    figure = found.drop if gate == "maxDrop" else found.artifact
    said = f"{_name(found)} drops by {_range(figure)}" if gate == "maxDrop" else f"{_name(found)} is {_range(figure)}"
    asked = f"verification.metrics[{placed.number}] asks for {gate_in_words(gate, bound)}{_settles(figure, bound)}"
    words = f"{said} (model {found.model.value}, {found.samples} examples), but {asked}"
    loosened = f"{'lower' if gate == 'min' else 'raise'} {placed.field}.{gate}"
    if gate != "maxDrop" and gate in missed(placed.metric, found.model_copy(update={"artifact": found.model})):
        cure = f"The model itself does not reach it: {loosened}, or convert a better model"
        return ModelMisses(Reason.VERIFICATION_FAILED, words, cure, verification=measured)
    cure = f"Use a gentler quantization.type, or {loosened} if that is acceptable"
    return StepFailure(Reason.VERIFICATION_FAILED, words, cure, verification=measured)


def _range(figure: Estimate) -> str:
    return f"{figure.value} [{figure.low} to {figure.high}]"


def _settles(figure: Estimate, bound: str) -> str:
    """Say so where the interval holds the bound: more samples may decide otherwise."""
    if float(figure.low) <= float(bound) <= float(figure.high):
        return ", which its 95 % interval holds: more labelled examples would tell"
    return ""
