"""The formulas give what the documents of well-known libraries show for their examples."""

from typing import Any

import numpy as np
import pytest

from tflite_api.resource.metrics import Metric
from tflite_converter.scoring.formulas import FORMULAS, Answer, edit_distance

FOUND, WANTED = [2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0]
SCORES = [[0.5, 0.2, 0.2], [0.3, 0.4, 0.2], [0.2, 0.4, 0.3], [0.7, 0.2, 0.1]]


def value(name: str, output: Any, labels: Any, examples: int | None = None, **settings: Any) -> float:
    metric = Metric.from_object({"name": name, "output": "y", "labels": "label", **settings})
    answer = Answer(metric, np.array(output), np.array(labels), len(output) if examples is None else examples, 0.0)
    formula = FORMULAS[metric.name]
    return float(formula.value(formula.parts(answer).sum(axis=0)))


@pytest.mark.parametrize(
    ("name", "output", "labels", "settings", "expected"),
    [
        # scikit-learn: accuracy_score, top_k_accuracy_score, mean_absolute_error, root_mean_squared_error, r2_score
        ("Top1Accuracy", [0, 2, 1, 3], [0, 1, 2, 3], {}, 0.5),
        ("TopKAccuracy", SCORES, [0, 1, 2, 2], {"k": 2}, 0.75),
        ("Top1Accuracy", SCORES, [0, 1, 2, 2], {}, 0.5),
        ("MeanAbsoluteError", FOUND, WANTED, {}, 0.5),
        ("RootMeanSquaredError", FOUND, WANTED, {}, 0.612372),
        ("R2", FOUND, WANTED, {}, 0.948608),
        # Keras: CosineSimilarity, MeanIoU, BinaryIoU
        ("CosineSimilarity", [[1.0, 0.0], [1.0, 1.0]], [[0.0, 1.0], [1.0, 1.0]], {}, 0.5),
        ("IntersectionOverUnion", [[0], [1], [0], [1]], [[0], [0], [1], [1]], {}, 1 / 3),
        ("IntersectionOverUnion", [[0.1], [0.2], [0.4], [0.7]], [[0], [1], [0], [1]], {"threshold": "0.3"}, 1 / 3),
        # jiwer: wer("hello world", "hello duck"), and an insertion with a deletion
        ("WordErrorRate", [[1, 3]], [[1, 2]], {}, 0.5),
        ("WordErrorRate", [[9, 1, 2, 0], [1, 2, 3, 4]], [[1, 2, 3, 0], [1, 2, 3, 4]], {"ignoreLabel": 0}, 2 / 7),
    ],
)
def test_a_formula_gives_what_its_library_documents(
    name: str, output: Any, labels: Any, settings: dict[str, Any], expected: float
) -> None:
    assert value(name, output, labels, **settings) == pytest.approx(expected, abs=1e-6)


def test_of_equal_scores_the_first_place_counts() -> None:
    assert value("Top1Accuracy", [[0.5, 0.5]], [0]) == 1
    assert value("Top1Accuracy", [[0.5, 0.5]], [1]) == 0
    assert value("TopKAccuracy", [[0.5, 0.5, 0.5]], [1], k=2) == 1


def test_a_label_that_stands_for_nothing_is_left_out() -> None:
    assert value("Top1Accuracy", [[[0.9, 0.1], [0.9, 0.1], [0.9, 0.1]]], [[0, 1, -100]], ignoreLabel=-100) == 0.5
    assert value("IntersectionOverUnion", [[0, 1, 1]], [[0, 1, 255]], ignoreLabel=255) == 1


def test_masks_of_scores_by_class_are_those_of_the_largest() -> None:
    scores = [[[0.9, 0.1, 0.0], [0.1, 0.2, 0.7]]]
    assert value("IntersectionOverUnion", scores, [[0, 2]]) == 1
    assert value("IntersectionOverUnion", scores, [[0, 0]]) == pytest.approx((1 / 2 + 0) / 2)


def test_a_class_beyond_all_labels_agrees_with_none() -> None:
    assert value("IntersectionOverUnion", [[0, 0, 100_000, -7]], [[0, 0, 0, 0]]) == pytest.approx(1 / 2)


def test_r2_keeps_its_digits_far_from_zero() -> None:
    chance = np.random.default_rng(7)
    labels = chance.normal(0, 1, 500)
    found = labels + chance.normal(0, 0.5, 500)
    near = value("R2", found, labels)
    metric = Metric.from_object({"name": "R2", "output": "y", "labels": "label"})
    far = Answer(metric, found + 1e9, labels + 1e9, 500, float(labels[0] + 1e9))
    formula = FORMULAS[metric.name]
    assert float(formula.value(formula.parts(far).sum(axis=0))) == pytest.approx(near, abs=1e-5)


def test_r2_is_the_mean_over_the_places_that_vary() -> None:
    # scikit-learn: r2_score's example of several outputs.
    found, wanted = [[0.0, 2.0], [-1.0, 2.0], [8.0, -5.0]], [[0.5, 1.0], [-1.0, 1.0], [7.0, -6.0]]
    assert value("R2", found, wanted) == pytest.approx(0.936801, abs=1e-6)
    with_a_constant = [np.c_[np.array(each), np.full(3, 7.0)] for each in (found, wanted)]
    assert value("R2", *with_a_constant) == pytest.approx(0.936801, abs=1e-6)
    chance = np.random.default_rng(3)
    far = chance.normal(0, 1, (500, 2)) + np.array([0.0, 1000.0])
    assert value("R2", np.tile([0.0, 1000.0], (500, 1)), far) == pytest.approx(0.0, abs=0.02), "it explains nothing"
    assert np.isnan(value("R2", np.zeros((2, 0)), np.zeros((2, 0))))
    in_rows = [[[one] for one in each] for each in (found, wanted)]
    assert value("R2", in_rows[0], in_rows[1]) == pytest.approx(0.936801, abs=1e-6)


def test_what_is_not_defined_is_no_number() -> None:
    assert np.isnan(value("R2", [1.0, 2.0], [3.0, 3.0]))
    # What is left of these labels is rounding: 7e-18.
    assert np.isnan(value("R2", [1.0] * 5, [0.1] * 5))
    assert np.isnan(value("WordErrorRate", [[1], [2]], [[0], [0]], ignoreLabel=0))
    assert np.isnan(value("CosineSimilarity", [[1.0], [2.0]], [[0.0], [0.0]]))
    assert np.isnan(value("Top1Accuracy", SCORES[:1], [-1], ignoreLabel=-1))


@pytest.mark.parametrize(
    ("found", "wanted", "expected"), [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("ab", "ba", 2)]
)
def test_the_edit_distance_is_levenshtein_s(found: str, wanted: str, expected: int) -> None:
    ids = [np.array([ord(letter) for letter in word], dtype=np.int64) for word in (found, wanted)]
    assert edit_distance(*ids) == expected


def test_what_is_added_up_has_a_row_for_each_example() -> None:
    metric = Metric.from_object({"name": "Top1Accuracy", "output": "y", "labels": "label"})
    answer = Answer(metric, np.zeros((3, 4, 2)), np.zeros((3, 4), dtype=np.int64), 3, 0.0)
    assert FORMULAS[metric.name].parts(answer).tolist() == [[4, 4]] * 3
