"""An archive of a model at a web address."""

from tflite_converter import download
from tflite_converter.fetched_model import FetchedModel, Pin, Place, from_archive


def fetch(url: str, pin: Pin, place: Place) -> FetchedModel:
    """Download an archive and give the SavedModel in it.

    Raises:
        StepFailure: every reason of `download.fetch` and `from_archive`.
    """
    place.progress.phase("Downloading the model")
    with place.packed() as packed:
        arrived = download.fetch(url, packed, place.limits, place.progress, download.model(pin.field))
        return from_archive(packed, arrived.sha256, pin, place)
