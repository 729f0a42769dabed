"""Room above what calibration saw: with 16 bits there is some, and what is beyond a range is cut off.

Ranges are those of the largest numbers in the samples, and other inputs have larger ones: of 40 samples of a sum of six
normal numbers most sets of another 40 have some. With twice the range these have their value, and the others one bit
less of their sixteen, where weights have eight.
"""

from typing import Any, Final

import numpy as np

from tflite_converter.artifact import flatbuffer

_FACTOR: Final = 2.0
_BY_TABLES: Final = frozenset({"EXP", "LOG", "RSQRT"})
"""Operators whose kernels of 16 bits look up 513 values of a whole range. What they give differs by orders of
magnitude, and the least of it counts as well: a normalized picture measured 26 dB, and with room there 13 dB."""


def given(calibrated: bytes) -> bytes:
    """Return a float file whose activations may be twice as large as those that were measured."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    changed = bytearray(calibrated)
    model = schema.Model.GetRootAs(changed, 0)
    names = flatbuffer.operator_names(model)
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        operators = map(graph.Operators, range(graph.OperatorsLength()))
        tables = (operator for operator in operators if names[operator.OpcodeIndex()] in _BY_TABLES)
        kept = {number for operator in tables for number in (operator.Inputs(0), operator.Outputs(0))}
        for number in set(range(graph.TensorsLength())) - kept:
            _widen(graph.Tensors(number).Quantization())
    return bytes(changed)


def _widen(ranges: Any) -> None:  # noqa: ANN401 - generated without types
    if ranges is not None and ranges.MinLength():
        # Views of the file.
        ranges.MinAsNumpy()[:] *= np.float32(_FACTOR)
        ranges.MaxAsNumpy()[:] *= np.float32(_FACTOR)
