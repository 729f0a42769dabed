"""`tflite-convert compare`: how far a .tflite is from another one, or from its model, and what cannot be compared."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.attacks import hostile_models
from tests.unit.converter import exported_models
from tflite_api.reasons import Reason
from tflite_converter.compare import comparison
from tflite_converter.compare.comparison import ArtifactComparison, SavedModelReference, Terms
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="session")
def artifacts(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Yield a folder with the model `dense` as .tflite files, made by TensorFlow's converter alone."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("artifacts")

    def samples() -> Iterator[dict[str, Any]]:
        # Over the range of the samples that are generated for a comparison, whose sums reach 40.
        generator = np.random.default_rng(1)
        for lowest in (-1, 0):
            for _ in range(10):
                yield {"x": generator.uniform(lowest, 1, (1, 64)).astype(np.float32)}
                yield {"x": generator.standard_normal((1, 64)).astype(np.float32)}

    for name in ("float", "int8"):
        converter = tf.lite.TFLiteConverter.from_saved_model(str(models / "dense"))
        if name == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = samples
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        (folder / f"{name}.tflite").write_bytes(converter.convert())
    return folder


def model(folder: Path) -> SavedModelReference:
    return SavedModelReference(folder, folder.as_uri(), "sha256:" + "0" * 64, None)


def compare(artifact: Path, reference: Path | SavedModelReference, **terms: Any) -> ArtifactComparison:
    return comparison.compare(artifact, reference, Terms(**terms), LoggedProgress())


def refusal(artifact: Path, reference: Path | SavedModelReference, **terms: Any) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        compare(artifact, reference, **terms)
    return caught.value


def worst(found: ArtifactComparison) -> float:
    (signature,) = found.signatures
    assert signature.error is not None, signature
    return float(signature.error.snr_decibels)


def test_an_artifact_is_measured_against_its_model_output_by_output(models: Path, artifacts: Path) -> None:
    found = compare(artifacts / "float.tflite", model(models / "dense"))
    assert worst(found) >= 100
    error = found.signatures[0].error
    assert error is not None
    assert error.source == "Generated"
    assert {output.name for output in error.outputs or ()} == {"y", "sum"}
    assert found.artifact.size_bytes == (artifacts / "float.tflite").stat().st_size
    assert found.artifact.contents is not None
    assert found.artifact.contents.constants["float32"] >= 64 * 32
    assert found.reference.contents is None


def test_integers_are_compared_in_real_numbers(artifacts: Path) -> None:
    found = compare(artifacts / "int8.tflite", artifacts / "float.tflite")
    assert found.signatures[0].inputs == ("x: float32 [-1, 64]",)
    assert 20 < worst(found) < 60
    for file, dtype in ((found.artifact, "int8"), (found.reference, "float32")):
        assert file is not None
        assert file.contents is not None
        assert file.contents.constants[dtype] >= 64 * 32


def test_a_file_is_exactly_itself(artifacts: Path) -> None:
    assert worst(compare(artifacts / "int8.tflite", artifacts / "int8.tflite")) == float("inf")


def test_both_are_run_on_samples_that_are_given(artifacts: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "samples.npz", x=np.random.default_rng(5).standard_normal((7, 64)).astype(np.float32))
    found = compare(
        artifacts / "int8.tflite", artifacts / "float.tflite", samples=tmp_path / "samples.npz", max_samples=5
    )
    error = found.signatures[0].error
    assert error is not None
    assert (error.source, error.samples) == ("Verification", 5)
    np.savez(tmp_path / "samples.npz", z=np.zeros((7, 64), np.float32))
    failure = refusal(artifacts / "int8.tflite", artifacts / "float.tflite", samples=tmp_path / "samples.npz")
    assert failure.reason is Reason.DATASET_MISMATCH
    assert "--samples" in failure.message


def test_a_signature_that_is_not_in_both_is_refused(artifacts: Path) -> None:
    failure = refusal(artifacts / "int8.tflite", artifacts / "float.tflite", key="infer")
    assert failure.reason is Reason.SIGNATURE_NOT_FOUND
    assert "serving_default" in failure.message


def test_what_keeps_state_is_compared_over_calls_in_a_row(tmp_path: Path) -> None:
    import tensorflow as tf

    exported_models.counting(tmp_path / "model")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "model"), signature_keys=["serving_default"])
    artifact = tmp_path / "model.tflite"
    artifact.write_bytes(converter.convert())
    assert worst(compare(artifact, model(tmp_path / "model"), key="serving_default")) >= 100
    assert worst(compare(artifact, artifact)) == float("inf")


@pytest.mark.parametrize(("name", "reason"), [("random", Reason.NON_DETERMINISTIC), ("flex", Reason.SELECT_TF)])
def test_what_no_comparison_can_tell_is_told_so(models: Path, tmp_path: Path, name: str, reason: Reason) -> None:
    import tensorflow as tf

    folder = models / name
    if name == "flex":
        folder = tmp_path / "model"
        exported_models.beyond_litert(folder)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    artifact = tmp_path / "model.tflite"
    artifact.write_bytes(converter.convert())
    found = compare(artifact, model(folder))
    (signature,) = found.signatures
    assert (signature.caveat, signature.error) == (reason, None)
    missed = comparison.held_against(found, 10)
    assert missed.reason is Reason.VERIFICATION_FAILED
    assert "serving_default" in (missed.message or "")
    failure = refusal(artifact, artifact)
    assert failure.reason is Reason.VERIFICATION_FAILED
    assert "model.tflite" in failure.message


def test_a_gate_names_the_output_that_misses_it(artifacts: Path) -> None:
    found = compare(artifacts / "int8.tflite", artifacts / "float.tflite")
    assert comparison.held_against(found, 10).reason is None
    missed = comparison.held_against(found, 90)
    assert missed.reason is Reason.VERIFICATION_FAILED
    assert "of serving_default" in (missed.message or "")
    assert "90 dB" in (missed.message or "")


@pytest.mark.parametrize("kept", [20, 600])
def test_a_damaged_file_is_a_reason_and_no_crash(artifacts: Path, tmp_path: Path, kept: int) -> None:
    (tmp_path / "damaged.tflite").write_bytes((artifacts / "float.tflite").read_bytes()[:kept])
    failure = refusal(tmp_path / "damaged.tflite", artifacts / "float.tflite")
    assert failure.reason is Reason.VERIFICATION_FAILED
    assert "damaged.tflite" in failure.message


def test_a_model_that_ends_the_process_does_not_end_ours(artifacts: Path, tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    hostile_models.save(hostile_models.forge_and_end_in(str(tmp_path / "left")), tmp_path / "model")
    failure = refusal(artifacts / "float.tflite", model(tmp_path / "model"))
    assert failure.reason is Reason.CONVERSION_CRASHED
    assert failure.message.startswith("The comparison ended before it was done")


def test_the_command_prints_json_and_its_exit_code_tells_the_gate(artifacts: Path, tmp_path: Path) -> None:
    (tmp_path / "text.tflite").write_text("no such file")
    ends = {}
    integers, text = artifacts / "int8.tflite", tmp_path / "text.tflite"
    for gate, artifact in (("10", integers), ("90", integers), ("0", text)):
        command = [sys.executable, "-m", "tflite_converter", "compare", str(artifact), str(artifacts / "float.tflite")]
        gated = [*command, "--json", "--min-snr-decibels", gate]
        ends[gate] = subprocess.run(
            gated, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "500"}
        )
    assert {gate: end.returncode for gate, end in ends.items()} == {"10": 0, "90": 3, "0": 2}
    for gate, reason in (("10", None), ("90", "VerificationFailed")):
        assert json.loads(ends[gate].stdout).get("reason") == reason
        ArtifactComparison.model_validate_json(ends[gate].stdout)
    assert "text.tflite is no TensorFlow Lite file" in " ".join(ends["0"].stderr.split())
