"""Examples from NumPy's own files."""

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from tflite_api.reasons import Reason
from tflite_api.text import one_line
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Array, SignatureFacts

_LARGEST: Final = 8 * 1024**3
"""Of all arrays of an .npz unpacked (bytes): a small file may unpack without end."""
_UNREADABLE: Final = (
    *(OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, struct.error),
    # numpy itself, on headers that are well-formed only at first sight; zipfile on ways to pack that it does not know.
    *(SyntaxError, TypeError, KeyError, IndexError, OverflowError, RuntimeError, tokenize.TokenError),
)
"""What is raised for a file that is none of NumPy's, or holds rubbish."""


def read(path: Path, signature: SignatureFacts) -> Iterator[Mapping[str, Array]]:
    """Yield the examples of an .npz with an array for each input, or of an .npy for a model with one input.

    The first axis of every array counts the examples.

    Raises:
        StepFailure: DatasetInvalid.
    """
    try:
        arrays = _arrays(path, signature)
    except _UNREADABLE as error:
        words = f"{path.name} cannot be read as {path.suffix}: {one_line(str(error), 300) or type(error).__name__}"
        how = "numpy.save" if path.suffix.lower() == ".npy" else "numpy.savez"
        raise _invalid(words, f"Write it again with {how}, without pickled objects") from error
    scalars = [name for name, array in arrays.items() if array.ndim == 0]
    if scalars:
        words = f"{path.name} has a single number for {scalars[0]}"
        raise _invalid(words, "write an array whose first axis counts the examples")
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        listing = ", ".join(f"{name} {length}" for name, length in sorted(lengths.items()))
        words = f"The arrays of {path.name} have different numbers of examples: {listing}"
        raise _invalid(words, "Write as many for each")
    for number in range(min(lengths.values(), default=0)):
        yield {name: array[number] for name, array in arrays.items()}


def _arrays(path: Path, signature: SignatureFacts) -> dict[str, Array]:
    if path.suffix.lower() == ".npy":
        if len(signature.inputs) != 1:
            names = ", ".join(tensor.name for tensor in signature.inputs)
            words = f"{path.name} holds one array, but the model has the inputs {names}"
            raise _invalid(words, "write an .npz instead")
        single: Any = np.load(path, mmap_mode="r", allow_pickle=False)
        return {signature.inputs[0].name: np.asarray(single)}
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        for entry in archive.infolist():
            _check_header(archive, entry)
    if unpacked > _LARGEST:
        words = f"{path.name} unpacks to {unpacked} bytes, more than the {_LARGEST} allowed"
        raise _invalid(words, "write fewer examples")
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _check_header(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Hold the size that an array says it has against that of its file: NumPy makes room before it reads."""
    with archive.open(entry) as file:
        try:
            version = np.lib.format.read_magic(file)
        except ValueError:
            return  # no array: what NumPy does with it is no more than reading it
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
    if dtype.hasobject:
        return  # NumPy refuses it
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > entry.file_size:
        raise ValueError(f"{entry.filename} says that it holds {list(shape)} of {dtype}, more than it has")


def _invalid(found: str, cure: str) -> StepFailure:
    return StepFailure(Reason.DATASET_INVALID, found, cure)
