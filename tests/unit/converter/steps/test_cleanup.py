"""The cleanup deletes the artifact of the conversion that was deleted, and no other object."""

import pytest

from tests.unit.converter.storage.test_object_metadata import stored
from tflite_api.reasons import Reason
from tflite_api.spec import S3Destination
from tflite_api.step import StepRequest, StepResult
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.steps import cleanup
from tflite_converter.steps.cleanup import clean_up
from tflite_converter.steps.identity import identity
from tflite_converter.storage.object_metadata import Identity, StoredObject, ownership

REQUEST = StepRequest.from_object(
    {
        "owner": "team/a",
        "spec": {
            "model": {"handle": "https://example.com/model/1"},
            "destination": {"s3": {"bucket": "models", "key": "a.tflite", "secretRef": {"name": "s"}}},
        },
    }
)
OURS = identity(REQUEST, REQUEST.spec.destination.s3)


class Bucket:
    """Stands in for the storage; tests/e2e/test_deletion_policy.py has the real one."""

    def __init__(self, found: StoredObject | None, page: StoredObject | None = None, **others: StoredObject) -> None:
        self.found = {
            "a.tflite": found,
            "a.tflite.report.html": page,
            "a.tflite.intoto.jsonl": others.get("attestation"),
        }
        self.deleted: list[str] = []
        self._key = ""

    def __call__(self, where: S3Destination) -> "Bucket":
        self._key = where.key
        return self

    def look(self) -> StoredObject | None:
        return self.found[self._key]

    def delete(self, etag: str) -> None:
        self.deleted.append(f"{self._key} {etag}")


def cleaned(bucket: Bucket) -> StepResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cleanup, "Storage", bucket)
        return clean_up(REQUEST, LoggedProgress())


def test_what_this_conversion_wrote_is_deleted_whatever_its_recipe() -> None:
    bucket = Bucket(stored(Identity(OURS.uri, OURS.owner, "9" * 64)))
    result = cleaned(bucket)
    assert bucket.deleted == ['a.tflite "tag"']
    assert (result.reason, result.message) == (Reason.ARTIFACT_DELETED, "s3://models/a.tflite was deleted")


@pytest.mark.parametrize(
    "found",
    [
        stored(Identity(OURS.uri, "team/b", OURS.recipe)),
        StoredObject('"tag"', 100, None, {}),
    ],
)
def test_what_another_wrote_is_left_alone_and_said_so(found: StoredObject) -> None:
    bucket = Bucket(found)
    assert "was left alone" in cleaned(bucket).message
    assert bucket.deleted == []


def test_what_is_gone_already_is_no_failure() -> None:
    assert "not there any more" in cleaned(Bucket(None)).message


def page_of(owner: str) -> StoredObject:
    return StoredObject('"page"', 100, None, ownership("2" * 64, Identity(OURS.uri, owner, "9" * 64)))


def test_its_report_page_goes_with_it() -> None:
    bucket = Bucket(stored(OURS), page_of(OURS.owner))
    result = cleaned(bucket)
    assert bucket.deleted == ['a.tflite.report.html "page"', 'a.tflite "tag"']
    assert "s3://models/a.tflite.report.html was deleted" in result.message


def test_the_page_of_somebody_else_is_left_alone() -> None:
    bucket = Bucket(stored(OURS), page_of("team/b"))
    result = cleaned(bucket)
    assert bucket.deleted == ['a.tflite "tag"']
    assert "s3://models/a.tflite.report.html holds an object that this conversion did not write" in result.message


def test_the_attestation_goes_as_well_whatever_the_spec_wants_by_now() -> None:
    bucket = Bucket(stored(OURS), attestation=page_of(OURS.owner))
    assert "a.tflite.intoto.jsonl was deleted" in cleaned(bucket).message
    assert bucket.deleted == ['a.tflite.intoto.jsonl "page"', 'a.tflite "tag"']


def test_an_attestation_of_another_conversion_is_left_alone() -> None:
    bucket = Bucket(stored(OURS), attestation=page_of("team/b"))
    cleaned(bucket)
    assert bucket.deleted == ['a.tflite "tag"']
