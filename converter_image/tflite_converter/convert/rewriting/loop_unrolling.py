"""Loops over time steps written out, step after step: the calibrator follows no loop, but measures each step.

What Keras does with `unroll=True`, done to a model that was exported without. Lists of tensors, which such loops read
and write, become the tensors themselves: only where every index is known while tracing, and only in loops that are no
part of another.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

from tflite_api.text import one_line
from tflite_converter.convert.rewriting import loop_steps
from tflite_converter.convert.rewriting.loop_steps import MOST_STEPS, OF_FLEXIBLE_SHAPE, Loop, NotProven
from tflite_converter.core.tensors import SignatureFacts
from tflite_converter.model import operations
from tflite_converter.model.running import callables, runtime, tf2
from tflite_converter.quantize.quantization import LoopsNotMeasured

_LOOPS: Final = frozenset({"While", "StatelessWhile"})
_GOES_BACK: Final = frozenset({"NextIteration", "RefNextIteration"})
"""What only loops of TensorFlow 1 have: a graph with circles has no order in which it could be traced."""
_CALLS: Final = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_CONDITIONS: Final = frozenset({"If", "StatelessIf"})

Value = Any
"""A tensor of the graph being traced, or a list of them (a tensor list)."""


def unrolled(folder: Path, signatures: Sequence[SignatureFacts], most: int = MOST_STEPS) -> Path:
    """Return a folder with the same SavedModel without loops.

    Args:
        folder: a SavedModel with pinned signatures.
        signatures: these.
        most: how many steps a loop may have.

    Raises:
        LoopsNotMeasured: a loop is too long or too complicated; the message says why.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    target = folder.with_name(f"{folder.name}-unrolled")
    model = tf.saved_model.load(str(folder))
    try:
        functions = [_without_loops(model.signatures[facts.key], facts, most) for facts in signatures]
        tf2.save(functions, signatures, target, tf.Module())
    except LoopsNotMeasured:
        raise
    except runtime.out_of_memory():
        raise
    except Exception as error:
        # Graphs that are put together again fail in many ways, each with its own exception in TensorFlow.
        raise _refusal(f"TensorFlow gives up ({one_line(str(error), 300)})") from error
    return target


def _without_loops(function: Any, facts: SignatureFacts, most: int) -> Callable[..., dict[str, Value]]:  # noqa: ANN401 - untyped
    from tensorflow.python.framework import convert_to_constants  # noqa: PLC0415 - takes seconds

    if operations.assigns_state(callables.operations(function)):
        raise _refusal("the model keeps state, which would be lost")
    # This also puts the bodies of called functions in the place of their calls.
    frozen = convert_to_constants.convert_variables_to_constants_v2(function, lower_control_flow=False)
    graph = frozen.graph.as_graph_def()
    functions = _functions(graph)
    if any(node.op in _GOES_BACK for node in _all_nodes(graph)):
        raise _refusal("it is written as TensorFlow 1 wrote loops, with edges that lead back (NextIteration)")
    loops = {
        node.name: list(frozen.graph.get_operation_by_name(node.name).outputs)
        for node in graph.node
        if node.op in _LOOPS
    }
    inputs = dict(zip(tf2.input_names(function, facts), (tensor.op.name for tensor in frozen.inputs), strict=True))
    outputs = dict(zip(sorted(function.structured_outputs), (tensor.name for tensor in frozen.outputs), strict=True))

    def called(**given: Value) -> dict[str, Value]:
        body = _Body(graph.node, {inputs[name]: [value] for name, value in given.items()}, functions, loops, most)
        return {name: body.value(tensor) for name, tensor in outputs.items()}

    return called


def _all_nodes(graph: Any) -> Iterator[Any]:  # noqa: ANN401 - TensorFlow's protos have no types
    return chain(graph.node, *(function.node_def for function in graph.library.function))


def _functions(graph: Any) -> dict[str, Any]:  # noqa: ANN401 - TensorFlow's protos have no types
    return {function.signature.name: function for function in graph.library.function}


