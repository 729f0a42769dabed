"""A dataset is fetched within limits, and its failures speak of the dataset."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.fetch import web_server
from tests.unit.converter.storage.servers.memory_store import Held, MemoryStore
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchedDataset, FetchedDatasets, FetchLimits
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.local_spec import LocalSpec
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch import dataset
from tflite_converter.fetch.receiver import Receiver
from tflite_converter.storage.store import Fault, ObjectStore, StoreError

LIMITS = FetchLimits(max_archive_bytes=1000, allow_local_addresses=True)


def fetch(address: str, folder: Path, store: ObjectStore | None = None, **settings: Any) -> FetchedDataset:
    folder.mkdir(exist_ok=True)
    found = fetch_all({"quantization": calibrated({"dataset": address, **settings})}, folder, store).calibration
    assert found is not None
    return found


def calibrated(calibration: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Int8", "calibration": calibration}


def fetch_all(spec: dict[str, Any], folder: Path, store: ObjectStore | None = None) -> FetchedDatasets:
    wanted = LocalSpec.from_object({"model": {"handle": "file:///model"}, **spec})
    opened = None if store is None else lambda: store
    return dataset.fetch_all(wanted, dataset.Fetch(opened, LIMITS, folder, LoggedProgress()))


def refusal(address: str, folder: Path, store: ObjectStore | None = None, **settings: Any) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        fetch(address, folder, store, **settings)
    return caught.value


def test_without_a_dataset_nothing_is_fetched(tmp_path: Path) -> None:
    for spec in ({}, {"quantization": calibrated({"synthetic": True})}, {"verification": {"minSNRDecibels": 1}}):
        assert fetch_all(spec, tmp_path) == FetchedDatasets()
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_this_machine_is_taken_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "my samples.npz"
    path.write_bytes(b"abc")
    digest = hashlib.sha256(b"abc").hexdigest()
    found = fetch(path.as_uri(), tmp_path / "model", sha256=digest)
    assert found == FetchedDataset(path=str(path), digest=f"sha256:{digest}")
    assert refusal(path.as_uri(), tmp_path, sha256="0" * 64).reason is Reason.DIGEST_MISMATCH
    assert refusal((tmp_path / "none").as_uri(), tmp_path).reason is Reason.DATASET_NOT_FOUND


def test_a_folders_digest_knows_names_and_contents(tmp_path: Path) -> None:
    digests = set[str]()
    for name, content in (("a.png", b"1"), ("b.png", b"1"), ("a.png", b"2")):
        folder = tmp_path / str(len(digests))
        folder.mkdir()
        (folder / name).write_bytes(content)
        digests.add(fetch(folder.as_uri(), tmp_path / "model").digest)
    assert len(digests) == 3


def test_a_bucket_needs_a_destination_to_know_the_server(tmp_path: Path) -> None:
    failure = refusal("s3://abc/d.npz", tmp_path, None)
    assert failure.reason is Reason.INVALID_SPEC
    assert "destination.s3" in failure.message


def bucket_of(content: dict[str, bytes]) -> MemoryStore:
    return MemoryStore({key: Held(held) for key, held in content.items()}, bucket="abc")


def test_an_object_keeps_the_name_that_says_its_format(tmp_path: Path) -> None:
    found = fetch("s3://abc/some/d.npz", tmp_path, bucket_of({"some/d.npz": b"abc"}))
    assert (Path(found.path).name, Path(found.path).read_bytes()) == ("d.npz", b"abc")
    assert found.digest == f"sha256:{hashlib.sha256(b'abc').hexdigest()}"


def test_of_a_folder_only_the_first_images_are_read(tmp_path: Path) -> None:
    content = {f"set/{name}": name.encode() for name in ("3.JPG", "1.png", "2.png", "0.txt", "../9.png", ".4.png")}
    bucket = bucket_of(content)
    found = fetch("s3://abc/set/", tmp_path, bucket, maxSamples=2)
    assert bucket.read == ["set/1.png", "set/2.png"]
    assert sorted(path.name for path in Path(found.path).iterdir()) == ["000000.png", "000001.png"]
    assert refusal("s3://abc/other/", tmp_path / "other", bucket).reason is Reason.DATASET_NOT_FOUND


def by_class(address: str, folder: Path, store: ObjectStore, **classes: Any) -> FetchedDataset:
    folder.mkdir(exist_ok=True)
    samples = {"dataset": address, "maxSamples": 6, "classes": classes}
    found = fetch_all({"verification": {"samples": samples}}, folder, store).verification
    assert found is not None
    return found


def test_images_of_classes_keep_their_folders(tmp_path: Path) -> None:
    images = {f"flowers/{name}/{number}.PNG": b"1" for name in ("rose", "daisy", "tulip") for number in range(9)}
    others = {
        "flowers/labels.txt": b"rose",
        "flowers/aster/only.png": b"1",
        "flowers/.x/1.png": b"1",
        "flowers/../x/1.png": b"1",
    }
    address = "s3://abc/flowers/"
    store = bucket_of({**images, **others})
    path = Path(by_class(address, tmp_path / "file", store, labelFile="labels.txt").path)
    assert sorted(one.name for one in path.iterdir()) == ["aster", "daisy", "labels.txt", "rose", "tulip"]
    fetched = [one.relative_to(path).as_posix() for one in path.rglob("*.png")]
    assert len(fetched) == 6
    assert len({one.partition("/")[0] for one in fetched}) > 1
    sorted_too = Path(by_class(address, tmp_path / "sorted", store, sorted=True).path)
    assert sorted(one.name for one in sorted_too.iterdir()) == ["aster", "daisy", "rose", "tulip"]


def test_classes_that_a_listing_does_not_reach_are_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "_LISTED", 4)
    store = bucket_of({f"f/{name}/1.png": b"1" for name in "abcde"})
    with pytest.raises(StepFailure, match="has 4 objects or more, of which the classes of the last ones") as caught:
        by_class("s3://abc/f/", tmp_path / "many", store, sorted=True)
    assert caught.value.reason is Reason.DATASET_TOO_LARGE
    nameless = by_class("s3://abc/f/", tmp_path / "nameless", bucket_of({"f//1.png": b"1"}), sorted=True)
    assert [one.name for one in Path(nameless.path).iterdir()] == ["000000.png"]
    with pytest.raises(StepFailure, match="holds no images") as caught:
        by_class("s3://abc/f/", tmp_path / "none", bucket_of({"f/a/1.txt": b"1"}), sorted=True)
    assert caught.value.reason is Reason.DATASET_NOT_FOUND


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["f/a/1.png", f"f/{'x' * 256}/1.png"], "holds a name that no file can have"),
        (["f/a/1.png", "f/b\0/1.png"], "holds a name that no file can have"),
        (["f/a/1.png", "f/labels.txt", "f/labels.txt/1.png"], "holds 'labels.txt' as a file and as a folder"),
        (["f/1.png", "f/000001.png/2.png"], "'000001.png' as a file and as a folder"),
    ],
)
def test_folders_that_no_disk_can_have_are_refused_in_words(tmp_path: Path, keys: list[str], words: str) -> None:
    with pytest.raises(StepFailure, match=words) as caught:
        by_class("s3://abc/f/", tmp_path / "m", bucket_of(dict.fromkeys(keys, b"1")), labelFile="labels.txt")
    assert caught.value.reason is Reason.ARCHIVE_REFUSED


@pytest.mark.parametrize(
    ("key", "name"),
    [("set/..", "dataset"), ("..", "dataset"), (f"{'x' * 300}.npz", f"{'x' * 56}.npz"), ("a/b.npz", "b.npz")],
)
def test_a_dataset_has_a_name_that_files_can_have(tmp_path: Path, key: str, name: str) -> None:
    found = Path(fetch(f"s3://abc/{key}", tmp_path / "m", bucket_of({key: b"1"})).path)
    assert (found.parent.name, found.name) == ("calibration-dataset", name)


@pytest.mark.parametrize("end", ["%2e%2e", "..%2f..", "%00.npz", "a%0a.npz", f"{'x' * 300}.npz"])
def test_an_address_does_not_say_where_a_dataset_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(web_server, "CONTENT", b"abc")
    with web_server.serving() as address:
        found = Path(fetch(f"{address}/{end}", tmp_path / "m").path)
    assert found.parent == tmp_path / "m/calibration-dataset"
    assert found.name.isprintable()
    assert found.read_bytes() == b"abc"


@pytest.mark.parametrize("address", ["s3://abc/d.npz", "s3://abc/set/"])
def test_too_much_is_refused(tmp_path: Path, address: str) -> None:
    bucket = bucket_of({"d.npz": b"1" * 1001, "set/1.png": b"1" * 600, "set/2.png": b"1" * 600})
    assert refusal(address, tmp_path, bucket).reason is Reason.DATASET_TOO_LARGE


@pytest.mark.parametrize(
    ("said", "meant", "words"),
    [
        (Fault.NO_BUCKET, Reason.DATASET_NOT_FOUND, "quantization.calibration.dataset"),
        (Fault.NO_OBJECT, Reason.DATASET_NOT_FOUND, "s3://abc/d.npz"),
        (Fault.REFUSED, Reason.DATASET_ACCESS_DENIED, "s3:GetObject"),
        (Fault.UNAVAILABLE, Reason.DATASET_UNAVAILABLE, "server says"),
        (Fault.CHANGED, Reason.DATASET_UNAVAILABLE, "server says"),
        (Fault.OTHER_REGION, Reason.INVALID_SPEC, "server says"),
        (Fault.NOT_IMPLEMENTED, Reason.INVALID_SPEC, "use another quantization.calibration.dataset"),
        (Fault.LACKING_CREDENTIALS, Reason.CREDENTIALS_REFUSED, "server says"),
        (Fault.LACKING_ROLE, Reason.CREDENTIALS_REFUSED, "destination.s3.roleARN"),
        (Fault.DECLINED, Reason.STORAGE_REFUSED, "server says"),
    ],
)
def test_what_the_storage_says_is_said_of_the_dataset(tmp_path: Path, said: Fault, meant: Reason, words: str) -> None:
    bucket = bucket_of({})
    bucket.faults["d.npz"] = StoreError(said, "the server says no")
    failure = refusal("s3://abc/d.npz", tmp_path, bucket)
    assert failure.reason is meant
    assert words in failure.message


def test_a_disk_that_is_full_is_told_with_the_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise StepFailure(Reason.OUT_OF_DISK, "full", OWN_CURE)

    monkeypatch.setattr(Receiver, "save", full)
    failure = refusal("s3://abc/d.npz", tmp_path, bucket_of({"d.npz": b"1"}))
    assert failure.reason is Reason.OUT_OF_DISK
    assert "quantization.calibration.dataset" in failure.message
