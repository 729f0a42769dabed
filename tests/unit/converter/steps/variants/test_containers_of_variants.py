"""The containers of a Job with variants, one after the other, and what the operator makes of their reports."""

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.storage.servers.s3_server import Bucket, serving_s3
from tests.unit.operator.builders import conversion
from tflite_api.names import CLEANUP, CONVERT, PREPARE, PUBLISH, STEP_REQUEST_ENV, STEPS
from tflite_api.reasons import Reason
from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.step import StepResult
from tflite_operator.core.identity import Identity
from tflite_operator.decide.step_report import check_artifact, read_report
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import step_request
from tflite_operator.settings import Settings

pytestmark = pytest.mark.tensorflow

SETTINGS = Settings(converter_image="example.com/converter:1", cluster_id="prod", allow_local_addresses=True)
KEY = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "do-not-leak"}
VARIANTS = [
    {"name": "gpu", "quantization": {"type": "Float16"}},
    {"name": "npu", "quantization": {"type": "Int8", "io": "Int8"}},
]


@pytest.fixture
def bucket(models: Path, tmp_path: Path) -> Iterator[Bucket]:
    """One with a model in it."""
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(models / "named", ".")
    with serving_s3(Bucket()) as served:
        served.objects["model.tar.gz"] = ((tmp_path / "model.tar.gz").read_bytes(), {"ETag": '"model"'})
        yield served


class Pods:
    """Runs the steps of one attempt after the other."""

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        self._where = {"bucket": "models", "endpoint": bucket.endpoint, "secretRef": {"name": "s3"}}
        self._folder = folder
        self._number = 0

    def spec(self, *variants: dict[str, Any]) -> ConversionSpec:
        base = {"type": "Int8", "calibration": {"synthetic": True, "maxSamples": 20}}
        where = {**self._where, "key": "a/{variant}.tflite"}
        return ConversionSpec.from_object(
            {
                "model": {"s3": {**self._where, "key": "model.tar.gz"}},
                "quantization": base,
                "variants": list(variants) or VARIANTS,
                "destination": {"s3": where},
                "report": True,
            }
        )

    def run(self, spec: ConversionSpec, *steps: str) -> tuple[str, StepResult]:
        """Run these steps up to the first that fails; return the last one's name and what the operator reads of it."""
        self._number += 1
        folders = {name: self._folder / f"{name}-{self._number}" for name in ("model", "output")}
        for folder in folders.values():
            folder.mkdir()
        last, result = "", None
        for step in steps or STEPS:
            log = self._folder / f"log-{self._number}-{step}"
            command = [sys.executable, "-m", "tflite_converter", step, "--termination-log", str(log)]
            command += [part for name, folder in folders.items() for part in (f"--{name}-dir", str(folder))]
            request = step_request(Identity.of(conversion()), spec, SETTINGS, Attempt(1))
            environment = {**os.environ, STEP_REQUEST_ENV: request}
            if step != CONVERT:
                environment |= KEY | {f"MODEL_{name}": value for name, value in KEY.items()}
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            last, result = step, StepResult.model_validate_json(log.read_text())
            assert result.reason is not Reason.INTERNAL_ERROR, done.stderr
            if done.returncode != 0:
                result = read_report(step, done.returncode, log.read_text())
                break
            if step == PUBLISH:
                result = read_report(step, done.returncode, log.read_text())
                check_artifact(result, spec)
        assert result is not None
        return last, result


def keys(bucket: Bucket) -> set[str]:
    return {key.removeprefix("a/") for key in bucket.objects if key.startswith("a/")}


def reasons(result: StepResult) -> dict[str, str]:
    return {one.name: one.reason for one in result.variants or ()}


def test_the_containers_of_a_job_bring_every_variant_into_the_bucket(bucket: Bucket, tmp_path: Path) -> None:
    pods = Pods(bucket, tmp_path)
    last, first = pods.run(pods.spec())
    assert (last, first.reason) == (PUBLISH, Reason.CONVERTED), first.message
    suffixes = (".tflite", ".tflite.report.html")
    assert keys(bucket) == {f"{name}{suffix}" for name in ("gpu", "npu") for suffix in suffixes}
    for one in first.variants or ():
        content, headers = bucket.objects[f"a/{one.name}.tflite"]
        assert one.artifact is not None
        assert (one.artifact.size_bytes, one.artifact.etag) == (len(content), headers["ETag"])
    models = [path for path in bucket.asked if path.startswith("GET /models/model.tar.gz")]
    assert len(models) == 1

    _, again = pods.run(pods.spec())
    assert (again.reason, reasons(again)) == (Reason.REUSED, {"gpu": "Reused", "npu": "Reused"})
    assert [one.artifact for one in again.variants or ()] == [one.artifact for one in first.variants or ()]

    strict = {**VARIANTS[1], "minSNRDecibels": 200}
    last, failed = pods.run(pods.spec(strict, VARIANTS[0], {"name": "new", "quantization": {"type": "None"}}))
    assert (last, failed.reason) == (PUBLISH, Reason.VERIFICATION_FAILED), failed.message
    assert failed.message.startswith("Variant npu: ")
    assert reasons(failed) == {"npu": "VerificationFailed", "gpu": "Reused", "new": "Converted"}
    assert "new.tflite" in keys(bucket)

    _, cleaned = pods.run(pods.spec(), CLEANUP)
    assert cleaned.reason is Reason.ARTIFACT_DELETED
    assert keys(bucket) == {"new.tflite", "new.tflite.report.html"}


def test_what_is_wrong_with_the_model_ends_the_step_that_finds_it(bucket: Bucket, tmp_path: Path) -> None:
    pods = Pods(bucket, tmp_path)
    whole = pods.spec().to_object()
    last, failed = pods.run(ConversionSpec.from_object({**whole, "signature": {"key": "absent"}}))
    assert (last, failed.reason) == (CONVERT, Reason.SIGNATURE_NOT_FOUND)
    assert failed.message.startswith("Variant gpu: ")
    del bucket.objects["model.tar.gz"]
    last, failed = pods.run(pods.spec())
    assert (last, failed.reason) == (PREPARE, Reason.MODEL_NOT_FOUND)
    assert keys(bucket) == set()
