"""What an artifact's operators say of its outputs: how large they can be, and whether they are places."""

import math
import mmap
from collections.abc import Callable, Iterable, Iterator, Mapping
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
_COMBINING: Final[Mapping[str, Callable[[Iterable[float]], float]]] = {
    "CONCATENATION": max,
    "PACK": max,
    "MUL": math.prod,
}
"""Of what has a bound, so has the product: a detector's score is one of probabilities."""
_CHOOSING: Final = frozenset({"ARG_MAX", "ARG_MIN", "TOPK_V2", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"})
_DEEPEST: Final = 64


def choosing(content: bytes | mmap.mmap) -> tuple[str, ...]:
    """Return the operators that give the place of the largest: of two that are nearly the same, the other may win."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    return tuple(sorted(_CHOOSING & set(operator_names(schema.Model.GetRootAs(content, 0)))))


def of(content: bytes | mmap.mmap) -> dict[str, dict[str, float]]:
    """Return the bounds by signature and output, for those that have one."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    model = schema.Model.GetRootAs(content, 0)
    names = operator_names(model)
    found = {}
    for index in range(model.SignatureDefsLength()):
        definition = model.SignatureDefs(index)
        bounds = _Bounds(dict(_makers(model.Subgraphs(definition.SubgraphIndex()), names)))
        entries = (definition.Outputs(position) for position in range(definition.OutputsLength()))
        by_name = {entry.Name().decode(): bounds.of(entry.TensorIndex()) for entry in entries}
        found[definition.SignatureKey().decode()] = {
            name: bound for name, bound in by_name.items() if bound is not None
        }
    return found


def _makers(graph: Any, names: list[str]) -> Iterator[tuple[int, tuple[str, tuple[int, ...]]]]:  # noqa: ANN401 - generated without types
    """Return for each tensor that is computed the operator that gives it, and what that reads."""
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        read = tuple(operator.Inputs(position) for position in range(operator.InputsLength()))
        for position in range(operator.OutputsLength()):
            yield operator.Outputs(position), (names[operator.OpcodeIndex()], read)


class _Bounds:
    """The bounds of a graph's tensors, each found once."""

    def __init__(self, makers: Mapping[int, tuple[str, tuple[int, ...]]]) -> None:
        self._makers = makers
        self._found: dict[int, float | None] = {}

    def of(self, tensor: int, depth: int = 0) -> float | None:
        if tensor not in self._found and depth < _DEEPEST:
            # A graph that reads what it gives has no bound.
            self._found[tensor] = None
            self._found[tensor] = self._bound(tensor, depth + 1)
        return self._found.get(tensor)

    def _bound(self, tensor: int, depth: int) -> float | None:
        maker, read = self._makers.get(tensor, ("", ()))
        if maker in _BOUNDED:
            return _BOUNDED[maker]
        if maker in _PASSING:
            place = _VALUES.get(maker, 0)
            return self.of(read[place], depth) if place < len(read) else None
        if maker not in _COMBINING:
            return None
        bounds = [self.of(each, depth) for each in read]
        known = [bound for bound in bounds if bound is not None]
        return _COMBINING[maker](known) if known and len(known) == len(bounds) else None
