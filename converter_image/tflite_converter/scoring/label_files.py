"""Labels on the way from the process that reads the dataset to the one that measures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter

from tflite_converter.core.tensors import Array
from tflite_converter.datasets.labelled import Labels

_NAMES_FILE: Final = "labels.json"


class _Names(BaseModel):
    model_config = ConfigDict(extra="forbid")

    names: tuple[str, ...]
    examples: int
    is_stacked: bool


_SAMPLES: Final = TypeAdapter(tuple[_Names, ...])


def save(labels: Sequence[Labels], folder: Path) -> None:
    """Write the labels of a signature's samples into an existing folder."""
    names = tuple(
        _Names(names=tuple(sample.values), examples=sample.examples, is_stacked=sample.is_stacked) for sample in labels
    )
    (folder / _NAMES_FILE).write_bytes(_SAMPLES.dump_json(names))
    for number, sample in enumerate(labels):
        for position, array in enumerate(sample.values.values()):
            np.save(_file(folder, number, position), array, allow_pickle=False)


def load(folder: Path) -> tuple[Labels, ...]:
    """Read what `save` wrote, nothing where it wrote nothing; the arrays stay on disk until they are used."""
    names = folder / _NAMES_FILE
    if not names.exists():
        return ()
    return tuple(
        Labels(
            {name: _array(_file(folder, number, position)) for position, name in enumerate(sample.names)},
            sample.examples,
            is_stacked=sample.is_stacked,
        )
        for number, sample in enumerate(_SAMPLES.validate_json(names.read_bytes()))
    )


def _file(folder: Path, number: int, position: int) -> Path:
    # Not the array's name: it may hold slashes.
    return folder / f"label-{number}-{position}.npy"


def _array(path: Path) -> Array:
    array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    return np.asarray(array)
