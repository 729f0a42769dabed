"""Holding metrics against what was asked of them."""

from collections.abc import Callable, Sequence

from tflite_api.reasons import Reason
from tflite_api.resource.metrics import Gate, Metric, MetricName, drop_of, gate_in_words, missed
from tflite_api.resource.status import Estimate, MeasuredError, MeasuredMetric
from tflite_converter.core.failure import StepFailure
from tflite_converter.scoring.placing import PlacedMetric
from tflite_converter.scoring.scores import Scores
from tflite_converter.verify.metrics import Verdict
from tflite_converter.verify.reference import Reference


class ModelMisses(StepFailure):
    """A gate that the model itself misses: no way to convert it helps."""

    is_final = True


class Unmeasurable(StepFailure):
    """A gate that nothing can be held to, whatever the model is converted to."""

    is_final = True


def hold_unmeasured(metrics: Sequence[Metric], why: Verdict) -> None:
    """Refuse an artifact of which nothing is known where it would replace what is published.

    Args:
        metrics: what the spec asks for.
        why: nothing can be measured.

    Raises:
        StepFailure: VerificationFailed where a metric asks for no worse than what is published.
    """
    for number, metric in enumerate(metrics):
        if metric.is_promotion:
            asked = gate_in_words("maxDrop", metric.gates["maxDrop"])
            raise Unmeasurable(
                Reason.VERIFICATION_FAILED,
                f"{why.message}, so {metric.name} of {metric.output} cannot be measured, but"
                f" verification.metrics[{number}] asks for {asked} from what is published",
                "Publish under another key, or leave out baseline: Published to replace it unmeasured",
            )


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
    words = "; ".join((verdict.message, *(_in_words(each) for each in shown), *_baseline_in_words(scores)))
    is_gated = any(each.metric.is_gated for each in scores.metrics)
    reason = Reason.METRICS_SUFFICIENT if is_gated and verdict.reason is Reason.REPORT_ONLY else verdict.reason
    return Verdict(reason, words)


def remarks(metrics: Sequence[Metric], references: Sequence[Reference], *, is_measured: bool) -> tuple[str, ...]:
    """Return what else is to be said of metrics: that they were not measured, or not on all examples."""
    if not metrics:
        return ()
    if not is_measured:
        return ("so the metrics of verification.metrics are not measured",)
    left_out = sum(output is None for seen in references for output in seen.outputs)
    given = sum(len(seen.outputs) for seen in references)
    words = f"{left_out} of {given} labelled samples are left out, as the model gives infinities or NaN on them"
    return (words,) if left_out else ()


def _in_words(found: MeasuredMetric) -> str:
    return f"{_name(found)} {found.artifact.value} ({_beside(found)})"


def _beside(found: MeasuredMetric) -> str:
    """Return what the artifact is compared with."""
    published = f"published {found.baseline.value}, " if found.baseline is not None else ""
    return f"{published}model {found.model.value}"


def _baseline_in_words(scores: Scores) -> tuple[str, ...]:
    if scores.baseline is None:
        return ()
    if scores.baseline.source == "Model":
        return ("nothing is published yet, so the model is the baseline",)
    return ("the published artifact is the same file",) if scores.is_published_already else ()


def _name(found: MeasuredMetric) -> str:
    return f"{found.name} of {found.output}" if found.k is None else f"{found.name} (k {found.k}) of {found.output}"


def _failed(placed: PlacedMetric, found: MeasuredMetric, gate: Gate, measured: MeasuredError) -> StepFailure:
    bound = placed.metric.gates[gate]
    figure = found.drop if gate == "maxDrop" else found.artifact
    against = " from what is published" if gate == "maxDrop" and found.baseline is not None else ""
    said = f"drops by {_range(figure)}{against}" if gate == "maxDrop" else f"is {_range(figure)}"
    asked = f"verification.metrics[{placed.number}] asks for {gate_in_words(gate, bound)}{_settles(figure, bound)}"
    words = f"{_name(found)} {said} ({_beside(found)}, {found.samples} examples), but {asked}"
    loosened = f"{'lower' if gate == 'min' else 'raise'} {placed.field}.{gate}"
    if gate in missed(placed.metric, _of_the_model(found)):
        also = "is that much worse" if gate == "maxDrop" else "does not reach it"
        cure = f"The model itself {also}: {loosened}, or convert a better model"
        return ModelMisses(Reason.VERIFICATION_FAILED, words, cure, verification=measured)
    cure = f"Use a gentler quantization.type, or {loosened} if that is acceptable"
    return StepFailure(Reason.VERIFICATION_FAILED, words, cure, verification=measured)


def _of_the_model(found: MeasuredMetric) -> MeasuredMetric:
    """Return the same figures for a conversion that would lose nothing."""
    before = found.baseline or found.model
    drop = drop_of(MetricName(found.name), before.value, found.model.value)
    return found.model_copy(
        update={"artifact": found.model, "drop": found.drop.model_copy(update={"value": str(drop)})}
    )


def _range(figure: Estimate) -> str:
    return f"{figure.value} [{figure.low} to {figure.high}]"


def _settles(figure: Estimate, bound: str) -> str:
    """Say so where the interval holds the bound: more samples may decide otherwise."""
    if float(figure.low) <= float(bound) <= float(figure.high):
        return ", which its 95 % interval holds: more labelled examples would tell"
    return ""