class _Body:
    """A graph or function in the course of being traced again, from its outputs back."""

    def __init__(
        self,
        nodes: Any,  # noqa: ANN401 - TensorFlow's protos have no types
        known: Mapping[str, Sequence[Value]],
        functions: Mapping[str, Any],
        loops: Mapping[str, Sequence[Value]],
        most: int,
    ) -> None:
        self._nodes = {node.name: node for node in nodes}
        self._known: dict[str, Sequence[Value]] = dict(known)
        self._functions = functions
        self._loops = loops
        self._most = most

    def value(self, tensor: str) -> Value:
        """Return a tensor by its name: `node`, `node:0`, or inside a function `node:output:0`."""
        name, *place = tensor.split(":")
        for pending in self._pending(name):
            self._known[pending.name] = self._trace(pending)
        return self._known[name][self._position(name, place)]

    def _position(self, name: str, place: Sequence[str]) -> int:
        if len(place) < 2:
            return int(place[0]) if place else 0
        # Inside a function an output is named by its argument in the operation's definition.
        node = self._nodes[name]
        before = 0
        for argument in _definition(node.op).output_arg:
            if argument.name == place[0]:
                return before + int(place[1])
            before += _length(argument, node)
        raise _refusal(f"{node.op} has no output {place[0]}")

    def _pending(self, name: str) -> Iterator[Any]:
        """Yield what a node waits for, and the node, in the order of a stack: loops make graphs too deep to recurse."""
        waiting = [name]
        while waiting:
            if waiting[-1] in self._known:
                waiting.pop()
                continue
            node = self._nodes[waiting[-1]]
            missing = [source for source in _sources(node) if source not in self._known]
            if missing:
                waiting.extend(missing)
            else:
                waiting.pop()
                yield node

    def _trace(self, node: Any) -> Sequence[Value]:  # noqa: ANN401 - TensorFlow's protos have no types
        inputs = [self.value(name) for name in node.input if not name.startswith("^")]
        if node.op in _LOOPS | _CALLS | _CONDITIONS:
            return self._entered(node, inputs)
        if node.op in _LISTS:
            return [_LISTS[node.op](*inputs)]
        if node.op == "Split":
            return _slices(inputs[1], _number(inputs[0]), int(node.attr["num_split"].i))
        if node.op == "ResourceGather":
            return [_looked_up(node, *inputs)]
        if any(isinstance(value, list) for value in inputs):
            if node.op != "Identity":
                raise _refusal(f"it hands a list of tensors to {node.op}")
            return inputs
        return _applied(node, inputs)

    def _entered(self, node: Any, inputs: list[Value]) -> Sequence[Value]:  # noqa: ANN401 - see above
        if node.op in _LOOPS:
            return self._written_out(node, inputs)
        if node.op in _CONDITIONS:
            return self._chosen(node, inputs)
        return self._call(node.attr["f"].func.name, inputs)

    def _written_out(self, node: Any, inputs: list[Value]) -> Sequence[Value]:  # noqa: ANN401 - see above
        if node.name not in self._loops:
            raise _refusal("it is part of another loop")
        values: Sequence[Value] = inputs
        for _ in range(self._steps(node, inputs)):
            values = self._call(node.attr["body"].func.name, values)
        return values

    def _steps(self, node: Any, inputs: list[Value]) -> int:  # noqa: ANN401 - see above
        """Return the number of steps of a loop, which must be the same whatever the model's inputs."""

        def trace(function: Any, arguments: Mapping[str, Sequence[Value]]) -> Callable[[str], Value]:  # noqa: ANN401 - see above
            return _Body(function.node_def, arguments, self._functions, {}, self._most).value

        try:
            # What it begins with was traced by now: shapes are known that the model's own graph leaves open.
            loop = Loop(node, inputs, self._loops[node.name], self._functions, trace, self._most)
            return loop_steps.count(loop)
        except NotProven as error:
            raise _refusal(f"{error} (loop {_shown(node.name)})", error.cure) from error

    def _chosen(self, node: Any, inputs: list[Value]) -> Sequence[Value]:  # noqa: ANN401 - see above
        """Take the side of a condition that is known by now, as one on the number of the step is."""
        from tensorflow.python.framework import smart_cond  # noqa: PLC0415 - takes seconds

        holds = smart_cond.smart_constant_value(inputs[0])
        if holds is None:
            raise LoopsNotMeasured(
                f"Only one side of a condition runs, so activations cannot be measured on both ({_shown(node.name)})",
                "compute both sides and choose with tf.where",
            )
        return self._call(node.attr["then_branch" if holds else "else_branch"].func.name, inputs[1:])

    def _call(self, name: str, inputs: Sequence[Value]) -> list[Value]:
        function = self._functions[name]
        arguments = {
            argument.name: [value] for argument, value in zip(function.signature.input_arg, inputs, strict=True)
        }
        body = _Body(function.node_def, arguments, self._functions, {}, self._most)
        return [body.value(function.ret[output.name]) for output in function.signature.output_arg]


