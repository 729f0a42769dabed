"""The attestation is in the bucket before the artifact, or neither is."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.hostile_models import FORGED, FORGED_REPORT
from tests.unit.converter.signing import attestations
from tests.unit.converter.storage.servers.memory_store import Held, MemoryStore
from tflite_api.reasons import Reason
from tflite_api.steps.step import StepResult
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.steps import publish as publish_module
from tflite_converter.steps.identity import identity
from tflite_converter.storage import object_metadata
from tflite_converter.storage.store import Fault, StoreError

BESIDE = "a/b.tflite.intoto.jsonl"
PREPARED = attestations.PREPARED.model_copy(
    update={"existing_etag": Held(b"old").etag, "existing_attestation_etag": Held(b"older").etag}
)
SHA256 = hashlib.sha256(FORGED).hexdigest()


@pytest.fixture
def bucket() -> MemoryStore:
    """What prepare found, as `PREPARED` says."""
    return MemoryStore({"a/b.tflite": Held(b"old"), BESIDE: Held(b"older")})


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment holds a key to sign with."""
    for name, value in attestations.environment().items():
        monkeypatch.setenv(name, value)


def publish(folder: Path, bucket: MemoryStore, **report: Any) -> StepResult:
    (folder / "model.tflite").write_bytes(FORGED)
    (folder / "converted.json").write_text(json.dumps({**FORGED_REPORT, **report}))
    return publish_module.publish(attestations.request(), PREPARED, folder, LoggedProgress(), bucket)


def test_it_goes_before_the_artifact_which_names_it(tmp_path: Path, bucket: MemoryStore, key: None) -> None:
    result = publish(tmp_path, bucket)
    assert bucket.written == [BESIDE, "a/b.tflite"]
    beside, artifact = bucket.objects[BESIDE], bucket.objects["a/b.tflite"]
    assert beside.content_type == "application/vnd.in-toto.bundle"
    assert result.attestation is not None
    assert result.attestation.uri == f"s3://models/{BESIDE}"
    assert result.attestation.sha256 == hashlib.sha256(beside.content).hexdigest()
    assert SHA256.encode() in base64.b64decode(json.loads(beside.content)["payload"])
    asked = attestations.request()
    recalled = object_metadata.decide(artifact.shown, identity(asked, asked.spec.destination.s3))
    assert isinstance(recalled, object_metadata.Reuse)
    assert recalled.result.attestation == result.attestation.model_copy(update={"uri": ""})


def test_nothing_that_the_model_could_write_is_attested(tmp_path: Path, bucket: MemoryStore, key: None) -> None:
    publish(tmp_path, bucket, tensorflow="9.9.9-evil", strategy="evil", message="evil")
    assert b"evil" not in base64.b64decode(json.loads(bucket.objects[BESIDE].content)["payload"])


def test_without_a_key_that_is_wanted_nothing_is_published(tmp_path: Path, bucket: MemoryStore) -> None:
    with pytest.raises(StepFailure) as caught:
        publish(tmp_path, bucket)
    assert caught.value.reason is Reason.SIGNING_KEY_INVALID
    assert bucket.written == []


def test_where_it_cannot_be_uploaded_the_artifact_is_not(tmp_path: Path, bucket: MemoryStore, key: None) -> None:
    bucket.faults[BESIDE] = StoreError(Fault.UNAVAILABLE, "down")
    with pytest.raises(StepFailure) as caught:
        publish(tmp_path, bucket)
    assert caught.value.reason is Reason.STORAGE_UNAVAILABLE
    assert bucket.written == []
