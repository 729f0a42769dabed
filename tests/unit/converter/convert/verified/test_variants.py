"""Variants of real, tiny models: each is what one conversion gives, and the model runs once for all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter.recorded_progress import RecordedProgress
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits, StepResult
from tflite_converter.core.local_spec import LocalConversion
from tflite_converter.steps import local
from tflite_converter.steps.local import Circumstances

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("forked_children")]

HALVES = {"name": "gpu", "quantization": {"type": "Float16"}}


def run(model: Path, output: Path, **spec: Any) -> tuple[StepResult, list[str]]:
    resource = {"metadata": {"name": "test"}, "spec": {"model": {"handle": model.as_uri()}, **spec}}
    progress = RecordedProgress()
    done = local.run(LocalConversion.from_object(resource), output, Circumstances(FetchLimits(), progress))
    return done, progress.phases


@pytest.fixture
def calibration(tmp_path: Path) -> dict[str, Any]:
    """Samples for the model `dense`."""
    file = tmp_path / "samples.npz"
    np.savez(file, x=np.random.default_rng(1).standard_normal((20, 64)).astype(np.float32))
    return {"dataset": file.as_uri()}


def test_each_variant_is_the_file_that_its_conversion_gives_and_the_model_runs_once(
    models: Path, tmp_path: Path, calibration: dict[str, Any]
) -> None:
    integers = {"type": "Int8", "calibration": calibration}
    # The first one needs no calibration, the next ones do.
    single: dict[str, dict[str, Any]] = {
        "gpu": {"quantization": {"type": "Float16"}},
        "npu": {"quantization": {**integers, "io": "Int8"}},
        "cpu": {"quantization": {**integers, "io": "UInt8", "granularity": "PerTensor"}},
        # With 16 bits the sums of this model are far off.
        "audio": {"quantization": {**integers, "type": "Int16x8"}, "verification": {"minSNRDecibels": 0}},
        "small": {"quantization": {"type": "WeightOnlyInt8"}, "verification": {"minSNRDecibels": 20}},
    }
    variants = [
        HALVES,
        {"name": "npu", "quantization": {"type": "Int8", "io": "Int8"}},
        {"name": "cpu", "quantization": {"type": "Int8", "io": "UInt8", "granularity": "PerTensor"}},
        {"name": "audio", "quantization": {"type": "Int16x8"}, "minSNRDecibels": 0},
        {"name": "small", "quantization": {"type": "WeightOnlyInt8"}, "minSNRDecibels": 20},
    ]
    done, phases = run(models / "dense", tmp_path / "all", quantization=integers, variants=variants)
    assert (done.reason, done.verdict) == (Reason.CONVERTED, Reason.REPORT_ONLY), done.message
    assert [phase for phase in phases if "Running the model" in phase] == ["gpu: Running the model"]
    assert [one.name for one in done.variants or ()] == list(single)
    assert done.artifact is None
    for name, spec in single.items():
        alone, _ = run(models / "dense", tmp_path / name, **spec)
        assert alone.artifact is not None, alone.message
        artifact = tmp_path / "all" / name / "model.tflite"
        assert artifact.read_bytes() == (tmp_path / name / "model.tflite").read_bytes()
        told = json.loads((artifact.parent / "result.json").read_text())
        assert told["provenance"]["recipeHash"] == alone.provenance.recipe_hash if alone.provenance else ""
        assert told["artifact"]["uri"] == artifact.as_uri()
        assert told.get("provenance", {}).get("calibration") == (
            alone.provenance.to_object().get("calibration") if alone.provenance else None
        )
    written = json.loads((tmp_path / "all" / "result.json").read_text())
    assert [one["artifact"]["sha256"] for one in written["variants"]] == [
        json.loads((tmp_path / name / "result.json").read_text())["artifact"]["sha256"] for name in single
    ]


def test_what_one_variant_misses_is_told_and_the_others_are_there(models: Path, tmp_path: Path) -> None:
    variants = [{**HALVES, "minSNRDecibels": 200}, {"name": "plain"}, {"name": "tiny", "budget": {"maxSizeBytes": 1}}]
    done, _ = run(models / "dense", tmp_path / "out", variants=variants)
    assert done.reason is Reason.VERIFICATION_FAILED
    assert done.message.startswith("Variant gpu (tiny failed as well): ")
    assert [(one.name, one.reason, one.artifact is not None) for one in done.variants or ()] == [
        ("gpu", "VerificationFailed", False),
        ("plain", "Converted", True),
        ("tiny", "BudgetExceeded", False),
    ]
    assert 60 < float((done.variants or ())[0].snr_decibels or 0) < 200
    assert (tmp_path / "out/plain/model.tflite").exists()
    assert not (tmp_path / "out/gpu/model.tflite").exists()
    assert json.loads((tmp_path / "out/gpu/result.json").read_text())["reason"] == "VerificationFailed"


def test_each_variant_is_timed_as_its_own_budget_says(models: Path, tmp_path: Path) -> None:
    variants = [
        {**HALVES, "budget": {"maxRelativeLatency": "1000"}},
        {"name": "plain", "budget": {"threads": 1}},
        {"name": "untimed"},
    ]
    done, _ = run(models / "dense", tmp_path / "out", variants=variants)
    assert done.reason is Reason.CONVERTED, done.message
    halves, plain, untimed = (one.benchmark for one in done.variants or ())
    assert halves is not None
    assert halves.relative_latency is not None
    assert plain is not None
    assert (plain.threads, plain.relative_latency) == (1, None)
    assert untimed is None


def test_what_is_wrong_with_the_model_ends_the_first_variant_and_all(models: Path, tmp_path: Path) -> None:
    done, phases = run(
        models / "dense", tmp_path / "out", signature={"key": "absent"}, variants=[HALVES, {"name": "plain"}]
    )
    assert done.reason is Reason.SIGNATURE_NOT_FOUND
    assert done.message.startswith("Variant gpu: ")
    assert not any(phase.startswith("plain: ") for phase in phases)


def test_each_variant_has_a_report_of_its_own(models: Path, tmp_path: Path) -> None:
    done, _ = run(models / "dense", tmp_path / "out", report=True, variants=[HALVES, {"name": "plain"}])
    assert done.reason is Reason.CONVERTED, done.message
    for one in done.variants or ():
        page = tmp_path / "out" / one.name / "report.html"
        assert one.artifact is not None
        assert one.artifact.report_uri == page.as_uri()
        assert ("Float16" in page.read_text()) == (one.name == "gpu")


def test_another_run_takes_the_place_of_the_first(models: Path, tmp_path: Path) -> None:
    for variants in ([HALVES], [HALVES, {"name": "plain"}]):
        done, _ = run(models / "named", tmp_path / "out", variants=variants)
        assert done.reason is Reason.CONVERTED, done.message
    (tmp_path / "out/plain/model.tflite").write_bytes(b"somebody's")
    done, phases = run(models / "named", tmp_path / "out", variants=[HALVES, {"name": "plain"}])
    assert (done.reason, phases) == (Reason.DESTINATION_CONFLICT, [])
    assert "plain/model.tflite was not written by this command" in done.message
