"""What a graph does with each of its inputs: found by going back from every operation to what it reads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from tflite_converter.core.tensors import Array
from tflite_converter.model.inputs.graph import Body, Graph, Operation, Value

_PASSING: Final = frozenset(
    {
        *("Cast", "Identity", "Reshape", "ExpandDims", "Squeeze", "StopGradient", "Transpose", "Snapshot"),
        *("EnsureShape", "StridedSlice", "Slice", "Tile", "BroadcastTo", "Minimum", "Maximum", "ClipByValue"),
        *("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea", "CropAndResize"),
        *("Pad", "PadV2", "MirrorPad", "ReverseV2", "Unpack", "Split", "SplitV"),
    }
)
"""Operations whose result holds values of their first input, but for `_PLACES`, in another shape or type."""
_PLACES: Final = {"Split": 1, "Fill": 1}
"""Where an operation reads the values that it passes on, if not first."""
_FILLING: Final = {"ZerosLike": 0.0, "OnesLike": 1.0}
_REPEATING: Final = frozenset({"Fill", "BroadcastTo", "Tile"})
_READING: Final = frozenset({"ReadVariableOp", "Identity", "Cast", "StopGradient"})
"""Operations whose result has the shape of their first input."""
_LOOKING_UP: Final = frozenset({"Gather", "GatherV2", "ResourceGather"})
_ADDING: Final = frozenset({"Add", "AddV2", "BiasAdd", "Sub"})
_MULTIPLYING: Final = frozenset({"Mul", "RealDiv", "Div", "DivNoNan"})
_COMPARING: Final = frozenset({"Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual"})
_LIMITING: Final = frozenset({"Minimum", "ClipByValue", "LessEqual"})
_BLIND: Final = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike", "NoOp"})
"""Operations that look at no value of what they read."""
_COUNTING: Final = frozenset({"Sum", "Mean", "Max", "Min", "Prod"})
"""Operations that a mask goes through as well."""
_OF_MATRICES: Final = frozenset({"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"})
"""Operations that a mask is multiplied in as well: what it leaves is summed there."""
_CONVOLVING: Final = frozenset({"Conv2D", "DepthwiseConv2dNative"})
_REPLACING: Final = frozenset({"TensorScatterUpdate", "ScatterUpdate", "ResourceScatterUpdate"})
"""Operations of which nobody can say what they give where two places are the same."""
_DIVIDING: Final = frozenset({"FloorDiv", "FloorMod", "TruncateDiv", "TruncateMod", "Mod", "Div", "RealDiv"})
_FOLDED: Final[Mapping[str, Callable[..., Array]]] = {
    "Sqrt": np.sqrt,
    "Rsqrt": lambda x: 1 / np.sqrt(x),
    "Square": np.square,
    "Neg": np.negative,
    "Reciprocal": np.reciprocal,
    "Inv": np.reciprocal,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
    "Add": np.add,
    "AddV2": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "RealDiv": np.divide,
    "Div": np.divide,
}
"""What is computed from constants is one: a deviation is often the root of a variance."""
_UNFOLDED: Final = frozenset({"Exp", "Log", "Sin", "Cos", "Pow", "Tanh", "Sigmoid", "Softmax", "Range", "LinSpace"})
"""What is computed from constants is one here as well, of whatever values: the frequencies of a step in time are."""
_LARGEST_BYTE: Final = 255
_DEEPEST: Final = 32
_VARIABLES: Final = frozenset({"VarHandleOp", "Variable", "VariableV2"})


@dataclass(frozen=True, eq=False)
class Affine:
    """The graph computes `scale * input + shift`."""

    scale: Array | float
    shift: Array | float
    steps: int = 1
    """In how many operations."""


@dataclass
class Uses:
    """What is done with an input's values as they are, but for `affine`."""

    tables: list[tuple[int, int]] = field(default_factory=list)
    """For each table in which they are places: the first of them, and how many there are."""
    affine: list[Affine] = field(default_factory=list)
    compared: bool = False
    """Whether they are compared with 0 or 1, or cast to true and false."""
    complemented: bool = False
    """Whether they are subtracted from 1."""
    multiplied: bool = False
    """Whether something that is computed is multiplied with them."""
    replaced: bool = False
    """Whether they are places at which something is replaced."""
    divides: bool = False
    """Whether something is divided by them."""
    limited: bool = False
    """Whether they are compared with 255, or kept below."""
    convolved: bool = False
    """Whether they are convolved as they are."""
    otherwise: bool = False
    """Whether they are used in another way."""


