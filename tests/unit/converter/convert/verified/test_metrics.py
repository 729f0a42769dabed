"""Metrics on labelled samples are measured of the model and of its artifact, or refused before it is converted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason
from tflite_api.resource.metrics import Metric, problem_of
from tflite_api.steps.step import ConvertedModel
from tflite_converter.core.failure import StepFailure

pytestmark = pytest.mark.tensorflow

EXAMPLES = 40
WRONG = 4
"""Of the labels, beside what the model itself says."""


def asked(name: str, *, gate: int = 60, output: str = "y", labels: str = "label", **settings: Any) -> dict[str, Any]:
    metric = {"name": name, "output": output, "labels": labels, **settings}
    return {"metrics": [metric], "minSnrDecibels": gate, "verificationSamples": {}}


def measured(models: Path, tmp_path: Path, changes: dict[str, Any], **arrays: Any) -> ConvertedModel:
    """Convert the model `dense`, whose weights and labels are known; `arrays` are in the place of the labels."""
    import tensorflow as tf

    weights = tf.random.stateless_normal([64, 32], seed=(1, 2)).numpy()
    inputs = np.random.default_rng(5).normal(0, 1, (EXAMPLES, 64)).astype(np.float32)
    outputs = np.maximum(inputs @ weights, 0)
    labels = outputs.argmax(axis=1)
    labels[:WRONG] = (labels[:WRONG] + 1) % 32
    path = tmp_path / "labelled.npz"
    np.savez(path, **{"x": inputs, **(arrays or {"label": labels, "numbers": outputs})})
    dataset = {"path": str(path), "digest": f"sha256:{'0' * 64}"}
    found: ConvertedModel = convert(models / "dense", tmp_path, datasets={"verification": dataset}, **changes)
    return found


def test_a_model_and_its_artifact_are_measured_on_labels(models: Path, tmp_path: Path) -> None:
    share = 1 - WRONG / EXAMPLES
    settings = asked("Top1Accuracy", min=f"{share:.2f}", maxDrop="0")
    converted = measured(models, tmp_path, settings)
    assert converted.verdict is Reason.SNR_SUFFICIENT
    assert converted.verification is not None
    (found,) = converted.verification.metrics or ()
    assert (found.model.value, found.artifact.value, found.samples) == (f"{share:.1f}", f"{share:.1f}", EXAMPLES)
    assert problem_of([Metric.from_object(each) for each in settings["metrics"]], converted.verification) is None
    assert f"Top1Accuracy of y {share:.1f} (model {share:.1f})" in converted.message


def test_what_quantization_costs_is_measured(models: Path, tmp_path: Path) -> None:
    settings = asked("MeanAbsoluteError", gate=5, labels="numbers")
    converted = measured(models, tmp_path, {**settings, "quantization": {"type": "WeightOnlyInt4"}})
    assert converted.verification is not None
    (found,) = converted.verification.metrics or ()
    assert float(found.model.value) < 1e-5
    assert float(found.artifact.value) > 0.1
    assert float(found.drop.low) > 0.1


def test_an_artifact_that_misses_a_gate_is_not_left_behind(models: Path, tmp_path: Path) -> None:
    with pytest.raises(StepFailure, match="The model itself does not reach it") as caught:
        measured(models, tmp_path, asked("Top1Accuracy", min="0.99"))
    assert caught.value.reason is Reason.VERIFICATION_FAILED
    assert caught.value.verification is not None
    assert caught.value.verification.metrics is not None
    assert caught.value.signature is not None
    assert not (tmp_path / "output" / "converted.json").exists()


@pytest.mark.parametrize(
    ("changes", "arrays", "reason", "words"),
    [
        (asked("Top1Accuracy", output="z"), {}, Reason.METRIC_MISMATCH, "names z, but there is only sum, y"),
        (asked("Top1Accuracy", output="sum"), {}, Reason.METRIC_MISMATCH, "without a number for each"),
        (asked("WordErrorRate"), {}, Reason.METRIC_MISMATCH, "takes sequences of whole numbers"),
        (asked("Top1Accuracy", labels="absent"), {}, Reason.DATASET_MISMATCH, "names the labels absent"),
        (
            asked("Top1Accuracy"),
            {"label": np.full(EXAMPLES, 32)},
            Reason.DATASET_MISMATCH,
            "the classes are 0 to 31",
        ),
        (
            {**asked("Top1Accuracy"), "verificationSamples": {"maxSamples": 29}},
            {},
            Reason.TOO_FEW_LABELS,
            "29 labelled examples are too few",
        ),
    ],
)
def test_labels_and_metrics_that_do_not_fit_are_refused_before_anything_is_converted(
    models: Path, tmp_path: Path, changes: dict[str, Any], arrays: dict[str, Any], reason: Reason, words: str
) -> None:
    with pytest.raises(StepFailure, match=words) as caught:
        measured(models, tmp_path, changes, **arrays)
    assert caught.value.reason is reason
    assert not (tmp_path / "output" / "model.tflite").exists()


def test_metrics_of_what_cannot_be_compared_are_said_not_to_be_measured(models: Path, tmp_path: Path) -> None:
    chance = np.random.default_rng(1).normal(0, 1, (EXAMPLES, 64)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=chance, label=np.zeros(EXAMPLES, dtype=np.int64))
    dataset = {"path": str(tmp_path / "d.npz"), "digest": f"sha256:{'0' * 64}"}
    converted = convert(
        models / "random", tmp_path, datasets={"verification": dataset}, **asked("Top1Accuracy", min="0.9")
    )
    assert converted.verdict is Reason.NON_DETERMINISTIC
    assert converted.verification is None
    assert "the metrics of verification.metrics are not measured" in converted.message
