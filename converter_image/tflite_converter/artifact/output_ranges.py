"""How large an artifact's outputs can be, where the operator that gives them has a bound."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tflite_converter.artifact.flatbuffer import operator_names

_BOUNDED: Final = {"LOGISTIC": 1.0, "SOFTMAX": 1.0, "TANH": 1.0}
_PASSING: Final = frozenset(
    {
        *("QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "CAST"),
        *("REDUCE_MAX", "MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN", "GATHER", "GATHER_ND", "TILE", "SPLIT"),
    }
)
"""Operators whose result is no larger than their values: what they read first, unless `_VALUES` says otherwise."""
_VALUES: Final = {"SPLIT": 1}
_JOINING: Final = frozenset({"CONCATENATION", "PACK"})
_DEEPEST: Final = 64


def of(content: bytes) -> dict[str, dict[str, float]]:
    """Return the bounds by signature and output, for those that have one."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    model = schema.Model.GetRootAs(content, 0)
    names = operator_names(model)
    found = {}
    for index in range(model.SignatureDefsLength()):
        definition = model.SignatureDefs(index)
        makers = dict(_makers(model.Subgraphs(definition.SubgraphIndex()), names))
        entries = (definition.Outputs(position) for position in range(definition.OutputsLength()))
        bounds = {entry.Name().decode(): _bound(makers, entry.TensorIndex(), 0) for entry in entries}
        found[definition.SignatureKey().decode()] = {name: bound for name, bound in bounds.items() if bound is not None}
    return found


def _makers(graph: Any, names: list[str]) -> Iterator[tuple[int, tuple[str, tuple[int, ...]]]]:  # noqa: ANN401 - generated without types
    """Return for each tensor that is computed the operator that gives it, and what that reads."""
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        read = tuple(operator.Inputs(position) for position in range(operator.InputsLength()))
        for position in range(operator.OutputsLength()):
            yield operator.Outputs(position), (names[operator.OpcodeIndex()], read)


def _bound(makers: Mapping[int, tuple[str, tuple[int, ...]]], tensor: int, depth: int) -> float | None:
    maker, read = makers.get(tensor, ("", ()))
    if maker in _BOUNDED:
        return _BOUNDED[maker]
    if depth == _DEEPEST or not read:
        return None
    if maker in _PASSING:
        return _bound(makers, read[_VALUES.get(maker, 0)], depth + 1)
    if maker in _JOINING:
        bounds = [_bound(makers, each, depth + 1) for each in read]
        known = [bound for bound in bounds if bound is not None]
        return max(known) if len(known) == len(bounds) else None
    return None
