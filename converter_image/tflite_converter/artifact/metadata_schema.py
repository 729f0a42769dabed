"""The metadata flatbuffer of a .tflite file, as far as a spec can fill it (MediaPipe's metadata_schema.fbs, 1.5.0).

No maintained package has the schema's generated classes without OpenCV, Matplotlib and 130 MB of native code beside
them; so these few tables are written here, each field by its place in the schema.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from flatbuffers import Builder

from tflite_api.resource.metadata import InputMetadata, ModelMetadata, Normalization, OutputMetadata

ENTRY: Final = "TFLITE_METADATA"
"""The name of the model's metadata entry that holds the flatbuffer."""
IDENTIFIER: Final = b"M001"
"""file_identifier in metadata_schema.fbs."""

_MIN_PARSER_VERSION: Final = "1.0.0"
"""The version in which the youngest field written here was added: all of them are as old as the schema. The official
populator computes the same."""
_MOST_FIELDS: Final = 11
_NORMALIZATION_OPTIONS: Final = 1
_FEATURE_PROPERTIES: Final = 1
_IMAGE_PROPERTIES: Final = 2
_COLOR_SPACES: Final = {"RGB": 1, "Grayscale": 2}
_TENSOR_AXIS_LABELS: Final = 2


def serialise(
    metadata: ModelMetadata,
    inputs: Sequence[InputMetadata],
    outputs: Sequence[OutputMetadata],
    label_files: Mapping[int, str],
) -> bytes:
    """Return the ModelMetadata flatbuffer.

    Args:
        metadata: what concerns the whole model; its inputs and outputs are not read.
        inputs: one for each input tensor of the main subgraph, in the subgraph's order.
        outputs: one for each output tensor, in the subgraph's order; their labels are not read.
        label_files: names of packed files with the labels of outputs, by the outputs' positions.
    """
    builder = Builder(1024)
    graph = _table(
        builder,
        {
            2: _tables(builder, [_input(builder, tensor) for tensor in inputs]),
            3: _tables(
                builder,
                [_output(builder, tensor, label_files.get(position)) for position, tensor in enumerate(outputs)],
            ),
        },
    )
    root = _table(
        builder,
        {
            0: _string(builder, metadata.name),
            1: _string(builder, metadata.description),
            2: _string(builder, metadata.version),
            3: _tables(builder, [graph]),
            4: _string(builder, metadata.author),
            5: _string(builder, metadata.license),
            7: _string(builder, _MIN_PARSER_VERSION),
        },
    )
    builder.Finish(root, IDENTIFIER)
    return bytes(builder.Output())


def _input(builder: Builder, tensor: InputMetadata) -> int:
    return _table(
        builder,
        {
            0: _string(builder, tensor.name),
            1: _string(builder, tensor.description),
            3: _content(builder, tensor.color_space),
            4: _normalization(builder, tensor.normalization),
        },
    )


def _output(builder: Builder, tensor: OutputMetadata, labels: str | None) -> int:
    return _table(
        builder,
        {
            0: _string(builder, tensor.name),
            1: _string(builder, tensor.description),
            3: _content(builder, None),
            6: _label_file(builder, labels),
        },
    )


def _content(builder: Builder, color_space: str | None) -> int:
    if color_space is None:
        properties, kind = _table(builder, {}), _FEATURE_PROPERTIES
    else:
        properties, kind = _table(builder, {}, {0: _COLOR_SPACES[color_space]}), _IMAGE_PROPERTIES
    return _table(builder, {1: properties}, {0: kind})


def _normalization(builder: Builder, options: Normalization | None) -> int | None:
    if options is None:
        return None
    mean, std = (builder.CreateNumpyVector(np.array(numbers, np.float32)) for numbers in (options.mean, options.std))
    return _tables(builder, [_table(builder, {1: _table(builder, {0: mean, 1: std})}, {0: _NORMALIZATION_OPTIONS})])


def _label_file(builder: Builder, name: str | None) -> int | None:
    if name is None:
        return None
    return _tables(builder, [_table(builder, {0: _string(builder, name)}, {2: _TENSOR_AXIS_LABELS})])


def _string(builder: Builder, text: str | None) -> int | None:
    return None if text is None else int(builder.CreateString(text))


def _tables(builder: Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _table(builder: Builder, offsets: Mapping[int, int | None], enums: Mapping[int, int] | None = None) -> int:
    """Write a table of offsets and one-byte enums, both by their place among the table's fields."""
    builder.StartObject(_MOST_FIELDS)
    for field, offset in offsets.items():
        if offset is not None:
            builder.PrependUOffsetTRelativeSlot(field, offset, 0)
    for field, value in (enums or {}).items():
        builder.PrependUint8Slot(field, value, 0)
    return int(builder.EndObject())
