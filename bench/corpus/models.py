"""The SavedModels of a folder: archives and folders, whoever made them."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import StepFailure
from tflite_converter.fetch.archive.unpack import unpack
from tflite_converter.fetch.fetched import find_saved_model

_ARCHIVES: Final = (".tar.gz", ".tgz", ".tar")


@dataclass(frozen=True)
class CorpusModel:
    """A model to try."""

    name: str
    source: Path
    """What `tflite-convert` is given: an archive or a folder."""
    folder: Path | None
    """Its SavedModel unpacked, for the usual recipe; None where there is none in it."""


def find(corpus: Path, unpacked: Path) -> list[CorpusModel]:
    """Return the models in `corpus`, by name: every archive, and every folder that holds a saved_model.pb.

    Args:
        corpus: where to look.
        unpacked: an existing folder; archives are unpacked below it, once.
    """
    sources = sorted(path for path in corpus.iterdir() if path.is_dir() or path.name.endswith(_ARCHIVES))
    return [CorpusModel(_name(path), path.resolve(), _folder(path, unpacked)) for path in sources]


def _name(path: Path) -> str:
    return next((path.name.removesuffix(end) for end in _ARCHIVES if path.name.endswith(end)), path.name)


def _folder(path: Path, unpacked: Path) -> Path | None:
    try:
        return find_saved_model(path if path.is_dir() else _unpack(path, unpacked / _name(path)), "the corpus")
    except StepFailure:
        return None


def _unpack(path: Path, target: Path) -> Path:
    if not target.exists():
        partial = target.with_name(f".{target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        unpack(path, partial, FetchLimits(), "the corpus")
        partial.rename(target)
    return target
