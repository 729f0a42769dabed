"""The cleanup deletes the artifact of the conversion that was deleted, and no other object."""

import pytest

from tests.unit.converter.storage.servers.memory_store import Held, MemoryStore
from tests.unit.converter.storage.test_object_metadata import stored
from tflite_api.reasons import Reason
from tflite_api.steps.step import StepRequest, StepResult
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.steps.cleanup import clean_up
from tflite_converter.steps.identity import identity
from tflite_converter.storage.object_metadata import Identity, Owner, ownership
from tflite_converter.storage.store import StoredObject

REQUEST = StepRequest.from_object(
    {
        "owner": "team/a",
        "cluster": "prod",
        "spec": {
            "model": {"handle": "https://example.com/model/1"},
            "destination": {"s3": {"bucket": "models", "key": "a.tflite", "secretRef": {"name": "s"}}},
        },
    }
)
OURS = identity(REQUEST, REQUEST.spec.destination.s3)


def bucket_of(
    artifact: StoredObject | None, page: StoredObject | None = None, attestation: StoredObject | None = None
) -> MemoryStore:
    found = {"a.tflite": artifact, "a.tflite.report.html": page, "a.tflite.intoto.jsonl": attestation}
    return MemoryStore({key: Held(b"", said=said) for key, said in found.items() if said is not None})


def cleaned(bucket: MemoryStore) -> StepResult:
    return clean_up(REQUEST, LoggedProgress(), bucket)


def test_what_this_conversion_wrote_is_deleted_whatever_its_recipe() -> None:
    bucket = bucket_of(stored(Identity(OURS.uri, OURS.owner, "9" * 64)))
    result = cleaned(bucket)
    assert bucket.deleted == ["a.tflite"]
    assert (result.reason, result.message) == (Reason.ARTIFACT_DELETED, "s3://models/a.tflite was deleted")


@pytest.mark.parametrize(
    "found",
    [
        stored(Identity(OURS.uri, Owner("prod", "team/b"), OURS.recipe)),
        StoredObject('"tag"', 100, None, {}),
    ],
)
def test_what_another_wrote_is_left_alone_and_said_so(found: StoredObject) -> None:
    bucket = bucket_of(found)
    assert "was left alone" in cleaned(bucket).message
    assert bucket.deleted == []


def test_what_is_gone_already_is_no_failure() -> None:
    assert "not there any more" in cleaned(bucket_of(None)).message


def page_of(owner: Owner) -> StoredObject:
    return StoredObject('"page"', 100, None, ownership("2" * 64, Identity(OURS.uri, owner, "9" * 64)))


def test_its_report_page_goes_with_it() -> None:
    bucket = bucket_of(stored(OURS), page_of(OURS.owner))
    result = cleaned(bucket)
    assert bucket.deleted == ["a.tflite.report.html", "a.tflite"]
    assert "s3://models/a.tflite.report.html was deleted" in result.message


def test_the_page_of_somebody_else_is_left_alone() -> None:
    bucket = bucket_of(stored(OURS), page_of(Owner("prod", "team/b")))
    result = cleaned(bucket)
    assert bucket.deleted == ["a.tflite"]
    assert "s3://models/a.tflite.report.html holds an object that this conversion did not write" in result.message


def test_the_attestation_goes_as_well_whatever_the_spec_wants_by_now() -> None:
    bucket = bucket_of(stored(OURS), attestation=page_of(OURS.owner))
    assert "a.tflite.intoto.jsonl was deleted" in cleaned(bucket).message
    assert bucket.deleted == ["a.tflite.intoto.jsonl", "a.tflite"]


def test_an_attestation_of_another_conversion_is_left_alone() -> None:
    bucket = bucket_of(stored(OURS), attestation=page_of(Owner("prod", "team/b")))
    cleaned(bucket)
    assert bucket.deleted == ["a.tflite"]
