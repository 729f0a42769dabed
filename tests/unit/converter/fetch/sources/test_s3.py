"""A model in a bucket is fetched within limits, and its failures speak of the model.

Against a real server this is tests/e2e/storage/test_sources.py.
"""

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.converter.fetch.archive.archives import zipped
from tests.unit.converter.fetch.test_fetched import FILES, contents
from tests.unit.converter.storage.servers.memory_store import Held, MemoryStore
from tflite_api.names import S3_CREDENTIALS
from tflite_api.reasons import Reason
from tflite_api.sources.s3 import S3Source
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.digests import folder_digest
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch.fetched import FetchedModel, Place
from tflite_converter.fetch.network.address_policy import refusal
from tflite_converter.fetch.sources.s3 import fetch
from tflite_converter.storage.credentials import Credentials, Nobody
from tflite_converter.storage.secret_key import Key
from tflite_converter.storage.store import Fault, Server, StoreError

ENTRIES = {name: name for name in S3_CREDENTIALS}

ARCHIVE = zipped(*FILES.items())


FOLDER = {f"tiny/1/{name}": content for name, content in FILES.items()}


def bucket_of(content: dict[str, bytes]) -> MemoryStore:
    return MemoryStore({key: Held(held) for key, held in content.items()})


@pytest.fixture
def bucket() -> MemoryStore:
    return bucket_of(FOLDER | {"tiny/1/": b"", "tiny/1/assets/": b"", "tiny/10/other": b"x", "tiny.bin": ARCHIVE})


def fetched(
    tmp_path: Path, bucket: MemoryStore, limits: FetchLimits | None = None, pin: str | None = None, **where: Any
) -> FetchedModel:
    (tmp_path / "unpacked").mkdir()
    place = Place(tmp_path / "unpacked", tmp_path, limits or FetchLimits(), LoggedProgress(), lambda *_: bucket)
    try:
        return fetch(S3Source.from_object({"bucket": "models", **where}), pin, place)
    finally:
        assert [path.name for path in tmp_path.iterdir()] == ["unpacked"]


def refused(tmp_path: Path, bucket: MemoryStore, limits: FetchLimits | None = None, **where: Any) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        fetched(tmp_path, bucket, limits, **where)
    return caught.value


@pytest.mark.parametrize("where", [{"prefix": "tiny/1"}, {"prefix": "tiny/1/"}, {"key": "tiny.bin"}], ids=str)
def test_a_folder_and_an_archive_give_the_same_model(
    tmp_path: Path, bucket: MemoryStore, where: dict[str, Any]
) -> None:
    found = fetched(tmp_path, bucket, **where)
    assert contents(found.folder) == FILES
    assert found.digest == f"sha256:{folder_digest(found.folder)}"


def test_an_archive_may_be_pinned_by_its_own_digest(tmp_path: Path, bucket: MemoryStore) -> None:
    assert fetched(tmp_path, bucket, pin=hashlib.sha256(ARCHIVE).hexdigest(), key="tiny.bin").folder.is_dir()


@pytest.mark.parametrize("key", ["tiny/1/../../escaped", "tiny/1//../escaped", "tiny/1/a/../b"])
def test_a_key_that_climbs_is_refused(tmp_path: Path, key: str) -> None:
    failure = refused(tmp_path, bucket_of({key: b"x"}), prefix="tiny/1")
    assert failure.reason is Reason.ARCHIVE_REFUSED
    assert failure.message.startswith("s3://models/tiny/1/ holds the path")


@pytest.mark.parametrize(
    ("limits", "where", "reason"),
    [
        ({"max_archive_bytes": 10}, {"key": "tiny.bin"}, Reason.MODEL_TOO_LARGE),
        ({"max_unpacked_bytes": 10}, {"prefix": "tiny/1"}, Reason.MODEL_TOO_LARGE),
        ({"max_files": 2}, {"prefix": "tiny/1"}, Reason.ARCHIVE_REFUSED),
    ],
)
def test_the_limits_hold(
    tmp_path: Path, bucket: MemoryStore, limits: dict[str, int], where: dict[str, str], reason: Reason
) -> None:
    assert refused(tmp_path, bucket, FetchLimits(**limits), **where).reason is reason


def test_what_takes_too_long_is_too_large(tmp_path: Path, bucket: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10**6, 1000))
    monkeypatch.setattr("tflite_converter.fetch.receiver.time", SimpleNamespace(monotonic=lambda: next(clock)))
    failure = refused(tmp_path, bucket, FetchLimits(timeout_seconds=60), key="tiny.bin")
    assert failure.reason is Reason.MODEL_TOO_LARGE
    assert "did not arrive within 60 s" in failure.message


