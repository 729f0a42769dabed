"""An archive of a model at a web address."""

from tflite_converter.fetch import http
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place, from_archive


def fetch(url: str, pin: Pin, place: Place) -> FetchedModel:
    """Download an archive and give the SavedModel in it.

    Raises:
        StepFailure: every reason of `http.fetch` and `from_archive`.
    """
    place.progress.phase("Downloading the model")
    with place.packed() as packed:
        sha256 = http.fetch(url, packed, place.limits, place.progress, http.model(pin.field))
        return from_archive(packed, sha256, pin, place)
