"""Whatever a model could have left in the place of an artifact is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.steps.convert_output import (
    ARTIFACT,
    METRICS,
    REPORT,
    artifact,
    link,
    pipe,
    raw_report,
    report,
    scored,
)
from tflite_api.reasons import Reason
from tflite_api.resource.budget import Benchmarking, Budget
from tflite_api.resource.metrics import Metric
from tflite_api.resource.quantization import Quantization
from tflite_converter.core.failure import StepFailure
from tflite_converter.steps.accept import Asked, accept


def test_what_fits_is_accepted(output: Path) -> None:
    with accept(output, Asked(60)) as accepted:
        assert (accepted.size, accepted.file.read()) == (len(ARTIFACT), ARTIFACT)


HOSTILE = {
    "link in place of the artifact": link("model.tflite"),
    "link in place of the report": link("converted.json"),
    "pipe in place of the artifact": pipe("model.tflite"),
    "pipe in place of the report": pipe("converted.json"),
    "folder in place of the artifact": lambda folder: (
        (folder / "model.tflite").unlink(),
        (folder / "model.tflite").mkdir(),
    ),
    "no artifact": lambda folder: (folder / "model.tflite").unlink(),
    "no report": lambda folder: (folder / "converted.json").unlink(),
    "empty artifact": artifact(b""),
    "another format": artifact(b"\x7fELF" + ARTIFACT),
    "another digest": report(sha256="0" * 64),
    "a report of 10 MB": raw_report(b'{"message": "' + b"x" * (10 << 20) + b'"}'),
    "a report of wrong types": report(signature=[1, 2, 3]),
    "a report with a number for text": report(message=7),
    "a report that is no object": raw_report(b"[]"),
    "a report that is no JSON": raw_report(b"\xff\xfe"),
    "a report nested without end": raw_report(b"[" * 100_000),
    "a report with unknown fields": report(artifact={"uri": "s3://elsewhere/x"}),
    "a report with terminal controls": report(message="\x1b[2J"),
    "a verdict that is none": report(verdict="Reused"),
    "a gate left out": report(verdict="ReportOnly"),
    "a gate not reached": report(verification={**REPORT["verification"], "snrDecibels": "59.9"}),
    "a measurement that is no number": report(verification={**REPORT["verification"], "snrDecibels": "nan"}),
    "a gate passed without measurement": report(verification=None),
}


@pytest.mark.parametrize("harm", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_a_hostile_model_could_leave_is_refused(output: Path, harm: Callable[[Path], object]) -> None:
    harm(output)
    with pytest.raises(StepFailure) as caught, accept(output, Asked(60)):
        pass
    assert caught.value.reason is Reason.ARTIFACT_REFUSED
    assert len(caught.value.message) <= 1024


@pytest.mark.parametrize(
    ("gate", "changes"),
    [
        (60, {"verification": scored()}),
        (0, {"verification": scored(), "verdict": "MetricsSufficient"}),
        # Nothing could be compared: the status says so, and that is Unknown.
        (60, {"verification": None, "verdict": "SelectTF"}),
    ],
)
def test_metrics_that_hold_their_gates_are_accepted(output: Path, gate: int, changes: dict[str, Any]) -> None:
    report(**changes)(output)
    with accept(output, Asked(gate, METRICS)) as accepted:
        assert accepted.report.verdict == changes.get("verdict", "SNRSufficient")


PROMOTION = (
    Metric.from_object(
        {"name": "Top1Accuracy", "output": "y", "labels": "label", "maxDrop": "0.01", "baseline": "Published"}
    ),
)


def promoted(sha256: str | None) -> dict[str, Any]:
    if sha256 is None:
        return {**scored(), "baseline": {"source": "Model"}}
    shown = scored(model="0.5", baseline=dict.fromkeys(("value", "low", "high"), "0.95"))
    return {**shown, "baseline": {"source": "Published", "sha256": sha256}}


@pytest.mark.parametrize("published", [None, "a" * 64])
def test_what_was_held_against_what_is_published_is_accepted(output: Path, published: str | None) -> None:
    report(verification=promoted(published))(output)
    with accept(output, Asked(60, PROMOTION, published=published)) as accepted:
        assert accepted.report.verification is not None


@pytest.mark.parametrize(
    ("claimed", "published", "words"),
    [
        ("a" * 64, "b" * 64, f"holds it against {'a' * 64}, but {'b' * 64} is published"),
        (None, "b" * 64, f"holds it against the model, but {'b' * 64} is published"),
        ("a" * 64, None, f"holds it against {'a' * 64}, but nothing is published"),
    ],
)
def test_an_artifact_that_was_held_against_another_is_refused(
    output: Path, claimed: str | None, published: str | None, words: str
) -> None:
    report(verification=promoted(claimed))(output)
    with pytest.raises(StepFailure, match=words) as caught, accept(output, Asked(60, PROMOTION, published=published)):
        pass
    assert caught.value.reason is Reason.ARTIFACT_REFUSED


@pytest.mark.parametrize("verdict", ["SelectTF", "NonDeterministic", "Insensitive"])
def test_what_shows_no_figures_replaces_nothing_that_is_published(output: Path, verdict: str) -> None:
    report(verification=None, verdict=verdict)(output)
    asked = Asked(60, PROMOTION, published="b" * 64)
    refused = f"shows 0 metrics of the 1 asked for, and {'b' * 64} is published"
    with pytest.raises(StepFailure, match=refused), accept(output, asked):
        pass
    for published in (None, REPORT["sha256"]):
        with accept(output, Asked(60, PROMOTION, published=published)) as accepted:
            assert accepted.report.verdict == verdict


@pytest.mark.parametrize(
    ("gate", "changes"),
    [
        (60, {}),
        (60, {"verification": None}),
        (60, {"verification": scored(artifact="0.93", drop="0.02")}),
        (60, {"verification": scored(artifact="0.89", model="0.89", drop="0")}),
        (60, {"verification": scored(drop="0")}),
        (60, {"verification": scored(output="z")}),
        (60, {"verification": scored(artifact="nan", drop="nan")}),
        (60, {"verification": scored(samples=0)}),
        (60, {"verification": scored(name="x" * 65)}),
        (60, {"verification": scored(), "verdict": "MetricsSufficient"}),
        (0, {"verification": scored(), "verdict": "ReportOnly"}),
        (0, {"verification": scored(artifact="0.5", drop="0.45"), "verdict": "MetricsSufficient"}),
        (0, {"verification": None, "verdict": "MetricsSufficient"}),
    ],
)
def test_metrics_that_a_hostile_model_could_make_up_are_refused(
    output: Path, gate: int, changes: dict[str, Any]
) -> None:
    report(**changes)(output)
    with pytest.raises(StepFailure) as caught, accept(output, Asked(gate, METRICS)):
        pass
    assert caught.value.reason is Reason.ARTIFACT_REFUSED


def test_gates_of_metrics_that_nobody_asked_for_are_refused(output: Path) -> None:
    report(verification=scored(), verdict="MetricsSufficient")(output)
    with pytest.raises(StepFailure, match="speaks of gates of metrics, and there are none"), accept(output, Asked(0)):
        pass


SEARCHED = Quantization.from_object(
    {
        "type": "Auto",
        "auto": {"candidates": ["Int8", "Float16"], "maxTrials": 2},
        "calibration": {"dataset": "s3://abc/d.npz"},
    }
)
CALIBRATION = {"dataset": "s3://abc/d.npz", "maxSamples": 100}
INT8 = {"type": "Int8", "calibration": CALIBRATION, "keepFloat": {"tensors": ["a"]}}
PER_TENSOR: dict[str, Any] = {**INT8, "granularity": "PerTensor"}
TRIALS = [{"type": "Float16", "outcome": "Held"}, {"type": "Int8", "outcome": "Chosen", "keptLayers": 1}]


@pytest.mark.parametrize(
    "changes",
    [
        {"quantization": INT8, "trials": TRIALS},
        {"quantization": {"type": "Float16"}, "trials": [{"type": "Float16", "outcome": "Chosen"}]},
        {"quantization": PER_TENSOR, "trials": TRIALS},
        # Where there was no room for them in what the bucket keeps.
        {"quantization": INT8},
    ],
)
def test_a_choice_among_the_candidates_is_accepted(output: Path, changes: dict[str, Any]) -> None:
    report(**changes)(output)
    with accept(output, Asked(60, (), SEARCHED)) as accepted:
        assert accepted.report.quantization is not None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"quantization": {"type": "None"}},
        {"quantization": {"type": "Auto"}},
        {"quantization": {**INT8, "calibration": {"synthetic": True}}},
        {"quantization": {"type": "Int8", "keepFloat": {"tensors": ["a"]}}},
        {"quantization": {"type": "Float16", "keepFloat": {"tensors": ["a"]}}},
        {"quantization": {"type": "Float16", "keepInt8": {"tensors": ["a"]}}},
        {"quantization": {"type": "Float16", "granularity": "PerTensor"}},
        {"quantization": INT8, "trials": [{"type": "Float16", "outcome": "Chosen"}]},
        {"quantization": INT8, "trials": [{"type": "Int8", "outcome": "Held"}]},
        {"quantization": INT8, "trials": [*TRIALS, TRIALS[0]]},
        {"quantization": INT8, "trials": [{"type": "None", "outcome": "Held"}, TRIALS[1]]},
        {"quantization": {**INT8, "keepFloat": {"tensors": ["\u202e"]}}},
    ],
)
def test_a_choice_that_a_hostile_model_could_make_up_is_refused(output: Path, changes: dict[str, Any]) -> None:
    report(**changes)(output)
    with pytest.raises(StepFailure) as caught, accept(output, Asked(60, (), SEARCHED)):
        pass
    assert caught.value.reason is Reason.ARTIFACT_REFUSED


@pytest.mark.parametrize("changes", [{"quantization": {"type": "Float16"}}, {"trials": TRIALS}])
def test_a_choice_that_nobody_left_open_is_refused(output: Path, changes: dict[str, Any]) -> None:
    report(**changes)(output)
    with pytest.raises(StepFailure, match="there was none"), accept(output, Asked(60)):
        pass


MEASURED = {"runtime": "LiteRT", "p50Milliseconds": "1", "p90Milliseconds": "2", "threads": 1, "arenaBytes": 64}


@pytest.mark.parametrize(
    ("asked", "told", "words"),
    [
        ({"maxLatencyMilliseconds": "2", "maxArenaBytes": 64}, MEASURED, None),
        ({"threads": 1}, None, None),
        ({"maxLatencyMilliseconds": "1.9"}, MEASURED, "does not hold budget.maxLatencyMilliseconds"),
        ({"maxArenaBytes": 63, "threads": 1}, MEASURED, "does not hold budget.maxArenaBytes"),
        ({"maxLatencyMilliseconds": "2"}, None, "shows no benchmark"),
        ({"maxSizeBytes": "1Mi"}, MEASURED, "nobody asked for"),
        ({"threads": 1}, {**MEASURED, "p90Milliseconds": "nan"}, "malformed"),
        ({"threads": 1}, {**MEASURED, "runtime": "r\x1b[2J"}, "control characters"),
        ({"threads": 1}, {**MEASURED, "arenaBytes": 2**70}, "malformed"),
    ],
)
def test_what_is_told_of_time_and_memory_must_fit_the_budget(
    output: Path, asked: dict[str, Any], told: dict[str, Any] | None, words: str | None
) -> None:
    report(**({} if told is None else {"benchmark": told}))(output)
    budget = Budget.from_object(asked)
    wanted = Asked(60, budget=budget, benchmarking=Benchmarking.of(budget, prefers_fast=False))
    if words is None:
        with accept(output, wanted) as accepted:
            found = accepted.report.benchmark
            assert (found.to_object() if found is not None else None) == told
        return
    with pytest.raises(StepFailure, match=words) as caught, accept(output, wanted):
        pass
    assert caught.value.reason is Reason.ARTIFACT_REFUSED
