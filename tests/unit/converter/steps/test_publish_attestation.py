"""The attestation is in the bucket before the artifact, or neither is."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.hostile_models import FORGED, FORGED_REPORT
from tests.unit.converter.signing import attestations
from tests.unit.converter.steps.test_publish import FakeStorage
from tflite_api.reasons import Reason
from tflite_api.step import StepResult
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.steps import publish as publish_module
from tflite_converter.steps.identity import identity
from tflite_converter.storage import object_metadata
from tflite_converter.storage.object_metadata import StoredObject

BESIDE = "a/b.tflite.intoto.jsonl"
PREPARED = attestations.PREPARED.model_copy(update={"existing_etag": '"old"', "existing_attestation_etag": '"older"'})
SHA256 = hashlib.sha256(FORGED).hexdigest()


class Storage(FakeStorage):
    """May be down for one object."""

    down_for = ""

    def upload(self, file: Any, sha256: str, metadata: Any, replaces: str | None, kind: str = "") -> StoredObject:
        if self.key == self.down_for:
            raise StepFailure(Reason.STORAGE_UNAVAILABLE, "down", OWN_CURE)
        return super().upload(file, sha256, metadata, replaces, kind)


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> type[Storage]:
    monkeypatch.setattr(publish_module, "Storage", Storage)
    monkeypatch.setattr(Storage, "uploads", [], raising=False)
    return Storage


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment holds a key to sign with."""
    for name, value in attestations.environment().items():
        monkeypatch.setenv(name, value)


def publish(folder: Path, **report: Any) -> StepResult:
    (folder / "model.tflite").write_bytes(FORGED)
    (folder / "converted.json").write_text(json.dumps({**FORGED_REPORT, **report}))
    return publish_module.publish(attestations.request(), PREPARED, folder, LoggedProgress())


def test_it_goes_before_the_artifact_which_names_it(tmp_path: Path, storage: type[Storage], key: None) -> None:
    result = publish(tmp_path)
    beside, artifact = storage.uploads
    assert (beside["key"], artifact["key"]) == (BESIDE, "a/b.tflite")
    assert (beside["replaces"], artifact["replaces"]) == ('"older"', '"old"')
    assert beside["type"] == "application/vnd.in-toto.bundle"
    assert result.attestation is not None
    assert result.attestation.uri == f"s3://models/{BESIDE}"
    assert result.attestation.sha256 == beside["sha256"] == hashlib.sha256(beside["content"]).hexdigest()
    assert SHA256.encode() in base64.b64decode(json.loads(beside["content"])["payload"])
    asked = attestations.request()
    stored = StoredObject('"tag"', len(FORGED), SHA256, artifact["metadata"])
    recalled = object_metadata.decide(stored, identity(asked, asked.spec.destination.s3))
    assert isinstance(recalled, object_metadata.Reuse)
    assert recalled.result.attestation == result.attestation


def test_nothing_that_the_model_could_write_is_attested(tmp_path: Path, storage: type[Storage], key: None) -> None:
    publish(tmp_path, tensorflow="9.9.9-evil", strategy="evil", message="evil")
    assert b"evil" not in base64.b64decode(json.loads(storage.uploads[0]["content"])["payload"])


def test_without_a_key_that_is_wanted_nothing_is_published(tmp_path: Path, storage: type[Storage]) -> None:
    with pytest.raises(StepFailure) as caught:
        publish(tmp_path)
    assert caught.value.reason is Reason.SIGNING_KEY_INVALID
    assert storage.uploads == []


def test_where_it_cannot_be_uploaded_the_artifact_is_not(
    tmp_path: Path, storage: type[Storage], key: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "down_for", BESIDE)
    with pytest.raises(StepFailure) as caught:
        publish(tmp_path)
    assert caught.value.reason is Reason.STORAGE_UNAVAILABLE
    assert storage.uploads == []