def test_nothing_below_a_prefix_is_named(tmp_path: Path, bucket: MemoryStore) -> None:
    failure = refused(tmp_path, bucket, prefix="tiny/2")
    assert failure.reason is Reason.MODEL_NOT_FOUND
    assert "s3://models/tiny/2/: correct model.s3.prefix" in failure.message


@pytest.mark.parametrize(
    ("said", "meant", "words"),
    [
        (Fault.NO_BUCKET, Reason.MODEL_NOT_FOUND, "the server says no: correct model.s3.bucket"),
        (Fault.NO_OBJECT, Reason.MODEL_NOT_FOUND, "s3://models/a.zip: correct model.s3.key"),
        (Fault.REFUSED, Reason.MODEL_ACCESS_DENIED, "Secret reader (model.s3.secretRef)"),
        (Fault.UNAVAILABLE, Reason.MODEL_UNAVAILABLE, "the server says no"),
        (Fault.CHANGED, Reason.MODEL_UNAVAILABLE, "the server says no"),
        (Fault.OTHER_REGION, Reason.INVALID_SPEC, "correct model.s3.region"),
        (Fault.NOT_IMPLEMENTED, Reason.INVALID_SPEC, "use another model.s3"),
        (Fault.DECLINED, Reason.STORAGE_REFUSED, "the server says no"),
    ],
)
def test_what_the_storage_says_is_said_of_the_model(
    tmp_path: Path, bucket: MemoryStore, said: Fault, meant: Reason, words: str
) -> None:
    bucket.faults["a.zip"] = StoreError(said, "the server says no")
    failure = refused(tmp_path, bucket, key="a.zip", secretRef={"name": "reader"})
    assert failure.reason is meant
    assert words in failure.message
    assert "destination" not in failure.message


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        ("", '(AccessDenied, "No such key: GK1"): they need s3:GetObject'),
        ("they need kms:Decrypt of the bucket's key", "key: GK1\"): they need kms:Decrypt of the bucket's key"),
    ],
)
def test_why_the_credentials_are_refused_is_said_as_the_storage_says_it(
    tmp_path: Path, bucket: MemoryStore, hint: str, words: str
) -> None:
    told = 'AccessDenied, "No such key: GK1"'
    bucket.faults["a.zip"] = StoreError(Fault.REFUSED, "no", "AccessDenied", hint, told)
    failure = refused(tmp_path, bucket, key="a.zip", secretRef={"name": "reader"})
    assert words in failure.message


def test_a_bucket_that_is_not_public_is_told_to_name_a_secret(tmp_path: Path, bucket: MemoryStore) -> None:
    bucket.faults["a.zip"] = StoreError(Fault.REFUSED, "no")
    failure = refused(tmp_path, bucket, key="a.zip")
    assert failure.reason is Reason.MODEL_ACCESS_DENIED
    assert "set model.s3.secretRef" in failure.message


@pytest.mark.parametrize(
    ("secret", "credentials"),
    [
        ({"secretRef": {"name": "reader"}}, Key("MODEL_", "Secret reader (model.s3.secretRef)", ENTRIES)),
        ({}, Nobody()),
    ],
)
def test_a_bucket_is_opened_where_the_spec_says_with_the_credentials_meant_for_it(
    tmp_path: Path, bucket: MemoryStore, secret: dict[str, Any], credentials: Credentials
) -> None:
    asked = list[tuple[Server, Credentials]]()

    def connect(server: Server, with_: Credentials) -> MemoryStore:
        asked.append((server, with_))
        return bucket

    (tmp_path / "unpacked").mkdir()
    place = Place(tmp_path / "unpacked", tmp_path, FetchLimits(), LoggedProgress(), connect)
    where = {"bucket": "models", "key": "tiny.bin", "endpoint": "https://s3.invalid", "region": "eu-west-1"}
    fetch(S3Source.from_object(where | secret), None, place)
    assert asked == [(Server("https://s3.invalid", "eu-west-1", refusal), credentials)]


def test_the_destination_s_credentials_are_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the destination")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the destination")
    monkeypatch.delenv("MODEL_AWS_ACCESS_KEY_ID", raising=False)
    where = {"bucket": "models", "key": "tiny.bin", "secretRef": {"name": "reader"}}
    with pytest.raises(StepFailure, match="MODEL_AWS_ACCESS_KEY_ID") as caught:
        fetch(S3Source.from_object(where), None, Place(tmp_path, tmp_path, FetchLimits(), LoggedProgress()))
    assert caught.value.reason is Reason.CREDENTIALS_REFUSED


def test_an_endpoint_of_this_machine_is_refused(tmp_path: Path, bucket: MemoryStore) -> None:
    failure = refused(tmp_path, bucket, key="tiny.bin", endpoint="http://169.254.169.254")
    assert failure.reason is Reason.ADDRESS_REFUSED
    assert failure.message.startswith("model.s3.endpoint http://169.254.169.254 leads to ")
