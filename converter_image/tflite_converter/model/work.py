"""How much a model has to compute: from the shapes in its graph, and so the same on every machine."""

import math
from collections.abc import Iterator
from typing import Any, Final

from tflite_converter.core.tensors import Work

_MOVING: Final = 2
"""Multiplications in whose time one number is read and written: memory is slower than a processor."""
_STEPS: Final = 32
"""Of a loop, whose number of steps its graph does not tell."""
_UNKNOWN_SIZE: Final = 32
"""In the place of flexible dimensions other than the first: as generated inputs have first."""
_OF_MATRICES: Final = frozenset({"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"})
_CONVOLVING: Final = frozenset({"Conv2D", "Conv3D"})
_CONVOLVING_BACK: Final = frozenset({"Conv2DBackpropInput", "Conv3DBackpropInputV2"})
_DEPTHWISE: Final = frozenset({"DepthwiseConv2dNative"})
_FREE: Final = frozenset({"Const", "Identity", "NoOp", "Placeholder", "ReadVariableOp", "Reshape", "VarHandleOp"})
"""What computes nothing, and copies nothing."""
_LOOPS: Final = frozenset({"While", "StatelessWhile"})


def of(function: Any) -> Work:  # noqa: ANN401 - TensorFlow has no types
    """Return about how much one run of a ConcreteFunction computes."""
    return _Counting(function.graph).of_graph(function.graph)


class _Counting:
    """Counts through the functions that a graph calls, each of them once."""

    def __init__(self, root: Any) -> None:  # noqa: ANN401 - see above
        self._root = root
        self._known: dict[str, Work] = {}

    def of_graph(self, graph: Any) -> Work:  # noqa: ANN401 - see above
        return sum((self._of_operation(operation) for operation in graph.get_operations()), Work())

    def _of_operation(self, operation: Any) -> Work:  # noqa: ANN401 - see above
        if called := list(_called(operation)):
            times = _STEPS if operation.type in _LOOPS else 1
            return sum((self._of_function(name, operation) for name in called), Work()) * times
        if operation.type in _FREE:
            return Work()
        given = sum(math.prod(_shape(output)) for output in operation.outputs)
        return Work(operations=1, multiplications=given * (_multiplied(operation) + _MOVING))

    def _of_function(self, name: str, caller: Any) -> Work:  # noqa: ANN401 - see above
        if name not in self._known:
            # What calls itself is counted once.
            self._known[name] = Work()
            # There is no public way to the functions of a graph.
            function = caller.graph._get_function(name) or self._root._get_function(name)  # noqa: SLF001 - see above
            body = _body(function) if function is not None else None
            if body is not None:
                self._known[name] = self.of_graph(body)
        return self._known[name]


def _body(function: Any) -> Any:  # noqa: ANN401 - see above
    """Return the graph of a function, which TensorFlow 1 keeps as a proto; None where it cannot be made."""
    from tensorflow.python.framework import function_def_to_graph  # noqa: PLC0415 - takes seconds

    if hasattr(function, "graph"):
        return function.graph
    try:
        return function_def_to_graph.function_def_to_graph(function.definition)
    except ValueError:
        # Old graphs break rules that came later. What is not counted is bounded by time.
        return None


def _called(operation: Any) -> Iterator[str]:  # noqa: ANN401 - see above
    for value in operation.node_def.attr.values():
        yield from (one.name for one in ([value.func] if value.HasField("func") else value.list.func))


def _multiplied(operation: Any) -> int:  # noqa: ANN401 - see above
    """Return how many numbers are multiplied and summed for each that an operation gives."""
    if operation.type in _OF_MATRICES:
        first = _shape(operation.inputs[0])
        is_transposed = any(operation.node_def.attr[name].b for name in ("transpose_a", "adj_x"))
        return first[-2 if is_transposed else -1] if len(first) > 1 else 1
    kernel = _shape(operation.inputs[1]) if operation.type in _CONVOLVING | _CONVOLVING_BACK | _DEPTHWISE else ()
    if operation.type in _CONVOLVING:
        return math.prod(kernel[:-1])
    # The last dimension of a transposed one's kernel is that of what it takes; its strides are of no account here.
    if operation.type in _CONVOLVING_BACK:
        return math.prod(kernel[:-2]) * kernel[-1] if len(kernel) > 1 else 1
    return math.prod(kernel[:-2])


def _shape(tensor: Any) -> tuple[int, ...]:  # noqa: ANN401 - see above
    if tensor.shape.rank is None:
        return ()
    sizes = tensor.shape.as_list()
    return tuple(size if size is not None else _UNKNOWN_SIZE if axis else 1 for axis, size in enumerate(sizes))
