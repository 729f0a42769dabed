"""The first conversion of somebody new: written by `tflite-convert init`, applied as it is, and run here the same."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.conversions import Workbench, holds, is_finished
from tflite_api.conversion import Conversion

pytestmark = pytest.mark.tensorflow


def tflite_convert(*arguments: str) -> str:
    command = [sys.executable, "-m", "tflite_converter", *arguments, "--allow-local-addresses"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_init_writes_is_applied_as_it_is_and_gives_here_what_it_gives_there(
    bench: Workbench, basic_pitch: str, tmp_path: Path
) -> None:
    where = ["--bucket", bench.bucket, "--endpoint", bench.env.s3_endpoint, "--secret", bench.secret]
    file = tmp_path / "conversion.yaml"
    tflite_convert("init", basic_pitch, *where, "--name", "first", "--output", str(file))
    written = Conversion.from_object(yaml.safe_load(file.read_text()))
    assert written.spec.model.handle == basic_pitch

    bench.kubectl("apply", "--dry-run=server", "-f", str(file))
    bench.kubectl("apply", "-f", str(file))
    seen = bench.wait("first", is_finished)
    assert holds("Ready")(seen), seen["status"]
    status = seen["status"]
    assert status["provenance"]["modelDigest"] == f"sha256:{written.spec.model.sha256}"

    tflite_convert("run", "-f", str(file), "-o", str(tmp_path / "out"))
    here = json.loads((tmp_path / "out" / "result.json").read_text())
    assert here["artifact"]["sha256"] == status["artifact"]["sha256"]


def test_what_init_writes_without_a_word_about_the_storage_fits_the_schema_of_the_cluster(
    bench: Workbench, tiny_model: str
) -> None:
    bench.kubectl("apply", "--dry-run=server", "-f", "-", given=tflite_convert("init", tiny_model, "--output", "-"))
