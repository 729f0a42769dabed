"""How many steps a loop has, where that is the same for all inputs: proven from its graph, nothing of the model runs.

What decides whether a loop goes on must come from constants and shapes alone, through loop variables that themselves
come from nothing else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MOST_STEPS: Final = 512
"""Every step adds its operators to the file: 336 steps of a small LSTM make 2 MB and 7 s (own measurement)."""
OF_FLEXIBLE_SHAPE: Final = (
    "its number of steps depends on the shape of an input",
    "pin that shape in signature.inputs",
)
"""Why a loop is not written out, and what can be done about it."""
_OF_VALUES: Final = "its number of steps depends on the values that it is given or computes"
_OF_SHAPE: Final = frozenset({"Shape", "Size", "Rank"})
"""Operations that look at no value of their first input."""

_KEEPING: Final = frozenset(
    {
        *("Identity", "Cast", "StopGradient", "BiasAdd", "MatMul", "BatchMatMulV2", "AddV2", "Sub", "Mul", "RealDiv"),
        *("Relu", "Relu6", "Elu", "Selu", "LeakyRelu", "Tanh", "Sigmoid", "Softmax", "Neg", "Abs", "Square", "Sqrt"),
    }
)
"""Operations whose result has a fixed shape where their inputs have."""

_STATELESS: Final = frozenset({"StatefulPartitionedCall", "ResourceGather"})
"""Operations that only are called stateful here: a call for what it may call, a look-up for the variable that freezing
has put a constant in the place of."""

Value = Any
"""A tensor."""
Trace = Callable[[Any, Mapping[str, Sequence[Value]]], Callable[[str], Value]]
"""Takes a function's definition and what is known of its arguments, and returns what gives its tensors by name."""


class NotProven(Exception):  # noqa: N818 - an outcome: the loop may be what it likes
    """A loop's number of steps may differ from input to input, or is too large; the message says why."""

    def __init__(self, why: str, cure: str | None = None) -> None:
        """Take why that is so, and what can be done about it."""
        super().__init__(why)
        self.cure = cure


@dataclass(frozen=True)
class Loop:
    """A loop of a frozen graph."""

    node: Any
    """Its While operation."""
    start: Sequence[Value]
    """The values that its variables begin with: tensors of the graph that is traced, or lists of them."""
    results: Sequence[Value]
    """Its outputs in the model's own graph, one for each variable: for their shapes."""
    functions: Mapping[str, Any]
    """The graph's library."""
    trace: Trace
    most: int = MOST_STEPS

    @property
    def condition(self) -> Any:  # noqa: ANN401 - TensorFlow's protos have no types
        """The function that says whether it goes on."""
        return self.functions[self.node.attr["cond"].func.name]

    @property
    def body(self) -> Any:  # noqa: ANN401 - TensorFlow's protos have no types
        """The function of one step."""
        return self.functions[self.node.attr["body"].func.name]


def count(loop: Loop) -> int:
    """Return the number of steps.

    Raises:
        NotProven: it cannot be told, or there are more than it may have.
    """
    deciding, shapes = _deciding(loop)
    for place in sorted(shapes):
        raise NotProven(*OF_FLEXIBLE_SHAPE) if _is_pinned_by_inputs(loop.start[place]) else NotProven(_OF_VALUES)
    places = sorted(deciding)
    known = [_constant(loop.start[place]) for place in places]
    for place, value in zip(places, known, strict=True):
        if value is None and _comes_from_flexible_shapes(loop.start[place]):
            raise NotProven(*OF_FLEXIBLE_SHAPE)
        if value is None:
            raise NotProven(_OF_VALUES)
    return _run(loop, places, known)


