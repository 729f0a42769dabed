"""Writing TensorFlow Lite Model Metadata: what the spec says about the artifact, into the artifact."""

import mmap
from collections.abc import Collection, Mapping, Sequence
from io import BufferedWriter
from pathlib import Path
from typing import Final, NoReturn
from zipfile import ZipFile, ZipInfo

from tflite_api.reasons import Reason
from tflite_api.resource.metadata import InputMetadata, ModelMetadata, OutputMetadata
from tflite_converter.artifact import flatbuffer, metadata_entry, metadata_schema
from tflite_converter.artifact.main_signature import read_main_signature
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.step_files import written_whole
from tflite_converter.core.tensors import SignatureFacts, TensorFacts

_CHANNELS: Final = {"RGB": 3, "Grayscale": 1}
_IMAGE_RANK: Final = 4
_ANY_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest that a ZIP can hold: the same recipe is to give the same bytes."""


def write(path: Path, metadata: ModelMetadata, key: str) -> None:
    """Add metadata and label files to a .tflite file, in place, and whole or not at all.

    The graph and its weights stay as they are, byte for byte. Label files follow the model as an uncompressed ZIP.

    Args:
        path: a TensorFlow Lite file without metadata.
        metadata: what to say.
        key: the signature whose inputs and outputs are meant. It must be the main subgraph's, for the format describes
            no other: of several, the converter makes it of the first by name (measured on TensorFlow 2.21).

    Raises:
        StepFailure: InvalidMetadata, where the metadata does not fit the signature.
        ValueError: the file is no TensorFlow Lite file, has metadata already, or has no signature.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if not flatbuffer.is_litert(content[: flatbuffer.START_BYTES]):
            raise ValueError(f"{path.name} is no TensorFlow Lite file")
        main = read_main_signature(content, key)
        check(metadata, key, main)
        said_of_inputs = {said.name: said for said in metadata.inputs or ()}
        said_of_outputs = {said.name: said for said in metadata.outputs or ()}
        inputs = [said_of_inputs.get(tensor.name, InputMetadata(name=tensor.name)) for tensor in main.inputs]
        outputs = [said_of_outputs.get(tensor.name, OutputMetadata(name=tensor.name)) for tensor in main.outputs]
        files = _label_files(outputs)
        value = metadata_schema.serialise(metadata, inputs, outputs, files)
        with written_whole(path) as target:
            metadata_entry.add(content, metadata_schema.ENTRY, value, target)
            _pack(target, {name: outputs[position].labels or () for position, name in files.items()})


def add_files(path: Path, metadata: ModelMetadata, key: str) -> None:
    """Add the label files behind a model that has the metadata already: what rewrites a model leaves them out."""
    said = {one.name: one for one in metadata.outputs or ()}
    outputs = [
        said.get(tensor.name, OutputMetadata(name=tensor.name))
        for tensor in read_main_signature(path.read_bytes(), key).outputs
    ]
    content = path.read_bytes()
    with written_whole(path) as target:
        target.write(content)
        _pack(target, {name: outputs[position].labels or () for position, name in _label_files(outputs).items()})


def check(metadata: ModelMetadata, key: str, main: SignatureFacts) -> None:
    """Refuse metadata that does not fit the main subgraph's signature.

    Raises:
        StepFailure: InvalidMetadata, saying what was found.
    """
    if (metadata.inputs or metadata.outputs) and main.key != key:
        _refuse(
            f"metadata.inputs and metadata.outputs describe the artifact's main signature, which is {main.key} and not"
            f" {key}: of several, the first by name",
            f"Describe those of {main.key}, or leave them out",
        )
    _check_names("input", [said.name for said in metadata.inputs or ()], key, main.inputs)
    _check_names("output", [said.name for said in metadata.outputs or ()], key, main.outputs)
    inputs = {tensor.name: tensor for tensor in main.inputs}
    for said in metadata.inputs or ():
        _check_input(said, inputs[said.name])
    outputs = {tensor.name: tensor for tensor in main.outputs}
    for described in metadata.outputs or ():
        _check_output(described, outputs[described.name])


def _check_names(side: str, names: Collection[str], key: str, tensors: Sequence[TensorFacts]) -> None:
    known = {tensor.name for tensor in tensors}
    for name in names:
        if name not in known:
            listing = "; ".join(map(str, tensors)) or "none"
            _refuse(
                f"metadata.{side}s names {name}, but the {side}s of signature {key} are: {listing}",
                f"Describe {side}s that it has, by their names",
            )


def _check_input(said: InputMetadata, tensor: TensorFacts) -> None:
    shape = tensor.shape or ()
    channels = shape[-1] if shape else 1
    if said.color_space is not None:
        wanted = _CHANNELS[said.color_space]
        if len(shape) != _IMAGE_RANK or channels not in {-1, wanted}:
            _refuse(
                f"metadata.inputs says that {said.name} is an image in {said.color_space}, so of the shape"
                f" [batch, height, width, {wanted}]; but it is {tensor}",
                "Leave out its colorSpace, or correct its name",
            )
        channels = wanted
    given = len(said.normalization.mean) if said.normalization is not None else 1
    if given != 1 and channels not in {-1, given}:
        _refuse(
            f"metadata.inputs gives {given} numbers for the normalization of {tensor}",
            f"give one number, or {channels}, the size of its last dimension",
        )


def _check_output(said: OutputMetadata, tensor: TensorFacts) -> None:
    if said.labels is None:
        return
    if not tensor.shape:
        _refuse(f"metadata.outputs gives labels for {tensor}, which has no dimension to label", "leave them out")
    if tensor.shape[-1] not in {-1, len(said.labels)}:
        _refuse(
            f"metadata.outputs gives {len(said.labels)} labels for {tensor}",
            f"give {tensor.shape[-1]}, one for each place of its last dimension",
        )


def _refuse(found: str, cure: str) -> NoReturn:
    raise StepFailure(Reason.INVALID_METADATA, found, cure)


def _label_files(outputs: Sequence[OutputMetadata]) -> dict[int, str]:
    """Name the label files by the positions of their outputs; names of tensors need not be names of files."""
    labelled = [position for position, said in enumerate(outputs) if said.labels]
    if len(labelled) == 1:
        return {labelled[0]: "labels.txt"}
    return {position: f"labels_{position}.txt" for position in labelled}


def _pack(target: BufferedWriter, files: Mapping[str, Sequence[str]]) -> None:
    """Write label files as a ZIP from the present position on."""
    if not files:
        return
    with ZipFile(target, "w") as archive:
        for name, lines in files.items():
            archive.writestr(ZipInfo(name, _ANY_TIME), "".join(f"{line}\n" for line in lines))
