"""What each command imports: all of it is paid for by everyone who runs the command, and TensorFlow takes seconds."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.daemons import hub
from tests.attacks.hostile_models import FORGED, FORGED_REPORT
from tests.unit.background_server import serving_in_background
from tests.unit.converter.storage.servers.s3_server import Bucket, serving_s3
from tflite_api.names import CLEANUP, PREPARE, PUBLISH, STEP_REQUEST_ENV
from tflite_api.steps.step import PreparedModel, StepRequest
from tflite_converter.core import hub_cache
from tflite_converter.core.step_files import ARTIFACT_FILE, CONVERTED_FILE, PREPARED_FILE, read_model

_LISTED = """
import json, sys
from tflite_converter.__main__ import main
file, *sys.argv[1:] = sys.argv[1:]
try:
    main()
finally:
    json.dump(sorted(sys.modules), open(file, "w"))
"""
_TENSORFLOW = ("tensorflow", "tensorflow_hub", "tf_keras", "keras", "ai_edge_litert", "numpy")
_FOR_PEOPLE = ("typer", "rich", "yaml")
_RARELY_NEEDED = ("kagglehub", "requests", "PIL", "jinja2", "pygal", "cryptography", "securesystemslib")
KEY = "m/1.tflite"
_MODEL = """
meta_graphs {
  meta_info_def { tags: "serve" }
  graph_def { node { name: "x" op: "Placeholder" } node { name: "y" op: "Relu" input: "x" } }
  signature_def {
    key: "serving_default"
    value {
      inputs { key: "x" value { name: "x:0" dtype: DT_FLOAT tensor_shape { dim { size: 1 } } } }
      outputs { key: "y" value { name: "y:0" dtype: DT_FLOAT tensor_shape { dim { size: 1 } } } }
    }
  }
}
"""


def imported(tmp_path: Path, *arguments: str, **environment: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Run the program; return its end, and the packages that it had imported by then."""
    listing = tmp_path / "modules.json"
    command = [sys.executable, "-c", _LISTED, str(listing), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    assert listing.exists(), done.stderr
    return done, {name.partition(".")[0] for name in json.loads(listing.read_text())}


@pytest.fixture
def request_of_hub(tmp_path: Path) -> Iterator[tuple[StepRequest, Bucket]]:
    """Yield what the steps are told, and the bucket, with a model at a Hub and a bucket of this machine."""
    model = tmp_path / "served" / "m" / "1"
    model.mkdir(parents=True)
    (model / "saved_model.pb").write_bytes(b"a model")
    server = hub.serve(tmp_path / "served", "127.0.0.1", 0)
    with serving_in_background(server), serving_s3(Bucket()) as bucket:
        handle = f"http://127.0.0.1:{server.server_address[1]}/m/1"
        yield _request(handle, bucket), bucket


def _request(handle: str, bucket: Bucket) -> StepRequest:
    where = {"bucket": "models", "key": KEY, "endpoint": bucket.endpoint, "secretRef": {"name": "s"}}
    return StepRequest.from_object(
        {
            "owner": "team/a",
            "cluster": "prod",
            "spec": {"model": {"handle": handle}, "destination": {"s3": where}, "deletionPolicy": "Delete"},
            "limits": {"allowLocalAddresses": True},
        }
    )


def run_step(name: str, asked: StepRequest, tmp_path: Path) -> tuple[dict[str, Any], set[str]]:
    """Run a step as its container does; return its report, and what it had imported in the end."""
    for folder in ("model", "output"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    report = tmp_path / "report.json"
    folders = ("--model-dir", str(tmp_path / "model"), "--output-dir", str(tmp_path / "output"))
    done, modules = imported(
        tmp_path,
        *(name, *folders, "--termination-log", str(report)),
        **{STEP_REQUEST_ENV: asked.model_dump_json(by_alias=True, exclude_none=True)},
        AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="secret",
    )
    assert done.returncode == 0, done.stderr
    return json.loads(report.read_text()), modules


def test_what_holds_credentials_never_imports_tensorflow(
    request_of_hub: tuple[StepRequest, Bucket], tmp_path: Path
) -> None:
    asked, bucket = request_of_hub
    unneeded = {*_TENSORFLOW, *_FOR_PEOPLE, *_RARELY_NEEDED}

    said, modules = run_step(PREPARE, asked, tmp_path)
    assert said["reason"] == "Preparing"
    assert sorted(modules & unneeded) == []
    prepared = read_model(tmp_path / "model" / PREPARED_FILE, PreparedModel)
    assert asked.spec.model.handle is not None
    assert hub_cache.holds(asked.spec.model.handle, tmp_path / "model" / str(prepared.path))

    (tmp_path / "output" / ARTIFACT_FILE).write_bytes(FORGED)
    (tmp_path / "output" / CONVERTED_FILE).write_text(json.dumps(FORGED_REPORT))
    said, modules = run_step(PUBLISH, asked, tmp_path)
    assert said["reason"] == "Converted"
    assert sorted(modules & {*unneeded, "aiohttp"}) == []
    assert KEY in bucket.objects

    said, modules = run_step(PREPARE, asked, tmp_path / "again")
    assert sorted(modules & {*unneeded, "aiohttp"}) == []
    said, modules = run_step(PUBLISH, asked, tmp_path / "again")
    assert said["reason"] == "Reused"
    assert sorted(modules & {*unneeded, "aiohttp", "boto3", "botocore"}) == []

    said, modules = run_step(CLEANUP, asked, tmp_path)
    assert sorted(modules & {*unneeded, "aiohttp"}) == []
    assert KEY not in bucket.objects


@pytest.mark.parametrize(
    ("arguments", "spared"),
    [
        # For the parameters of one command typer itself imports pydantic.
        (("--help",), ("pydantic",)),
        (("inspect", "--help"), ()),
        (("run", "-h"), ()),
        (("compare", "-h"), ()),
    ],
)
def test_help_imports_nothing_that_draws_or_works(
    tmp_path: Path, arguments: tuple[str, ...], spared: tuple[str, ...]
) -> None:
    done, modules = imported(tmp_path, *arguments)
    assert done.returncode == 0
    unneeded = {*_TENSORFLOW, *_RARELY_NEEDED, *spared, "rich", "yaml", "google", "boto3", "botocore"}
    assert sorted(modules & unneeded) == []


def test_a_model_of_this_machine_is_inspected_without_tensorflow_and_what_fetches_others(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pbtxt").write_text(_MODEL)
    done, modules = imported(tmp_path, "inspect", str(tmp_path / "model"), "--json")
    assert json.loads(done.stdout)["verdict"] == {"outcome": "Accepted"}
    assert sorted(modules & {*_TENSORFLOW, *_RARELY_NEEDED, "aiohttp", "boto3", "botocore", "yaml"}) == []


def test_a_run_leaves_tensorflow_to_its_child_and_the_child_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    conversion = {
        "apiVersion": "tflite-operator.dev/v1alpha1",
        "kind": "TFLiteConversion",
        "metadata": {"name": "test"},
        "spec": {"model": {"handle": (tmp_path / "absent").as_uri()}},
    }
    (tmp_path / "conversion.yaml").write_text(json.dumps(conversion))
    arguments = ("run", "-f", str(tmp_path / "conversion.yaml"), "--output", str(tmp_path / "out"))
    done, modules = imported(tmp_path, *arguments, TMPDIR=str(tmp_path / "tmp"))
    assert done.returncode == 3
    assert "absent cannot be read" in done.stdout
    assert sorted(modules & {*_TENSORFLOW, *_RARELY_NEEDED, "aiohttp", "boto3", "botocore"}) == []
    assert [*(tmp_path / "tmp").iterdir()] == []
