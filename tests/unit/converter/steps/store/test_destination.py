"""What the storage's answers mean for a conversion that writes there."""

import pytest

from tests.unit.converter.storage.servers.memory_store import MemoryStore
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.s3_secret import S3SecretReference
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.steps.destination import Destination, failure_of, location_of, server_of
from tflite_converter.storage.answers.answer import Answer, Asked, Doing
from tflite_converter.storage.answers.words import meaning
from tflite_converter.storage.store import Fault, Server, StoreError

WHERE = S3Destination(bucket="models", key="a.tflite", secret_ref=S3SecretReference(name="s"))


def answered(code: str, status: int, where: S3Destination = WHERE, message: str = "") -> StepFailure:
    """Return what an answer of the storage becomes."""
    at = location_of(where)
    return failure_of(meaning(Answer(code, status, message), Asked(at), server_of(where, FetchLimits())), where, at)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.LACKING_CREDENTIALS, Reason.CREDENTIALS_REFUSED),
        (Fault.LACKING_ROLE, Reason.CREDENTIALS_REFUSED),
        (Fault.REFUSED, Reason.CREDENTIALS_REFUSED),
        (Fault.NO_BUCKET, Reason.BUCKET_NOT_FOUND),
        (Fault.NO_OBJECT, Reason.DESTINATION_CHANGED),
        (Fault.OTHER_REGION, Reason.INVALID_SPEC),
        (Fault.NOT_IMPLEMENTED, Reason.INVALID_SPEC),
        (Fault.CHANGED, Reason.DESTINATION_CHANGED),
        (Fault.OTHER_CONTENT, Reason.ARTIFACT_REFUSED),
        (Fault.UNAVAILABLE, Reason.STORAGE_UNAVAILABLE),
        (Fault.UNFIT_CREDENTIALS, Reason.CREDENTIALS_REFUSED),
        (Fault.NOT_A_STORE, Reason.INVALID_SPEC),
        (Fault.UNKNOWN_HOST, Reason.SERVER_UNREACHABLE),
        (Fault.FULL, Reason.STORAGE_REFUSED),
        (Fault.DECLINED, Reason.STORAGE_REFUSED),
    ],
)
def test_whatever_is_asked_a_fault_is_a_reason(fault: Fault, reason: Reason) -> None:
    store, at = MemoryStore(), location_of(WHERE)
    store.faults[at.key] = StoreError(fault, "the server says no")
    destination = Destination(WHERE, store)
    with pytest.raises(StepFailure) as looked:
        destination.look(at)
    with pytest.raises(StepFailure) as deleted:
        destination.delete(at, '"tag"')
    assert (looked.value.reason, deleted.value.reason) == (reason, reason)


@pytest.mark.parametrize(
    "code", ["AccessDenied", "NoSuchBucket", "PreconditionFailed", "BadDigest", "PermanentRedirect"]
)
def test_a_message_names_the_bucket(code: str) -> None:
    assert "models" in answered(code, 400).message


def test_a_bucket_of_amazon_elsewhere_is_a_region_and_no_endpoint() -> None:
    """What follows from an endpoint with the bucket in front would be a bucket in the path of a bucket."""
    at = location_of(WHERE)
    moved = Answer("TemporaryRedirect", 307, endpoint="models.s3-us-west-2.amazonaws.com")
    found = failure_of(meaning(moved, Asked(at), Server()), WHERE, at)
    assert found.reason is Reason.INVALID_SPEC
    assert found.message.endswith("(TemporaryRedirect): write us-west-2 in destination.s3.region")


@pytest.mark.parametrize("encryption", [None, {"type": "SSE-KMS", "keyID": "models"}])
def test_an_upload_that_is_refused_without_a_word_has_all_causes_named(encryption: dict[str, str] | None) -> None:
    where = S3Destination.from_object(
        {"bucket": "models", "key": "a.tflite", "secretRef": {"name": "s"}}
        | ({"encryption": encryption} if encryption else {})
    )
    at = location_of(where)
    refused = meaning(Answer("AccessDenied", 403, "Access Denied"), Asked(at, Doing.WRITE), Server())
    found = failure_of(refused, where, at)
    assert found.reason is Reason.CREDENTIALS_REFUSED
    assert "s3:PutObject" in found.message
    assert ("set destination.s3.encryption" in found.message) is (encryption is None)
    assert ("kms:GenerateDataKey" in found.message) is (encryption is not None)
