"""Fetching a model from whichever source a spec names. All of them end in the same folder, limits and digest."""

from tflite_api.model_source import ModelSource
from tflite_converter import bucket_model, gcs_model, hub, kaggle_model, local_model, volume_model, web_archive
from tflite_converter.fetched_model import FetchedModel, Pin, Place


def fetch(source: ModelSource, place: Place) -> FetchedModel:
    """Fetch the model that a spec names.

    Raises:
        StepFailure: what is wrong with the source or the model, in the words of the spec's field.
    """
    if source.handle is not None:
        return _by_handle(source.handle, Pin(hub.FIELD, source.sha256), place)
    if source.archive is not None:
        return web_archive.fetch(source.archive.url, Pin("model.archive.url", source.sha256), place)
    if source.s3 is not None:
        return bucket_model.fetch(source.s3, source.sha256, place)
    if source.volume is not None:
        return volume_model.fetch(source.volume, source.sha256, place)
    if source.kaggle is not None:
        return kaggle_model.fetch(source.kaggle, source.sha256, place)
    raise AssertionError("a model has one source: tflite_api.model_source")


def _by_handle(handle: str, pin: Pin, place: Place) -> FetchedModel:
    if handle.startswith(local_model.FILE_SCHEME):
        return local_model.fetch(handle, pin, place)
    if handle.startswith(gcs_model.SCHEME):
        return gcs_model.fetch(handle, pin, place)
    return hub.resolve(handle, pin, place)
