"""What is packed, uploaded or named as a refusal says is fetched."""

import gzip
import hashlib
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.fetch import test_dataset
from tests.unit.converter.fetch.archive.archives import Member, pack, plain, special, unpacked, zip_special, zipped
from tests.unit.converter.fetch.test_dataset import bucket_of, by_class
from tests.unit.converter.fetch.test_fetched import FILES, fetched
from tests.unit.converter.fetch.web_server import CONTENT, serving
from tests.unit.converter.followed import Followed, Trial, follow, followed
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.fetch import dataset, http
from tflite_converter.storage.store import Fault, StoreError

REFUSED, NO_MODEL, LARGE = Reason.ARCHIVE_REFUSED, Reason.NOT_A_SAVED_MODEL, Reason.MODEL_TOO_LARGE
AGAIN = "Pack the SavedModel folder again as a plain tar.gz"
KINDS = "name a tar, tar.gz, tar.bz2, tar.xz or zip archive of a SavedModel"
WHOLE = gzip.compress(pack(*(plain(name, content) for name, content in FILES.items())))
PIN = hashlib.sha256(WHOLE).hexdigest()


def archive(content: bytes, **limits: int) -> Trial:
    return lambda folder: unpacked(folder, content, FetchLimits(**limits))


def model(content: bytes, pin: str | None = None) -> Trial:
    return lambda folder: fetched(folder, content, pin)


def locked(content: bytes) -> bytes:
    """Have a zip archive say that its members need a password."""
    whole = bytearray(content)
    for start, flags in ((whole.index(b"PK\3\4"), 6), (whole.index(b"PK\1\2"), 8)):
        whole[start + flags] |= 1
    return bytes(whole)


def members(*given: Member) -> bytes:
    return pack(plain("saved_model.pb"), *given)


MANY = members(*(plain(f"notes-{number}") for number in range(10)))
FOLDERS = members(plain("a/b/c/d/e/f/g/h/i/j/notes"))
BOMB = gzip.compress(members(plain("zeros", bytes(80 << 20))))

ARCHIVES: list[Followed] = [
    *(
        followed(AGAIN, REFUSED, archive(content), archive(WHOLE))
        for content in (
            members(plain("../escaped")),
            members(special("link", tarfile.SYMTYPE, "/etc/passwd")),
            members(special("link", tarfile.SYMTYPE, "absent")),
            members(special("pipe", tarfile.FIFOTYPE)),
            members(plain("a"), plain("./a")),
            members(plain("a"), plain("a/b")),
            zipped(zip_special("link", 0o120000, b"/etc/passwd")),
        )
    ),
    followed("pack it without a password", REFUSED, archive(locked(zipped(("a", b"x")))), archive(zipped(("a", b"x")))),
    followed(
        "pack it with deflate",
        REFUSED,
        archive(zipped(("a", b"x"), method=zipfile.ZIP_LZMA)),
        archive(zipped(("a", b"x"), method=zipfile.ZIP_DEFLATED)),
    ),
    followed(
        "Pack the SavedModel alone, or have the administrator raise MAX_RATIO",
        REFUSED,
        archive(BOMB),
        archive(WHOLE),
        archive(BOMB, max_ratio=2000),
    ),
    followed(
        "Keep the SavedModel's own files alone, or have the administrator raise MAX_FILES",
        REFUSED,
        archive(MANY, max_files=10),
        archive(members(), max_files=10),
        archive(MANY, max_files=11),
    ),
    followed(
        "Keep the SavedModel's own folders alone, or have the administrator raise MAX_FILES",
        REFUSED,
        archive(FOLDERS, max_files=9),
        archive(members(), max_files=9),
        archive(FOLDERS, max_files=11),
    ),
    followed(
        "Use a smaller model, or have the limits raised",
        LARGE,
        archive(members(plain("a", bytes(600))), max_unpacked_bytes=500),
        archive(members(), max_unpacked_bytes=500),
        archive(members(plain("a", bytes(600))), max_unpacked_bytes=1000),
    ),
    *(
        followed(KINDS, NO_MODEL, model(content), model(WHOLE), model(zipped(*FILES.items())))
        for content in (b"", b"<!DOCTYPE html>", b"Rar!\x1a\x07\x01\x00", b"rubbish" * 99)
    ),
    followed("Upload it again, whole", NO_MODEL, model(WHOLE[:-9]), model(WHOLE)),
    followed(
        "Name a TensorFlow SavedModel, as a folder or as a tar, tar.gz or zip archive of one",
        NO_MODEL,
        model(pack(plain("model.keras"))),
        model(WHOLE),
    ),
    followed(
        "Find out why it changed; then correct its sha256 in the spec",
        Reason.DIGEST_MISMATCH,
        model(WHOLE, "0" * 64),
        model(WHOLE, PIN),
    ),
]


@pytest.mark.parametrize("case", ARCHIVES, ids=str)
def test_a_model_that_is_packed_or_named_as_a_refusal_says_is_taken(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)


def samples(
    address: str, content: Mapping[str, bytes] | None = None, fault: Fault | None = None, **asked: Any
) -> Trial:
    """Return what fetches a dataset, perhaps from a bucket with this content, or one that says no."""

    def trial(folder: Path) -> object:
        store = None if content is None else bucket_of(dict(content))
        if fault is not None and store is not None:
            store.faults["d.npz"] = StoreError(fault, "the server says no")
        return test_dataset.fetch(address.replace("HERE", folder.as_uri()), folder / "fetched", store, **asked)

    return trial


