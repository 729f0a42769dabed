"""An artifact that is over its budget is refused: by its size as soon as it is there, else once it has run."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter import exported_models
from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason
from tflite_api.resource.budget import Benchmarking, Budget
from tflite_api.resource.spec import ConversionSpec
from tflite_converter.convert import report_material, supervised
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.core.step_files import ARTIFACT_FILE
from tflite_converter.steps import convert as step
from tflite_converter.verify import comparison
from tflite_converter.worker import cpus

pytestmark = pytest.mark.tensorflow

FLOATS = 64 * 32 * 4
"""Bytes of the model's weights."""


def test_an_artifact_over_its_budget_is_not_measured_and_one_within_it_is(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = tmp_path / "output" / ARTIFACT_FILE
    convert(models / "dense", tmp_path, metadata={"name": "n" * 64})
    taken = artifact.stat().st_size
    convert(models / "dense", tmp_path, metadata={"name": "n" * 64}, budget={"maxSizeBytes": taken})

    def never(*_: object) -> None:
        raise AssertionError("the measurement changes no size")

    monkeypatch.setattr(comparison, "measure", never)
    with pytest.raises(StepFailure) as caught:
        convert(models / "dense", tmp_path, metadata={"name": "n" * 64}, budget={"maxSizeBytes": taken - 1})
    assert caught.value.reason is Reason.BUDGET_EXCEEDED
    # With what the metadata add to the file, as it would be published.
    assert f"The artifact has {taken} bytes" in caught.value.message
    assert "8.0 KiB float32" in caught.value.message
    assert caught.value.signature is not None
    assert not (tmp_path / "output" / "converted.json").exists()


@pytest.mark.parametrize(("kind", "bits"), [("Float16", 16), ("DynamicRange", 8), ("WeightOnlyInt4", 4)])
def test_no_type_comes_below_what_the_cure_calls_its_best(models: Path, tmp_path: Path, kind: str, bits: int) -> None:
    artifact = tmp_path / "output" / ARTIFACT_FILE
    convert(models / "dense", tmp_path)
    best = artifact.stat().st_size - FLOATS + FLOATS * bits // 32
    convert(models / "dense", tmp_path, quantization={"type": kind}, minSnrDecibels=5)
    assert best <= artifact.stat().st_size < best + FLOATS // 4


def budgeted(**asked: Any) -> dict[str, Any]:
    """Return what an order says of a budget."""
    wanted = Benchmarking.of(Budget.from_object(asked), prefers_fast=False)
    return {"budget": asked, "benchmarking": wanted.to_object() if wanted is not None else None}


def digest(tmp_path: Path) -> str:
    return hashlib.sha256((tmp_path / "output" / ARTIFACT_FILE).read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", ["DynamicRange", "WeightOnlyInt8"])
def test_what_is_measured_changes_no_byte_of_the_artifact_and_no_word_of_the_verdict(
    models: Path, tmp_path: Path, kind: str
) -> None:
    asked: dict[str, Any] = {"quantization": {"type": kind}, "minSnrDecibels": 5}
    plain = convert(models / "dense", tmp_path, **asked)
    before = digest(tmp_path)
    assert plain.benchmark is None
    budget = budgeted(maxRelativeLatency="1000", maxLatencyMilliseconds="60000", maxArenaBytes="1Mi")
    found = convert(models / "dense", tmp_path, **asked, **budget)
    assert digest(tmp_path) == before
    assert (found.message, found.verdict) == (plain.message, plain.verdict)
    assert found.benchmark is not None
    assert float(found.benchmark.relative_latency or 0) > 0
    assert 0 < (found.benchmark.arena_bytes or 0) < 2**20


def test_several_signatures_are_timed_each(tmp_path: Path) -> None:
    exported_models.several_signatures(tmp_path / "model")
    asked = {"signature": {"keys": ["score", "encode"]}}
    found = convert(tmp_path / "model", tmp_path, **asked, **budgeted(threads=1))
    assert found.benchmark.signature in {"score", "encode"}


def test_a_budget_of_memory_that_is_not_held_says_so_with_the_signature(models: Path, tmp_path: Path) -> None:
    with pytest.raises(StepFailure, match=r"budget\.maxArenaBytes allows 64 ") as caught:
        convert(models / "dense", tmp_path, **budgeted(maxArenaBytes=64))
    assert caught.value.reason is Reason.BUDGET_EXCEEDED
    assert caught.value.signature is not None
    assert caught.value.verification is not None
    assert caught.value.benchmark is not None
    assert (caught.value.benchmark.arena_bytes or 0) > 64
    assert not (tmp_path / "output" / "converted.json").exists()


def test_a_model_without_a_file_in_floats_has_nothing_to_be_compared_with(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_made(*_: object) -> None:
        raise RuntimeError("TensorFlow's process ended with -11")

    monkeypatch.setattr(report_material, "gather", none_made)
    asked: dict[str, Any] = {"quantization": {"type": "DynamicRange"}, "minSnrDecibels": 5}
    with pytest.raises(StepFailure, match=r"budget\.maxRelativeLatency compares .*ended with -11") as caught:
        convert(models / "dense", tmp_path, **asked, **budgeted(maxRelativeLatency="1"))
    assert caught.value.reason is Reason.CONVERSION_FAILED


def test_a_container_without_the_cpus_is_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("nothing may run")

    monkeypatch.setattr(cpus, "available", lambda: 1.5)
    monkeypatch.setattr(supervised, "launch", never)
    spec = ConversionSpec.from_object(
        {
            "model": {"handle": "https://example.com/model/1"},
            "budget": {"threads": 2},
            "destination": {"s3": {"bucket": "models", "key": "a.tflite", "secretRef": {"name": "s"}}},
        }
    )
    with pytest.raises(StepFailure, match=r"budget\.threads is 2, but .* 1\.5 CPUs") as caught:
        step.convert(spec, tmp_path, tmp_path, LoggedProgress())
    assert caught.value.reason is Reason.INVALID_SPEC
