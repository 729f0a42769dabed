"""What is gathered over samples becomes figures with intervals, and is held against its gates."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflite_api.reasons import Reason
from tflite_api.resource.metrics import Metric, problem_of
from tflite_api.resource.status import Baseline, MeasuredError
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.datasets.labelled import Labels
from tflite_converter.scoring import bootstrap, gates, label_files
from tflite_converter.scoring.placing import PlacedMetric
from tflite_converter.scoring.scores import Scores, digits, in_text
from tflite_converter.verify.metrics import Verdict
from tflite_converter.verify.reference import Reference

KEY = "serving_default"
SUFFICIENT = Verdict(Reason.SNR_SUFFICIENT, "SNR 40.0 dB")
MEASURE_ONLY = Verdict(Reason.REPORT_ONLY, "SNR 40.0 dB; nothing is asked")
ERROR = MeasuredError.from_object(
    {"snrDecibels": "40.0", "maxAbsoluteError": "1", "cosine": "1", "samples": 100, "source": "Verification"}
)


def classified(right: int, of: int = 100) -> list[Any]:
    """Return scores of which as many put the class 1 first as are right."""
    return [np.array([[0.0, 1.0] if number < right else [1.0, 0.0]]) for number in range(of)]


def gathered(
    model: list[Any], artifact: list[Any], labels: Any = 1, name: str = "Top1Accuracy", **gates: Any
) -> Scores:
    metric = Metric.from_object({"name": name, "output": "y", "labels": "label", **gates})
    values = [np.array([labels])] * len(model) if np.ndim(labels) == 0 else [np.array([each]) for each in labels]
    given = [Labels({"label": value}, 1, is_stacked=True) for value in values]
    scores = Scores([PlacedMetric(0, metric, KEY, "y")], {KEY: given})
    for number, (expected, found) in enumerate(zip(model, artifact, strict=True)):
        scores.add(number, {"y": expected}, {"y": found})
    return scores


def judged(scores: Scores, verdict: Verdict = SUFFICIENT) -> Verdict:
    return gates.judge(scores, ERROR, lambda: verdict)


def test_model_and_artifact_are_measured_with_their_intervals() -> None:
    (found,) = gathered(classified(80), classified(77)).measured()
    assert (found.model.value, found.artifact.value, found.drop.value, found.samples) == ("0.8", "0.77", "0.03", 100)
    # The binomial standard error is 0.04; a drop on the same examples is known better: 3 of 100 changed.
    assert 0.70 <= float(found.model.low) <= 0.74
    assert 0.86 <= float(found.model.high) <= 0.89
    assert -0.02 <= float(found.drop.low) <= 0
    assert 0.05 <= float(found.drop.high) <= 0.08


def test_the_interval_of_a_mean_is_that_of_its_standard_error() -> None:
    errors = np.random.default_rng(3).normal(10, 2, 400)
    outputs = [np.array([[each]]) for each in errors]
    (found,) = gathered(outputs, outputs, labels=[0.0] * 400, name="MeanAbsoluteError").measured()
    mean, standard_error = errors.mean(), errors.std() / 20
    assert float(found.artifact.low) == pytest.approx(mean - 1.96 * standard_error, abs=0.03)
    assert float(found.artifact.high) == pytest.approx(mean + 1.96 * standard_error, abs=0.03)
    assert found.drop.to_object() == {"value": "0", "low": "0", "high": "0"}


def test_an_error_drops_where_it_grows() -> None:
    ours, theirs = ([np.array([[value]])] * 40 for value in (1.0, 1.5))
    (found,) = gathered(ours, theirs, labels=[0.0] * 40, name="MeanAbsoluteError").measured()
    assert found.drop.to_object() == {"value": "0.5", "low": "0.5", "high": "0.5"}


def test_intervals_are_the_same_each_time() -> None:
    assert gathered(classified(80), classified(70)).measured() == gathered(classified(80), classified(70)).measured()


def test_figures_of_a_resample_that_is_not_defined_are_left_out() -> None:
    """Of labels that nearly all agree many resamples have no variation."""
    labels = [0.0] * 39 + [1.0]
    outputs = [np.array([[each]]) for each in labels]
    (found,) = gathered(outputs, outputs, labels=labels, name="R2").measured()
    assert found.artifact.to_object() == {"value": "1", "low": "1", "high": "1"}


@pytest.mark.parametrize(
    ("model", "artifact", "gates", "words"),
    [
        (
            80,
            77,
            {"min": "0.78"},
            ("Top1Accuracy of y is 0.77 [", "(model 0.8, 100 examples)", "at least 0.78", "gentler"),
        ),
        (
            80,
            77,
            {"maxDrop": "0.02"},
            ("drops by 0.03 [", "a drop of at most 0.02", "raise verification.metrics[0].max"),
        ),
        (60, 58, {"min": "0.9"}, ("The model itself does not reach it: lower verification.metrics[0].min",)),
        (80, 77, {"max": "0.5"}, ("at most 0.5", "raise verification.metrics[0].max")),
    ],
)
def test_a_gate_that_is_missed_says_what_was_found_and_what_to_write(
    model: int, artifact: int, gates: dict[str, str], words: tuple[str, ...]
) -> None:
    with pytest.raises(StepFailure) as caught:
        judged(gathered(classified(model), classified(artifact), **gates))
    assert caught.value.reason is Reason.VERIFICATION_FAILED
    for word in words:
        assert word in caught.value.message
    assert caught.value.verification is not None
    assert caught.value.verification.metrics is not None


@pytest.mark.parametrize(("bound", "told"), [("0.78", True), ("0.95", False)])
def test_it_is_said_where_more_examples_may_decide_otherwise(bound: str, told: bool) -> None:
    with pytest.raises(StepFailure) as caught:
        judged(gathered(classified(97), classified(77), min=bound))
    assert ("more labelled examples would tell" in caught.value.message) is told


def test_the_verdict_is_that_of_error_and_metrics_together() -> None:
    scores = gathered(classified(80), classified(80), min="0.7", maxDrop="0.01")
    assert judged(scores).reason is Reason.SNR_SUFFICIENT
    assert judged(scores).message == "SNR 40.0 dB; Top1Accuracy of y 0.8 (model 0.8)"
    assert judged(scores, MEASURE_ONLY).reason is Reason.METRICS_SUFFICIENT
    assert judged(gathered(classified(80), classified(2)), MEASURE_ONLY).reason is Reason.REPORT_ONLY


def test_an_error_beyond_its_gate_is_told_with_the_metrics() -> None:
    def refuse() -> Verdict:
        raise StepFailure(Reason.VERIFICATION_FAILED, "SNR 4.0 dB", OWN_CURE, verification=ERROR)

    with pytest.raises(StepFailure, match=r"SNR 4\.0 dB") as caught:
        gates.judge(gathered(classified(80), classified(77)), ERROR, refuse)
    assert caught.value.verification is not None
    assert [each.artifact.value for each in caught.value.verification.metrics or ()] == ["0.77"]


def test_what_is_measured_is_what_publish_believes() -> None:
    chance = np.random.default_rng(11)
    labels = chance.normal(1e-9, 1e-9, 50).tolist()
    ours, theirs = ([np.array([[each + noise]]) for each in labels] for noise in (1e-25, 12345.6))
    for name in ("MeanAbsoluteError", "RootMeanSquaredError", "R2"):
        scores = gathered(ours, theirs, labels=labels, name=name, max="999999999")
        assert problem_of([each.metric for each in scores.metrics], scores.beside(ERROR)) is None


@pytest.mark.parametrize("count", [1, 29])
def test_too_few_labelled_examples_are_refused(count: int) -> None:
    scores = gathered([], [])
    scores = Scores(scores.metrics, {KEY: [Labels({"label": np.array([1])}, 1, is_stacked=True)] * count})
    for number, expected in enumerate(classified(count, of=count)):
        scores.add_model(number, {"y": expected})
    with pytest.raises(StepFailure, match=rf"{count} labelled examples are too few.*30 are the least") as caught:
        scores.check()
    assert caught.value.reason is Reason.TOO_FEW_LABELS
    assert "raise verification.samples.maxSamples" in caught.value.message


def test_labels_that_tell_nothing_are_refused() -> None:
    metric = Metric.from_object({"name": "R2", "output": "y", "labels": "label"})
    labels = [Labels({"label": np.array([7.0])}, 1, is_stacked=True)] * 30
    scores = Scores([PlacedMetric(0, metric, KEY, "y")], {KEY: labels})
    for number in range(30):
        scores.add_model(number, {"y": np.array([[float(number)]])})
    with pytest.raises(StepFailure, match="the labels label are all the same"):
        scores.check()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.7, "0.7"), (1 / 3, "0.33333"), (-0.0, "0"), (123456.0, "123460"), (1e-25, "1e-25"), (1e300, "1e+300")],
)
def test_figures_are_shown_with_five_digits(value: float, text: str) -> None:
    assert digits(value) == text


def test_figures_that_are_no_numbers_are_shown_as_such() -> None:
    assert [in_text(Decimal(word)) for word in ("inf", "-inf", "nan")] == ["inf", "-inf", "nan"]


def of_model(outputs: list[Any], labels: list[Any], name: str = "Top1Accuracy", **settings: Any) -> Scores:
    metric = Metric.from_object({"name": name, "output": "y", "labels": "label", **settings})
    given = [Labels({"label": np.array([each])}, 1, is_stacked=True) for each in labels]
    scores = Scores([PlacedMetric(0, metric, KEY, "y")], {KEY: given})
    for number, output in enumerate(outputs):
        scores.add_model(number, {"y": output})
    return scores


def test_examples_whose_labels_are_all_left_out_do_not_count() -> None:
    scores = of_model(classified(100), [1] * 20 + [7] * 80, ignoreLabel=7)
    with pytest.raises(StepFailure, match="20 labelled examples are too few") as caught:
        scores.check()
    assert caught.value.reason is Reason.TOO_FEW_LABELS
    with pytest.raises(StepFailure, match="say nothing, as ignoreLabel leaves all of them out"):
        of_model(classified(100), [7] * 100, ignoreLabel=7).check()


def one_hot(classes: list[int], of: int) -> list[Any]:
    return [np.eye(of)[[each]] for each in classes]


@pytest.mark.parametrize(
    ("offset", "of", "words"),
    [
        (1, 11, "Add 1 to all of them: the output has a class before the first one"),
        (-1, 10, "Subtract 1 from all of them: the first class is 0"),
    ],
)
def test_labels_that_are_counted_from_another_number_are_found_out(offset: int, of: int, words: str) -> None:
    classes = [number % 9 + (offset < 0) for number in range(90)]
    with pytest.raises(StepFailure) as caught:
        of_model(one_hot([each + offset for each in classes], of), classes).check()
    assert caught.value.reason is Reason.DATASET_MISMATCH
    assert "Top1Accuracy of the model is 0, and 1 if 1 is" in caught.value.message
    assert words in caught.value.message


def test_labels_of_a_poor_model_are_not_suspected() -> None:
    chance = np.random.default_rng(8)
    classes = [int(each) for each in chance.integers(1, 9, 300)]
    guesses = [each if chance.random() < 0.2 else int(chance.integers(0, 10)) for each in classes]
    of_model(one_hot(guesses, 10), classes).check()
    # Taken for its neighbour more often than not, but not always.
    confused = [each + (number % 5 < 3) for number, each in enumerate(classes)]
    of_model(one_hot(confused, 11), classes).check()
    # A class before the first one would be moved to -1.
    of_model(one_hot([0] * 60, 10), [0] * 5 + [1] * 55).check()


def test_labels_from_1_are_refused_with_what_is_wrong_of_all() -> None:
    with pytest.raises(StepFailure, match="reach from 1 to 10, but the classes are 0 to 9: subtract 1 from each"):
        of_model(one_hot([3] * 40, 10), [number % 10 + 1 for number in range(40)])


def promoted(published: list[Any], model: int, artifact: int, bound: str = "0.01") -> Scores:
    scores = gathered(classified(model), classified(artifact), maxDrop=bound, baseline="Published")
    for number, found in enumerate(published):
        scores.add_published(number, {"y": found})
    scores.baseline = Baseline(source="Published", sha256="b" * 64) if published else Baseline(source="Model")
    return scores


def test_an_artifact_is_held_against_what_is_published() -> None:
    scores = promoted(classified(81), 90, 82)
    verdict, (found,) = judged(scores), scores.measured()
    assert verdict.message == "SNR 40.0 dB; Top1Accuracy of y 0.82 (published 0.81, model 0.9)"
    assert found.baseline is not None
    assert (found.baseline.value, found.model.value, found.drop.value) == ("0.81", "0.9", "-0.01")
    assert float(found.drop.low) < 0 < float(found.drop.high)
    assert problem_of([each.metric for each in scores.metrics], scores.beside(ERROR)) is None


@pytest.mark.parametrize(
    ("model", "artifact", "words"),
    [
        (
            95,
            90,
            (
                "drops by 0.05 [",
                "from what is published (published 0.95, model 0.95, 100 examples)",
                "Use a gentler quantization.type, or raise verification.metrics[0].maxDrop if that is acceptable",
            ),
        ),
        (90, 90, ("The model itself is that much worse", "or convert a better model")),
    ],
)
def test_what_is_worse_than_what_is_published_is_not_promoted(
    model: int, artifact: int, words: tuple[str, ...]
) -> None:
    with pytest.raises(StepFailure) as caught:
        judged(promoted(classified(95), model, artifact))
    assert caught.value.reason is Reason.VERIFICATION_FAILED
    for word in words:
        assert word in caught.value.message
    assert caught.value.verification is not None
    assert caught.value.verification.baseline == Baseline(source="Published", sha256="b" * 64)


def test_where_nothing_is_published_the_model_is_the_baseline() -> None:
    scores = promoted([], 90, 90)
    assert judged(scores).message.endswith("; nothing is published yet, so the model is the baseline")
    (found,) = scores.measured()
    assert found.baseline is None
    assert scores.beside(ERROR).baseline == Baseline(source="Model")
    with pytest.raises(StepFailure, match=r"drops by 0\.05"):
        judged(promoted([], 95, 90))


def test_the_same_file_is_no_worse_for_sure() -> None:
    scores = promoted([], 95, 90)
    scores.baseline = Baseline(source="Published", sha256="b" * 64)
    scores.take_as_published()
    assert judged(scores).message.endswith("; the published artifact is the same file")
    assert scores.measured()[0].drop.to_object() == {"value": "0", "low": "0", "high": "0"}


def test_figures_of_another_process_are_those_of_this_one() -> None:
    scores, other = promoted([], 90, 82), promoted(classified(81), 90, 82)
    scores.baseline = other.baseline
    scores.take_published(other.published())
    assert scores.measured() == other.measured()
    others: list[dict[int, Any]] = [{}, {0: np.zeros((3, 2))}, {0: np.zeros((100, 2), dtype=np.int64)}]
    for rows in others:
        with pytest.raises(ValueError, match="other figures"):
            scores.take_published(rows)


@pytest.mark.parametrize(
    ("outputs", "is_measured", "words"),
    [
        ([None, 1, 1], True, "1 of 3 labelled samples are left out, as the model gives infinities or NaN on them"),
        ([1, 1], True, None),
        ([1], False, "so the metrics of verification.metrics are not measured"),
    ],
)
def test_what_was_not_measured_is_said(outputs: list[Any], is_measured: bool, words: str | None) -> None:
    shown = tuple(None if one is None else {"y": np.ones(1)} for one in outputs)
    seen = Reference(({},) * len(shown), shown, "Verification", True, False, True)
    (placed,) = promoted([], 1, 1).metrics
    said = gates.remarks([placed.metric], [seen], is_measured=is_measured)
    assert said == () if words is None else words in said[0]
    assert gates.remarks([], [seen], is_measured=is_measured) == ()


def test_labels_come_back_from_disk_as_they_were(tmp_path: Path) -> None:
    given = [
        Labels({"a/b": np.array([1, 2]), "c": np.array([[0.5], [1.5]])}, 2, is_stacked=True),
        Labels({"a/b": np.array(3), "c": np.array([[2.5]])}, 1, is_stacked=False),
    ]
    label_files.save(given, tmp_path)
    found = label_files.load(tmp_path)
    assert [(each.examples, each.is_stacked) for each in found] == [(2, True), (1, False)]
    for one, other in zip(found, given, strict=True):
        assert {name: value.tolist() for name, value in one.values.items()} == {
            name: value.tolist() for name, value in other.values.items()
        }
    assert label_files.load(tmp_path / "empty") == ()


def test_as_many_examples_are_drawn_as_there_are() -> None:
    parts = np.ones((40, 1))
    assert bootstrap.intervals((parts, parts), lambda sums: sums[..., 0]) == ((40, 40), (40, 40), (0, 0))
