"""Room above what calibration saw: with 16 bits there is some, and what is beyond a range is cut off.

Ranges are those of the largest numbers in the samples, and other inputs have larger ones: of 40 samples of a sum of six
normal numbers most sets of another 40 have some. With twice the range these have their value, and the others one bit
less of their sixteen, where weights have eight.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from tflite_converter.artifact import flatbuffer

_FACTOR: Final = 2.0
_BY_TABLES: Final = frozenset({"EXP", "LOG", "RSQRT"})
"""Operators whose kernels of 16 bits look up 513 values of a whole range. What they give differs by orders of
magnitude, and the least of it counts as well: a normalized picture measured 26 dB, and with room there 13 dB."""
_OF_ONE_SCALE: Final = frozenset({"LOGISTIC", "TANH"})
"""Operators whose results have the scale 1/32768 in 16 bits, whatever range was measured."""
_ONE: Final = 32767 / 32768
"""The range that the quantizer makes that scale of."""


def given(calibrated: bytes) -> bytes:
    """Return a float file whose activations may be twice as large as those that were measured.

    What is read of a variable gets the range of what is written into it: a variable keeps integers, and no scale.
    """
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    changed = bytearray(calibrated)
    model = schema.Model.GetRootAs(changed, 0)
    names = flatbuffer.operator_names(model)
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        kept = set(_looked_up(graph, names))
        for number in set(range(graph.TensorsLength())) - kept:
            for bound in _bounds(graph.Tensors(number)):
                # Masks of the largest float have no room above them.
                wide = bound.astype(np.float64) * _FACTOR
                bound[:] = np.where(np.abs(wide) <= np.finfo(np.float32).max, wide, bound)
    _share_ranges(model, names)
    return bytes(changed)


def _looked_up(graph: Any, names: Sequence[str]) -> Iterator[int]:  # noqa: ANN401 - generated without types
    for operator in map(graph.Operators, range(graph.OperatorsLength())):
        if names[operator.OpcodeIndex()] in _BY_TABLES:
            yield operator.Inputs(0)
            yield operator.Outputs(0)


def _bounds(tensor: Any) -> tuple[Any, ...]:  # noqa: ANN401 - see above
    """Return the lower and the upper end of a tensor's range, as views of the file; nothing where it has none."""
    ranges = tensor.Quantization()
    return (ranges.MinAsNumpy(), ranges.MaxAsNumpy()) if ranges is not None and ranges.MinLength() else ()


def _share_ranges(model: Any, names: list[str]) -> None:  # noqa: ANN401 - see above
    """Give all that goes into a variable and comes out of it one range."""
    of_variables = dict[str, list[Any]]()
    of_one_scale = set[str]()
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        operators = list(map(graph.Operators, range(graph.OperatorsLength())))
        made_by = {one.Outputs(0): names[one.OpcodeIndex()] for one in operators if one.OutputsLength()}
        variables = {one.Outputs(0): _variable(one) for one in operators if names[one.OpcodeIndex()] == "VAR_HANDLE"}
        for one in operators:
            name = names[one.OpcodeIndex()]
            if name in {"ASSIGN_VARIABLE", "READ_VARIABLE"} and one.Inputs(0) in variables:
                number = one.Inputs(1) if name == "ASSIGN_VARIABLE" else one.Outputs(0)
                of_variables.setdefault(variables[one.Inputs(0)], []).append(_bounds(graph.Tensors(number)))
                if made_by.get(number) in _OF_ONE_SCALE:
                    of_one_scale.add(variables[one.Inputs(0)])
    for variable, found in of_variables.items():
        measured = [bounds for bounds in found if bounds]
        most = _ONE if variable in of_one_scale else max((float(np.abs(each).max()) for each in measured), default=0.0)
        for lower, upper in measured:
            lower[:], upper[:] = -most, most


def _variable(operator: Any) -> str:  # noqa: ANN401 - see above
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    options, table = schema.VarHandleOptions(), operator.BuiltinOptions()
    options.Init(table.Bytes, table.Pos)
    return (options.SharedName() or b"").decode()
