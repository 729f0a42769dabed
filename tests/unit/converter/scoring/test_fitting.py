"""Labels are brought into the form that their metric takes, or refused in words that say what to write."""

from typing import Any

import numpy as np
import pytest

from tflite_api.reasons import Reason
from tflite_api.resource.metrics import Metric
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import SignatureFacts, TensorFacts
from tflite_converter.datasets.labelled import Labels
from tflite_converter.scoring import fitting, placing
from tflite_converter.scoring.placing import PlacedMetric


def placed(name: str, **settings: Any) -> PlacedMetric:
    asked = Metric.from_object({"name": name, "output": "y", "labels": "label", **settings})
    return PlacedMetric(2, asked, "serving_default", "y")


def labels(array: Any, *, is_stacked: bool = True) -> Labels:
    found = np.asarray(array)
    return Labels({"label": found}, len(found) if is_stacked else 1, is_stacked=is_stacked)


def zeros(*shape: int, dtype: str = "float32") -> Any:
    return np.zeros(shape, dtype=dtype)


@pytest.mark.parametrize(
    ("name", "settings", "output", "words"),
    [
        ("WordErrorRate", {}, zeros(1, 10), "takes sequences of whole numbers"),
        ("TopKAccuracy", {"k": 5}, zeros(1, dtype="int64"), "measure Top1Accuracy, MeanAbsoluteError"),
        ("TopKAccuracy", {"k": 5}, zeros(1, 5), "whose 5 classes the first 5 are all: lower k"),
        ("Top1Accuracy", {}, zeros(1, 1), "without a number for each of several classes"),
        ("Top1Accuracy", {}, zeros(1, dtype="bool"), "measure IntersectionOverUnion"),
        ("CosineSimilarity", {}, zeros(1, 3, dtype="int8"), "takes real numbers"),
        ("R2", {}, zeros(1, 3, dtype="complex64"), "takes numbers: name another output"),
        ("IntersectionOverUnion", {}, zeros(1, 4, 4, 300), "more classes than the 256"),
        ("IntersectionOverUnion", {}, np.array(["a"], dtype=object), "takes masks"),
    ],
)
def test_a_metric_is_refused_for_outputs_that_it_is_not_made_for(
    name: str, settings: dict[str, Any], output: Any, words: str
) -> None:
    with pytest.raises(StepFailure, match=words) as caught:
        fitting.check_output(placed(name, **settings), output)
    assert caught.value.reason is Reason.METRIC_MISMATCH
    assert caught.value.message.startswith("verification.metrics[2]: output y is ")


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("Top1Accuracy", zeros(1, 10)),
        ("Top1Accuracy", zeros(1, dtype="int64")),
        ("IntersectionOverUnion", zeros(1, 4, 4, 1)),
        ("IntersectionOverUnion", zeros(1, 4, 4, dtype="bool")),
        ("IntersectionOverUnion", zeros(1, 4, 4, dtype="uint8")),
        ("R2", zeros(1, dtype="int32")),
        ("WordErrorRate", zeros(1, 0, dtype="int64")),
    ],
)
def test_a_metric_is_taken_for_outputs_that_it_is_made_for(name: str, output: Any) -> None:
    fitting.check_output(placed(name), output)


@pytest.mark.parametrize(
    ("name", "settings", "output", "given", "shape"),
    [
        ("Top1Accuracy", {}, zeros(2, 10), labels([3, 9]), (2,)),
        ("Top1Accuracy", {}, zeros(2, 10), labels([[3], [9]]), (2,)),
        ("Top1Accuracy", {}, zeros(10), labels(3, is_stacked=False), ()),
        ("Top1Accuracy", {}, zeros(1, 10), labels(3, is_stacked=False), (1,)),
        ("Top1Accuracy", {}, zeros(1, 5, 10), labels([[1, 2, 3, 4, 5]]), (1, 5)),
        ("Top1Accuracy", {"ignoreLabel": -1}, zeros(2, 10), labels([3, -1]), (2,)),
        ("R2", {}, zeros(2, 1), labels([0.5, 2.0]), (2, 1)),
        ("R2", {}, zeros(2), labels([[1], [2]]), (2,)),
        ("CosineSimilarity", {}, zeros(1, 8), labels(np.ones((1, 8))), (1, 8)),
        ("IntersectionOverUnion", {}, zeros(1, 4, 6, 3), labels(np.ones((1, 4, 6, 1), dtype=np.uint8)), (1, 4, 6)),
        ("IntersectionOverUnion", {}, zeros(1, 4, 6, 1), labels(np.ones((1, 4, 6), dtype=bool)), (1, 4, 6, 1)),
        # as in a TFRecord: the numbers of an example in one row
        ("IntersectionOverUnion", {}, zeros(1, 4, 6, 3), labels(np.ones((1, 24), dtype=np.int64)), (1, 4, 6)),
        ("WordErrorRate", {"ignoreLabel": 0}, zeros(2, 7, dtype="int32"), labels([[1, 2, 3], [4, 5, 0]]), (2, 3)),
    ],
)
def test_labels_get_the_shape_that_is_compared(
    name: str, settings: dict[str, Any], output: Any, given: Labels, shape: tuple[int, ...]
) -> None:
    assert fitting.fitted(placed(name, **settings), output, given).shape == shape


