"""Fetching datasets of samples: bytes alone; what is in them is read where there are no credentials."""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from tflite_api.reasons import Reason
from tflite_api.spec import ConversionSpec, S3Destination, Samples
from tflite_api.step import FetchedDataset, FetchedDatasets, FetchLimits
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.progress import Progress
from tflite_converter.datasets.images import SUFFIXES, is_image
from tflite_converter.fetch import http
from tflite_converter.fetch.fetched import folder_digest
from tflite_converter.fetch.receiver import Arrival
from tflite_converter.fetch.s3_download import Transfer
from tflite_converter.fetch.sources.local import FILE_SCHEME
from tflite_converter.storage.s3 import Storage

_S3_SCHEME: Final = "s3://"
_LISTED: Final = 20_000
"""Objects of a folder that are looked at for images."""
_AS_DATASET: Final = {
    Reason.BUCKET_NOT_FOUND: Reason.DATASET_NOT_FOUND,
    Reason.CREDENTIALS_REFUSED: Reason.DATASET_ACCESS_DENIED,
    Reason.STORAGE_UNAVAILABLE: Reason.DATASET_UNAVAILABLE,
}


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

    where: S3Destination | None
    """The server and credentials for s3:// addresses are those of this destination."""
    limits: FetchLimits
    folder: Path
    """An existing folder; each dataset gets a new one below it."""
    progress: Progress


def fetch_all(spec: ConversionSpec, fetch: Fetch) -> FetchedDatasets:
    """Fetch the datasets that a spec names.

    Raises:
        StepFailure: DatasetNotFound, DatasetAccessDenied, DatasetTooLarge, DatasetUnavailable, AddressRefused,
            DigestMismatch, OutOfDisk, or InvalidSpec where there is no destination to read s3:// from.
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
        target.mkdir()
        file = target / (PurePosixPath(unquote(urlsplit(address).path)).name or name)
        what = http.dataset(f"{wanted.field}.dataset")
        sha256 = http.fetch(address, file, fetch.limits, fetch.progress, what)
        found = FetchedDataset(path=str(file), digest=f"sha256:{sha256}")
    _check_digest(found, wanted)
    return found


def _check_digest(found: FetchedDataset, wanted: Wanted) -> None:
    asked = wanted.settings.sha256
    if asked is not None and found.digest != f"sha256:{asked}":
        raise StepFailure(
            Reason.DIGEST_MISMATCH,
            f"The dataset has the SHA-256 {found.digest.removeprefix('sha256:')}, but"
            f" {wanted.field}.sha256 asks for {asked}",
            OWN_CURE,
        )


def _local(path: Path, field: str) -> FetchedDataset:
    if path.is_dir():
        return FetchedDataset(path=str(path), digest=f"sha256:{folder_digest(path)}")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        words = f"{path} cannot be read: {error.strerror}"
        raise StepFailure(Reason.DATASET_NOT_FOUND, words, f"Correct {field}.dataset") from error
    return FetchedDataset(path=str(path), digest=f"sha256:{digest}")


def _from_bucket(wanted: Wanted, fetch: Fetch, folder: Path) -> FetchedDataset:
    if fetch.where is None:
        raise StepFailure(
            Reason.INVALID_SPEC,
            f"{wanted.field}.dataset {wanted.address} is read from the server of destination.s3",
            "set it as well",
        )
    bucket, _, key = wanted.address.removeprefix(_S3_SCHEME).partition("/")
    storage = Storage(fetch.where.model_copy(update={"bucket": bucket, "key": key}))

    def too_large(words: str) -> StepFailure:
        return StepFailure(Reason.DATASET_TOO_LARGE, f"The dataset at {wanted.address} {words}", OWN_CURE)

    limits = fetch.limits
    arrival = Arrival(limits.max_archive_bytes, limits.timeout_seconds, too_large, fetch.progress)
    transfer = Transfer(storage, arrival)
    try:
        if not key.endswith("/"):
            target = folder / PurePosixPath(key).name
            return FetchedDataset(path=str(target), digest=f"sha256:{transfer.save(key, target)}")
        return _images(storage, transfer, wanted, key, folder)
    except StepFailure as failure:
        raise _about_dataset(failure, wanted) from failure


def _images(storage: Storage, transfer: Transfer, wanted: Wanted, prefix: str, folder: Path) -> FetchedDataset:
    listed = storage.list_files(prefix, _LISTED)
    images = [found for found in listed if is_image(found.key.removeprefix(prefix))]
    if not images:
        words = f"{wanted.address} holds no images ({', '.join(SUFFIXES)})"
        raise StepFailure(Reason.DATASET_NOT_FOUND, words, OWN_CURE)
    for number, found in enumerate(images[: wanted.settings.max_samples]):
        # Keys may be any text; the number keeps their order and makes the name safe.
        transfer.save(found.key, folder / f"{number:06}{PurePosixPath(found.key).suffix.lower()}")
    return FetchedDataset(path=str(folder), digest=f"sha256:{folder_digest(folder)}")


def _about_dataset(failure: StepFailure, wanted: Wanted) -> StepFailure:
    """Say what the storage says of a dataset, which is no destination."""
    address = wanted.address
    reason = _AS_DATASET.get(failure.reason, failure.reason)
    match reason:
        case Reason.DATASET_NOT_FOUND:
            return StepFailure(reason, f"There is nothing at {address}", f"correct {wanted.field}.dataset")
        case Reason.DATASET_ACCESS_DENIED:
            words = f"The credentials of the destination may not read {address}"
            return StepFailure(reason, words, "they need s3:GetObject, and s3:ListBucket for a folder")
        case Reason.OUT_OF_DISK:
            return StepFailure(reason, f"No space left for {wanted.field}.dataset {address}", OWN_CURE)
        case _:
            return StepFailure(reason, failure.found, failure.cure)
