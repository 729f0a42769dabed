"""Hub handles in Google Cloud Storage: public buckets, through its XML API, which speaks the protocol of S3
(https://cloud.google.com/storage/docs/interoperability).

TensorFlow's own client of gs:// looks for credentials at the metadata service, and has no limit of size or time.
"""

from typing import Final

from tflite_api.reasons import Reason
from tflite_api.spec import S3Destination
from tflite_converter.core.failure import StepFailure
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place
from tflite_converter.fetch.sources.s3 import AS_MODEL, BucketModel
from tflite_converter.storage.s3 import Storage
from tflite_converter.storage.s3_client import Nobody

SCHEME: Final = "gs://"
ENDPOINT: Final = "https://storage.googleapis.com"


def fetch(handle: str, pin: Pin, place: Place) -> FetchedModel:
    """Fetch the archive that a gs:// handle names, else the folder.

    Raises:
        StepFailure: ModelNotFound, ModelAccessDenied, ModelTooLarge, ModelUnavailable, OutOfDisk, or what `accept` and
            `from_archive` raise.
    """
    bucket, _, path = handle.removeprefix(SCHEME).partition("/")
    where = S3Destination.model_construct(bucket=bucket, key=path, endpoint=ENDPOINT, region="auto")
    found = BucketModel(Storage(where, Nobody()), handle, pin, place)
    place.progress.phase("Downloading the model")
    try:
        return _archive_or_folder(found, path)
    except StepFailure as failure:
        raise _about_model(failure, handle, pin.field) from failure


def _archive_or_folder(found: BucketModel, path: str) -> FetchedModel:
    if not path.endswith("/"):
        try:
            return found.archive(path)
        except StepFailure as failure:
            if failure.reason is not Reason.DATASET_NOT_FOUND:
                raise
    return found.folder(path.removesuffix("/") + "/")


def _about_model(failure: StepFailure, handle: str, field: str) -> StepFailure:
    reason = AS_MODEL.get(failure.reason, failure.reason)
    match failure.reason:
        case Reason.BUCKET_NOT_FOUND:
            return StepFailure(reason, f"There is no bucket of {handle}", f"correct {field}")
        case Reason.CREDENTIALS_REFUSED:
            cure = f"use model.s3 instead, with the endpoint {ENDPOINT} and the Secret of an HMAC key"
            return StepFailure(reason, f"{handle} is not for everybody to read", cure)
        case Reason.INVALID_SPEC:
            return StepFailure(reason, failure.found, f"Correct {field}")
        case _:
            return StepFailure(reason, failure.found, failure.cure)
