"""Searches on real, tiny models: what is chosen is what a person gets who writes it down, byte by byte."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter import exported_models, scaled_models
from tests.unit.converter.recorded_progress import RecordedProgress
from tflite_api.reasons import Reason
from tflite_api.resource.status import Baseline
from tflite_api.steps.step import FetchLimits, StepResult
from tflite_converter.core.local_spec import LocalConversion
from tflite_converter.steps import local
from tflite_converter.steps.local import Circumstances

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("forked_children")]

SYNTHETIC = {"synthetic": True, "maxSamples": 20}


def run(
    model: Path, output: Path, gate: int = 25, published: Path | None = None, **spec: Any
) -> tuple[StepResult, RecordedProgress]:
    resource = {
        "apiVersion": "tflite-operator.dev/v1alpha1",
        "kind": "TFLiteConversion",
        "metadata": {"name": "test"},
        "spec": {
            "model": {"handle": model.as_uri()},
            "verification": {"minSNRDecibels": gate, **spec.pop("verification", {})},
            **spec,
        },
    }
    progress = RecordedProgress()
    circumstances = Circumstances(FetchLimits(), progress, published)
    return local.run(LocalConversion.from_object(resource), output, circumstances), progress


def auto(*candidates: str, **settings: Any) -> dict[str, Any]:
    calibration = {"calibration": SYNTHETIC} if {"Int8", "Int16x8"} & set(candidates) else {}
    return {"type": "Auto", "auto": {"candidates": list(candidates), **settings}, **calibration}


def stacked(folder: Path) -> None:
    """Layers that take four and eight bits badly, behind each other: one has a few weights that dwarf the others."""
    import tensorflow as tf

    generator = np.random.default_rng(5)
    module = tf.Module()
    module.parts = []
    for number in range(5):
        weights = generator.standard_normal((48, 48)).astype(np.float32) / 7
        weights[:, 0] *= 40 if number == 2 else 1
        module.parts.append(tf.Variable(weights))

    def body(x: Any) -> dict[str, Any]:
        for number, part in enumerate(module.parts):
            x = tf.nn.relu(x @ part) if number < 4 else x @ part
        return {"y": x}

    module.call = tf.function(body)
    floats = tf.TensorSpec([None, 48], tf.float32, name="x")
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(floats))


@pytest.mark.parametrize(
    ("make", "inputs", "candidates", "kept"),
    [
        (stacked, 48, ("WeightOnlyInt4", "WeightOnlyInt8"), "keepInt8"),
        # It has no integers for COS.
        (exported_models.with_cosine, 64, ("Int8", "Float16"), "keepFloat"),
        (scaled_models.two_layers, 64, ("DynamicRange", "WeightOnlyInt8"), "granularity"),
    ],
)
def test_what_is_chosen_is_what_the_status_gives_at_once(
    tmp_path: Path,
    start_children: Callable[[], None],
    make: Callable[[Path], None],
    inputs: int,
    candidates: tuple[str, ...],
    kept: str,
) -> None:
    make(tmp_path / "model")
    samples, gate = np.random.default_rng(7).standard_normal((20, inputs)).astype(np.float32), 17
    np.savez(tmp_path / "samples.npz", x=samples)
    dataset = {"dataset": (tmp_path / "samples.npz").as_uri()}
    on: dict[str, Any] = {"verification": {"samples": dataset}}
    asked = auto(*candidates) | ({"calibration": dataset} if "Int8" in candidates else {})
    found, progress = run(tmp_path / "model", tmp_path / "auto", gate, quantization=asked, **on)
    assert found.reason is Reason.CONVERTED, found.message
    assert found.quantization is not None
    assert kept in found.quantization.to_object(), found.trials
    check_trials(found, progress, gate)
    start_children()
    again, _ = run(tmp_path / "model", tmp_path / "fixed", gate, quantization=found.quantization.to_object(), **on)
    assert again.artifact is not None
    assert found.artifact is not None
    assert again.artifact.sha256 == found.artifact.sha256
    assert (tmp_path / "fixed/model.tflite").read_bytes() == (tmp_path / "auto/model.tflite").read_bytes()
    assert again.verification == found.verification


def check_trials(found: StepResult, progress: RecordedProgress, gate: int) -> None:
    """Every trial is told as soon as it is made, and the one that is chosen is the smallest that holds."""
    assert found.trials is not None
    assert found.artifact is not None
    assert [(trial.type, trial.size_bytes) for trial in progress.trials] == [
        (trial.type, trial.size_bytes) for trial in found.trials
    ]
    [chosen] = [trial for trial in found.trials if trial.outcome == "Chosen"]
    assert chosen.size_bytes == found.artifact.size_bytes
    held = [trial for trial in found.trials if trial.outcome in {"Chosen", "Held"}]
    assert min(trial.size_bytes or 0 for trial in held) == chosen.size_bytes
    assert all(float(trial.snr_decibels or 0) >= gate for trial in held)
    assert [phase.partition(": ")[2] for phase in progress.phases].count("Running the model") == 1


def test_samples_and_metrics_are_read_once_and_hold_for_every_trial(models: Path, tmp_path: Path) -> None:
    samples = np.random.default_rng(3).standard_normal((40, 64)).astype(np.float32)
    np.savez(tmp_path / "labelled.npz", x=samples, label=np.arange(40) % 32)
    metric = {"name": "Top1Accuracy", "output": "y", "labels": "label", "maxDrop": "0.5"}
    verification = {"samples": {"dataset": (tmp_path / "labelled.npz").as_uri()}, "metrics": [metric]}
    np.savez(tmp_path / "calibration.npz", x=samples)
    calibration = {"dataset": (tmp_path / "calibration.npz").as_uri()}
    quantization = {"type": "Auto", "auto": {"candidates": ["Int8", "DynamicRange"]}, "calibration": calibration}
    found, progress = run(models / "named", tmp_path / "auto", 20, quantization=quantization, verification=verification)
    assert found.reason is Reason.CONVERTED, found.message
    assert found.verification is not None
    assert found.verification.source == "Verification"
    measured = [trial for trial in found.trials or () if trial.snr_decibels is not None]
    assert measured
    assert all(trial.metrics and trial.metrics[0].name == "Top1Accuracy" for trial in measured)
    check_trials(found, progress, 20)


@pytest.fixture
def promotion(tmp_path: Path) -> dict[str, Any]:
    """Return a verification with a metric that is held against what is published."""
    samples = np.random.default_rng(3).standard_normal((40, 64)).astype(np.float32)
    np.savez(tmp_path / "labelled.npz", x=samples, label=np.arange(40) % 32)
    metric = {"name": "Top1Accuracy", "output": "y", "labels": "label", "maxDrop": "0.5", "baseline": "Published"}
    return {"samples": {"dataset": (tmp_path / "labelled.npz").as_uri()}, "metrics": [metric]}


def test_every_trial_is_held_against_what_is_published(models: Path, tmp_path: Path, promotion: dict[str, Any]) -> None:
    before, _ = run(models / "named", tmp_path / "before", quantization={"type": "None"}, verification=promotion)
    assert before.artifact is not None, before.message
    file, candidates = tmp_path / "before/model.tflite", auto("DynamicRange", "Float16")
    found, progress = run(
        models / "named", tmp_path / "auto", 20, file, quantization=candidates, verification=promotion, report=True
    )
    assert found.reason is Reason.CONVERTED, found.message
    assert found.verification is not None
    assert found.verification.baseline == Baseline(source="Published", sha256=before.artifact.sha256)
    (metric,) = found.verification.metrics or ()
    assert metric.baseline is not None
    check_trials(found, progress, 20)
    for trial in (trial for trial in found.trials or () if trial.snr_decibels is not None):
        (measured,) = trial.metrics or ()
        drop = float(metric.baseline.value) - float(measured.artifact)
        assert float(measured.drop) == pytest.approx(drop, abs=1e-6)
    assert before.artifact.sha256 in (tmp_path / "auto/report.html").read_text()


def test_a_published_artifact_that_is_no_baseline_ends_the_search_at_its_first_trial(
    models: Path, tmp_path: Path, promotion: dict[str, Any]
) -> None:
    file = tmp_path / "rubbish.tflite"
    file.write_bytes(b"\x1c\0\0\0TFL3" + bytes(range(256)) * 8)
    found, progress = run(
        models / "named", tmp_path / "auto", 20, file, quantization=auto("Float16", "None"), verification=promotion
    )
    assert found.reason is Reason.BASELINE_UNUSABLE, found.message
    assert "it cannot be read as a flatbuffer" in found.message
    assert progress.trials == []


def test_nothing_that_holds_is_told_with_how_near_the_best_came(models: Path, tmp_path: Path) -> None:
    found, _ = run(models / "dense", tmp_path / "auto", 90, quantization=auto("DynamicRange"))
    assert found.reason is Reason.BUDGET_UNREACHABLE
    assert "The only trial" in found.message
    assert "Lower verification.minSNRDecibels to " in found.message
    assert [trial.outcome for trial in found.trials or ()] == ["Missed"]
    assert not (tmp_path / "auto/model.tflite").exists()


def test_a_budget_that_nothing_reaches_takes_one_trial(models: Path, tmp_path: Path) -> None:
    found, _ = run(
        models / "dense", tmp_path / "auto", quantization=auto("DynamicRange", "None"), budget={"maxSizeBytes": 500}
    )
    assert found.reason is Reason.BUDGET_UNREACHABLE
    assert "budget.maxSizeBytes allows 500" in found.message
    assert len(found.trials or ()) == 1


def test_every_trial_keeps_within_the_budget_as_it_runs(models: Path, tmp_path: Path) -> None:
    budget = {"maxArenaBytes": "4Mi", "maxLatencyMilliseconds": "60000", "maxRelativeLatency": "1000"}
    candidates = auto("DynamicRange", "WeightOnlyInt8", "Float16")
    found, _ = run(models / "dense", tmp_path / "auto", 20, quantization=candidates, budget=budget, report=True)
    assert found.reason is Reason.CONVERTED, found.message
    assert found.benchmark is not None
    assert found.benchmark.relative_latency is not None
    [chosen] = [trial for trial in found.trials or () if trial.outcome == "Chosen"]
    assert chosen.latency_milliseconds == found.benchmark.p90_milliseconds
    assert (found.benchmark.p90_milliseconds or "") in (tmp_path / "auto/report.html").read_text()


def test_the_fastest_is_chosen_by_what_was_measured(models: Path, tmp_path: Path) -> None:
    quantization = auto("DynamicRange", "Float16", "None", objective="Latency")
    found, progress = run(models / "dense", tmp_path / "auto", 20, quantization=quantization)
    assert found.reason is Reason.CONVERTED, found.message
    assert [trial.type for trial in progress.trials] == ["DynamicRange", "Float16", "None"]
    measured = {trial.type: float(trial.relative_latency or 0) for trial in progress.trials}
    assert min(measured.values()) > 0
    assert found.quantization is not None
    assert found.quantization.type == min(measured, key=lambda kind: measured[kind])
    assert found.benchmark is not None
    assert float(found.benchmark.relative_latency or 0) == min(measured.values())


def test_what_takes_too_much_as_it_runs_is_told_for_each_trial(models: Path, tmp_path: Path) -> None:
    found, progress = run(
        models / "dense", tmp_path / "auto", 20, quantization=auto("DynamicRange", "None"), budget={"maxArenaBytes": 64}
    )
    assert found.reason is Reason.BUDGET_UNREACHABLE
    assert "for budget.maxArenaBytes 64" in found.message
    assert [trial.outcome for trial in progress.trials] == ["OverBudget", "OverBudget"]
    assert all(float(trial.snr_decibels or 0) >= 20 for trial in progress.trials)


@pytest.mark.parametrize(
    ("model", "reason", "words"),
    [
        ("lacking", Reason.UNSUPPORTED_OPERATION, "Betainc"),
        ("random", Reason.BUDGET_UNREACHABLE, "Write the quantization.type that you want"),
    ],
)
def test_what_is_wrong_with_the_model_ends_the_search_at_its_first_trial(
    models: Path, tmp_path: Path, model: str, reason: Reason, words: str
) -> None:
    found, progress = run(models / model, tmp_path / "auto", quantization=auto("Float16", "None"))
    assert found.reason is reason, found.message
    assert words in found.message
    assert progress.trials == []


def test_a_gate_that_the_model_itself_misses_ends_the_search_at_its_first_trial(models: Path, tmp_path: Path) -> None:
    samples = np.random.default_rng(3).standard_normal((40, 64)).astype(np.float32)
    np.savez(tmp_path / "labelled.npz", x=samples, label=np.arange(40) % 32)
    metric = {"name": "Top1Accuracy", "output": "y", "labels": "label", "min": "0.99"}
    verification = {"samples": {"dataset": (tmp_path / "labelled.npz").as_uri()}, "metrics": [metric]}
    found, progress = run(
        models / "named", tmp_path / "auto", 0, quantization=auto("DynamicRange", "None"), verification=verification
    )
    assert found.reason is Reason.VERIFICATION_FAILED
    assert "The model itself does not reach it" in found.message
    assert progress.trials == []


def test_the_report_is_that_of_what_was_chosen(models: Path, tmp_path: Path) -> None:
    found, _ = run(models / "dense", tmp_path / "auto", 20, quantization=auto("DynamicRange"), report=True)
    assert found.reason is Reason.CONVERTED, found.message
    assert found.report_problem is None
    page = (tmp_path / "auto/report.html").read_text()
    assert "DynamicRange" in page


def test_the_report_of_integers_has_what_the_debugger_found_of_each_layer(models: Path, tmp_path: Path) -> None:
    found, _ = run(models / "dense", tmp_path / "auto", 5, quantization=auto("Int8"), report=True)
    assert found.reason is Reason.CONVERTED, found.message
    assert found.report_problem is None
    page = (tmp_path / "auto/report.html").read_text()
    assert "quantization debugger, on " in page
    assert "Error in steps" in page


@pytest.mark.parametrize(
    "make", [lambda folder: exported_models.recurrent(folder, None)], ids=["a loop over time steps"]
)
def test_a_strategy_that_changes_the_shapes_is_found_by_each_trial(
    tmp_path: Path, start_children: Callable[[], None], make: Callable[[Path], None]
) -> None:
    make(tmp_path / "model")
    found, _ = run(tmp_path / "model", tmp_path / "auto", 20, quantization=auto("DynamicRange", "WeightOnlyInt8"))
    assert found.reason is Reason.CONVERTED, found.message
    assert found.provenance is not None
    assert found.quantization is not None
    start_children()
    again, _ = run(tmp_path / "model", tmp_path / "fixed", 20, quantization=found.quantization.to_object())
    assert again.artifact is not None
    assert again.provenance is not None
    assert found.artifact is not None
    assert again.artifact.sha256 == found.artifact.sha256
    assert again.provenance.strategy == found.provenance.strategy
