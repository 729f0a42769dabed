"""`tflite-convert compare` measures metrics on labels of both sides, and says what is missed as it is written there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.compare.test_comparison import artifacts, compare, model, refusal
from tflite_api.reasons import Reason
from tflite_api.resource.metrics import Metric
from tflite_converter.compare import comparison, metric_option, text
from tflite_converter.compare.comparison import ArtifactComparison

__all__ = ["artifacts"]

EXAMPLES = 60


def metrics(*texts: str) -> tuple[Metric, ...]:
    return tuple(map(metric_option.parse, texts))


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Return samples with what the model itself says, but for a tenth."""
    import tensorflow as tf

    weights = tf.random.stateless_normal([64, 32], seed=(1, 2)).numpy()
    inputs = np.random.default_rng(5).uniform(-1, 1, (EXAMPLES, 64)).astype(np.float32)
    labels = np.maximum(inputs @ weights, 0).argmax(axis=1)
    labels[:6] = (labels[:6] + 5) % 32
    np.savez(tmp_path / "labelled.npz", x=inputs, label=labels, few=labels[:, None] * 1.0)
    return tmp_path / "labelled.npz"


@pytest.mark.tensorflow
@pytest.mark.parametrize("reference", ["model", "float"])
def test_both_sides_are_measured_on_labels(models: Path, artifacts: Path, samples: Path, reference: str) -> None:
    asked = metrics("Top1Accuracy,output=y,labels=label,maxDrop=0.1", "TopKAccuracy,output=y,labels=label,k=2")
    against = model(models / "dense") if reference == "model" else artifacts / "float.tflite"
    found = compare(artifacts / "int8.tflite", against, samples=samples, metrics=asked)
    error = found.signatures[0].error
    assert error is not None
    first, second = error.metrics or ()
    assert (first.name, first.output, first.samples, first.model.value) == ("Top1Accuracy", "y", EXAMPLES, "0.9")
    assert (second.k, float(second.artifact.low) < float(second.artifact.value)) == (2, True)
    assert comparison.held_against_metrics(found, asked).reason is None
    assert "Top1Accuracy of y: artifact " in text.of(found).plain
    assert ", reference 0.9 [" in text.of(found).plain


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("option", "most", "reason", "words"),
    [
        ("Top1Accuracy,output=z,labels=label", 100, Reason.METRIC_MISMATCH, "--metric Top1Accuracy: output names z"),
        ("WordErrorRate,output=y,labels=label", 100, Reason.METRIC_MISMATCH, "--metric WordErrorRate: output y is"),
        ("Top1Accuracy,output=y,labels=few", 100, Reason.DATASET_MISMATCH, "--metric Top1Accuracy: the labels few are"),
        ("Top1Accuracy,output=y,labels=no", 100, Reason.DATASET_MISMATCH, "--metric names the labels no"),
        (
            "Top1Accuracy,output=y,labels=label",
            20,
            Reason.TOO_FEW_LABELS,
            "give more in --samples, and raise --max-samples",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_the_words_of_the_options(
    artifacts: Path, samples: Path, option: str, most: int, reason: Reason, words: str
) -> None:
    terms: dict[str, Any] = {"samples": samples, "max_samples": most, "metrics": metrics(option)}
    failure = refusal(artifacts / "int8.tflite", artifacts / "float.tflite", **terms)
    assert failure.reason is reason
    assert words in failure.message
    assert "verification" not in failure.message


def compared(**figures: str) -> ArtifactComparison:
    shown = {name: dict.fromkeys(("value", "low", "high"), value) for name, value in figures.items()}
    metric = {"name": "Top1Accuracy", "output": "y", "samples": 50, **shown}
    error = {"snrDecibels": "40.0", "maxAbsoluteError": "1", "cosine": "1", "samples": 50, "source": "Verification"}
    file = {"name": "a", "digest": "b", "sizeBytes": 1}
    signature = {
        "key": "s",
        "referenceKey": "s",
        "inputs": ["x"],
        "error": {**error, "metrics": [metric]} if figures else None,
    }
    return ArtifactComparison.from_object({"artifact": file, "reference": file, "signatures": [signature]})


@pytest.mark.parametrize(
    ("option", "found", "words"),
    [
        ("maxDrop=0.1", compared(model="0.9", artifact="0.8", drop="0.1"), None),
        (
            "maxDrop=0.05",
            compared(model="0.9", artifact="0.8", drop="0.1"),
            "drops by 0.1 [0.1 to 0.1] (reference",
        ),
        ("min=0.85", compared(model="0.9", artifact="0.8", drop="0.1"), "is 0.8 [0.8 to 0.8] (reference 0.9), but --m"),
        ("min=0.1", compared(), "Top1Accuracy of y could not be measured"),
    ],
)
def test_gates_are_held_as_in_a_conversion(option: str, found: ArtifactComparison, words: str | None) -> None:
    asked = metrics(f"Top1Accuracy,output=y,labels=label,{option}")
    held = comparison.held_against_metrics(found, asked)
    assert held.reason is (None if words is None else Reason.VERIFICATION_FAILED)
    assert words is None or words in (held.message or "")


def test_a_metric_without_a_gate_asks_for_nothing() -> None:
    assert comparison.held_against_metrics(compared(), metrics("Top1Accuracy,output=y,labels=label")).reason is None


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("Top1Accuracy", "output: Field required"),
        ("Accuracy,output=y,labels=l", "Input should be 'Top1Accuracy'"),
        ("Top1Accuracy,output=y,labels", "labels has no value: write for example"),
        ("Top1Accuracy,output=y,output=z,labels=l", "names output twice"),
        ("Top1Accuracy,output=y,labels=l,k=5", "k is for TopKAccuracy"),
        ("TopKAccuracy,output=y,labels=l,k=five", "k: "),
        ("Top1Accuracy,output=y,labels=l,name=R2", "names name twice"),
        ("Top1Accuracy,output=y,labels=l,", "an empty part has no value"),
        ("Top1Accuracy,output=y,labels=l,maxDrop=0,baseline=Published", "the baseline is REFERENCE here"),
    ],
)
def test_what_is_no_metric_is_told_what_to_write(option: str, words: str) -> None:
    with pytest.raises(ValueError, match="Accuracy") as caught:
        metric_option.parse(option)
    assert words in str(caught.value)


def test_a_metric_is_written_as_in_a_spec() -> None:
    found = metric_option.parse("TopKAccuracy,output=StatefulPartitionedCall:0,labels=a/b,k=5,ignoreLabel=-1,min=0.7")
    assert found.to_object() == {
        "name": "TopKAccuracy",
        "output": "StatefulPartitionedCall:0",
        "labels": "a/b",
        "k": 5,
        "ignoreLabel": -1,
        "min": "0.7",
    }