def of(graph: Graph) -> dict[str, Uses]:
    """Return what is done with each input."""
    search = _Search(graph.functions)
    search.visit(_Scope(search, graph.main, graph.known, 0))
    return search.found


class _Search:
    """Follows inputs through the bodies of functions."""

    def __init__(self, functions: Mapping[str, Body]) -> None:
        self.functions = functions
        self.found: dict[str, Uses] = {}
        self._seen: set[tuple[str, tuple[object, ...]]] = set()

    def uses(self, value: Value) -> Uses:
        return self.found.setdefault(value.input or "", Uses())

    def visit(self, scope: "_Scope") -> None:
        for operation in scope.body.operations.values():
            read = [scope.value(name) for name in operation.inputs]
            if any(value.input is not None for value in read):
                self._take_second(operation.op, read)
                self._take(operation, read)
            for name in operation.calls:
                inner = scope.inside(name, read)
                key = (name, tuple(value.key for value in read))
                if inner is not None and key not in self._seen and any(value.input is not None for value in read):
                    self._seen.add(key)
                    self.visit(inner)

    def _take_second(self, op: str, read: Sequence[Value]) -> None:
        if len(read) > 1 and read[1].is_untouched:
            uses = self.uses(read[1])
            uses.divides |= op in _DIVIDING
            uses.replaced |= op in _REPLACING

    def _take(self, operation: Operation, read: Sequence[Value]) -> None:
        op = operation.op
        if op in _LOOKING_UP and len(read) > 1 and read[1].input is not None:
            self._look_up(read)
        elif op == "OneHot" and read[0].input is not None:
            self._note(read[0], read[1].number)
        elif op in _COMPARING or op in _LIMITING:
            self._compare(op, read)
        elif op in _ADDING or op in _MULTIPLYING:
            self._compute(op, read)
        elif op in _OF_MATRICES:
            for value in (each for each in read if each.is_untouched):
                self._multiply(value, masks=any(_is_computed(other, value) for other in read))
        elif operation.gives_truth:
            self.uses(read[0]).compared |= read[0].is_untouched
        elif not (op in _PASSING or op in _BLIND or op in _COUNTING or operation.calls or op == "Pack"):
            self._other(op, read)

    def _other(self, op: str, read: Sequence[Value]) -> None:
        for value in read:
            if value.is_untouched:
                self.uses(value).otherwise = True
                self.uses(value).convolved |= op in _CONVOLVING

    def _multiply(self, value: Value, *, masks: bool) -> None:
        self.uses(value).multiplied |= masks
        self.uses(value).otherwise |= not masks

    def _look_up(self, read: Sequence[Value]) -> None:
        table, axis = read[0].shape, 0.0 if len(read) < 3 else read[2].number
        if table and axis is not None and -len(table) <= axis < len(table):
            self._note(read[1], table[int(axis)])

    def _note(self, places: Value, length: float | None) -> None:
        if length is None or length <= 0 or np.ndim(places.shift) or not np.all(np.asarray(places.scale) == 1):
            return
        before = round(-float(places.shift))
        first = max(before, 0)
        if before + int(length) > first:
            self.uses(places).tables.append((first, before + int(length) - first))

    def _compare(self, op: str, read: Sequence[Value]) -> None:
        for value, others in zip(read, ([*read[:at], *read[at + 1 :]] for at in range(len(read))), strict=True):
            if value.is_untouched:
                numbers = {other.number for other in others}
                self.uses(value).limited |= _LARGEST_BYTE in numbers
                if op in _COMPARING:
                    self.uses(value).compared |= bool(numbers & {0.0, 0.5, 1.0})
                    self.uses(value).otherwise |= None in numbers

    def _compute(self, op: str, read: Sequence[Value]) -> None:
        result = _affine(op, read)
        if result is None:
            for value in (each for each in read if each.is_untouched):
                # Neither a number times itself nor one times a weight is masking.
                self._multiply(value, masks=op == "Mul" and any(_is_computed(other, value) for other in read))
            return
        uses = self.uses(result)
        complement = result.steps == 1 and bool(np.all(np.asarray(result.scale) == -1)) and np.all(result.shift == 1)
        uses.complemented |= bool(complement)
        if not complement:
            uses.affine.append(Affine(result.scale, result.shift, result.steps))


