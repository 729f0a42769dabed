"""Models of this machine: a SavedModel folder or an archive named by a file:/// handle."""

from pathlib import Path
from urllib.parse import unquote

from tflite_api.reasons import Reason
from tflite_api.sources.handle import FILE_SCHEME
from tflite_converter.core.digests import file_digest
from tflite_converter.core.failure import StepFailure
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place, accept, from_archive


def fetch(handle: str, pin: Pin, place: Place) -> FetchedModel:
    """Return the model that a file:/// handle names; an archive is unpacked.

    Raises:
        StepFailure: ModelNotFound, or what `accept` and `from_archive` raise.
    """
    place.progress.phase("Reading the model's files")
    path = Path(unquote(handle.removeprefix(FILE_SCHEME)))
    if path.is_dir():
        return accept(path, pin)
    try:
        found = file_digest(path)
    except OSError as error:
        words = f"{path} cannot be read: {error.strerror}"
        raise StepFailure(Reason.MODEL_NOT_FOUND, words, f"Correct {pin.field}") from error
    return from_archive(path, found, pin, place)
