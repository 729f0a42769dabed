"""A .tflite file whose graph gives more of its tensors as outputs, so that LiteRT keeps them until the end of a run."""

import mmap
import struct
from collections.abc import Sequence
from typing import Final

_OUTPUTS_FIELD: Final = 8
"""Where a graph's table says that its outputs are: of its fields the third (table SubGraph in schema.fbs)."""
_LARGEST: Final = 2**31 - 1
"""Of a flatbuffer, whose offsets have 31 bits (https://flatbuffers.dev/internals)."""


def with_outputs(content: bytes | mmap.mmap, graph: int, tensors: Sequence[int]) -> bytes:
    """Return the file with the tensors of these indices as further outputs of a graph.

    What its signatures give stays as it is: they name their outputs themselves.

    Raises:
        ValueError: the graph has no outputs, or the file is too large.
    """
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    table = schema.Model.GetRootAs(content, 0).Subgraphs(graph)
    before = [int(table.Outputs(position)) for position in range(table.OutputsLength())]
    found = table._tab.Offset(_OUTPUTS_FIELD)  # noqa: SLF001 - where the field is, the generated code does not say
    if not found:
        raise ValueError(f"graph {graph} has no outputs")
    outputs = list(dict.fromkeys((*before, *tensors)))
    # Offsets lead forwards, so the longer list goes to the end of the file.
    field, end = table._tab.Pos + found, len(content)  # noqa: SLF001 - see above
    start = end + -end % 4
    if start + 4 * len(outputs) > _LARGEST:
        raise ValueError("the file is too large to be given more outputs")
    parts = (
        memoryview(content)[:field],
        struct.pack("<I", start - field),
        memoryview(content)[field + 4 :],
        b"\0" * (start - end),
        struct.pack(f"<I{len(outputs)}i", len(outputs), *outputs),
    )
    return b"".join(parts)
