"""A file that changes after it was checked does not get into the bucket: against the S3 server itself."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from mypy_boto3_s3 import S3Client

from tests.attacks.hostile_models import FORGED, FORGED_REPORT
from tests.e2e.fixtures.environment import Environment
from tflite_api.reasons import Reason
from tflite_api.resource.status import Trial
from tflite_api.steps.step import FetchLimits, PreparedModel, StepRequest, StepResult
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import Progress
from tflite_converter.steps.accept import Asked, accept
from tflite_converter.steps.destination import Destination, location_of, server_of, store_of
from tflite_converter.steps.publish import publish
from tflite_converter.storage.s3 import S3Store
from tflite_converter.storage.secret_key import Key
from tflite_converter.storage.store import Upload

SMALL, LARGE = 1 << 10, 20 << 20
"""Bytes; clients that upload large objects in parts begin to at 8 MiB."""
HEAD = b"\x1c\0\0\0TFL3"

Change = Callable[[Path], object]


class AtUpload(Progress):
    """Does something when the artifact has been accepted and its upload is about to begin."""

    def __init__(self, change: Callable[[], object]) -> None:
        self._change = change

    def phase(self, text: str) -> None:
        assert text.startswith("Uploading")
        self._change()

    def tried(self, trial: Trial) -> None:
        """Nothing is tried here."""

    def received(self, done: int, total: int | None) -> None:
        raise AssertionError("nothing is downloaded")


@pytest.fixture
def request_(bucket: str, env: Environment, monkeypatch: pytest.MonkeyPatch) -> StepRequest:
    """The request of a publish step into the test's bucket, whose credentials are in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", env.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", env.secret_key)
    destination = {"bucket": bucket, "key": "a.tflite", "endpoint": env.s3_endpoint, "secretRef": {"name": "s"}}
    spec = {"model": {"handle": "https://example.com/model/1"}, "destination": {"s3": destination}}
    return StepRequest.from_object({"owner": "team/a", "cluster": "prod", "spec": spec})


@pytest.fixture(params=[SMALL, LARGE], ids=["small", "large"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What a conversion left."""
    folder = tmp_path / "output"
    folder.mkdir()
    content = HEAD + os.urandom(request.param)
    (folder / "model.tflite").write_bytes(content)
    report = FORGED_REPORT | {"sha256": hashlib.sha256(content).hexdigest()}
    (folder / "converted.json").write_text(json.dumps(report))
    return folder


def publish_with(change: Change, request: StepRequest, output: Path) -> StepResult:
    artifact = output / "model.tflite"
    prepared = PreparedModel(path="model", model_digest=f"sha256:{'3' * 64}")
    store = store_of(request.spec.destination.s3, request.limits)
    return publish(request, prepared, output, AtUpload(lambda: change(artifact)), store)


def overwrite_end(artifact: Path) -> None:
    with artifact.open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(b"poisoned")


def append(artifact: Path) -> None:
    with artifact.open("ab") as file:
        file.write(b"poison" * 1000)


def halve(artifact: Path) -> None:
    os.truncate(artifact, artifact.stat().st_size // 2)


CHANGES: dict[str, Change] = {
    "overwritten": overwrite_end,
    "appended to": append,
    "cut short": halve,
    "emptied": lambda artifact: os.truncate(artifact, 0),
    "written anew": lambda artifact: artifact.write_bytes(FORGED),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_file_that_changes_before_its_upload_is_refused(
    request_: StepRequest, output: Path, s3: S3Client, bucket: str, change: Change
) -> None:
    with pytest.raises(StepFailure) as caught:
        publish_with(change, request_, output)
    assert_refused(caught.value, s3, bucket)


def after_signing(change: Change, request: StepRequest, output: Path) -> None:
    where = request.spec.destination.s3
    store = S3Store(server_of(where, FetchLimits(allow_local_addresses=True)), Key())
    events = store._client.meta.events

    def change_once(**_: object) -> None:
        events.unregister("before-send.s3.PutObject", change_once)
        change(output / "model.tflite")

    events.register("before-send.s3.PutObject", change_once)
    with accept(output, Asked(60)) as accepted:
        upload = Upload(accepted.file, accepted.sha256, "application/vnd.tflite", {})
        Destination(where, store).upload(location_of(where), upload, None)


@pytest.mark.parametrize("change", [change for change in CHANGES if change != "appended to"])
def test_a_file_that_changes_after_its_request_was_signed_is_refused(
    request_: StepRequest, output: Path, s3: S3Client, bucket: str, change: str
) -> None:
    with pytest.raises(StepFailure) as caught:
        after_signing(CHANGES[change], request_, output)
    assert_refused(caught.value, s3, bucket)


def test_what_is_appended_after_the_request_was_signed_is_not_uploaded(
    request_: StepRequest, output: Path, s3: S3Client, bucket: str
) -> None:
    accepted = (output / "model.tflite").read_bytes()
    after_signing(append, request_, output)
    assert s3.get_object(Bucket=bucket, Key="a.tflite")["Body"].read() == accepted


def assert_refused(failure: StepFailure, s3: S3Client, bucket: str) -> None:
    assert failure.reason is Reason.ARTIFACT_REFUSED, failure
    assert f"changed while it was uploaded to s3://{bucket}/a.tflite" in failure.message
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def replace_by_file(artifact: Path) -> None:
    other = artifact.with_name("other")
    other.write_bytes(FORGED)
    other.rename(artifact)


def replace_by_link(artifact: Path) -> None:
    other = artifact.with_name("other")
    other.write_bytes(FORGED)
    artifact.unlink()
    artifact.symlink_to(other)


@pytest.mark.parametrize("change", [replace_by_file, replace_by_link, Path.unlink])
def test_another_file_of_the_same_name_is_not_uploaded(
    request_: StepRequest, output: Path, s3: S3Client, bucket: str, change: Change
) -> None:
    accepted = (output / "model.tflite").read_bytes()
    result = publish_with(change, request_, output)
    assert result.reason is Reason.CONVERTED
    assert s3.get_object(Bucket=bucket, Key="a.tflite")["Body"].read() == accepted
