"""Hub handles in Google Cloud Storage: public buckets, through its XML API, which speaks the protocol of S3
(https://cloud.google.com/storage/docs/interoperability).

TensorFlow's own client of gs:// looks for credentials at the metadata service, and has no limit of size or time.
"""

from typing import Final

from tflite_api.reasons import Reason
from tflite_converter.core.failure import Cure, StepFailure
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place
from tflite_converter.fetch.sources.s3 import REASONS, BucketModel
from tflite_converter.fetch.store_failures import cure_of_fixed
from tflite_converter.storage.credentials import Nobody
from tflite_converter.storage.store import Fault, Server, StoreError

SCHEME: Final = "gs://"
ENDPOINT: Final = "https://storage.googleapis.com"
_SERVER: Final = Server(ENDPOINT, "auto")


def fetch(handle: str, pin: Pin, place: Place) -> FetchedModel:
    """Fetch the archive that a gs:// handle names, else the folder.

    Raises:
        StepFailure: ModelNotFound, ModelAccessDenied, ModelTooLarge, ModelUnavailable, OutOfDisk, or what `accept` and
            `from_archive` raise.
    """
    bucket, _, path = handle.removeprefix(SCHEME).partition("/")
    found = BucketModel(place.connect(_SERVER, Nobody()), bucket, handle, pin, place)
    place.progress.phase("Downloading the model")
    try:
        return _archive_or_folder(found, path)
    except StoreError as error:
        raise _failure_of(error, handle, pin.field) from error


def _archive_or_folder(found: BucketModel, path: str) -> FetchedModel:
    if not path.endswith("/"):
        try:
            return found.archive(path)
        except StoreError as error:
            if error.fault is not Fault.NO_OBJECT:
                raise
    return found.folder(path.removesuffix("/") + "/")


def _failure_of(error: StoreError, handle: str, field: str) -> StepFailure:
    found = error.found
    cure: Cure = cure_of_fixed(error.fault)
    match error.fault:
        case Fault.NO_BUCKET:
            found, cure = f"There is no bucket of {handle}", f"correct {field}"
        case Fault.REFUSED:
            found = f"{handle} is not for everybody to read"
            cure = f"use model.s3 instead, with the endpoint {ENDPOINT} and the Secret of an HMAC key"
        case fault if REASONS[fault] is Reason.INVALID_SPEC or fault is Fault.NO_OBJECT:
            cure = f"Correct {field}"
    return StepFailure(REASONS[error.fault], found, cure)
