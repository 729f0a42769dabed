"""Fetching datasets of samples: bytes alone; what is in them is read if there are no credentials."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import Samples
from tflite_api.resource.spec import ConversionSpec, ImageClasses, LabelledSamples
from tflite_api.sources.handle import FILE_SCHEME
from tflite_api.steps.step import FetchedDataset, FetchedDatasets, FetchLimits
from tflite_api.text import printable
from tflite_converter.core.digests import bare, file_digest, folder_digest, prefixed
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.progress import Progress
from tflite_converter.datasets import class_folders
from tflite_converter.datasets.image_names import SUFFIXES, is_image
from tflite_converter.fetch.archive.extraction import named_disk_failures, refuse
from tflite_converter.fetch.receiver import Receiver
from tflite_converter.fetch.s3_download import Transfer, reasons_of_reading
from tflite_converter.fetch.store_failures import ROLE_CURE, cure_of
from tflite_converter.storage.store import Fault, Location, ObjectStore, StoreError

_S3_SCHEME: Final = "s3://"
_LISTED: Final = 20_000
"""Objects of a folder that are looked at for images."""
_NAME_CHARACTERS: Final = 60
"""A name may have 255 bytes, and a character four."""
_REASONS: Final = reasons_of_reading(
    missing=Reason.DATASET_NOT_FOUND, denied=Reason.DATASET_ACCESS_DENIED, unavailable=Reason.DATASET_UNAVAILABLE
)


@dataclass(frozen=True)
class Wanted:
    """A dataset that a spec names."""

    field: str
    """The spec's field that holds it."""
    address: str
    settings: Samples


@dataclass(frozen=True)
class Fetch:
    """Where a dataset comes from and goes to."""

    store: Callable[[], ObjectStore] | None
    """Opens where s3:// addresses lead: the destination's, with its credentials."""
    limits: FetchLimits
    folder: Path
    """An existing folder; each dataset gets a new one below it."""
    progress: Progress


def fetch_all(spec: ConversionSpec, fetch: Fetch) -> FetchedDatasets:
    """Fetch the datasets that a spec names.

    Raises:
        StepFailure: DatasetNotFound, DatasetAccessDenied, DatasetTooLarge, DatasetUnavailable, AddressRefused,
            ServerUnreachable, DigestMismatch, OutOfDisk, or InvalidSpec if there is no destination to read s3://
            from, or the address has the wrong scheme.
    """
    calibration = spec.quantization.calibration
    verification = spec.verification.samples if spec.verification else None
    found = {}
    if calibration is not None and calibration.dataset is not None:
        wanted = Wanted("quantization.calibration", calibration.dataset, calibration)
        found["calibration"] = _fetch(wanted, "calibration", fetch)
    if verification is not None:
        wanted = Wanted("verification.samples", verification.dataset, verification)
        found["verification"] = _fetch(wanted, "verification", fetch)
    return FetchedDatasets(**found)


def _fetch(wanted: Wanted, name: str, fetch: Fetch) -> FetchedDataset:
    fetch.progress.phase(f"Fetching the {name} dataset")
    address, target = wanted.address, fetch.folder / f"{name}-dataset"
    if address.startswith(FILE_SCHEME):
        found = _local(Path(unquote(address.removeprefix(FILE_SCHEME))), wanted.field)
    elif address.startswith(_S3_SCHEME):
        target.mkdir()
        found = _from_bucket(wanted, fetch, target)
    else:
        from tflite_converter.fetch import http  # noqa: PLC0415 - takes long, and most datasets come otherwise

        target.mkdir()
        file = target / _file_name(unquote(address.rpartition("/")[2]), name)
        what = http.dataset(f"{wanted.field}.dataset")
        sha256 = http.fetch(address, file, fetch.limits, fetch.progress, what)
        found = FetchedDataset(path=str(file), digest=prefixed(sha256))
    _check_digest(found, wanted)
    return found


def _file_name(path: str, otherwise: str) -> str:
    """Return the end of a path as the name of a file, which says its format; another where no file can have it."""
    name = printable(PurePosixPath(path).name)[-_NAME_CHARACTERS:]
    return otherwise if name in {"", ".", ".."} else name


def _check_digest(found: FetchedDataset, wanted: Wanted) -> None:
    asked = wanted.settings.sha256
    if asked is not None and found.digest != prefixed(asked):
        raise StepFailure(
            Reason.DIGEST_MISMATCH,
            f"The dataset has the SHA-256 {bare(found.digest)}, but {wanted.field}.sha256 asks for {asked}",
            OWN_CURE,
        )


def _local(path: Path, field: str) -> FetchedDataset:
    if path.is_dir():
        return FetchedDataset(path=str(path), digest=prefixed(folder_digest(path)))
    try:
        digest = file_digest(path)
    except OSError as error:
        words = f"{path} cannot be read: {error.strerror}"
        raise StepFailure(Reason.DATASET_NOT_FOUND, words, f"Correct {field}.dataset") from error
    return FetchedDataset(path=str(path), digest=prefixed(digest))


