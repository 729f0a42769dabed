"""TensorFlow Hub handles: asked for as tensorflow_hub does it, and left where it looks before it asks.

tensorflow_hub 0.16.1 speaks `?tf-hub-format=compressed` over HTTP; its own extraction has no limit of size or time and
no checksum (tensorflow_hub/resolver.py, file_utils.py), so download and unpacking are this package's. It also imports
TensorFlow, which takes seconds: convert, which does so anyway, has it resolve the handle (model/tfhub.py).
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from tflite_converter.core import hub_cache
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place
from tflite_converter.fetch.sources import web

_QUERY: Final = "?tf-hub-format=compressed"
"""A handle has no query of its own (tflite_api/sources/handle.py)."""


def fetch(handle: str, pin: Pin, place: Place) -> FetchedModel:
    """Fetch a handle's archive; the place's folder becomes a cache of tensorflow_hub's with the model in it.

    Raises:
        StepFailure: as `web.download` does.
    """
    cached = hub_cache.folder_of(handle, place.folder)
    cached.mkdir()
    found = web.download(f"{handle}{_QUERY}", pin, replace(place, folder=cached))
    if found.folder != cached:
        _lift(found.folder, cached)
    return replace(found, folder=cached)


def _lift(model: Path, target: Path) -> None:
    """Put a model that lies deeper in a folder in that folder's place: tensorflow_hub looks at its top alone."""
    around = target.with_name(f"{target.name}.archive")
    target.rename(around)
    (around / model.relative_to(target)).rename(target)
