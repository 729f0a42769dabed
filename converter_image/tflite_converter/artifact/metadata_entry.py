"""Adding a metadata entry to a .tflite file without unpacking it: whatever its size, with some kilobytes of own memory.

Offsets in a flatbuffer are relative and point forwards. So a new beginning goes before the old file: a Model table with
two vectors that are longer by one, which shares everything else with the old one. The old bytes stay as they are,
except numbers that count from the start of the file. The object API of the generated schema would unpack the model into
Python objects, and forget the weights that a file of more than 2 GB keeps behind its flatbuffer.
"""

import mmap
import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from flatbuffers import Builder
from flatbuffers.table import Table

from tflite_converter.artifact.flatbuffer import IDENTIFIER

_ALIGNMENT: Final = 64
"""The old file moves by a multiple of this (bytes), so that its weights keep their alignment (at least 16)."""

# Places of fields in the tables of tensorflow/compiler/mlir/lite/schema/schema.fbs.
_MODEL_FIELDS: Final = 10
_VERSION, _SUBGRAPHS, _BUFFERS, _METADATA = 0, 2, 4, 6
_SUBGRAPH_OPERATORS: Final = 3
_OPERATOR_LARGE_OPTIONS_OFFSET: Final = 9
_BUFFER_OFFSET: Final = 1
_METADATA_NAME: Final = 0


def add(content: mmap.mmap, name: str, value: bytes, target: BinaryIO) -> None:
    """Write the file with one metadata entry more.

    Args:
        content: a TensorFlow Lite file.
        name: of the entry.
        value: what the entry's buffer holds.
        target: an empty file, open for writing; its position is its end afterwards.

    Raises:
        ValueError: there is such an entry already, or the model's table has fields that are not known here.
    """
    model = _root(content)
    if any(entry.String(_place(entry, _METADATA_NAME)) == name.encode() for entry in _elements(model, _METADATA)):
        raise ValueError(f"the file has a metadata entry {name} already")
    if any(_place(model, field) for field in range(_MODEL_FIELDS, _MODEL_FIELDS + 20)):
        raise ValueError("the file's Model table has fields of a newer schema")
    beginning = _beginning(model, name, value)
    target.write(beginning)
    target.write(content)
    for position in _absolute_offsets(model):
        (offset,) = struct.unpack_from("<Q", content, position)
        # 0 stands for none and 1 for not filled in yet.
        if offset > 1:
            target.seek(len(beginning) + position)
            target.write(struct.pack("<Q", offset + len(beginning)))
    target.seek(len(beginning) + len(content))


def _beginning(model: Table, name: str, value: bytes) -> bytes:
    """Return what goes before the old file."""
    vectors = {field: [table.Pos for table in _elements(model, field)] for field in (_BUFFERS, _METADATA)}
    shared = {
        field: model.Indirect(_place(model, field))
        for field in range(_VERSION + 1, _MODEL_FIELDS)
        if field not in vectors and _place(model, field)
    }
    (version,) = struct.unpack_from("<I", model.Bytes, _place(model, _VERSION))
    built = _laid_out(version, shared, {field: len(vectors[field]) for field in vectors}, name, value)
    new = _root(built)

    def point(place: int, old_position: int) -> None:
        struct.pack_into("<I", built, place, len(built) + old_position - place)

    for field, position in shared.items():
        point(_place(new, field), position)
    for field, positions in vectors.items():
        start = new.Vector(_place(new, field) - new.Pos)
        for index, position in enumerate(positions):
            point(start + 4 * index, position)
    return bytes(built)


def _laid_out(
    version: int, shared: Mapping[int, int], lengths: Mapping[int, int], name: str, value: bytes
) -> bytearray:
    """Return the new beginning with a placeholder wherever it is to point into the old file."""
    builder = Builder(1024)
    builder.Prep(_ALIGNMENT, 0)
    builder.Prep(16, len(value))  # force_align of Buffer.data
    data = builder.CreateByteVector(value)
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, data, 0)
    buffer = builder.EndObject()
    text = builder.CreateString(name)
    builder.StartObject(2)
    builder.PrependUOffsetTRelativeSlot(_METADATA_NAME, text, 0)
    builder.PrependUint32Slot(1, lengths[_BUFFERS], 0)
    entry = builder.EndObject()
    vectors = {
        field: _vector(builder, lengths[field], last) for field, last in ((_BUFFERS, buffer), (_METADATA, entry))
    }
    builder.StartObject(_MODEL_FIELDS)
    builder.PrependUint32Slot(_VERSION, version, 0)
    for field, vector in vectors.items():
        builder.PrependUOffsetTRelativeSlot(field, vector, 0)
    for field in shared:
        builder.PrependUint32Slot(field, 1, 0)
    builder.Finish(builder.EndObject(), IDENTIFIER)
    return bytearray(builder.Output())


def _vector(builder: Builder, placeholders: int, last: int) -> int:
    builder.StartVector(4, placeholders + 1, 4)
    builder.PrependUOffsetTRelative(last)
    for _ in range(placeholders):
        builder.PrependUint32(0)
    return int(builder.EndVector())


def _absolute_offsets(model: Table) -> Iterator[int]:
    """Yield the positions of the numbers (uint64) that count from the start of the file."""
    for buffer in _elements(model, _BUFFERS):
        if place := _place(buffer, _BUFFER_OFFSET):
            yield place
    for graph in _elements(model, _SUBGRAPHS):
        for operator in _elements(graph, _SUBGRAPH_OPERATORS):
            if place := _place(operator, _OPERATOR_LARGE_OPTIONS_OFFSET):
                yield place


def _root(content: mmap.mmap | bytearray) -> Table:
    return Table(content, *struct.unpack_from("<I", content, 0))


def _place(table: Table, field: int) -> int:
    """Return the position of a field in the file, 0 if absent."""
    offset = table.Offset(4 + 2 * field)
    return int(table.Pos + offset) if offset else 0


def _elements(table: Table, field: int) -> list[Table]:
    """Return the tables of a vector."""
    place = _place(table, field)
    if not place:
        return []
    start, length = table.Vector(place - table.Pos), table.VectorLen(place - table.Pos)
    return [Table(table.Bytes, table.Indirect(start + 4 * index)) for index in range(length)]
