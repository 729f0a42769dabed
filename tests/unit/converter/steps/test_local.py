"""`tflite-convert run` on real, tiny models, in a process of its own as a user starts it."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflite_converter.artifact import flatbuffer

pytestmark = pytest.mark.tensorflow
Write = Callable[..., Path]
NPU = {"name": "EthosU", "config": "ethos-u55-128"}


class Ran:
    """What a run left."""

    def __init__(self, file: Path, output: Path) -> None:
        command = [sys.executable, "-m", "tflite_converter", "run", "-f", str(file), "--output", str(output)]
        environment = {**os.environ, "AWS_SECRET_ACCESS_KEY": "do-not-leak"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        self.code, self.text = done.returncode, done.stdout + done.stderr
        self.artifact = output / "model.tflite"
        self.result: dict[str, Any] = json.loads((output / "result.json").read_text())
        left = {path.name for path in output.iterdir()}
        assert left == {"result.json"} | ({"model.tflite"} if self.code == 0 else set()), self.text
        assert self.result["reason"] != "InternalError", self.text

    def failed(self, reason: str, *words: str) -> None:
        assert (self.code, self.result["reason"], self.result["outcome"]) == (3, reason, "STALLED"), self.text
        for word in words:
            assert word in self.result["message"]
            assert word in " ".join(self.text.split())
        assert "artifact" not in self.result


def dtypes(artifact: Path) -> set[str]:
    return {constant.dtype for constant in flatbuffer.read(artifact).constants if constant.elements >= 64 * 32}


@pytest.mark.parametrize(("kind", "dtype", "least"), [("Float16", "float16", 60), ("DynamicRange", "int8", 30)])
def test_the_weights_really_have_the_type_asked_for(
    models: Path, tmp_path: Path, write_conversion: Write, kind: str, dtype: str, least: float
) -> None:
    ran = Ran(write_conversion(models / "dense", quantization={"type": kind}), tmp_path / "out")
    assert_converted(ran, dtype, least)


def assert_converted(ran: Ran, dtype: str, least: float) -> None:
    """The weights have the type, and the result tells of the artifact that is there."""
    assert (ran.code, ran.result["reason"], ran.result["verdict"]) == (0, "Converted", "SNRSufficient"), ran.text
    assert dtypes(ran.artifact) == {dtype}
    assert float(ran.result["verification"]["snrDecibels"]) >= least
    assert ran.result["artifact"]["sizeBytes"] == ran.artifact.stat().st_size
    assert ran.result["artifact"]["uri"] == ran.artifact.as_uri()


def test_datasets_of_this_machine_calibrate_and_verify(models: Path, tmp_path: Path, write_conversion: Write) -> None:
    generator = np.random.default_rng(1)
    addresses = {}
    for name, count in (("calibration", 30), ("verification", 4)):
        path = tmp_path / f"{name}.npz"
        np.savez(path, x=generator.standard_normal((count, 64)).astype(np.float32))
        addresses[name] = path.as_uri()
    conversion = write_conversion(
        models / "dense",
        quantization={"type": "Int8", "calibration": {"dataset": addresses["calibration"]}},
        verification={"samples": {"dataset": addresses["verification"]}},
    )
    ran = Ran(conversion, tmp_path / "out")
    assert (ran.code, ran.result["verdict"]) == (0, "SNRSufficient"), ran.text
    assert ran.result["provenance"]["calibration"]["samples"] == 30
    assert (ran.result["verification"]["source"], ran.result["verification"]["samples"]) == ("Verification", 4)


def test_a_pinned_signature_keeps_its_names_and_computes_the_same(
    models: Path, tmp_path: Path, write_conversion: Write
) -> None:
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    signature = {"key": "infer", "inputs": [{"name": "x", "shape": [3, 64]}]}
    ran = Ran(write_conversion(models / "named", signature=signature), tmp_path / "out")
    assert ran.code == 0, ran.text
    assert ran.result["signature"] == {
        "key": "infer",
        "inputs": [{"name": "x", "dtype": "float32", "shape": [3, 64]}],
        "outputs": [{"name": "y", "dtype": "float32", "shape": [3, 32]}],
    }
    given = np.linspace(-1, 1, 3 * 64, dtype=np.float32).reshape(3, 64)
    found = Interpreter(model_path=str(ran.artifact)).get_signature_runner("infer")(x=given)["y"]
    expected = tf.saved_model.load(str(models / "named")).signatures["infer"](x=tf.constant(given))["y"]
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)


def test_the_same_recipe_gives_the_same_bytes_and_a_failure_takes_them_away(
    models: Path, tmp_path: Path, write_conversion: Write
) -> None:
    file = write_conversion(models / "dense", quantization={"type": "None"})
    first = Ran(file, tmp_path / "out")
    assert_converted(first, "float32", 100)
    assert first.result["artifact"] == Ran(file, tmp_path / "out").result["artifact"]
    assert first.result["signature"]["inputs"][0]["shape"] == [-1, 64]
    Ran(write_conversion(tmp_path / "absent"), tmp_path / "out").failed("ModelNotFound", "absent")


def test_a_failed_gate_shows_what_was_measured(models: Path, tmp_path: Path, write_conversion: Write) -> None:
    ran = Ran(write_conversion(models / "dense", verification={"minSNRDecibels": 200}), tmp_path / "out")
    ran.failed("VerificationFailed", "dB", "200")
    assert 60 < float(ran.result["verification"]["snrDecibels"]) < 200


def test_an_artifact_over_its_budget_is_refused_with_what_helps(
    models: Path, tmp_path: Path, write_conversion: Write
) -> None:
    ran = Ran(write_conversion(models / "dense", budget={"maxSizeBytes": "5Ki"}), tmp_path / "out")
    ran.failed("BudgetExceeded", "budget.maxSizeBytes allows 5120 (5.0 KiB)", "quantization.type DynamicRange", "raise")


def test_what_runs_on_targets_is_told_whether_they_are_met_or_not(
    models: Path, tmp_path: Path, write_conversion: Write
) -> None:
    ran = Ran(write_conversion(models / "dense", targets=[{"name": "Microcontroller"}]), tmp_path / "out")
    assert ran.code == 0, ran.text
    micro = ran.result["targets"][0]
    assert (micro["name"], micro["onTarget"]) == ("Microcontroller", micro["operators"])
    ran = Ran(write_conversion(models / "dense", targets=[NPU]), tmp_path / "out")
    ran.failed("TargetUnmet", "nothing of the artifact runs on EthosU (ethos-u55-128)", "set quantization.type Int8")
    assert [(each["name"], each["onTarget"]) for each in ran.result["targets"]] == [("EthosU", 0)]


def test_an_archive_is_taken_and_its_digest_checked(models: Path, tmp_path: Path, write_conversion: Write) -> None:
    packed = tmp_path / "model.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(models / "dense", "top")
    assert Ran(write_conversion(packed), tmp_path / "out").code == 0
    Ran(write_conversion(packed, {"sha256": "0" * 64}), tmp_path / "out").failed("DigestMismatch", "0" * 64)
