"""Hub handles: each scheme is resolved in its own way."""

from typing import Final

from tflite_api.sources.handle import FILE_SCHEME, HandleSource
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place
from tflite_converter.fetch.sources import gcs, local, tfhub

_FIELD: Final = "model.handle"


def fetch(source: HandleSource, sha256: str | None, place: Place) -> FetchedModel:
    """Fetch what a handle names.

    Raises:
        StepFailure: as `local.fetch`, `gcs.fetch` and `tfhub.fetch` do.
    """
    pin = Pin(_FIELD, sha256)
    if source.handle.startswith(FILE_SCHEME):
        return local.fetch(source.handle, pin, place)
    if source.handle.startswith(gcs.SCHEME):
        return gcs.fetch(source.handle, pin, place)
    return tfhub.fetch(source.handle, pin, place)
