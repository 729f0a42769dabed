"""A storage that ignores the conditions of uploads is found out before anything of worth is written to it."""

import hashlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from tests.unit.converter.steps.store.buckets import KEY, again, published, request
from tests.unit.converter.storage.servers.memory_store import Held, MemoryStore
from tests.unit.converter.storage.servers.s3_server import Bucket, serving_s3
from tflite_api.field_types import KEY_CHARACTERS
from tflite_api.reasons import Reason
from tflite_api.resource.destination import S3Destination
from tflite_converter.core.failure import StepFailure
from tflite_converter.steps.conditional_writes import are_kept, place_beside
from tflite_converter.steps.destination import Destination, location_of
from tflite_converter.storage.credentials import Nobody
from tflite_converter.storage.s3 import S3Store
from tflite_converter.storage.store import (
    Always,
    Condition,
    Fault,
    IfAbsent,
    IfMatches,
    Location,
    Server,
    StoredObject,
    StoreError,
    Upload,
)

TEST = f"{KEY}.write-test"
AT = Location("models", TEST)
MANY = request(attestation=None)
ONE = request(
    attestation=None,
    destination={"s3": {"bucket": "models", "key": KEY, "secretRef": {"name": "s"}, "writers": "One"}},
)


class Ignoring(MemoryStore):
    """Does as it is told whatever is there."""

    ignored: tuple[type[Condition], ...] = (IfAbsent, IfMatches)

    def put(self, at: Location, upload: Upload, condition: Condition) -> str:
        return super().put(at, upload, Always() if isinstance(condition, self.ignored) else condition)


class IgnoringReplacement(Ignoring):
    """As Amazon S3 was from August to November 2024: If-None-Match alone."""

    ignored = (IfMatches,)


class Refusing(MemoryStore):
    """Says that it knows no conditions."""

    def put(self, at: Location, upload: Upload, condition: Condition) -> str:
        if not isinstance(condition, Always):
            raise StoreError(Fault.NOT_IMPLEMENTED, "not known", "NotImplemented")
        return super().put(at, upload, condition)


@pytest.fixture
def server() -> Iterator[Bucket]:
    with serving_s3(Bucket()) as served:
        yield served


@pytest.mark.parametrize("ignores", [True, False])
def test_over_http(server: Bucket, ignores: bool) -> None:
    server.ignores_conditions = ignores
    assert are_kept(S3Store(Server(server.endpoint), Nobody()), AT) != ignores
    assert server.objects == {}


@pytest.mark.parametrize(
    ("store", "kept"), [(MemoryStore(), True), (Ignoring(), False), (IgnoringReplacement(), False)]
)
def test_what_is_refused_shows_that_conditions_are_kept(store: MemoryStore, kept: bool) -> None:
    assert are_kept(store, AT) == kept
    assert store.objects == {}


def test_an_object_that_was_left_there_does_not_matter() -> None:
    assert are_kept(MemoryStore({TEST: Held(b"left")}), AT)


def test_another_conversion_that_looks_at_the_same_time_does_not_matter() -> None:
    class Busy(MemoryStore):
        removals = 2

        def put(self, at: Location, upload: Upload, condition: Condition) -> str:
            etag = super().put(at, upload, condition)
            if self.removals:
                self.removals -= 1
                del self.objects[at.key]
            return etag

    assert are_kept(Busy(), AT)


def test_without_permission_to_delete_the_object_stays(caplog: pytest.LogCaptureFixture) -> None:
    class Keeping(MemoryStore):
        def delete(self, at: Location, etag: str | None) -> None:
            raise StoreError(Fault.REFUSED, "not yours", "AccessDenied")

    store = Keeping()
    assert are_kept(store, AT)
    assert list(store.objects) == [TEST]
    assert f"s3://models/{TEST} stays in the bucket: not yours" in caplog.text


def test_the_longest_key_has_room_for_it() -> None:
    at = place_beside(Location("models", "k" * KEY_CHARACTERS))
    assert len(at.key) == KEY_CHARACTERS
    assert at.key.endswith(".write-test")


@pytest.mark.usefixtures("fetched_by_hand")
@pytest.mark.parametrize("store", [Ignoring, IgnoringReplacement, Refusing])
def test_such_a_storage_is_refused_before_the_model_is_fetched(
    tmp_path: Path, store: Callable[[], MemoryStore]
) -> None:
    made = store()
    with pytest.raises(StepFailure, match=r"set destination\.s3\.writers to One") as caught:
        again(MANY, made, tmp_path)
    assert caught.value.reason is Reason.INVALID_SPEC
    assert made.objects == {}
    assert not (tmp_path / "unpacked").exists()


@pytest.mark.usefixtures("fetched_by_hand")
@pytest.mark.parametrize("store", [MemoryStore, Ignoring, Refusing])
def test_it_is_used_where_the_spec_says_that_there_is_one_writer(
    tmp_path: Path, store: Callable[[], MemoryStore]
) -> None:
    made = store()
    assert again(ONE, made, tmp_path).reused is None
    assert made.written == []
    assert list(published(ONE, tmp_path, made).objects) == [KEY]


@pytest.mark.usefixtures("fetched_by_hand")
def test_a_storage_that_was_written_to_is_not_asked_again(tmp_path: Path) -> None:
    store = published(MANY, tmp_path)
    again(request(attestation=None, quantization={"type": "Float16"}), store, tmp_path)
    assert store.written == [KEY]


def test_an_object_without_an_etag_is_neither_replaced_nor_deleted() -> None:
    """A request with an empty condition would be one without."""
    where = S3Destination.from_object({"bucket": "models", "key": KEY})
    nameless = Held(b"x", said=StoredObject("", 1, None, {}))
    store = MemoryStore({KEY: nameless})
    destination, at = Destination(where, store), location_of(where)
    content = b"artifact"
    upload = Upload(BytesIO(content), hashlib.sha256(content).hexdigest(), "", {})
    with pytest.raises(StepFailure, match=r"destination\.s3\.writers") as caught:
        destination.upload(at, upload, "")
    assert caught.value.reason is Reason.INVALID_SPEC
    with pytest.raises(StepFailure, match=r"destination\.s3\.writers"):
        destination.delete(at, "")
    assert store.objects == {KEY: nameless}


def test_one_writer_still_sees_what_another_did() -> None:
    where = S3Destination.from_object({"bucket": "models", "key": KEY, "writers": "One"})
    store = Refusing({KEY: Held(b"of another")})
    destination, at = Destination(where, store), location_of(where)
    with pytest.raises(StepFailure) as caught:
        destination.delete(at, '"mine"')
    assert caught.value.reason is Reason.DESTINATION_CHANGED
    with pytest.raises(StepFailure) as caught:
        destination.upload(at, Upload(BytesIO(b""), "", "", {}), None)
    assert caught.value.reason is Reason.DESTINATION_CHANGED
    assert store.objects == {KEY: Held(b"of another")}
    destination.delete(at, Held(b"of another").etag)
    assert store.objects == {}
