"""Fetching a model from whichever source a spec names. All of them end in the same folder, limits and digest."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tflite_api.sources.archive import ArchiveSource
from tflite_api.sources.handle import HandleSource
from tflite_api.sources.kaggle import KaggleSource
from tflite_api.sources.model_source import ModelSource
from tflite_api.sources.s3 import S3Source
from tflite_api.sources.source import Source
from tflite_api.sources.volume import VolumeSource
from tflite_converter.fetch.fetched import FetchedModel, Place
from tflite_converter.fetch.sources import handle, s3, volume, web


def _from_kaggle(source: KaggleSource, sha256: str | None, place: Place) -> FetchedModel:
    from tflite_converter.fetch.sources import kaggle  # noqa: PLC0415 - takes long, and few models come from there

    return kaggle.fetch(source, sha256, place)


_FETCHERS: Final[Mapping[type[Source], Callable[[Any, str | None, Place], FetchedModel]]] = {
    HandleSource: handle.fetch,
    ArchiveSource: web.fetch,
    S3Source: s3.fetch,
    VolumeSource: volume.fetch,
    KaggleSource: _from_kaggle,
}
"""Each takes a source of its kind and the SHA-256 that the spec asks for."""


def fetch(model: ModelSource, place: Place) -> FetchedModel:
    """Fetch the model that a spec names.

    Raises:
        StepFailure: what is wrong with the source or the model, in the words of the spec's field.
    """
    source = model.source
    return _FETCHERS[type(source)](source, model.sha256, place)
