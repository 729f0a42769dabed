"""Functions of a loaded model that no signature names: `__call__`, and what else can be called."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tflite_converter.core.tensors import SignatureFacts, TensorFacts
from tflite_converter.proto import callables as rules


@dataclass(frozen=True)
class Callable:
    """A function with keyword inputs and a dict of outputs, as a signature has."""

    function: Any
    """A ConcreteFunction."""
    facts: SignatureFacts


def of(model: Any) -> Mapping[str, Callable]:  # noqa: ANN401 - TensorFlow has no types
    """Return the functions of a loaded model by the keys that they get: `__call__` becomes serving_default.

    A function that cannot be traced with one of its own exported input signatures is left out.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    found = {}
    for name, function in _functions(model):
        exported = [each.structured_input_signature for each in getattr(function, "concrete_functions", ())]
        chosen = rules.preferred([[*map(_leaf, tf.nest.flatten(structure))] for structure in exported])
        if chosen is not None:
            found[rules.key(name)] = _callable(rules.key(name), function, exported[chosen])
    return found


def operations(function: Any) -> frozenset[str]:  # noqa: ANN401 - TensorFlow has no types
    """Return the operations of a ConcreteFunction, those of the functions it calls included."""
    graph = function.graph.as_graph_def()
    bodies = (graph.node, *(each.node_def for each in graph.library.function))
    return frozenset(node.op for body in bodies for node in body)


def _functions(model: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - see above
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    for name, value in sorted(vars(model).items()):
        if isinstance(value, tf.types.experimental.GenericFunction) and rules.is_public(name):
            yield name, value


def _leaf(value: Any) -> Any:  # noqa: ANN401 - see above
    """Return a leaf of TensorFlow's as the rules here take it."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    return _facts(value.name or "", value) if isinstance(value, tf.TensorSpec) else value


def _callable(key: str, function: Any, structure: Any) -> Callable:  # noqa: ANN401 - see above
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    flat = tf.nest.flatten(structure)
    leaves = [*map(_leaf, flat)]
    names = rules.names(leaves)

    def called(**inputs: Any) -> dict[str, Any]:  # noqa: ANN401 - tensors have no types
        waiting = iter([inputs[name] for name in names])
        given = [next(waiting) if isinstance(value, tf.TensorSpec) else value for value in flat]
        args, kwargs = tf.nest.pack_sequence_as(structure, given)
        return rules.named(function(*args, **kwargs), tf.nest.flatten, (tf.Tensor, tf.TensorSpec))

    specs = [value for value in flat if isinstance(value, tf.TensorSpec)]
    named = {name: tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in zip(names, specs, strict=True)}
    concrete = tf.function(called, autograph=False).get_concrete_function(**named)
    return Callable(concrete, SignatureFacts(key, rules.inputs(leaves), _facts_of(concrete.structured_outputs)))


def _facts_of(specs: Mapping[str, Any]) -> tuple[TensorFacts, ...]:
    return tuple(_facts(name, spec) for name, spec in sorted(specs.items()))


def _facts(name: str, spec: Any) -> TensorFacts:  # noqa: ANN401 - see above
    shape = None if spec.shape.rank is None else tuple(-1 if size is None else size for size in spec.shape.as_list())
    return TensorFacts(name, spec.dtype.name, shape)
