"""A ConcreteFunction's graph as plain data: operations by what they read, and what is known of its arguments."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tflite_converter.core.tensors import Array

_LARGEST_CONSTANT: Final = 4096
"""Values of a constant that is looked at; larger ones are weights."""


@dataclass(frozen=True, eq=False)
class Value:
    """What is known of a tensor."""

    input: str | None = None
    """The input whose values it holds, but for `scale` and `shift`."""
    scale: Array | float = 1.0
    shift: Array | float = 0.0
    steps: int = 0
    """How many operations scaled and shifted them."""
    is_weight: bool = False
    """Whether it is the same for all inputs."""
    shape: tuple[int, ...] | None = None
    constant: Array | None = None
    """Its values, where it is a small constant number or row of numbers."""

    @property
    def number(self) -> float | None:
        """Its value, where it is a constant that is the same everywhere."""
        if self.constant is None or self.constant.size == 0 or np.ptp(self.constant) != 0:
            return None
        return float(self.constant.flat[0])

    @property
    def is_untouched(self) -> bool:
        """Return whether it holds an input's values as they are."""
        return self.input is not None and self.steps == 0

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from others."""
        arrays = (np.asarray(each).tobytes() for each in (self.scale, self.shift))
        return (self.input, self.shape, *arrays, None if self.constant is None else self.constant.tobytes())


@dataclass(frozen=True)
class Operation:
    """A node of a graph or function: by what it reads."""

    op: str
    inputs: tuple[str, ...]
    """Names of nodes or arguments."""
    calls: tuple[str, ...] = ()
    constant: Value | None = None
    gives_truth: bool = False
    """Whether it is a cast to true and false."""


@dataclass(frozen=True)
class Body:
    """A graph or function."""

    operations: Mapping[str, Operation]
    arguments: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    """Names of the nodes that it returns."""


@dataclass(frozen=True)
class Graph:
    """A signature's graph."""

    main: Body
    functions: Mapping[str, Body]
    known: Mapping[str, Value]
    """By the names of its placeholders."""


def of(function: Any, names: frozenset[str]) -> Graph:  # noqa: ANN401 - TensorFlow has no types
    """Return the graph of a ConcreteFunction.

    Args:
        function: the signature.
        names: its inputs.
    """
    graph = function.graph.as_graph_def()
    functions = {item.signature.name: _function(item) for item in graph.library.function}
    return Graph(Body(dict(_operations(graph.node))), functions, dict(_placeholders(function, names)))


def _placeholders(function: Any, names: frozenset[str]) -> Iterator[tuple[str, Value]]:  # noqa: ANN401 - see above
    graph_inputs = function.graph.inputs
    captured = list(function.captured_inputs)
    given = graph_inputs[: len(graph_inputs) - len(captured)]
    for tensor, name in zip(given, function._arg_keywords, strict=False):  # noqa: SLF001 - no public way to the order
        if name in names:
            yield tensor.op.name, Value(input=name)
    for tensor, resource in zip(graph_inputs[len(given) :], captured, strict=True):
        yield tensor.op.name, _captured(resource)


def _captured(tensor: Any) -> Value:  # noqa: ANN401 - see above
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    if tensor.dtype != tf.resource:
        shape = tuple(tensor.shape.as_list()) if tensor.shape.is_fully_defined() else None
        small = shape is not None and int(np.prod(shape)) <= _LARGEST_CONSTANT and hasattr(tensor, "numpy")
        return Value(is_weight=True, shape=shape, constant=_numbers(tensor.numpy()) if small else None)
    data = getattr(tensor, "_handle_data", None)
    if data is None or not data.is_set or not data.shape_and_type:
        return Value(is_weight=True)
    shape = tuple(int(dimension.size) for dimension in data.shape_and_type[0].shape.dim)
    return Value(is_weight=True, shape=shape)


def _numbers(array: Any) -> Array | None:  # noqa: ANN401 - see above
    values = np.asarray(array)
    return values.astype(np.float64) if values.dtype.kind in "fiu" else None


def _function(definition: Any) -> Body:  # noqa: ANN401 - see above
    arguments = tuple(argument.name for argument in definition.signature.input_arg)
    returned = tuple(definition.ret[argument.name].partition(":")[0] for argument in definition.signature.output_arg)
    return Body(dict(_operations(definition.node_def)), arguments, returned)


def _operations(nodes: Any) -> Iterator[tuple[str, Operation]]:  # noqa: ANN401 - see above
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    for node in nodes:
        reads = tuple(name.partition(":")[0] for name in node.input if not name.startswith("^"))
        calls = tuple(value.func.name for value in node.attr.values() if value.HasField("func"))
        constant = _constant(node) if node.op == "Const" else None
        gives_truth = node.op == "Cast" and node.attr["DstT"].type == tf.bool.as_datatype_enum
        yield node.name, Operation(node.op, reads, calls, constant, gives_truth)


def _constant(node: Any) -> Value:  # noqa: ANN401 - see above
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    proto = node.attr["value"].tensor
    shape = tuple(int(dimension.size) for dimension in proto.tensor_shape.dim)
    kind = tf.dtypes.as_dtype(proto.dtype)
    if int(np.prod(shape)) <= _LARGEST_CONSTANT and (kind.is_integer or kind.is_floating):
        return Value(is_weight=True, shape=shape, constant=_numbers(tf.make_ndarray(proto)))
    return Value(is_weight=True, shape=shape)
