"""Fetching a model from whichever source a spec names. All of them end in the same folder, limits and digest."""

from tflite_api.model_source import ModelSource
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place
from tflite_converter.fetch.sources import gcs, kaggle, local, s3, tfhub, volume, web


def fetch(source: ModelSource, place: Place) -> FetchedModel:
    """Fetch the model that a spec names.

    Raises:
        StepFailure: what is wrong with the source or the model, in the words of the spec's field.
    """
    if source.handle is not None:
        return _by_handle(source.handle, Pin(tfhub.FIELD, source.sha256), place)
    if source.archive is not None:
        return web.fetch(source.archive.url, Pin("model.archive.url", source.sha256), place)
    if source.s3 is not None:
        return s3.fetch(source.s3, source.sha256, place)
    if source.volume is not None:
        return volume.fetch(source.volume, source.sha256, place)
    if source.kaggle is not None:
        return kaggle.fetch(source.kaggle, source.sha256, place)
    raise AssertionError("a model has one source: tflite_api.model_source")


def _by_handle(handle: str, pin: Pin, place: Place) -> FetchedModel:
    if handle.startswith(local.FILE_SCHEME):
        return local.fetch(handle, pin, place)
    if handle.startswith(gcs.SCHEME):
        return gcs.fetch(handle, pin, place)
    return tfhub.resolve(handle, pin, place)