def _from_bucket(wanted: Wanted, fetch: Fetch, folder: Path) -> FetchedDataset:
    if fetch.store is None:
        raise StepFailure(
            Reason.INVALID_SPEC,
            f"{wanted.field}.dataset {wanted.address} is read from the server of destination.s3",
            "set it as well",
        )
    bucket, _, key = wanted.address.removeprefix(_S3_SCHEME).partition("/")
    at = Location(bucket, key)

    def too_large(words: str) -> StepFailure:
        return StepFailure(Reason.DATASET_TOO_LARGE, f"The dataset at {wanted.address} {words}", OWN_CURE)

    limits = fetch.limits
    receiver = Receiver(limits.max_archive_bytes, limits.timeout_seconds, too_large, fetch.progress)
    store = fetch.store()
    transfer = Transfer(store, receiver)
    try:
        if not key.endswith("/"):
            target = folder / _file_name(key, "dataset")
            return FetchedDataset(path=str(target), digest=prefixed(transfer.save(at, target)))
        keys = [found.key for found in store.list(at, _LISTED)]
        classes = wanted.settings.classes if isinstance(wanted.settings, LabelledSamples) else None
        if classes is None:
            return _images(keys, transfer, wanted, at, folder)
        if len(keys) == _LISTED:
            raise too_large(f"has {_LISTED} objects or more, of which the classes of the last ones would not be known")
        return _images_by_class(keys, transfer, wanted, at, folder, classes)
    except StoreError as error:
        raise _failure_of(error, wanted) from error
    except StepFailure as failure:
        if failure.reason is not Reason.OUT_OF_DISK:
            raise
        words = f"No space left for {wanted.field}.dataset {wanted.address}"
        raise StepFailure(Reason.OUT_OF_DISK, words, OWN_CURE) from failure


def _images(keys: list[str], transfer: Transfer, wanted: Wanted, below: Location, folder: Path) -> FetchedDataset:
    images = [key for key in keys if is_image(key.removeprefix(below.key))]
    if not images:
        words = f"{wanted.address} holds no images ({', '.join(SUFFIXES)})"
        raise StepFailure(Reason.DATASET_NOT_FOUND, words, OWN_CURE)
    for number, key in enumerate(images[: wanted.settings.max_samples]):
        # Keys may be any text; the number keeps their order and makes the name safe.
        transfer.save(Location(below.bucket, key), folder / f"{number:06}{PurePosixPath(key).suffix.lower()}")
    return FetchedDataset(path=str(folder), digest=prefixed(folder_digest(folder)))


def _images_by_class(
    keys: list[str], transfer: Transfer, wanted: Wanted, below: Location, folder: Path, classes: ImageClasses
) -> FetchedDataset:
    """Fetch images into folders of their classes; those of which no image is fetched have a number as well."""
    names = [name for name in (key.removeprefix(below.key) for key in keys) if is_image(name)]
    if not names:
        words = f"{wanted.address} holds no images ({', '.join(SUFFIXES)})"
        raise StepFailure(Reason.DATASET_NOT_FOUND, words, OWN_CURE)
    with _named_folders(wanted.address):
        for name in {class_folders.class_of(name) for name in names} - {None}:
            (folder / str(name)).mkdir()
        for number, name in enumerate(class_folders.chosen(names, wanted.settings.max_samples)):
            target = folder / (class_folders.class_of(name) or "") / f"{number:06}{PurePosixPath(name).suffix.lower()}"
            transfer.save(Location(below.bucket, f"{below.key}{name}"), target)
        if classes.label_file is not None and f"{below.key}{classes.label_file}" in keys:
            transfer.save(Location(below.bucket, f"{below.key}{classes.label_file}"), folder / classes.label_file)
    return FetchedDataset(path=str(folder), digest=prefixed(folder_digest(folder)))


@contextmanager
def _named_folders(address: str) -> Iterator[None]:
    """Make a StepFailure, ArchiveRefused, of what is wrong with folders that have their names from a bucket."""
    source, cure = f"The dataset at {address}", "give each class a folder with a short name of its own"
    try:
        with named_disk_failures(source, cure):
            yield
    except FileExistsError as error:
        refuse(f"holds {Path(error.filename).name!r} as a file and as a folder", source, cure)
    except ValueError as error:
        # Python's own, where a name holds a zero: no file can.
        raise StepFailure(Reason.ARCHIVE_REFUSED, f"{source} holds a name that no file can have", cure) from error


def _failure_of(error: StoreError, wanted: Wanted) -> StepFailure:
    """Return what a store's error means for a conversion that takes its samples from there."""
    found = error.found
    cure = cure_of(error, "destination.s3")
    match error.fault:
        case Fault.NO_BUCKET | Fault.NO_OBJECT:
            found, cure = f"There is nothing at {wanted.address}", f"correct {wanted.field}.dataset"
        case Fault.REFUSED:
            found = f"The credentials of the destination may not read {wanted.address} ({error.told})"
            cure = error.hint or "they need s3:GetObject, and s3:ListBucket for a folder"
        case Fault.NOT_IMPLEMENTED:
            cure = f"use another {wanted.field}.dataset"
        case Fault.LACKING_ROLE:
            cure = ROLE_CURE
    return StepFailure(_REASONS[error.fault], found, cure)
