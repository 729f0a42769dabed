"""A dataset is fetched within limits, and its failures speak of the dataset."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tflite_api.field_types import SecretReference
from tflite_api.reasons import Reason
from tflite_api.spec import S3Destination
from tflite_api.step import FetchedDataset, FetchedDatasets, FetchLimits
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.local_spec import LocalSpec
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch import dataset
from tflite_converter.storage.s3 import Storage, StoredFile

WHERE = S3Destination(bucket="models", key="a.tflite", secret_ref=SecretReference(name="s"))
LIMITS = FetchLimits(max_archive_bytes=1000, allow_local_addresses=True)


def fetch(address: str, folder: Path, where: S3Destination | None = WHERE, **settings: Any) -> FetchedDataset:
    folder.mkdir(exist_ok=True)
    found = fetch_all({"quantization": calibrated({"dataset": address, **settings})}, folder, where).calibration
    assert found is not None
    return found


def calibrated(calibration: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Int8", "calibration": calibration}


def fetch_all(spec: dict[str, Any], folder: Path, where: S3Destination | None = WHERE) -> FetchedDatasets:
    wanted = LocalSpec.from_object({"model": {"handle": "file:///model"}, **spec})
    return dataset.fetch_all(wanted, dataset.Fetch(where, LIMITS, folder, LoggedProgress()))


def refusal(address: str, folder: Path, where: S3Destination | None = WHERE, **settings: Any) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        fetch(address, folder, where, **settings)
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
    failure = refusal("s3://abc/d.npz", tmp_path, where=None)
    assert failure.reason is Reason.INVALID_SPEC
    assert "destination.s3" in failure.message


class Bucket:
    """Stands in for a bucket's answers; against a real server this is tests/e2e/test_calibration.py."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, content: dict[str, bytes]) -> None:
        import io
        from contextlib import contextmanager

        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        self.read = list[str]()

        @contextmanager
        def opened(_: Storage, key: str) -> Any:
            self.read.append(key)
            yield io.BytesIO(content[key]), len(content[key])

        def listed(_: Storage, prefix: str, most: int) -> list[StoredFile]:
            return [StoredFile(key, len(content[key])) for key in sorted(content) if key.startswith(prefix)][:most]

        monkeypatch.setattr(Storage, "open", opened)
        monkeypatch.setattr(Storage, "list_files", listed)


def test_an_object_keeps_the_name_that_says_its_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Bucket(monkeypatch, {"some/d.npz": b"abc"})
    found = fetch("s3://abc/some/d.npz", tmp_path)
    assert (Path(found.path).name, Path(found.path).read_bytes()) == ("d.npz", b"abc")
    assert found.digest == f"sha256:{hashlib.sha256(b'abc').hexdigest()}"


def test_of_a_folder_only_the_first_images_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {f"set/{name}": name.encode() for name in ("3.JPG", "1.png", "2.png", "0.txt", "../9.png", ".4.png")}
    bucket = Bucket(monkeypatch, content)
    found = fetch("s3://abc/set/", tmp_path, maxSamples=2)
    assert bucket.read == ["set/1.png", "set/2.png"]
    assert sorted(path.name for path in Path(found.path).iterdir()) == ["000000.png", "000001.png"]
    assert refusal("s3://abc/other/", tmp_path / "other").reason is Reason.DATASET_NOT_FOUND


@pytest.mark.parametrize("address", ["s3://abc/d.npz", "s3://abc/set/"])
def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    Bucket(monkeypatch, {"d.npz": b"1" * 1001, "set/1.png": b"1" * 600, "set/2.png": b"1" * 600})
    assert refusal(address, tmp_path).reason is Reason.DATASET_TOO_LARGE


@pytest.mark.parametrize(
    ("said", "meant", "words"),
    [
        (Reason.BUCKET_NOT_FOUND, Reason.DATASET_NOT_FOUND, "quantization.calibration.dataset"),
        (Reason.DATASET_NOT_FOUND, Reason.DATASET_NOT_FOUND, "s3://abc/d.npz"),
        (Reason.CREDENTIALS_REFUSED, Reason.DATASET_ACCESS_DENIED, "s3:GetObject"),
        (Reason.STORAGE_UNAVAILABLE, Reason.DATASET_UNAVAILABLE, "server says"),
        (Reason.OUT_OF_DISK, Reason.OUT_OF_DISK, "quantization.calibration.dataset"),
        (Reason.INVALID_SPEC, Reason.INVALID_SPEC, "server says"),
    ],
)
def test_what_the_storage_says_is_said_of_the_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Reason, meant: Reason, words: str
) -> None:
    Bucket(monkeypatch, {})

    def refused(*_: object) -> Any:
        raise StepFailure(said, "the server says no", OWN_CURE)

    monkeypatch.setattr(Storage, "open", refused)
    failure = refusal("s3://abc/d.npz", tmp_path)
    assert failure.reason is meant
    assert words in failure.message
