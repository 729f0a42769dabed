"""Which inputs of a graph are indices into a table, and how long the table is.

An index beyond its table makes TensorFlow fail and LiteRT read foreign memory; indices of 0 and 1 alone would leave
nearly all of an embedding unmeasured.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tflite_converter.core.tensors import TensorFacts

_PASSING: Final = frozenset(
    {"Cast", "Identity", "Reshape", "ExpandDims", "Squeeze", "StopGradient", "Transpose", "Snapshot", "EnsureShape"}
)
"""Operations whose result holds the values of their first input, in another shape or type."""
_READING: Final = frozenset({"ReadVariableOp", "Identity", "Cast", "StopGradient"})
"""Operations whose result has the shape of their first input."""


@dataclass(frozen=True)
class Value:
    """What is known of a tensor: which input's values it holds, or which shape it has."""

    input: str | None = None
    shape: tuple[int, ...] | None = None
    number: int | None = None
    """Its value, where it is a constant scalar."""


@dataclass(frozen=True)
class Operation:
    """A node of a graph or function: by what it reads."""

    op: str
    inputs: tuple[str, ...]
    """Names of nodes or arguments."""
    calls: tuple[str, ...] = ()
    constant: Value | None = None


@dataclass(frozen=True)
class Body:
    """A graph or function."""

    operations: Mapping[str, Operation]
    arguments: tuple[str, ...] = ()


@dataclass
class Search:
    """Follows inputs through the bodies of functions."""

    functions: Mapping[str, Body]
    found: dict[str, int] = field(default_factory=dict)
    _seen: set[tuple[str, tuple[Value, ...]]] = field(default_factory=set)

    def visit(self, body: Body, known: Mapping[str, Value]) -> None:
        """Take in the tables that a body looks up.

        Args:
            body: a graph or function.
            known: what is known of its arguments and placeholders.
        """
        for operation in body.operations.values():
            if operation.op in {"Gather", "GatherV2", "ResourceGather"} and len(operation.inputs) > 1:
                self._look_up(body, known, operation)
            elif operation.op == "OneHot":
                depth = _resolve(body, known, operation.inputs[1], _READING).number
                self._note(_resolve(body, known, operation.inputs[0], _PASSING).input, depth)
            for name in operation.calls:
                self._call(name, [_argument(body, known, argument) for argument in operation.inputs])

    def _call(self, name: str, values: Sequence[Value]) -> None:
        body = self.functions.get(name)
        if body is None or len(body.arguments) != len(values) or (name, tuple(values)) in self._seen:
            return
        self._seen.add((name, tuple(values)))
        if any(value.input is not None for value in values):
            self.visit(body, dict(zip(body.arguments, values, strict=True)))

    def _look_up(self, body: Body, known: Mapping[str, Value], operation: Operation) -> None:
        table = _resolve(body, known, operation.inputs[0], _READING).shape
        axis: int | None = 0
        if operation.op == "GatherV2" and len(operation.inputs) > 2:
            axis = _resolve(body, known, operation.inputs[2], _READING).number
        if table and axis is not None and -len(table) <= axis < len(table) and table[axis] > 0:
            self._note(_resolve(body, known, operation.inputs[1], _PASSING).input, table[axis])

    def _note(self, name: str | None, length: int | None) -> None:
        if name is not None and length is not None and length > 0:
            self.found[name] = min(length, self.found.get(name, length))


def _argument(body: Body, known: Mapping[str, Value], name: str) -> Value:
    passed = _resolve(body, known, name, _PASSING)
    return passed if passed.input is not None else _resolve(body, known, name, _READING)


def _resolve(body: Body, known: Mapping[str, Value], name: str, through: frozenset[str]) -> Value:
    """Go back from a tensor through operations of some kinds, to something known."""
    for _ in range(len(body.operations) + 1):
        if name in known:
            return known[name]
        operation = body.operations.get(name)
        if operation is None:
            break
        if operation.constant is not None:
            return operation.constant
        if operation.op not in through or not operation.inputs:
            break
        name = operation.inputs[0]
    return Value()


def of(function: Any, inputs: Sequence[TensorFacts]) -> dict[str, int]:  # noqa: ANN401 - TensorFlow has no types
    """Return for each input of a ConcreteFunction that indexes a table the table's length, by the input's name."""
    graph = function.graph.as_graph_def()
    known = dict(_placeholders(function, {tensor.name for tensor in inputs}))
    search = Search({item.signature.name: _function(item) for item in graph.library.function})
    search.visit(Body(dict(_operations(graph.node))), known)
    return search.found


def _placeholders(function: Any, names: set[str]) -> Iterator[tuple[str, Value]]:  # noqa: ANN401 - see above
    graph_inputs = function.graph.inputs
    captured = list(function.captured_inputs)
    given = graph_inputs[: len(graph_inputs) - len(captured)]
    for tensor, name in zip(given, function._arg_keywords, strict=False):  # noqa: SLF001 - no public way to the order
        if name in names:
            yield tensor.op.name, Value(input=name)
    for tensor, resource in zip(graph_inputs[len(given) :], captured, strict=True):
        shape = _resource_shape(resource)
        if shape is not None:
            yield tensor.op.name, Value(shape=shape)


def _resource_shape(tensor: Any) -> tuple[int, ...] | None:  # noqa: ANN401 - see above
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    if tensor.dtype != tf.resource:
        return tuple(tensor.shape.as_list()) if tensor.shape.is_fully_defined() else None
    data = getattr(tensor, "_handle_data", None)
    if data is None or not data.is_set or not data.shape_and_type:
        return None
    return tuple(int(dimension.size) for dimension in data.shape_and_type[0].shape.dim)


def _function(definition: Any) -> Body:  # noqa: ANN401 - see above
    arguments = tuple(argument.name for argument in definition.signature.input_arg)
    return Body(dict(_operations(definition.node_def)), arguments)


def _operations(nodes: Any) -> Iterator[tuple[str, Operation]]:  # noqa: ANN401 - see above
    for node in nodes:
        reads = tuple(name.partition(":")[0] for name in node.input if not name.startswith("^"))
        calls = tuple(value.func.name for value in node.attr.values() if value.HasField("func"))
        yield node.name, Operation(node.op, reads, calls, _constant(node) if node.op == "Const" else None)


def _constant(node: Any) -> Value:  # noqa: ANN401 - see above
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    proto = node.attr["value"].tensor
    shape = tuple(int(dimension.size) for dimension in proto.tensor_shape.dim)
    if shape == () and tf.dtypes.as_dtype(proto.dtype).is_integer:
        return Value(shape=shape, number=int(tf.make_ndarray(proto)))
    return Value(shape=shape)
