"""The first conversion of somebody new: written by `tflite-convert init`, applied as it is, and run here the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from kubernetes import client
from mypy_boto3_s3 import S3Client

from tests.e2e.conftest import credentials_secret
from tests.e2e.fixtures.conversions import Workbench, holds, is_finished
from tests.e2e.fixtures.environment import Environment
from tests.e2e.storage.test_sources import files
from tflite_api.resource.conversion import Conversion

pytestmark = pytest.mark.tensorflow


def tflite_convert(*arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", "tflite_converter", *arguments, "--allow-local-addresses"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)
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


def test_a_model_in_a_bucket_is_looked_into_here_with_the_credentials_that_its_conversion_names(
    bench: Workbench, env: Environment, api: client.ApiClient, s3: S3Client, tiny_model: str, tmp_path: Path
) -> None:
    for name, content in files(env).items():
        s3.put_object(Bucket=bench.bucket, Key=f"trained/tiny/{name}", Body=content)
    client.CoreV1Api(api).create_namespaced_secret(
        bench.namespace, credentials_secret(env.access_key, env.secret_key, "model-credentials")
    )
    model = (f"s3://{bench.bucket}/trained/tiny/", "--model-endpoint", env.s3_endpoint)
    key = {"MODEL_AWS_ACCESS_KEY_ID": env.access_key, "MODEL_AWS_SECRET_ACCESS_KEY": env.secret_key}
    found = json.loads(tflite_convert("inspect", *model, "--json", **key))
    assert found["digest"] == json.loads(tflite_convert("inspect", tiny_model, "--json"))["digest"]

    where = ["--bucket", bench.bucket, "--endpoint", env.s3_endpoint, "--secret", bench.secret]
    bench.kubectl("apply", "-f", "-", given=tflite_convert("init", *model, *where, "--output", "-", **key))
    seen = bench.wait("tiny", is_finished)
    assert holds("Ready")(seen), seen["status"]
    assert seen["status"]["provenance"]["modelDigest"] == found["digest"]
