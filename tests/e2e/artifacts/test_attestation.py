"""An attestation beside the artifact that cosign and our own command accept; without it there is no artifact either."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from mypy_boto3_s3 import S3Client
from typer.testing import CliRunner

from tests.e2e.fixtures.conversions import Object, Workbench, condition, is_finished
from tests.e2e.spec.test_bad_input import assert_bucket_is_empty, assert_stalled
from tests.e2e.storage.test_deletion_policy import exists
from tests.programs import cosign
from tflite_converter.cli.app import app

pytestmark = pytest.mark.tensorflow

PASSWORD = "staple"
SECRET = "signing-key"
SIGNED = {"secretRef": {"name": SECRET}}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with cosign.key and cosign.pub, as cosign made them."""
    cosign.generate_key_pair(tmp_path, PASSWORD)
    return tmp_path


def put_secret(bench: Workbench, keys: Path, **entries: str) -> None:
    """Make the Secret that `cosign generate-key-pair k8s://NAMESPACE/signing-key` makes (pkg/cosign/kubernetes)."""
    made = {name: (keys / name).read_text() for name in ("cosign.key", "cosign.pub")} | {"cosign.password": PASSWORD}
    bench.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "stringData": {**made, **entries}})


def fetch(s3: S3Client, bucket: str, uri: str, folder: Path) -> Path:
    """Write an object of the bucket to a file of its name."""
    key = uri.removeprefix(f"s3://{bucket}/")
    file = folder / key.rpartition("/")[2]
    file.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return file


def test_an_artifact_has_a_signed_attestation_and_is_reused_with_it_alone(
    bench: Workbench, s3: S3Client, tiny_model: str, keys: Path
) -> None:
    put_secret(bench, keys)
    conversion = bench.conversion("signed", tiny_model, attestation=SIGNED)
    status = bench.run(conversion)["status"]
    artifact = fetch(s3, bench.bucket, status["artifact"]["uri"], keys)
    attestation = fetch(s3, bench.bucket, status["attestation"]["uri"], keys)
    assert attestation.name == "signed.tflite.intoto.jsonl"
    assert hashlib.sha256(attestation.read_bytes()).hexdigest() == status["attestation"]["sha256"]
    assert cosign.verify_blob_attestation(keys / "cosign.pub", attestation, artifact)[0] == 0
    arguments = ["verify-attestation", str(artifact), str(attestation), "--key", str(keys / "cosign.pub")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    payload = base64.b64decode(json.loads(attestation.read_bytes())["payload"])
    check_statement(bench.get("signed"), bench.env.converter_image, json.loads(payload))

    bench.delete("signed")
    again = bench.run(conversion)
    assert condition(again, "Ready")["reason"] == "Reused"
    assert again["status"]["attestation"] == status["attestation"]

    bench.delete("signed")
    s3.delete_object(Bucket=bench.bucket, Key=attestation.name)
    anew = bench.run(conversion)
    assert condition(anew, "Ready")["reason"] == "Converted"
    assert anew["status"]["artifact"]["sha256"] == status["artifact"]["sha256"]
    assert exists(s3, bench.bucket, attestation.name)

    artifact.write_bytes(artifact.read_bytes() + b"!")
    code, words = cosign.verify_blob_attestation(keys / "cosign.pub", attestation, artifact)
    assert (code, "no matching subject digest" in words) == (1, True)
    assert CliRunner().invoke(app, arguments).exit_code == 3


def check_statement(conversion: Object, converter_image: str, statement: Object) -> None:
    """Compare what was signed with what the status says."""
    status, definition = conversion["status"], statement["predicate"]["buildDefinition"]
    assert statement["subject"][0]["digest"] == {"sha256": status["artifact"]["sha256"]}
    model, image = definition["resolvedDependencies"]
    assert model["uri"] == conversion["spec"]["model"]["handle"]
    assert f"sha256:{model['digest']['dirHash']}" == status["provenance"]["modelDigest"]
    assert image["uri"] == f"oci://{converter_image}"
    assert definition["internalParameters"] == {"recipeHash": status["provenance"]["recipeHash"]}
    assert definition["externalParameters"]["conversion"]["spec"]["destination"] == conversion["spec"]["destination"]
    run = statement["predicate"]["runDetails"]
    assert run["metadata"]["invocationId"] == f"{conversion['metadata']['uid']}/1/{status['job']['attempt']}"
    assert run["metadata"]["startedOn"] <= run["metadata"]["finishedOn"]
    assert run["builder"]["version"]["tensorflow"] == status["provenance"]["tensorflow"]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"cosign.key": "hunter2"}, ("it holds no PEM", "cosign generate-key-pair")),
        ({"cosign.password": "guess"}, ("its password is another one", "put the key's own password into the entry")),
    ],
)
def test_a_key_that_is_none_is_named_and_nothing_is_published(
    bench: Workbench, s3: S3Client, tiny_model: str, keys: Path, entries: dict[str, str], words: tuple[str, ...]
) -> None:
    put_secret(bench, keys, **entries)
    finished = bench.run(bench.conversion("unsigned", tiny_model, attestation=SIGNED))
    assert_stalled(finished, "SigningKeyInvalid", "cosign.key", SECRET, *words)
    assert_bucket_is_empty(s3, bench.bucket)


def test_a_conversion_waits_for_its_key_and_takes_its_attestation_with_it(
    bench: Workbench, s3: S3Client, tiny_model: str, keys: Path
) -> None:
    bench.create(bench.conversion("early", tiny_model, attestation=SIGNED, deletionPolicy="Delete"))
    waiting = bench.wait("early", lambda seen: condition(seen, "Ready").get("reason") == "SecretNotFound")
    assert SECRET in condition(waiting, "Ready")["message"]
    assert_bucket_is_empty(s3, bench.bucket)
    put_secret(bench, keys)
    finished = bench.wait("early", is_finished)
    assert condition(finished, "Ready")["status"] == "True", finished["status"]
    assert exists(s3, bench.bucket, "early.tflite.intoto.jsonl")
    bench.delete("early")
    assert_bucket_is_empty(s3, bench.bucket)