class _Scope:
    """A body, with what is known of its arguments."""

    def __init__(self, search: _Search, body: Body, known: Mapping[str, Value], depth: int) -> None:
        self._search = search
        self.body = body
        self._depth = depth
        self._values = dict(known)

    def inside(self, name: str, read: Sequence[Value]) -> "_Scope | None":
        body = self._search.functions.get(name)
        if body is None or len(body.arguments) != len(read) or self._depth == _DEEPEST:
            return None
        return _Scope(self._search, body, dict(zip(body.arguments, read, strict=True)), self._depth + 1)

    def value(self, name: str) -> Value:
        """Return what is known of a tensor: goes back iteratively, as graphs are deeper than Python's stack."""
        waiting = [name]
        while waiting:
            at = waiting[-1]
            operation = self.body.operations.get(at)
            needed = [] if operation is None or at in self._values else self._needed(operation)
            missing = [other for other in needed if other not in self._values and other not in waiting]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            if at not in self._values:
                self._values[at] = self._computed(operation) if operation is not None else Value()
        return self._values[name]

    @staticmethod
    def _needed(operation: Operation) -> Sequence[str]:
        op = operation.op
        if op in _ADDING or op in _MULTIPLYING or op in _FOLDED or op in _UNFOLDED or operation.calls:
            return operation.inputs
        place = _PLACES.get(op, 0)
        return operation.inputs[place : place + 1] if op in _PASSING or op in _READING or op in _PLACES else ()

    def _computed(self, operation: Operation) -> Value:
        op = operation.op
        if operation.constant is not None:
            return operation.constant
        read = [self._values.get(name, Value()) for name in self._needed(operation)]
        if operation.calls:
            return self._returned(operation, read)
        if op in _FILLING or (read and all(value.is_weight for value in read)):
            return _of_weights(op, read)
        if op in _ADDING or op in _MULTIPLYING:
            return _affine(op, read) or Value()
        if not read or operation.gives_truth or op in _UNFOLDED:
            return Value(is_weight=op in _VARIABLES)
        return _passed(op, read)

    def _returned(self, operation: Operation, read: Sequence[Value]) -> Value:
        inner = self.inside(operation.calls[0], read) if len(operation.calls) == 1 else None
        if inner is None or len(inner.body.returned) != 1 or all(value.input is None for value in read):
            return Value()
        return inner.value(inner.body.returned[0])


def _of_weights(op: str, read: Sequence[Value]) -> Value:
    """Return what an operation makes of constants or weights."""
    if op in _FILLING:
        return Value(is_weight=True, constant=np.asarray(_FILLING[op]))
    if op in _READING or (op in _REPEATING and read[0].number is not None):
        return read[0]
    constants = [value.constant for value in read if value.constant is not None]
    if op not in _FOLDED or len(constants) < len(read):
        return Value(is_weight=True)
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(_FOLDED[op](*constants))
    except (TypeError, ValueError):
        # The graph is untrusted: what it declares need not fit.
        return Value(is_weight=True)
    return Value(is_weight=True, shape=found.shape, constant=found)


def _passed(op: str, read: Sequence[Value]) -> Value:
    """Return what is left of values that an operation passes on."""
    if op in _READING:
        return read[0]
    # Of two that are compared for the larger one, the other may be a constant.
    value = next((each for each in read if each.input is not None), read[0])
    return replace(value, shape=None, constant=None, is_weight=False)


def _is_computed(value: Value, mask: Value) -> bool:
    return value.input != mask.input and not value.is_weight


def _affine(op: str, read: Sequence[Value]) -> Value | None:
    """Return what an operation makes of an input's values with a constant; None where that is nothing of the kind."""
    if len(read) != 2:
        return None
    first, second = read
    if first.input is not None and second.constant is not None:
        value, constant, turned = first, second.constant, False
    elif second.input is not None and first.constant is not None:
        value, constant, turned = second, first.constant, True
    else:
        return None
    if op in _MULTIPLYING:
        if op != "Mul" and (turned or not np.all(constant)):
            return None
        factor = constant if op == "Mul" else 1 / constant
        return _step(value, factor, 0.0)
    if op != "Sub":
        return _step(value, 1.0, constant)
    return _step(value, -1.0, constant) if turned else _step(value, 1.0, -constant)


def _step(value: Value, factor: Array | float, addend: Array | float) -> Value:
    try:
        scale, shift = value.scale * factor, value.shift * factor + addend
    except ValueError:
        # Constants for places that do not fit each other belong to slices.
        return Value()
    return replace(value, scale=scale, shift=shift, steps=value.steps + 1, shape=None)
