"""A model in an S3 bucket: an archive, or the files of a folder."""

import os
from typing import Final

from tflite_api.authorities import OF_MODEL
from tflite_api.names import MODEL_ENV_PREFIX
from tflite_api.reasons import Reason
from tflite_api.sources.s3 import S3Source
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.fetch.archive.extraction import Unpacking, named_disk_failures, safe_path
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place, accept, from_archive
from tflite_converter.fetch.network import ca_bundle, endpoint
from tflite_converter.fetch.receiver import Receiver
from tflite_converter.fetch.s3_download import Transfer, reasons_of_reading
from tflite_converter.fetch.store_failures import cure_of
from tflite_converter.storage.credentials import Credentials, Nobody
from tflite_converter.storage.secret_key import Key
from tflite_converter.storage.store import Fault, Location, ObjectStore, Server, StoreError

REASONS: Final = reasons_of_reading(
    missing=Reason.MODEL_NOT_FOUND, denied=Reason.MODEL_ACCESS_DENIED, unavailable=Reason.MODEL_UNAVAILABLE
)
"""What a store's errors mean for a model that comes from there."""


def fetch(source: S3Source, sha256: str | None, place: Place) -> FetchedModel:
    """Fetch what is in the bucket, with the Secret's credentials or none.

    Raises:
        StepFailure: ModelNotFound, ModelAccessDenied, ModelTooLarge, ModelUnavailable, AddressRefused, OutOfDisk,
            InvalidSpec (another region, a ConfigMap without authorities), CredentialsRefused (the environment lacks
            them), or what `accept` and `from_archive` raise.
    """
    endpoint.check(source.endpoint, "model.s3.endpoint", place.limits)
    store = place.connect(
        Server(
            source.endpoint,
            source.region,
            endpoint.refusal(place.limits),
            source.addressing_style,
            ca_bundle.of_server(source.ca_config_map_ref, OF_MODEL, os.environ),
        ),
        _credentials(source),
    )
    found = BucketModel(store, source.bucket, source.uri, Pin(source.field, sha256), place)
    place.progress.phase("Downloading the model")
    try:
        if source.key is not None:
            return found.archive(source.key)
        return found.folder(source.uri.removeprefix(f"s3://{source.bucket}/"))
    except StoreError as error:
        raise _failure_of(error, source) from error


class BucketModel:
    """A model in a bucket, whatever names it. Every method raises StoreError as well."""

    def __init__(self, store: ObjectStore, bucket: str, uri: str, pin: Pin, place: Place) -> None:
        """Take where the model is, how people write that, what it must be, and where it goes."""
        self._store = store
        self._bucket = bucket
        self._uri = uri
        self._pin = pin
        self._place = place

    def archive(self, key: str) -> FetchedModel:
        """Fetch an object that is an archive."""
        with self._place.packed() as packed:
            sha256 = self._transfer(self._place.limits.max_archive_bytes).save(self._at(key), packed)
            return from_archive(packed, sha256, self._pin, self._place)

    def folder(self, prefix: str) -> FetchedModel:
        """Fetch all objects below a prefix that ends with a slash."""
        listed = self._store.list(self._at(prefix), self._place.limits.max_files + 1)
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
            with transfer.open(self._at(found.key)) as content, named_disk_failures(self._uri):
                into.write(path, content, found.size)
        return accept(self._place.folder, self._pin)

    def _transfer(self, most: int) -> Transfer:
        def too_large(words: str) -> StepFailure:
            return StepFailure(Reason.MODEL_TOO_LARGE, f"The model at {self._uri} {words}", OWN_CURE)

        receiver = Receiver(most, self._place.limits.timeout_seconds, too_large, self._place.progress)
        return Transfer(self._store, receiver)

    def _at(self, key: str) -> Location:
        return Location(self._bucket, key)


def _credentials(source: S3Source) -> Credentials:
    if source.secret_ref is None:
        return Nobody()
    return Key(MODEL_ENV_PREFIX, f"Secret {source.secret_ref.name} (model.s3.secretRef)", source.entry_of)


def _failure_of(error: StoreError, source: S3Source) -> StepFailure:
    found = error.found
    cure = cure_of(error, "model.s3")
    match error.fault:
        case Fault.NO_BUCKET:
            cure = "correct model.s3.bucket"
        case Fault.NO_OBJECT:
            found, cure = f"There is nothing at {source.uri}", f"correct {source.field}"
        case Fault.REFUSED if source.secret_ref is None:
            found, cure = f"{source.uri} is not for everybody to read", "set model.s3.secretRef"
        case Fault.REFUSED if source.secret_ref is not None:
            holder = f"Secret {source.secret_ref.name} (model.s3.secretRef)"
            found = f"The storage refused the credentials of {holder} for {source.uri} ({error.told})"
            cure = error.hint or "they need s3:GetObject, and s3:ListBucket for a prefix"
        case Fault.NOT_IMPLEMENTED:
            cure = "use another model.s3"
    return StepFailure(REASONS[error.fault], found, cure)