def present(trial: Trial) -> Trial:
    """Return the same with a dataset on this machine."""

    def placed(folder: Path) -> object:
        (folder / "d.npz").write_bytes(b"abc")
        return trial(folder)

    return placed


def classes(*keys: str) -> Trial:
    return lambda folder: by_class("s3://abc/f/", folder / "m", bucket_of(dict.fromkeys(keys, b"1")), labelFile="l.txt")


MISSING, NPZ = Reason.DATASET_NOT_FOUND, {"d.npz": b"abc"}
ABC = hashlib.sha256(b"abc").hexdigest()
OWN_FOLDER = "give each class a folder with a short name of its own"
DATASETS: list[Followed] = [
    followed(
        "Correct quantization.calibration.dataset",
        MISSING,
        present(samples("HERE/e.npz")),
        present(samples("HERE/d.npz")),
    ),
    followed("set it as well", Reason.INVALID_SPEC, samples("s3://abc/d.npz"), samples("s3://abc/d.npz", NPZ)),
    followed(
        "Find out why it changed; then correct its sha256 in the spec",
        Reason.DIGEST_MISMATCH,
        samples("s3://abc/d.npz", NPZ, sha256="0" * 64),
        samples("s3://abc/d.npz", NPZ, sha256=ABC),
    ),
    followed(
        "Correct the address, or upload the dataset",
        MISSING,
        samples("s3://abc/other/", {"set/1.png": b"1"}),
        samples("s3://abc/set/", {"set/1.png": b"1"}),
        samples("s3://abc/other/", {"other/1.png": b"1"}),
    ),
    followed(
        "Use a smaller dataset: a few hundred samples are enough",
        Reason.DATASET_TOO_LARGE,
        samples("s3://abc/d.npz", {"d.npz": b"1" * 1001}),
        samples("s3://abc/d.npz", NPZ),
    ),
    *(
        followed(
            "correct quantization.calibration.dataset",
            MISSING,
            samples("s3://abc/d.npz", NPZ, fault),
            samples("s3://abc/e.npz", {"e.npz": b"abc"}),
        )
        for fault in (Fault.NO_BUCKET, Fault.NO_OBJECT)
    ),
    followed(
        "they need s3:GetObject, and s3:ListBucket for a folder",
        Reason.DATASET_ACCESS_DENIED,
        samples("s3://abc/d.npz", NPZ, Fault.REFUSED),
        samples("s3://abc/d.npz", NPZ),
    ),
    followed(
        "use another quantization.calibration.dataset",
        Reason.INVALID_SPEC,
        samples("s3://abc/d.npz", NPZ, Fault.NOT_IMPLEMENTED),
        present(samples("HERE/d.npz")),
    ),
    *(
        followed(OWN_FOLDER, REFUSED, classes(*keys), classes("f/a/1.png", "f/b/1.png", "f/l.txt"))
        for keys in (["f/a/1.png", f"f/{'x' * 256}/1.png"], ["f/a/1.png", "f/l.txt", "f/l.txt/1.png"])
    ),
]


@pytest.mark.parametrize("case", DATASETS, ids=str)
def test_a_dataset_that_is_placed_or_named_as_a_refusal_says_is_taken(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)


def test_classes_that_are_fewer_are_all_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "_LISTED", 4)
    words = "Use a smaller dataset: a few hundred samples are enough"
    many, few = (classes(*(f"f/{name}/1.png" for name in names)) for names in ("abcde", "abc"))
    follow(followed(words, Reason.DATASET_TOO_LARGE, many, few), tmp_path)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


LOCAL = FetchLimits(allow_local_addresses=True)


def get(server: str, path: str, limits: FetchLimits = LOCAL) -> Trial:
    address = path if path.startswith("http") else f"{server}/{path}"
    return lambda folder: http.fetch(address, folder / "target", limits, LoggedProgress(), http.model("model.handle"))


def test_what_a_web_server_has_is_fetched_once_it_is_named_rightly(server: str, tmp_path: Path) -> None:
    small, large = (LOCAL.model_copy(update={"max_archive_bytes": size}) for size in (100, len(CONTENT)))
    cases = [
        followed("correct model.handle", Reason.MODEL_NOT_FOUND, get(server, "status/404"), get(server, "model")),
        followed(
            "Name a model that can be read without credentials",
            Reason.MODEL_ACCESS_DENIED,
            get(server, "status/403"),
            get(server, "model"),
        ),
        followed(
            "Correct model.handle", Reason.ADDRESS_REFUSED, get(server, "to?ftp://example.com/"), get(server, "model")
        ),
        followed(
            "Correct what spec.model names", Reason.MODEL_NOT_FOUND, get(server, "loop"), get(server, "to?/model")
        ),
        followed(
            "or have the administrator allow such addresses (ALLOW_LOCAL_ADDRESSES)",
            Reason.ADDRESS_REFUSED,
            get(server, "model", FetchLimits()),
            get(server, "model"),
        ),
        followed(
            "Use a smaller model, or have the limits raised",
            LARGE,
            get(server, "model", small),
            get(server, "model", large),
        ),
    ]
    for number, case in enumerate(cases):
        (tmp_path / str(number)).mkdir()
        follow(case, tmp_path / str(number))
