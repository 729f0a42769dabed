"""What a spec may ask of metrics, and that figures are held against it as they are shown."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from tflite_api.resource.metrics import METRICS_BYTES, Metric, MetricName, drop_of, missed, problem_of
from tflite_api.resource.recipe import recipe_hash
from tflite_api.resource.spec import ConversionSpec
from tflite_api.resource.status import MeasuredError, MeasuredMetric
from tflite_api.schema import describe

LABELLED = {"name": "Top1Accuracy", "output": "scores", "labels": "label"}
SAMPLES = {"dataset": "s3://abc/d.npz"}


def spec(*metrics: dict[str, Any], **verification: Any) -> ConversionSpec:
    return ConversionSpec.from_object(
        {
            "model": {"handle": "https://tfhub.dev/google/model/1"},
            "destination": {"s3": {"bucket": "models", "key": "a/b.tflite", "secretRef": {"name": "s3"}}},
            "verification": {"samples": SAMPLES, "metrics": list(metrics), **verification},
        }
    )


def metric(**changes: Any) -> Metric:
    return Metric.from_object({**LABELLED, **changes})


def estimate(value: str) -> dict[str, str]:
    return {"value": value, "low": value, "high": value}


def shown(model: str, artifact: str, drop: str, **changes: Any) -> MeasuredMetric:
    figures = {"model": estimate(model), "artifact": estimate(artifact), "drop": estimate(drop)}
    return MeasuredMetric.from_object({"name": "Top1Accuracy", "output": "scores", "samples": 50, **figures, **changes})


def error(*metrics: MeasuredMetric) -> MeasuredError:
    whole = {"snrDecibels": "40.0", "maxAbsoluteError": "1", "cosine": "1", "samples": 50, "source": "Verification"}
    return MeasuredError.from_object({**whole, "metrics": [each.to_object() for each in metrics] or None})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Accuracy"}, "Input should be 'Top1Accuracy'"),
        ({"name": "TopKAccuracy"}, "k is for TopKAccuracy, which needs it"),
        ({"k": 5}, "k is for TopKAccuracy, which needs it"),
        ({"threshold": "0.5"}, "threshold is for IntersectionOverUnion"),
        ({"name": "R2", "ignoreLabel": 0}, "ignoreLabel is for Top1Accuracy, TopKAccuracy, Inter"),
        ({"min": "0.9", "max": "0.10"}, "min must not exceed max"),
        ({"maxDrop": "-0.1"}, "of 0 or more as text"),
        ({"baseline": "Published"}, 'baseline is what maxDrop is measured from: set maxDrop, for example "0"'),
        ({"baseline": "Model", "min": "0.5"}, "set maxDrop"),
        ({"baseline": "Latest", "maxDrop": "0"}, "'Model' or 'Published'"),
        ({"min": 0.5}, "string"),
        ({"min": "1e-2"}, "must be a decimal number as text"),
        ({"labels": ""}, "at least 1 character"),
        ({"output": "a\x00b"}, "control characters"),
    ],
)
def test_a_metric_that_cannot_be_measured_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        metric(**changes)


def test_metrics_need_labelled_samples() -> None:
    with pytest.raises(ValidationError, match=r"set samples\.dataset"):
        spec(LABELLED, samples=None)


def test_the_names_of_metrics_fit_into_what_the_steps_are_told() -> None:
    long = {**LABELLED, "output": "y" * 512}
    assert spec(*[long] * (METRICS_BYTES // 540)).metrics
    with pytest.raises(ValidationError, match=f"at most {METRICS_BYTES} bytes together"):
        spec(*[long] * 8)


def test_what_is_asked_of_metrics_is_part_of_the_recipe() -> None:
    least, promoted = {**LABELLED, "maxDrop": "0"}, {**LABELLED, "maxDrop": "0", "baseline": "Published"}
    hashes = {recipe_hash(spec(each)) for each in (LABELLED, least, promoted, {**LABELLED, "output": "y"})}
    assert len(hashes) == 4


@pytest.mark.parametrize(
    ("name", "gates", "figures", "expected"),
    [
        ("Top1Accuracy", {"min": "0.70", "max": "0.9", "maxDrop": "0.01"}, ("0.71", "0.7", "0.01"), ()),
        ("Top1Accuracy", {"min": "0.7"}, ("0.71", "0.69999", "0.01001"), ("min",)),
        ("MeanAbsoluteError", {"max": "0.5"}, ("0.4", "0.50001", "0.10001"), ("max",)),
        # 0.95 - 0.94 is more than 0.01 in floating point.
        ("Top1Accuracy", {"maxDrop": "0.01"}, ("0.95", "0.94", "0.01"), ()),
        ("Top1Accuracy", {"maxDrop": "0.01"}, ("0.95", "0.9399", "0.0101"), ("maxDrop",)),
        ("Top1Accuracy", {"maxDrop": "0"}, ("0.9", "0.95", "-0.05"), ()),
        ("R2", {"min": "-1", "maxDrop": "1"}, ("0.9", "nan", "nan"), ("min", "maxDrop")),
        ("R2", {"min": "0.5"}, ("0.9", "-inf", "inf"), ("min",)),
        ("Top1Accuracy", {}, ("0.9", "0.1", "0.8"), ()),
    ],
)
def test_gates_are_held_by_the_figures_that_are_shown(
    name: str, gates: dict[str, str], figures: tuple[str, str, str], expected: tuple[str, ...]
) -> None:
    assert missed(metric(name=name, **gates), shown(*figures, name=name)) == expected


GOOD = shown("0.95", "0.94", "0.01")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "shows 0 metrics"),
        (error(), "shows 0 metrics of the 1"),
        (error(GOOD, GOOD), "shows 2 metrics"),
        (error(GOOD.model_copy(update={"output": "other"})), "another metric"),
        (error(GOOD.model_copy(update={"name": "TopKAccuracy", "k": 5})), "another metric"),
        (error(shown("0.95", "0.93", "0.02")), "does not hold maxDrop"),
        (error(shown("0.95", "0.93", "0.01")), "a drop of Top1Accuracy that is not that of its figures"),
        (error(shown("nan", "nan", "nan")), "is not that of"),
    ],
)
def test_a_forged_measurement_is_seen_through(found: MeasuredError | None, words: str) -> None:
    assert words in (problem_of([metric(maxDrop="0.01")], found) or "")


def test_a_measurement_that_holds_its_gates_is_believed() -> None:
    assert problem_of([metric(maxDrop="0.01")], error(GOOD)) is None
    worse = shown("0.4", "0.5", "0.1", name="MeanAbsoluteError")
    assert problem_of([metric(name="MeanAbsoluteError", maxDrop="0.1")], error(worse)) is None


PROMOTED = metric(maxDrop="0.01", baseline="Published")
PUBLISHED = {"source": "Published", "sha256": "a" * 64}


def held_against(baseline: dict[str, str] | None, *metrics: MeasuredMetric) -> MeasuredError:
    return MeasuredError.from_object({**error(*metrics).to_object(), "baseline": baseline})


BETTER = shown("0.5", "0.94", "0.01", baseline=estimate("0.95"))
"""Than the model alone, and a little worse than what is published."""


@pytest.mark.parametrize(
    ("baseline", "found", "words"),
    [
        (PUBLISHED, BETTER, None),
        ({"source": "Model"}, GOOD, None),
        (None, GOOD, "does not say what the artifact was held against"),
        (PUBLISHED, GOOD, "another baseline of Top1Accuracy"),
        ({"source": "Model"}, BETTER, "another baseline of Top1Accuracy"),
        (PUBLISHED, shown("0.95", "0.94", "0.01", baseline=estimate("0.99")), "a drop of Top1Accuracy that is not"),
        (PUBLISHED, shown("0.95", "0.94", "0.05", baseline=estimate("0.99")), "does not hold maxDrop"),
        (PUBLISHED, shown("0.95", "0.94", "nan", baseline=estimate("nan")), "that is not that of its figures"),
    ],
)
def test_a_promotion_is_believed_by_its_figures_alone(
    baseline: dict[str, str] | None, found: MeasuredMetric, words: str | None
) -> None:
    problem = problem_of([PROMOTED], held_against(baseline, found))
    assert problem is None if words is None else words in (problem or "")


def test_a_baseline_that_nothing_asks_for_is_not_believed() -> None:
    assert problem_of([metric()], held_against(PUBLISHED, GOOD)) == "has a baseline too many"
    assert (
        problem_of([metric()], held_against(None, BETTER))
        == "shows another baseline of Top1Accuracy than was asked for"
    )


@pytest.mark.parametrize("baseline", [{"source": "Published"}, {"source": "Model", "sha256": "a" * 64}])
def test_what_is_published_has_a_digest(baseline: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="sha256 is for Published, which needs it"):
        held_against(baseline)


def test_a_drop_between_what_is_no_number_is_none() -> None:
    assert drop_of(MetricName.ROOT_MEAN_SQUARED_ERROR, "inf", "inf").is_nan()
    assert drop_of(MetricName.TOP1_ACCURACY, "0.9", "0.95") == Decimal("-0.05")


def test_metrics_that_do_not_fit_are_not_said_to_be_none() -> None:
    with pytest.raises(ValidationError) as caught:
        spec(LABELLED | {"k": 5})
    assert (
        describe(caught.value)
        == "verification.metrics[0]: k is for TopKAccuracy, which needs it: write for example k: 5"
    )
    with pytest.raises(ValidationError) as caught:
        spec()
    assert "at least 1 item" in describe(caught.value)