def _run(loop: Loop, places: Sequence[int], start: Sequence[Value]) -> int:
    """Run what decides, and nothing else, until it ends."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    # Beside the graph that is being traced.
    with tf.init_scope():
        goes_on, following = _traced(loop, places)
        values: Sequence[Value] = [
            tf.constant(value, loop.start[place].dtype) for place, value in zip(places, start, strict=True)
        ]
        steps = 0
        while bool(goes_on(*values)):
            steps += 1
            if steps > loop.most:
                raise NotProven(f"it has more than the {loop.most} steps that are written out")
            values = following(*values)
        return steps


def _deciding(loop: Loop) -> tuple[set[int], set[int]]:
    """Return the places of the loop variables that decide how often it runs: by value, and by a shape of any size."""
    found, shapes = set[int](), set[int]()
    waiting = list(_needed(loop, loop.condition, 0))
    while waiting:
        place, by_shape = waiting.pop()
        if by_shape:
            shapes.add(place)
        elif place not in found:
            found.add(place)
            waiting.extend(_needed(loop, loop.body, place))
    return found, shapes


def _needed(loop: Loop, function: Any, place: int) -> Iterator[tuple[int, bool]]:  # noqa: ANN401 - TensorFlow's protos have no types
    """Yield the places of the arguments that an output of a function depends on, and whether by their shape alone.

    What depends on a shape that is the same in every step, and known, depends on nothing.
    """
    arguments = {argument.name: number for number, argument in enumerate(function.signature.input_arg)}
    nodes = {node.name: node for node in function.node_def}
    waiting, seen = [_name(function.ret[function.signature.output_arg[place].name])], set[str]()
    while waiting:
        name = waiting.pop()
        if name in arguments:
            yield arguments[name], False
        elif name not in seen:
            seen.add(name)
            node = nodes[name]
            if _is_stateful(node.op):
                raise NotProven(f"{node.op} decides on its number of steps, which may differ from run to run")
            measured = arguments.get(_origin(nodes, node.input[0])) if node.op in _OF_SHAPE else None
            if measured is None:
                waiting.extend(_name(source) for source in node.input if not source.startswith("^"))
            elif _shape(loop, measured) is None:
                yield measured, _is_unchanged(loop, measured)


def _origin(nodes: Mapping[str, Any], tensor: str) -> str:
    name = _name(tensor)
    while name in nodes and nodes[name].op == "Identity":
        name = _name(nodes[name].input[0])
    return name


def _shape(loop: Loop, place: int) -> Value | None:
    """Return the shape that a variable has in every step; None where it may change, or is not known."""
    if loop.results[place].shape.is_fully_defined():
        return loop.results[place].shape
    start = loop.start[place]
    is_known = not isinstance(start, list) and start.shape.is_fully_defined()
    return start.shape if is_known and _is_unchanged(loop, place) else None


def _is_unchanged(loop: Loop, place: int) -> bool:
    """Return whether no step changes a variable."""
    nodes, signature = {node.name: node for node in loop.body.node_def}, loop.body.signature
    kept = _origin(nodes, loop.body.ret[signature.output_arg[place].name])
    return kept == str(signature.input_arg[place].name)


def _name(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]


def _is_stateful(op: str) -> bool:
    from tensorflow.python.framework import op_def_registry  # noqa: PLC0415 - takes seconds

    definition = op_def_registry.get(op)
    return definition is not None and bool(definition.is_stateful) and op not in _STATELESS


def _comes_from_flexible_shapes(tensor: Value) -> bool:
    """Return whether a tensor depends on the inputs through their shapes alone, and on one that is flexible."""
    if isinstance(tensor, list):
        return False
    flexible = False
    waiting, seen = [(tensor.op, False)], set[tuple[str, bool]]()
    while waiting:
        operation, of_shape = waiting.pop()
        if (operation.name, of_shape) in seen:
            continue
        seen.add((operation.name, of_shape))
        if operation.type == "Placeholder" and not of_shape:
            return False
        flexible = flexible or (operation.type == "Placeholder" and not operation.outputs[0].shape.is_fully_defined())
        waiting.extend((source.op, of_shape or operation.type in _OF_SHAPE) for source in operation.inputs)
    return flexible


def _is_pinned_by_inputs(tensor: Value) -> bool:
    """Return whether a tensor has a fixed shape once the inputs have."""
    if isinstance(tensor, list):
        return False
    waiting, seen = [tensor.op], set[str]()
    while waiting:
        operation = waiting.pop()
        if operation.name not in seen:
            seen.add(operation.name)
            if operation.inputs and operation.type not in _KEEPING:
                return False
            waiting.extend(source.op for source in operation.inputs)
    return True


def _constant(tensor: Value) -> Value | None:
    """Return the value of a tensor that depends on constants and shapes alone."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds
    from tensorflow.python.framework import smart_cond  # noqa: PLC0415 - takes seconds

    if isinstance(tensor, list) or tensor.dtype in {tf.variant, tf.resource, tf.string}:
        return None
    return smart_cond.smart_constant_value(tensor)


def _traced(loop: Loop, deciding: Sequence[int]) -> tuple[Callable[..., Value], Callable[..., Sequence[Value]]]:
    """Return what decides whether the loop goes on, and what makes the deciding variables of the next step."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    def part(function: Any, places: Sequence[int], values: Sequence[Value]) -> list[Value]:  # noqa: ANN401 - see above
        given = {
            number: tf.cast(value, loop.start[number].dtype) for number, value in zip(deciding, values, strict=True)
        }
        arguments = {
            argument.name: [given[number] if number in given else _stand_in(loop, number)]
            for number, argument in enumerate(function.signature.input_arg)
        }
        value = loop.trace(function, arguments)
        return [value(function.ret[function.signature.output_arg[place].name]) for place in places]

    def goes_on(*values: Value) -> Value:
        return part(loop.condition, [0], values)[0]

    def following(*values: Value) -> Sequence[Value]:
        return part(loop.body, deciding, values)

    return tf.function(goes_on, autograph=False), tf.function(following, autograph=False)


def _stand_in(loop: Loop, place: int) -> Value:
    """Return something of a variable's shape, where only that may be asked of it; None where nothing is."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    shape, dtype = _shape(loop, place), loop.results[place].dtype
    return None if shape is None or dtype in {tf.variant, tf.resource, tf.string} else tf.zeros(shape, dtype)
