"""Fetching a calibration dataset: bytes alone; what is in them is read where there are no credentials."""

import errno
import hashlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final
from urllib.parse import unquote, urlsplit

from tflite_api.reasons import Reason
from tflite_api.spec import Calibration, S3Destination
from tflite_api.step import FetchLimits
from tflite_converter import download, image_dataset
from tflite_converter.child_protocol import FetchedDataset
from tflite_converter.failure import StepFailure
from tflite_converter.local_model import folder_digest
from tflite_converter.local_resource import FILE_SCHEME
from tflite_converter.progress import Progress
from tflite_converter.s3 import Storage
from tflite_converter.units import bytes_in_words

_S3_SCHEME: Final = "s3://"
_FOLDER: Final = "dataset"
_CHUNK_BYTES: Final = 1 << 20
_LISTED: Final = 20_000
"""Objects of a folder that are looked at for images."""
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_AS_DATASET: Final = {
    Reason.BUCKET_NOT_FOUND: Reason.DATASET_NOT_FOUND,
    Reason.CREDENTIALS_REFUSED: Reason.DATASET_ACCESS_DENIED,
    Reason.STORAGE_UNAVAILABLE: Reason.DATASET_UNAVAILABLE,
}


def fetch(
    calibration: Calibration | None, where: S3Destination | None, limits: FetchLimits, folder: Path, progress: Progress
) -> FetchedDataset | None:
    """Fetch the dataset that a calibration names into a new folder below `folder`; None where it names none.

    Args:
        calibration: the spec's.
        where: the server and credentials for s3:// addresses are those of this destination.
        limits: of size and time, as for models.
        folder: existing.
        progress: is told.

    Raises:
        StepFailure: DatasetNotFound, DatasetAccessDenied, DatasetTooLarge, DatasetUnavailable, AddressRefused,
            DigestMismatch, OutOfDisk, or InvalidSpec where there is no destination to read s3:// from.
    """
    if calibration is None or calibration.dataset is None:
        return None
    progress.phase("Fetching the calibration dataset")
    address = calibration.dataset
    if address.startswith(FILE_SCHEME):
        found = _local(Path(unquote(address.removeprefix(FILE_SCHEME))))
    elif address.startswith(_S3_SCHEME):
        found = _from_bucket(address, calibration.max_samples, where, limits, _new(folder))
    else:
        target = _new(folder) / (PurePosixPath(unquote(urlsplit(address).path)).name or _FOLDER)
        arrived = download.fetch(address, target, limits, progress, download.DATASET)
        found = FetchedDataset(target, f"sha256:{arrived.sha256}")
    _check_digest(found, calibration.sha256)
    return found


def _new(folder: Path) -> Path:
    made = folder / _FOLDER
    made.mkdir()
    return made


def _check_digest(found: FetchedDataset, asked: str | None) -> None:
    if asked is not None and found.digest != f"sha256:{asked}":
        raise StepFailure(
            Reason.DIGEST_MISMATCH,
            f"The dataset has the SHA-256 {found.digest.removeprefix('sha256:')}, but"
            f" quantization.calibration.sha256 asks for {asked}",
        )


def _local(path: Path) -> FetchedDataset:
    if path.is_dir():
        return FetchedDataset(path, f"sha256:{folder_digest(path)}")
    try:
        with path.open("rb") as file:
            return FetchedDataset(path, f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}")
    except OSError as error:
        raise StepFailure(Reason.DATASET_NOT_FOUND, f"{path} cannot be read: {error.strerror}") from error


def _from_bucket(
    address: str, most: int, where: S3Destination | None, limits: FetchLimits, folder: Path
) -> FetchedDataset:
    if where is None:
        raise StepFailure(
            Reason.INVALID_SPEC,
            f"quantization.calibration.dataset {address} is read from the server of destination.s3: set it as well",
        )
    bucket, _, key = address.removeprefix(_S3_SCHEME).partition("/")
    storage = Storage(where.model_copy(update={"bucket": bucket, "key": key}))
    try:
        if not key.endswith("/"):
            target = folder / PurePosixPath(key).name
            return FetchedDataset(target, f"sha256:{_save(storage, key, target, limits.max_archive_bytes)}")
        return _images(storage, address, key, most, limits, folder)
    except StepFailure as failure:
        raise _about_dataset(failure, address) from failure


def _images(
    storage: Storage, address: str, prefix: str, most: int, limits: FetchLimits, folder: Path
) -> FetchedDataset:
    listed = storage.list_files(prefix, _LISTED)
    images = [found for found in listed if image_dataset.is_image(found.key.removeprefix(prefix))][:most]
    if not images:
        raise StepFailure(Reason.DATASET_NOT_FOUND, f"{address} holds no images ({', '.join(image_dataset.SUFFIXES)})")
    left = limits.max_archive_bytes
    for number, found in enumerate(images):
        # Keys may be any text; the number keeps their order and makes the name safe.
        target = folder / f"{number:06}{PurePosixPath(found.key).suffix.lower()}"
        _save(storage, found.key, target, left)
        left -= target.stat().st_size
    return FetchedDataset(folder, f"sha256:{folder_digest(folder)}")


def _save(storage: Storage, key: str, target: Path, most: int) -> str:
    """Write an object to a file; gives its SHA-256."""
    digest, received = hashlib.sha256(), 0
    with storage.open(key) as (body, size), target.open("xb") as file:
        _check_size(key, size, most)
        while chunk := body.read(_CHUNK_BYTES):
            received += len(chunk)
            _check_size(key, received, most)
            digest.update(chunk)
            _write(file, chunk)
    return digest.hexdigest()


def _write(file: BinaryIO, chunk: bytes) -> None:
    try:
        file.write(chunk)
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise StepFailure(Reason.OUT_OF_DISK, "No space left for quantization.calibration.dataset") from error
        raise


def _check_size(key: str, size: int, most: int) -> None:
    if size > most:
        message = f"The calibration dataset is larger than the {bytes_in_words(most)} allowed, at {key}"
        raise StepFailure(Reason.DATASET_TOO_LARGE, message)


def _about_dataset(failure: StepFailure, address: str) -> StepFailure:
    """Say what the storage says of a dataset, which is no destination."""
    reason = _AS_DATASET.get(failure.reason, failure.reason)
    match reason:
        case Reason.DATASET_NOT_FOUND:
            return StepFailure(reason, f"There is nothing at {address}: correct quantization.calibration.dataset")
        case Reason.DATASET_ACCESS_DENIED:
            words = f"The credentials of destination.s3.secretRef may not read {address}: they need s3:GetObject"
            return StepFailure(reason, f"{words}, and s3:ListBucket for a folder")
        case _:
            return StepFailure(reason, failure.message)
