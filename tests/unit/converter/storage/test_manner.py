"""How objects are asked for and uploaded, where a spec or a storage wants it otherwise."""

import base64
import hashlib
import socket
from io import BytesIO

import pytest

from tests.unit.converter.storage.servers.recorded_server import Recorded, answering
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.steps.destination import Destination, manner_of, server_of, store_of
from tflite_converter.storage.credentials import Nobody
from tflite_converter.storage.s3 import S3Store
from tflite_converter.storage.store import (
    Always,
    Encryption,
    Fault,
    IfAbsent,
    Location,
    Manner,
    Server,
    StoreError,
    Upload,
)

AT = Location("models", "a.tflite")
CONTENT = b"artifact"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = base64.b64encode(hashlib.md5(CONTENT, usedforsecurity=False).digest()).decode()
REFUSAL = "<Error><Code>{}</Code><Message>{}</Message></Error>"
LIMITS = FetchLimits(allow_local_addresses=True)


def where(**changes: object) -> S3Destination:
    return S3Destination.from_object({"bucket": "models", "key": "a.tflite", "secretRef": {"name": "keys"}, **changes})


def put(store: S3Store, sha256: str = SHA256) -> None:
    store.put(AT, Upload(BytesIO(CONTENT), sha256, "application/vnd.tflite", {}), Always())


def with_checksum(headers: dict[str, str]) -> bool:
    return any(name.startswith(("x-amz-checksum", "x-amz-sdk-checksum")) for name in headers)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (400, "InvalidArgument", "Unsupported header 'x-amz-checksum-sha256' received for this API call."),
        (501, "NotImplemented", "Header 'x-amz-checksum-sha256' with value 'x' not implemented"),
        (400, "InvalidRequest", "Content-MD5 HTTP header is required for Put Object requests with Object Lock"),
    ],
)
def test_a_storage_that_knows_no_checksums_gets_an_md5(status: int, code: str, words: str) -> None:
    """Backblaze, R2 as it was, and buckets with object lock as they were."""
    recorded = Recorded(status, REFUSAL.format(code, words), refuses=with_checksum)
    with answering(recorded) as endpoint:
        store = S3Store(Server(endpoint), Nobody())
        put(store)
        put(store)
    sent = [headers for asked, headers in recorded.requests if asked.startswith("PUT")]
    assert [with_checksum(headers) for headers in sent] == [True, False, False]
    assert [headers.get("content-md5") for headers in sent] == [None, MD5, MD5]


def test_a_storage_that_does_not_say_which_header_it_does_not_know_is_asked_without_the_checksum() -> None:
    told = REFUSAL.format("NotImplemented", "A header you provided implies functionality that is not implemented")
    upload = Upload(BytesIO(CONTENT), SHA256, "application/vnd.tflite", {})
    recorded = Recorded(501, told, refuses=with_checksum)
    with answering(recorded) as endpoint:
        S3Store(Server(endpoint), Nobody()).put(AT, upload, IfAbsent())
    sent = [headers for asked, headers in recorded.requests if asked.startswith("PUT")]
    assert [with_checksum(headers) for headers in sent] == [True, False]
    assert [headers.get("if-none-match") for headers in sent] == ["*", "*"]


def test_an_artifact_that_changed_is_not_uploaded_with_the_md5_of_another() -> None:
    recorded = Recorded(200)
    with answering(recorded) as endpoint, pytest.raises(StoreError) as caught:
        put(S3Store(Server(endpoint), Nobody(), Manner(checksums=False)), "0" * 64)
    assert caught.value.fault is Fault.OTHER_CONTENT
    assert recorded.requests == []


def test_a_head_that_asks_for_no_checksum_is_enough() -> None:
    recorded = Recorded(400, refuses=with_checksum)
    with answering(recorded) as endpoint:
        assert S3Store(Server(endpoint), Nobody()).head(AT) is None
    sent = [headers for asked, headers in recorded.requests if asked == "HEAD /models/a.tflite"]
    assert [with_checksum(headers) for headers in sent] == [True, False]


def test_never_is_never() -> None:
    recorded = Recorded(200)
    with answering(recorded) as endpoint:
        store = S3Store(Server(endpoint), Nobody(), manner_of(where(checksums="Never")))
        store.head(AT)
        put(store)
    assert not any(with_checksum(headers) for _, headers in recorded.requests)


@pytest.mark.parametrize(
    ("encryption", "algorithm", "key"),
    [
        ({"type": "SSE-S3"}, "AES256", None),
        ({"type": "SSE-KMS"}, "aws:kms", None),
        ({"type": "SSE-KMS", "keyID": "alias/models"}, "aws:kms", "alias/models"),
    ],
)
def test_uploads_ask_for_the_encryption_of_the_spec(
    encryption: dict[str, str], algorithm: str, key: str | None
) -> None:
    recorded = Recorded(200)
    with answering(recorded) as endpoint:
        put(S3Store(Server(endpoint), Nobody(), manner_of(where(encryption=encryption))))
    [(_, headers)] = recorded.requests
    assert headers.get("x-amz-server-side-encryption") == algorithm
    assert headers.get("x-amz-server-side-encryption-aws-kms-key-id") == key


def test_nothing_is_said_of_encryption_where_the_spec_says_nothing() -> None:
    assert manner_of(where()) == Manner(None, checksums=True)
    assert manner_of(where(encryption={"type": "SSE-S3"})) == Manner(Encryption("AES256"))


@pytest.mark.parametrize(
    ("style", "asked"),
    [("Auto", "/models/a.tflite"), ("Path", "/models/a.tflite"), ("Virtual", "/a.tflite")],
)
def test_the_bucket_is_named_where_the_spec_says(monkeypatch: pytest.MonkeyPatch, style: str, asked: str) -> None:
    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *how, **named: look_up("127.0.0.1", *how, **named))
    recorded = Recorded(200)
    with answering(recorded) as endpoint:
        named = endpoint.replace("127.0.0.1", "storage.test")
        put(S3Store(server_of(where(endpoint=named, addressingStyle=style), LIMITS), Nobody()))
    [(request, headers)] = recorded.requests
    assert request == f"PUT {asked}"
    assert headers["host"].startswith("models.storage.test:" if style == "Virtual" else "storage.test:")


@pytest.mark.parametrize("path", ["/s3", "/s3/v1/"])
def test_an_endpoint_may_have_a_path(path: str) -> None:
    recorded = Recorded(200)
    with answering(recorded) as endpoint:
        put(S3Store(Server(endpoint + path), Nobody()))
    assert [asked for asked, _ in recorded.requests] == [f"PUT {path.rstrip('/')}/models/a.tflite"]


def test_encryption_that_a_storage_does_not_know_is_said_with_the_field(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "minio123")
    told = REFUSAL.format("NotImplemented", "Server side encryption specified but KMS is not configured")
    with answering(Recorded(501, told, "PUT")) as endpoint:
        wanted = where(endpoint=endpoint, encryption={"type": "SSE-KMS"})
        destination = Destination(wanted, store_of(wanted, LIMITS))
        with pytest.raises(StepFailure) as caught:
            destination.upload(AT, Upload(BytesIO(CONTENT), SHA256, "", {}), None)
    assert caught.value.reason is Reason.STORAGE_REFUSED
    assert "set destination.s3.encryption to what it asks for" in caught.value.message
