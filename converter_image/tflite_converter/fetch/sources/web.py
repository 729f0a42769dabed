"""An archive of a model at a web address."""

from typing import Final

from tflite_api.sources.archive import ArchiveSource
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place, from_archive

_FIELD: Final = "model.archive.url"


def fetch(source: ArchiveSource, sha256: str | None, place: Place) -> FetchedModel:
    """Fetch the archive that a spec names.

    Raises:
        StepFailure: as `download` does.
    """
    return download(source.url, Pin(_FIELD, sha256), place)


def download(url: str, pin: Pin, place: Place) -> FetchedModel:
    """Download an archive and return the SavedModel in it.

    Raises:
        StepFailure: every reason of `http.fetch` and `from_archive`.
    """
    from tflite_converter.fetch import http  # noqa: PLC0415 - takes long, and many models come otherwise

    place.progress.phase("Downloading the model")
    with place.packed() as packed:
        sha256 = http.fetch(url, packed, place.limits, place.progress, http.model(pin.field))
        return from_archive(packed, sha256, pin, place)