def _shown(name: str) -> str:
    """Return a node's name as the model's author knows it: without the calls around it."""
    return re.sub(r"(Stateful)?PartitionedCall(_\d+)?/", "", name)


def _refusal(why: str, cure: str | None = None) -> LoopsNotMeasured:
    return LoopsNotMeasured(f"Activations inside a loop cannot be measured, and it cannot be written out: {why}", cure)


def _sources(node: Any) -> Iterator[str]:  # noqa: ANN401 - TensorFlow's protos have no types
    return (name.partition(":")[0] for name in node.input if not name.startswith("^"))


def _definition(op: str) -> Any:  # noqa: ANN401 - TensorFlow's protos have no types
    from tensorflow.python.framework import op_def_registry  # noqa: PLC0415 - takes seconds

    return op_def_registry.get(op)


def _length(argument: Any, node: Any) -> int:  # noqa: ANN401 - see above
    if argument.number_attr:
        return int(node.attr[argument.number_attr].i)
    return len(node.attr[argument.type_list_attr].list.type) if argument.type_list_attr else 1


def _applied(node: Any, inputs: Sequence[Value]) -> Sequence[Value]:  # noqa: ANN401 - see above
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    if any(value.HasField("func") for value in node.attr.values()):
        raise _refusal(f"it calls functions through {node.op}")
    graph = tf.compat.v1.get_default_graph()
    made = graph.create_op(node.op, list(inputs), name=node.op, attrs=dict(node.attr))
    return list(made.outputs)


def _looked_up(node: Any, table: Value, indices: Value) -> Value:  # noqa: ANN401 - TensorFlow's protos have no types
    """Look up in what was a variable: freezing puts constants in its place, but leaves this operation in loops."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    return tf.gather(table, indices, batch_dims=node.attr["batch_dims"].i)


def _slices(tensor: Value, axis: int, count: int) -> list[Value]:
    """Return the parts of a tensor one by one: the quantizer leaves SPLIT in floats where its parts differ in scale."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    shape = tensor.shape.as_list()
    size = [part // count if place == axis % len(shape) else part for place, part in enumerate(shape)]
    begins = (
        [number * size[place] if place == axis % len(shape) else 0 for place in range(len(shape))]
        for number in range(count)
    )
    return [tf.slice(tensor, begin, size) for begin in begins]


def _number(tensor: Any) -> int:  # noqa: ANN401 - TensorFlow has no types
    from tensorflow.python.framework import smart_cond  # noqa: PLC0415 - takes seconds

    value = smart_cond.smart_constant_value(tensor)
    if value is None:
        raise _refusal("the place it reads or writes is not known before it runs")
    return int(value)


def _from_tensor(tensor: Value, _: Value) -> list[Value]:
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    if tensor.shape.rank is None or tensor.shape[0] is None:
        raise _refusal(*OF_FLEXIBLE_SHAPE)
    return list(tf.unstack(tensor))


def _reserved(_: Value, length: Value) -> list[Value]:
    return [None] * _number(length)


def _with_item(items: list[Value], index: Value, item: Value) -> list[Value]:
    place = _number(index)
    return [*items[:place], item, *items[place + 1 :]]


def _stacked(items: list[Value], *_: Value) -> Value:
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    if any(item is None for item in items):
        raise _refusal("it leaves places of a list empty")
    return tf.stack(items)


_LISTS: Final[Mapping[str, Callable[..., Value]]] = {
    "TensorListFromTensor": _from_tensor,
    "TensorListReserve": _reserved,
    "TensorListSetItem": _with_item,
    "TensorListGetItem": lambda items, index, _: items[_number(index)],
    "TensorListStack": _stacked,
}
"""Operations on lists of tensors (tensorflow/core/ops/list_ops.cc), done while tracing."""
