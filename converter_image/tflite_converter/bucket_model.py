"""A model in an S3 bucket: an archive, or the files of a folder."""

from typing import Final

from tflite_api.model_source import S3Source
from tflite_api.names import MODEL_ENV_PREFIX
from tflite_api.reasons import Reason
from tflite_api.spec import S3Destination
from tflite_converter import endpoint
from tflite_converter.bucket_transfer import Transfer
from tflite_converter.failure import StepFailure
from tflite_converter.fetched_model import FetchedModel, Pin, Place, accept, from_archive
from tflite_converter.s3 import Storage
from tflite_converter.storage_client import Key, Nobody
from tflite_converter.unpacking import Unpacking, named_disk_failures, safe_path

_AS_MODEL: Final = {
    Reason.BUCKET_NOT_FOUND: Reason.MODEL_NOT_FOUND,
    Reason.DATASET_NOT_FOUND: Reason.MODEL_NOT_FOUND,
    Reason.CREDENTIALS_REFUSED: Reason.MODEL_ACCESS_DENIED,
    Reason.STORAGE_UNAVAILABLE: Reason.MODEL_UNAVAILABLE,
}


def fetch(source: S3Source, sha256: str | None, place: Place) -> FetchedModel:
    """Fetch what is in the bucket, with the Secret's credentials or none.

    Raises:
        StepFailure: ModelNotFound, ModelAccessDenied, ModelTooLarge, ModelUnavailable, AddressRefused, OutOfDisk,
            InvalidSpec (another region), CredentialsRefused (the environment lacks them), or what `accept` and
            `from_archive` raise.
    """
    endpoint.check(source.endpoint, "model.s3.endpoint", place.limits)
    storage = _storage(source)
    pin = Pin(source.field, sha256)
    place.progress.phase("Downloading the model")
    try:
        if source.key is not None:
            return _archive(storage, source, source.key, pin, place)
        return _folder(storage, source, pin, place)
    except StepFailure as failure:
        raise _about_model(failure, source) from failure


def _archive(storage: Storage, source: S3Source, key: str, pin: Pin, place: Place) -> FetchedModel:
    packed = place.scratch / "model.archive"
    try:
        sha256 = _transfer(storage, source, place.limits.max_archive_bytes, place).save(key, packed)
        return from_archive(packed, sha256, pin, place)
    finally:
        packed.unlink(missing_ok=True)


def _folder(storage: Storage, source: S3Source, pin: Pin, place: Place) -> FetchedModel:
    prefix = source.uri.removeprefix(f"s3://{source.bucket}/")
    listed = storage.list_files(prefix, place.limits.max_files + 1)
    if not listed:
        raise StepFailure(Reason.MODEL_NOT_FOUND, f"There is nothing at {source.uri}: correct model.s3.prefix")
    into = Unpacking(place.folder, place.limits, source.uri)
    transfer = _transfer(storage, source, place.limits.max_unpacked_bytes, place)
    for found in listed:
        into.count()
        path = safe_path(found.key.removeprefix(prefix), source.uri)
        # Consoles make folders visible by objects without content.
        if found.key.endswith("/") and found.size == 0:
            continue
        with transfer.open(found.key) as content, named_disk_failures(source.uri):
            into.write(path, content, found.size)
    return accept(place.folder, pin)


def _transfer(storage: Storage, source: S3Source, most: int, place: Place) -> Transfer:
    def too_large(words: str) -> StepFailure:
        return StepFailure(Reason.MODEL_TOO_LARGE, f"The model at {source.uri} {words}")

    return Transfer(storage, most, place.limits.timeout_seconds, too_large, place.progress)


def _storage(source: S3Source) -> Storage:
    where = S3Destination(
        bucket=source.bucket,
        key=source.key or "unused",
        endpoint=source.endpoint,
        region=source.region,
        secret_ref=source.secret_ref,
    )
    return Storage(where, Key(MODEL_ENV_PREFIX) if source.secret_ref is not None else Nobody())


def _about_model(failure: StepFailure, source: S3Source) -> StepFailure:
    """Say what the storage says of a model, which is no destination."""
    reason = _AS_MODEL.get(failure.reason, failure.reason)
    match failure.reason:
        case Reason.BUCKET_NOT_FOUND:
            return StepFailure(reason, f"Bucket {source.bucket} does not exist: correct model.s3.bucket")
        case Reason.DATASET_NOT_FOUND:
            return StepFailure(reason, f"There is nothing at {source.uri}: correct {source.field}")
        case Reason.CREDENTIALS_REFUSED if source.secret_ref is None:
            words = f"{source.uri} is not for everybody to read: set model.s3.secretRef"
            return StepFailure(reason, words)
        case Reason.CREDENTIALS_REFUSED if source.secret_ref is not None:
            holder = f"Secret {source.secret_ref.name} (model.s3.secretRef)"
            words = f"The storage refused the credentials of {holder} for {source.uri}: they need s3:GetObject"
            return StepFailure(reason, f"{words}, and s3:ListBucket for a prefix")
        case Reason.INVALID_SPEC:
            return StepFailure(reason, f"Bucket {source.bucket} is not in {source.region}: correct model.s3.region")
        case _:
            return StepFailure(reason, failure.message)