@pytest.mark.parametrize(
    ("name", "output", "given", "words"),
    [
        ("Top1Accuracy", zeros(2, 10), labels([3, 10]), "reach from 3 to 10, but the classes are 0 to 9"),
        ("Top1Accuracy", zeros(2, 10), labels([-1, 9]), "ignoreLabel"),
        ("Top1Accuracy", zeros(2, 10), labels([3.0, 9.0]), r"are float64: write whole numbers.*astype\('int64'\)"),
        ("Top1Accuracy", zeros(2, 10), labels(["cat", "dog"]), "are texts: write the number of each class"),
        ("Top1Accuracy", zeros(2, 10), labels(np.eye(10)[:2]), r"one-hot.*argmax\(-1\)"),
        ("Top1Accuracy", zeros(2, 10), labels([1, 10]), "the classes are 0 to 9: subtract 1 from each"),
        ("Top1Accuracy", zeros(2, 10), labels(np.eye(10, dtype=np.int64)[:2]), r"one-hot.*argmax\(-1\)"),
        ("Top1Accuracy", zeros(1, 5, 10), labels([[1, 2, 3]]), r"shape \[1, 3\] where \[1, 5\] are compared.*\[5\]"),
        ("R2", zeros(1, 3), labels([[1.0, 2.0]]), r"give each example the shape \[3\]"),
        ("R2", zeros(2), labels([[1.0, 2.0], [1.0, 2.0]]), "give each example one number"),
        ("R2", zeros(1), labels([np.nan]), "infinities or NaN"),
        ("MeanAbsoluteError", zeros(1), labels(["a"]), "write numbers"),
        ("IntersectionOverUnion", zeros(1, 4, 1), labels([[0, 1, 255, 0]]), "the classes are 0 to 1"),
        ("IntersectionOverUnion", zeros(1, 4, dtype="int64"), labels([[0, 1, 256, 0]]), "the classes are 0 to 255"),
        ("WordErrorRate", zeros(1, 4, dtype="int64"), labels([[0.5]]), "are float64"),
        ("WordErrorRate", zeros(2, 4, dtype="int64"), labels([1, 2]), "filled up to the same length"),
        # A mask of another orientation has as many numbers.
        (
            "IntersectionOverUnion",
            zeros(1, 4, 6, 3),
            labels(np.ones((6, 4), dtype=np.int64), is_stacked=False),
            r"shape \[6, 4\]",
        ),
    ],
)
def test_labels_that_do_not_fit_are_refused_with_what_to_write(
    name: str, output: Any, given: Labels, words: str
) -> None:
    with pytest.raises(StepFailure, match=words) as caught:
        fitting.fitted(placed(name), output, given)
    assert caught.value.reason is Reason.DATASET_MISMATCH
    assert caught.value.message.startswith("verification.metrics[2]: the labels label ")


def test_the_cosine_of_single_numbers_is_refused() -> None:
    with pytest.raises(StepFailure, match=r"output y is float32 \[2\], one number for each example") as caught:
        fitting.fitted(placed("CosineSimilarity"), zeros(2), labels([0.5, 2.0]))
    assert caught.value.reason is Reason.METRIC_MISMATCH


def test_an_output_that_is_not_there_is_refused_with_those_that_are() -> None:
    signatures = [SignatureFacts(key, (), (TensorFacts("y", "float32", (1, 3)),)) for key in ("a", "b")]
    found = placing.placed([Metric.from_object({"name": "R2", "output": "b/y", "labels": "z"})], signatures)
    assert [(each.key, each.tensor, each.field) for each in found] == [("b", "y", "verification.metrics[0]")]
    with pytest.raises(StepFailure, match=r"metrics\[0\]\.output names y, but there is only a/y, b/y") as caught:
        placing.placed([Metric.from_object({"name": "R2", "output": "y", "labels": "z"})], signatures)
    assert caught.value.reason is Reason.METRIC_MISMATCH
