"""An artifact that is over its budget is refused as soon as it is there, before it is measured."""

from pathlib import Path

import pytest

from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.step_files import ARTIFACT_FILE
from tflite_converter.verify import comparison

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
