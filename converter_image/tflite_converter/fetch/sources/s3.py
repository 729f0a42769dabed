"""A model in an S3 bucket: an archive, or the files of a folder."""

from typing import Final

from tflite_api.model_source import S3Source
from tflite_api.names import MODEL_ENV_PREFIX
from tflite_api.reasons import Reason
from tflite_api.spec import S3Destination
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.fetch.archive.extraction import Unpacking, named_disk_failures, safe_path
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place, accept, from_archive
from tflite_converter.fetch.network import endpoint
from tflite_converter.fetch.receiver import Arrival
from tflite_converter.fetch.s3_download import Transfer
from tflite_converter.storage.s3 import Storage
from tflite_converter.storage.s3_client import Key, Nobody

AS_MODEL: Final = {
    Reason.BUCKET_NOT_FOUND: Reason.MODEL_NOT_FOUND,
    Reason.DATASET_NOT_FOUND: Reason.MODEL_NOT_FOUND,
    Reason.CREDENTIALS_REFUSED: Reason.MODEL_ACCESS_DENIED,
    Reason.STORAGE_UNAVAILABLE: Reason.MODEL_UNAVAILABLE,
}
"""What the storage says of a destination, said of a model."""


def fetch(source: S3Source, sha256: str | None, place: Place) -> FetchedModel:
    """Fetch what is in the bucket, with the Secret's credentials or none.

    Raises:
        StepFailure: ModelNotFound, ModelAccessDenied, ModelTooLarge, ModelUnavailable, AddressRefused, OutOfDisk,
            InvalidSpec (another region), CredentialsRefused (the environment lacks them), or what `accept` and
            `from_archive` raise.
    """
    endpoint.check(source.endpoint, "model.s3.endpoint", place.limits)
    found = BucketModel(_storage(source), source.uri, Pin(source.field, sha256), place)
    place.progress.phase("Downloading the model")
    try:
        if source.key is not None:
            return found.archive(source.key)
        return found.folder(source.uri.removeprefix(f"s3://{source.bucket}/"))
    except StepFailure as failure:
        raise _about_model(failure, source) from failure


class BucketModel:
    """A model in a bucket, whatever names it. Raises what the storage says, in the words of a destination."""

    def __init__(self, storage: Storage, uri: str, pin: Pin, place: Place) -> None:
        """Take where the model is, how people write that, what it must be, and where it goes."""
        self._storage = storage
        self._uri = uri
        self._pin = pin
        self._place = place

    def archive(self, key: str) -> FetchedModel:
        """Fetch an object that is an archive."""
        with self._place.packed() as packed:
            sha256 = self._transfer(self._place.limits.max_archive_bytes).save(key, packed)
            return from_archive(packed, sha256, self._pin, self._place)

    def folder(self, prefix: str) -> FetchedModel:
        """Fetch all objects below a prefix that ends with a slash."""
        listed = self._storage.list_files(prefix, self._place.limits.max_files + 1)
        if not listed:
            raise StepFailure(Reason.MODEL_NOT_FOUND, f"There is nothing at {self._uri}", f"correct {self._pin.field}")
        into = Unpacking(self._place.folder, self._place.limits, self._uri)
        transfer = self._transfer(self._place.limits.max_unpacked_bytes)
        for found in listed:
            into.count()
            path = safe_path(found.key.removeprefix(prefix), self._uri)
            # Consoles make folders visible by objects without content.
            if found.key.endswith("/") and found.size == 0:
                continue
            with transfer.open(found.key) as content, named_disk_failures(self._uri):
                into.write(path, content, found.size)
        return accept(self._place.folder, self._pin)

    def _transfer(self, most: int) -> Transfer:
        def too_large(words: str) -> StepFailure:
            return StepFailure(Reason.MODEL_TOO_LARGE, f"The model at {self._uri} {words}", OWN_CURE)

        arrival = Arrival(most, self._place.limits.timeout_seconds, too_large, self._place.progress)
        return Transfer(self._storage, arrival)


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
    reason = AS_MODEL.get(failure.reason, failure.reason)
    match failure.reason:
        case Reason.BUCKET_NOT_FOUND:
            return StepFailure(reason, f"Bucket {source.bucket} does not exist", "correct model.s3.bucket")
        case Reason.DATASET_NOT_FOUND:
            return StepFailure(reason, f"There is nothing at {source.uri}", f"correct {source.field}")
        case Reason.CREDENTIALS_REFUSED if source.secret_ref is None:
            return StepFailure(reason, f"{source.uri} is not for everybody to read", "set model.s3.secretRef")
        case Reason.CREDENTIALS_REFUSED if source.secret_ref is not None:
            holder = f"Secret {source.secret_ref.name} (model.s3.secretRef)"
            words = f"The storage refused the credentials of {holder} for {source.uri}"
            return StepFailure(reason, words, "they need s3:GetObject, and s3:ListBucket for a prefix")
        case Reason.INVALID_SPEC:
            words = f"Bucket {source.bucket} is not in {source.region}"
            return StepFailure(reason, words, "correct model.s3.region")
        case _:
            return StepFailure(reason, failure.found, failure.cure)
