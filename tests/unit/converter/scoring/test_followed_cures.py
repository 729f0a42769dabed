"""Metrics, labels and gates that are changed as their refusal says are measured and held."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.followed import Followed, Trial, follow, followed
from tests.unit.converter.scoring import test_fitting, test_scores
from tests.unit.converter.scoring.test_fitting import labels, zeros
from tests.unit.converter.scoring.test_scores import classified, gathered, judged, promoted
from tflite_api.reasons import Reason
from tflite_api.resource.metrics import Metric
from tflite_converter.core.tensors import SignatureFacts, TensorFacts
from tflite_converter.datasets.labelled import Labels
from tflite_converter.scoring import fitting, gates, placing
from tflite_converter.scoring.placing import PlacedMetric
from tflite_converter.scoring.scores import Scores
from tflite_converter.verify.metrics import Verdict

METRIC, DATASET, MISSED = Reason.METRIC_MISMATCH, Reason.DATASET_MISMATCH, Reason.VERIFICATION_FAILED


def fit(name: str, output: Any, given: Any, *, is_stacked: bool = True, **settings: Any) -> Trial:
    """Return what looks at an output and its labels as the first sample of a conversion is looked at."""

    def trial(_: Path) -> object:
        placed, found = test_fitting.placed(name, **settings), labels(given, is_stacked=is_stacked)
        fitting.check_output(placed, output)
        fitting.check_classes(placed, output, [found])
        return fitting.fitted(placed, output, found)

    return trial


WHOLE = zeros(2, 3, dtype="int64")
FLAGS = zeros(2, 3, dtype="bool")
REAL = zeros(2, 3)
SINGLE = zeros(2, 1)
NUMBERS = np.arange(6.0).reshape(2, 3)
CLASSES = np.ones((2, 3), dtype=np.int64)

FITTING: list[Followed] = [
    followed(
        "name another output, or measure Top1Accuracy, MeanAbsoluteError, RootMeanSquaredError, R2,"
        " IntersectionOverUnion, WordErrorRate",
        METRIC,
        fit("TopKAccuracy", WHOLE, CLASSES, k=2),
        fit("TopKAccuracy", REAL, [0, 1], k=2),
        *(fit(name, WHOLE, CLASSES) for name in ("Top1Accuracy", "MeanAbsoluteError", "RootMeanSquaredError", "R2")),
        *(fit(name, WHOLE, CLASSES) for name in ("IntersectionOverUnion", "WordErrorRate")),
    ),
    followed(
        "measure Top1Accuracy, TopKAccuracy, MeanAbsoluteError, RootMeanSquaredError, R2, CosineSimilarity,"
        " IntersectionOverUnion",
        METRIC,
        fit("WordErrorRate", REAL, CLASSES),
        *(fit(name, REAL, [0, 1]) for name in ("Top1Accuracy", "IntersectionOverUnion")),
        fit("TopKAccuracy", REAL, [0, 1], k=2),
        *(fit(name, REAL, NUMBERS) for name in ("MeanAbsoluteError", "RootMeanSquaredError", "R2", "CosineSimilarity")),
    ),
    followed(
        "use RootMeanSquaredError",
        METRIC,
        fit("R2", zeros(2, 513), np.arange(1026.0).reshape(2, 513)),
        fit("RootMeanSquaredError", zeros(2, 513), np.arange(1026.0).reshape(2, 513)),
    ),
    followed(
        "or measure MeanAbsoluteError, RootMeanSquaredError, R2, IntersectionOverUnion",
        METRIC,
        fit("WordErrorRate", SINGLE, CLASSES),
        *(fit(name, SINGLE, [0.5, 1.5]) for name in ("MeanAbsoluteError", "RootMeanSquaredError", "R2")),
        fit("IntersectionOverUnion", SINGLE, [0, 1], threshold="0.5"),
    ),
    followed(
        "measure IntersectionOverUnion",
        METRIC,
        fit("Top1Accuracy", FLAGS, CLASSES),
        fit("IntersectionOverUnion", FLAGS, CLASSES),
    ),
    followed(
        "name another output",
        METRIC,
        fit("WordErrorRate", zeros(dtype="int64"), 1, is_stacked=False),
        fit("WordErrorRate", WHOLE, CLASSES),
    ),
    followed(
        "name another output", METRIC, fit("R2", zeros(2, 3, dtype="complex64"), NUMBERS), fit("R2", REAL, NUMBERS)
    ),
    followed(
        "name the output that has a number for each class, or measure MeanAbsoluteError",
        METRIC,
        fit("Top1Accuracy", SINGLE, [0, 1]),
        fit("Top1Accuracy", REAL, [0, 1]),
        fit("MeanAbsoluteError", SINGLE, [0, 1]),
    ),
    followed(
        "lower k to 2",
        METRIC,
        fit("TopKAccuracy", REAL, [0, 1], k=3),
        fit("TopKAccuracy", REAL, [0, 1], k=2),
    ),
    followed(
        "measure Top1Accuracy",
        METRIC,
        fit("TopKAccuracy", zeros(2, 2), [0, 1], k=2),
        fit("Top1Accuracy", zeros(2, 2), [0, 1]),
    ),
    followed(
        "name the output that has the masks",
        METRIC,
        fit("IntersectionOverUnion", zeros(1, 4, 300), zeros(1, 4, dtype="int64")),
        fit("IntersectionOverUnion", zeros(1, 4, 3), zeros(1, 4, dtype="int64")),
    ),
    followed(
        "name the output that has a vector, or measure MeanAbsoluteError",
        METRIC,
        fit("CosineSimilarity", SINGLE, [0.5, 1.5]),
        fit("CosineSimilarity", REAL, NUMBERS),
        fit("MeanAbsoluteError", SINGLE, [0.5, 1.5]),
    ),
    followed(
        "name an output that has a row for each of the 2 examples of a batch",
        METRIC,
        fit("R2", zeros(3), NUMBERS),
        fit("R2", REAL, NUMBERS),
    ),
    followed(
        "correct them, or say with ignoreLabel which number stands for no class",
        DATASET,
        fit("Top1Accuracy", REAL, [0, 255]),
        fit("Top1Accuracy", REAL, [0, 2]),
        fit("Top1Accuracy", REAL, [0, 255], ignoreLabel=255),
    ),
    followed(
        "subtract 1 from each, as the first class is 0",
        DATASET,
        fit("Top1Accuracy", zeros(3, 3), [1, 2, 3]),
        fit("Top1Accuracy", zeros(3, 3), [0, 1, 2]),
    ),
    followed("write numbers", DATASET, fit("R2", SINGLE, ["a", "b"]), fit("R2", SINGLE, [0.5, 1.5])),
    followed(
        "remove such examples from the dataset",
        DATASET,
        fit("R2", SINGLE, [0.5, np.nan]),
        fit("R2", zeros(1, 1), [0.5]),
    ),
    followed(
        "write the number of each class in the place of its name",
        DATASET,
        fit("Top1Accuracy", REAL, ["cat", "dog"]),
        fit("Top1Accuracy", REAL, [0, 1]),
    ),
    followed(
        "write the number of the class, for example with .argmax(-1)",
        DATASET,
        fit("Top1Accuracy", REAL, np.eye(3)[:2]),
        fit("Top1Accuracy", REAL, np.eye(3)[:2].argmax(-1)),
    ),
    *(
        followed(
            "write whole numbers, for example with .astype('int64')",
            DATASET,
            fit(name, output, given),
            fit(name, output, given.astype("int64")),
        )
        for name, output, given in (
            ("Top1Accuracy", REAL, np.array([0.0, 1.0])),
            ("WordErrorRate", WHOLE, np.ones((2, 3))),
        )
    ),
    followed(
        "give each example a sequence, all filled up to the same length with ignoreLabel",
        DATASET,
        fit("WordErrorRate", WHOLE, [1, 2], ignoreLabel=0),
        fit("WordErrorRate", WHOLE, [[1, 2, 0, 0], [3, 4, 5, 6]], ignoreLabel=0),
    ),
    followed(
        "give each example sequences in the shape [3], all filled up to the same length with ignoreLabel",
        DATASET,
        fit("WordErrorRate", zeros(2, 3, 7, dtype="int64"), CLASSES, ignoreLabel=0),
        fit("WordErrorRate", zeros(2, 3, 7, dtype="int64"), np.ones((2, 3, 4), np.int64), ignoreLabel=0),
    ),
    followed(
        "give each example the shape [5]",
        DATASET,
        fit("Top1Accuracy", zeros(1, 5, 10), [[1, 2, 3]]),
        fit("Top1Accuracy", zeros(1, 5, 10), [[1, 2, 3, 4, 5]]),
    ),
    followed(
        "give each example the shape [3]", DATASET, fit("R2", zeros(3), [[1.0, 2]]), fit("R2", zeros(3), [[1.0, 2, 3]])
    ),
    followed(
        "give each example the shape [3]",
        DATASET,
        fit("R2", zeros(6), [[1.0, 2], [3, 4]]),
        fit("R2", zeros(6), NUMBERS),
    ),
    followed(
        "give each example the shape [4, 6]",
        DATASET,
        fit("IntersectionOverUnion", zeros(4, 6, 3), zeros(6, 4, dtype="int64"), is_stacked=False),
        fit("IntersectionOverUnion", zeros(4, 6, 3), zeros(4, 6, dtype="int64"), is_stacked=False),
    ),
    followed(
        "give each example one number", DATASET, fit("R2", zeros(2), [[1.0, 2], [3, 4]]), fit("R2", zeros(2), [1.0, 3])
    ),
]


def place(output: str) -> Trial:
    signature = SignatureFacts("serving_default", (), (TensorFacts("y", "float32", (1, 3)),))
    asked = Metric.from_object({"name": "R2", "output": output, "labels": "label"})
    return lambda _: placing.placed([asked], [signature])


def checked(outputs: Sequence[Any], given: Sequence[Any], name: str = "Top1Accuracy", **settings: Any) -> Trial:
    """Return what holds the labels of a dataset against what the model itself gives."""

    def trial(_: Path) -> None:
        metric = Metric.from_object({"name": name, "output": "y", "labels": "label", **settings})
        found = [Labels({"label": np.array([each])}, 1, is_stacked=True) for each in given]
        scores = Scores([PlacedMetric(0, metric, test_scores.KEY, "y")], {test_scores.KEY: found})
        for number, output in enumerate(outputs):
            scores.add_model(number, {"y": output})
        scores.check()

    return trial


def numbers(count: int) -> list[Any]:
    return [np.array([[float(number)]]) for number in range(count)]


NINE = [number % 8 + 1 for number in range(90)]

LABELS: list[Followed] = [
    followed("name one of these", METRIC, place("z"), place("y")),
    followed(
        "give others",
        DATASET,
        checked(numbers(30), [7.0] * 30, "R2"),
        checked(numbers(30), [7.0] * 29 + [8.0], "R2"),
    ),
    followed(
        "give others",
        DATASET,
        checked(classified(30, 30), [7] * 30, ignoreLabel=7),
        checked(classified(30, 30), [1] * 30, ignoreLabel=7),
    ),
    followed(
        "give more in verification.samples.dataset, and raise verification.samples.maxSamples where it takes fewer",
        Reason.TOO_FEW_LABELS,
        checked(classified(29, 29), [1] * 29),
        checked(classified(30, 30), [1] * 30),
    ),
    followed(
        "Add 1 to all of them: the output has a class before the first one",
        DATASET,
        checked(test_scores.one_hot([each + 1 for each in NINE], 11), NINE),
        checked(test_scores.one_hot([each + 1 for each in NINE], 11), [each + 1 for each in NINE]),
    ),
    followed(
        "Subtract 1 from all of them: the first class is 0",
        DATASET,
        checked(test_scores.one_hot([each - 1 for each in NINE], 11), NINE),
        checked(test_scores.one_hot([each - 1 for each in NINE], 11), [each - 1 for each in NINE]),
    ),
]


def gated(model: int, artifact: int, **gates: str) -> Trial:
    return lambda _: judged(gathered(classified(model), classified(artifact), **gates))


def held(published: int, model: int, artifact: int, bound: str = "0.01") -> Trial:
    return lambda _: judged(promoted(classified(published), model, artifact, bound))


def unmeasured(**promotion: str) -> Trial:
    metric = Metric.from_object({"name": "R2", "output": "y", "labels": "label", "maxDrop": "0", **promotion})
    return lambda _: gates.hold_unmeasured([metric], Verdict(Reason.STATEFUL, "It keeps state"))


GATES: list[Followed] = [
    followed(
        "Use a gentler quantization.type, or lower verification.metrics[0].min if that is acceptable",
        MISSED,
        gated(80, 77, min="0.78"),
        gated(80, 79, min="0.78"),
        gated(80, 77, min="0.77"),
    ),
    followed(
        "Use a gentler quantization.type, or raise verification.metrics[0].maxDrop if that is acceptable",
        MISSED,
        gated(80, 77, maxDrop="0.02"),
        gated(80, 79, maxDrop="0.02"),
        gated(80, 77, maxDrop="0.03"),
    ),
    followed(
        "raise verification.metrics[0].maxDrop if that is acceptable",
        MISSED,
        held(95, 95, 90),
        held(95, 95, 95),
        held(95, 95, 90, "0.05"),
    ),
    followed(
        "The model itself is that much worse: raise verification.metrics[0].maxDrop, or convert a better model",
        MISSED,
        held(95, 90, 90),
        held(95, 90, 90, "0.05"),
        held(95, 95, 95),
    ),
    followed(
        "The model itself does not reach it: lower verification.metrics[0].min, or convert a better model",
        MISSED,
        gated(60, 58, min="0.9"),
        gated(60, 58, min="0.58"),
        gated(95, 93, min="0.9"),
    ),
    followed(
        "The model itself does not reach it: raise verification.metrics[0].max, or convert a better model",
        MISSED,
        gated(80, 77, max="0.5"),
        gated(80, 77, max="0.77"),
        gated(45, 43, max="0.5"),
    ),
    followed(
        "or leave out baseline: Published to replace it unmeasured",
        MISSED,
        unmeasured(baseline="Published"),
        unmeasured(),
    ),
]


@pytest.mark.parametrize("case", FITTING + LABELS + GATES, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)
