"""The cleanup deletes the artifact of the conversion that was deleted, and no other object."""

import pytest

from tests.unit.converter.test_published import stored
from tflite_api.reasons import Reason
from tflite_api.step import StepRequest, StepResult
from tflite_converter import cleanup, prepare
from tflite_converter.cleanup import clean_up
from tflite_converter.progress import LoggedProgress
from tflite_converter.published import Identity, StoredObject

REQUEST = StepRequest.from_object(
    {
        "owner": "team/a",
        "spec": {
            "model": {"handle": "https://example.com/model/1"},
            "destination": {"s3": {"bucket": "models", "key": "a.tflite", "secretRef": {"name": "s"}}},
        },
    }
)
OURS = prepare.identity(REQUEST, REQUEST.spec.destination.s3)


class Bucket:
    """Stands in for the storage; tests/e2e/test_deletion_policy.py has the real one."""

    def __init__(self, found: StoredObject | None) -> None:
        self.found = found
        self.deleted: list[str] = []

    def __call__(self, _: object) -> "Bucket":
        return self

    def look(self) -> StoredObject | None:
        return self.found

    def delete(self, etag: str) -> None:
        self.deleted.append(etag)


def cleaned(bucket: Bucket) -> StepResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cleanup, "Storage", bucket)
        return clean_up(REQUEST, LoggedProgress())


def test_what_this_conversion_wrote_is_deleted_whatever_its_recipe() -> None:
    bucket = Bucket(stored(Identity(OURS.uri, OURS.owner, "9" * 64)))
    result = cleaned(bucket)
    assert bucket.deleted == ['"tag"']
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
