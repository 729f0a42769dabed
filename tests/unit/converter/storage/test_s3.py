"""What the storage's answers mean."""

import base64

import pytest

from tflite_converter.storage.answers.answer import Answer, Asked, Doing
from tflite_converter.storage.answers.words import meaning
from tflite_converter.storage.s3 import S3Store, object_of
from tflite_converter.storage.secret_key import Key
from tflite_converter.storage.store import Fault, Location, Server, StoreError

AT = Location("models", "a.tflite")


@pytest.mark.parametrize(
    ("code", "status", "fault"),
    [
        ("403", 403, Fault.REFUSED),
        ("AccessDenied", 403, Fault.REFUSED),
        ("InvalidAccessKeyId", 403, Fault.REFUSED),
        ("SignatureDoesNotMatch", 403, Fault.REFUSED),
        ("XAdminUserNotFound", 404, Fault.REFUSED),
        ("ExpiredToken", 400, Fault.REFUSED),
        ("NoSuchBucket", 404, Fault.NO_BUCKET),
        ("NoSuchKey", 404, Fault.NO_OBJECT),
        ("PreconditionFailed", 412, Fault.CHANGED),
        ("412", 412, Fault.CHANGED),
        ("ConditionalRequestConflict", 409, Fault.CHANGED),
        ("BadDigest", 400, Fault.OTHER_CONTENT),
        ("AuthorizationHeaderMalformed", 400, Fault.OTHER_REGION),
        ("PermanentRedirect", 301, Fault.OTHER_REGION),
        ("RequestTimeTooSkewed", 403, Fault.UNAVAILABLE),
        ("SlowDown", 503, Fault.UNAVAILABLE),
        ("InternalError", 500, Fault.UNAVAILABLE),
        ("429", 429, Fault.UNAVAILABLE),
        ("EntityTooLarge", 400, Fault.TOO_LARGE),
        ("NotImplemented", 501, Fault.DECLINED),
        ("InvalidRequest", 400, Fault.DECLINED),
        ("InvalidObjectState", 403, Fault.DECLINED),
        ("MethodNotAllowed", 405, Fault.DECLINED),
        ("", 403, Fault.REFUSED),
    ],
)
def test_an_error_has_a_meaning(code: str, status: int, fault: Fault) -> None:
    assert meaning(Answer(code or str(status), status), Asked(AT), Server()).fault is fault


def test_what_is_not_implemented_is_the_condition_where_there_is_one() -> None:
    asked = Asked(AT, Doing.WRITE, on_condition=True)
    assert meaning(Answer("NotImplemented", 501), asked, Server()).fault is Fault.NOT_IMPLEMENTED


def test_an_error_code_is_an_untrusted_word() -> None:
    error = meaning(Answer("<script>\x1b[2J", 400), Asked(AT), Server())
    assert (error.code, "<script>" in error.found) == ("script2J", False)


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
    with pytest.raises(StoreError) as caught:
        S3Store(Server(), Key()).head(AT)
    assert caught.value.fault is Fault.LACKING_CREDENTIALS
    assert "secret" not in caught.value.found
