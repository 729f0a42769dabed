"""An artifact in the bucket is reused with the attestation that is wanted, and else made anew."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.signing import attestations
from tests.unit.converter.storage.memory_store import Held, MemoryStore
from tests.unit.converter.storage.test_object_metadata import result
from tflite_api.reasons import Reason
from tflite_api.status import Attestation
from tflite_api.step import PreparedModel, StepRequest
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch import model
from tflite_converter.fetch.fetched import FetchedModel
from tflite_converter.steps.identity import identity
from tflite_converter.steps.prepare import prepare
from tflite_converter.storage import object_metadata
from tflite_converter.storage.object_metadata import Identity
from tflite_converter.storage.store import StoredObject

SPEC = {name: value for name, value in attestations.SPEC.items() if name not in {"quantization", "verification"}}
SIGNED = Attestation(uri="s3://elsewhere/a/b.tflite.intoto.jsonl", sha256="8" * 64, key_id="SHA256:x")
UNSIGNED = SIGNED.model_copy(update={"key_id": None})


def request(**changes: Any) -> StepRequest:
    return StepRequest.from_object({"owner": "team/a", "spec": {**SPEC, **changes}})


def ours(asked: StepRequest) -> Identity:
    return identity(asked, asked.spec.destination.s3)


def artifact(named: Attestation | None, asked: StepRequest) -> StoredObject:
    """The artifact of this recipe, whose metadata names its attestation."""
    whole = result(recipe=ours(asked).recipe).model_copy(update={"attestation": named})
    return StoredObject('"tag"', 100, "2" * 64, object_metadata.encode_metadata(whole, ours(asked)))


def beside(asked: StepRequest, sha256: str = SIGNED.sha256, **changes: Any) -> StoredObject:
    return replace(StoredObject('"beside"', 9, sha256, object_metadata.ownership(sha256, ours(asked))), **changes)


def prepared(
    asked: StepRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objects: dict[str, StoredObject | None]
) -> PreparedModel:
    store = MemoryStore({key: Held(b"", said=said) for key, said in objects.items() if said is not None})
    fetched = FetchedModel(tmp_path, f"sha256:{'3' * 64}")
    monkeypatch.setattr(model, "fetch", lambda _source, _place: fetched)
    return prepare(asked, tmp_path, tmp_path, LoggedProgress(), store)


Prepare = Any


@pytest.fixture
def prepare_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prepare:
    def run(asked: StepRequest, found: StoredObject | None, attested: StoredObject | None) -> PreparedModel:
        where = asked.spec.destination.s3
        return prepared(asked, tmp_path, monkeypatch, {where.key: found, where.attestation.key: attested})

    return run


def test_both_are_reused_and_the_status_says_where_they_are(prepare_with: Prepare) -> None:
    asked = request()
    found = prepare_with(asked, artifact(SIGNED, asked), beside(asked)).reused
    assert found.reason is Reason.REUSED
    assert found.attestation == SIGNED.model_copy(update={"uri": "s3://models/a/b.tflite.intoto.jsonl"})


def test_an_unsigned_one_is_enough_where_no_key_is_named(prepare_with: Prepare) -> None:
    asked = request(attestation={})
    assert prepare_with(asked, artifact(UNSIGNED, asked), beside(asked)).reused is not None
    assert prepare_with(asked, artifact(SIGNED, asked), beside(asked)).reused is not None


def test_where_none_is_wanted_the_one_that_is_there_is_not_spoken_of(prepare_with: Prepare) -> None:
    asked = request(attestation=None)
    found = prepare_with(asked, artifact(SIGNED, asked), beside(asked)).reused
    assert (found.reason, found.attestation) == (Reason.REUSED, None)


@pytest.mark.parametrize(
    ("named", "attested"),
    [
        (None, beside(request())),
        (SIGNED, None),
        (UNSIGNED, beside(request())),
        (SIGNED, beside(request(), "9" * 64)),
        (SIGNED, beside(request(), sha256="9" * 64)),
        (SIGNED, replace(beside(request()), sha256="9" * 64)),
    ],
    ids=["none was made", "it is gone", "it is not signed", "it is another", "it is another's", "it was changed"],
)
def test_without_it_the_artifact_is_made_anew(
    prepare_with: Prepare, named: Attestation | None, attested: StoredObject | None
) -> None:
    found = prepare_with(request(), artifact(named, request()), attested)
    assert found.reused is None
    assert found.existing_etag == '"tag"'
    assert found.existing_attestation_etag == ('"beside"' if attested is not None else None)
    assert found.started is not None


@pytest.mark.parametrize(
    "metadata", [{}, object_metadata.ownership(SIGNED.sha256, replace(ours(request()), owner="team/other"))]
)
def test_an_object_of_somebody_else_in_its_place_is_a_conflict_before_anything_is_fetched(
    prepare_with: Prepare, metadata: dict[str, str]
) -> None:
    with pytest.raises(StepFailure, match=r"a/b\.tflite\.intoto\.jsonl") as caught:
        prepare_with(request(), None, StoredObject('"beside"', 9, None, metadata))
    assert caught.value.reason is Reason.DESTINATION_CONFLICT
