"""What the storage's answers mean."""

import base64

import pytest

from tflite_api.field_types import SecretReference
from tflite_api.reasons import Reason
from tflite_api.spec import S3Destination
from tflite_converter.core.failure import StepFailure
from tflite_converter.storage.s3 import Storage, error_failure, object_of

WHERE = S3Destination(bucket="models", key="a.tflite", secret_ref=SecretReference(name="s"))


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("403", 403, Reason.CREDENTIALS_REFUSED),
        ("AccessDenied", 403, Reason.CREDENTIALS_REFUSED),
        ("InvalidAccessKeyId", 403, Reason.CREDENTIALS_REFUSED),
        ("SignatureDoesNotMatch", 403, Reason.CREDENTIALS_REFUSED),
        ("XAdminUserNotFound", 404, Reason.CREDENTIALS_REFUSED),
        ("ExpiredToken", 400, Reason.CREDENTIALS_REFUSED),
        ("NoSuchBucket", 404, Reason.BUCKET_NOT_FOUND),
        ("PreconditionFailed", 412, Reason.DESTINATION_CHANGED),
        ("412", 412, Reason.DESTINATION_CHANGED),
        ("ConditionalRequestConflict", 409, Reason.DESTINATION_CHANGED),
        ("BadDigest", 400, Reason.ARTIFACT_REFUSED),
        ("AuthorizationHeaderMalformed", 400, Reason.INVALID_SPEC),
        ("PermanentRedirect", 301, Reason.INVALID_SPEC),
        ("NotImplemented", 501, Reason.INVALID_SPEC),
        ("RequestTimeTooSkewed", 403, Reason.STORAGE_UNAVAILABLE),
        ("SlowDown", 503, Reason.STORAGE_UNAVAILABLE),
        ("InternalError", 500, Reason.STORAGE_UNAVAILABLE),
        ("429", 429, Reason.STORAGE_UNAVAILABLE),
        ("EntityTooLarge", 400, Reason.INTERNAL_ERROR),
    ],
)
def test_an_error_is_a_reason(code: str, status: int, reason: Reason) -> None:
    failure = error_failure(code, status, WHERE)
    assert failure.reason is reason
    assert "models" in failure.message or code == "NotImplemented"


def test_an_error_code_is_a_strangers_word() -> None:
    assert "<script>" not in error_failure("<script>\x1b[2J", 400, WHERE).message


def test_an_object_is_read_from_its_head() -> None:
    checksum = base64.b64encode(bytes.fromhex("2" * 64)).decode()
    found = object_of(
        {"ETag": '"t"', "ContentLength": 7, "ChecksumSHA256": checksum, "Metadata": {"Tflite-Owner": "a"}}
    )
    assert (found.etag, found.size, found.sha256, found.metadata) == ('"t"', 7, "2" * 64, {"tflite-owner": "a"})


@pytest.mark.parametrize("checksum", ["abc-3", "!", "", None, base64.b64encode(b"short").decode()])
def test_a_checksum_that_is_none_of_the_whole_is_left_out(checksum: str | None) -> None:
    assert object_of({"ETag": '"t"', "ContentLength": 7, "ChecksumSHA256": checksum, "Metadata": {}}).sha256 is None


@pytest.mark.parametrize("present", [{}, {"AWS_ACCESS_KEY_ID": "id"}, {"AWS_SECRET_ACCESS_KEY": "secret"}])
def test_credentials_come_from_the_environment_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, present: dict[str, str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in present.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StepFailure) as caught:
        Storage(WHERE)
    assert caught.value.reason is Reason.CREDENTIALS_REFUSED
    assert "secret" not in caught.value.message
