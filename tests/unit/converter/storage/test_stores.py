"""What a store does, held against S3's protocol over HTTP and against the store in memory that other tests use."""

import hashlib
from collections.abc import Iterator
from io import BytesIO

import pytest

from tests.unit.converter.storage.servers.memory_store import MemoryStore
from tests.unit.converter.storage.servers.s3_server import Bucket, serving_s3
from tflite_converter.storage.credentials import Nobody
from tflite_converter.storage.s3 import S3Store
from tflite_converter.storage.store import (
    Always,
    Condition,
    Fault,
    IfAbsent,
    IfMatches,
    ListedObject,
    Location,
    ObjectStore,
    Server,
    StoreError,
    Upload,
)

AT = Location("models", "a/b.tflite")


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with serving_s3(Bucket()) as served:
        yield served


@pytest.fixture(params=["memory", "S3"])
def store(request: pytest.FixtureRequest, bucket: Bucket) -> ObjectStore:
    return MemoryStore() if request.param == "memory" else over_http(bucket)


def over_http(bucket: Bucket) -> S3Store:
    return S3Store(Server(bucket.endpoint), Nobody())


def upload(content: bytes, sha256: str | None = None) -> Upload:
    digest = sha256 or hashlib.sha256(content).hexdigest()
    return Upload(BytesIO(content), digest, "text/plain", {"tflite-owner": "team/a"})


def put(store: ObjectStore, content: bytes, condition: Condition, at: Location = AT) -> str:
    return store.put(at, upload(content), condition)


def fault_of(store: ObjectStore, content: bytes, condition: Condition) -> Fault:
    with pytest.raises(StoreError) as caught:
        put(store, content, condition)
    return caught.value.fault


def test_what_is_put_is_seen_and_read(store: ObjectStore) -> None:
    assert store.head(AT) is None
    etag = put(store, b"abc", IfAbsent())
    found = store.head(AT)
    assert found is not None
    assert (found.etag, found.size, found.sha256) == (etag, 3, hashlib.sha256(b"abc").hexdigest())
    assert found.metadata == {"tflite-owner": "team/a"}
    with store.get(AT, etag) as opened:
        assert (opened.size, opened.body.read(10)) == (3, b"abc")


def test_only_what_was_seen_is_replaced(store: ObjectStore) -> None:
    assert fault_of(store, b"x", IfMatches('"never"')) is Fault.CHANGED
    first = put(store, b"abc", IfAbsent())
    assert fault_of(store, b"x", IfAbsent()) is Fault.CHANGED
    second = put(store, b"abcd", IfMatches(first))
    assert fault_of(store, b"x", IfMatches(first)) is Fault.CHANGED
    found = store.head(AT)
    assert found is not None
    assert (found.etag, found.size) == (second, 4)


def test_only_what_was_seen_is_read_and_deleted(store: ObjectStore) -> None:
    etag = put(store, b"abc", IfAbsent())
    with pytest.raises(StoreError) as caught, store.get(AT, '"another"'):
        pass
    assert caught.value.fault is Fault.CHANGED
    with pytest.raises(StoreError) as caught:
        store.delete(AT, '"another"')
    assert caught.value.fault is Fault.CHANGED
    store.delete(AT, etag)
    assert store.head(AT) is None
    with pytest.raises(StoreError) as caught, store.get(AT):
        pass
    assert caught.value.fault is Fault.NO_OBJECT


def test_what_is_not_to_be_asked_for_is_written_and_deleted_whatever_is_there(store: ObjectStore) -> None:
    put(store, b"abc", Always())
    put(store, b"abcd", Always())
    found = store.head(AT)
    assert found is not None
    assert found.size == 4
    store.delete(AT, None)
    assert store.head(AT) is None


def test_other_content_than_was_promised_is_refused(store: ObjectStore) -> None:
    with pytest.raises(StoreError) as caught:
        store.put(AT, upload(b"abc", "0" * 64), IfAbsent())
    assert caught.value.fault is Fault.OTHER_CONTENT
    assert store.head(AT) is None


def test_the_first_of_a_listing_are_given_in_order(store: ObjectStore) -> None:
    for name in ("c", "a", "b", "other"):
        at = Location("models", f"set/{name}" if name != "other" else name)
        put(store, name.encode(), IfAbsent(), at)
    below = Location("models", "set/")
    assert store.list(below, 2) == [ListedObject("set/a", 1), ListedObject("set/b", 1)]
    assert [found.key for found in store.list(below, 9)] == ["set/a", "set/b", "set/c"]
    assert store.list(Location("models", "none/"), 9) == []


def test_a_bucket_that_is_not_there_is_named(store: ObjectStore) -> None:
    at = Location("absent", "a")
    for ask in (lambda: store.head(at), lambda: store.list(at, 1), lambda: put(store, b"x", IfAbsent(), at)):
        with pytest.raises(StoreError, match="absent") as caught:
            ask()
        assert caught.value.fault is Fault.NO_BUCKET


def test_a_listing_longer_than_a_page_is_read_on(bucket: Bucket) -> None:
    bucket.objects = {f"{number:05}": (b"", {}) for number in range(2500)}
    listed = over_http(bucket).list(Location("models", ""), 2400)
    assert [found.key for found in listed] == [f"{number:05}" for number in range(2400)]
    assert len(bucket.asked) == 3


def test_a_listing_that_never_ends_does_end(bucket: Bucket) -> None:
    bucket.never_ends = True
    with pytest.raises(StoreError, match="goes on and on") as caught:
        over_http(bucket).list(Location("models", ""), 10)
    assert caught.value.fault is Fault.UNAVAILABLE
    assert len(bucket.asked) < 200


def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    with serving_s3(Bucket()) as gone:
        pass
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        over_http(gone).list(AT, 1)
    assert caught.value.fault is Fault.UNAVAILABLE
