"""An archive of a model at a web address."""

from tflite_converter import download
from tflite_converter.fetched_model import FetchedModel, Pin, Place, from_archive


def fetch(url: str, pin: Pin, place: Place) -> FetchedModel:
    """Download an archive and give the SavedModel in it.

    Raises:
        StepFailure: every reason of `download.fetch` and `from_archive`.
    """
    packed = place.scratch / "model.archive"
    place.progress.phase("Downloading the model")
    arrived = download.fetch(url, packed, place.limits, place.progress, download.model(pin.field))
    try:
        return from_archive(packed, arrived.sha256, pin, place)
    finally:
        packed.unlink(missing_ok=True)
