"""Functions of a SavedModel that no signature names: `__call__`, and what else can be called."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tflite_api.names import DEFAULT_SIGNATURE_KEY
from tflite_converter.core.tensors import SignatureFacts, TensorFacts

_CALL: Final = "__call__"


@dataclass(frozen=True)
class Callable:
    """A function with keyword inputs and a dict of outputs, as a signature has."""

    function: Any
    """A ConcreteFunction."""
    facts: SignatureFacts


@dataclass(frozen=True)
class DeclaredCallable:
    """Such a function as the proto declares it."""

    function: str
    """Its name in the library of functions."""
    facts: SignatureFacts


def of(model: Any) -> Mapping[str, Callable]:  # noqa: ANN401 - TensorFlow has no types
    """Return the functions of a loaded model by the keys that they get: `__call__` becomes serving_default.

    A function that cannot be traced with one of its own exported input signatures is left out.
    """
    found = {}
    for name, function in _functions(model):
        exported = getattr(function, "concrete_functions", ())
        structure = _preferred(concrete.structured_input_signature for concrete in exported)
        if structure is not None:
            found[_key(name)] = _callable(_key(name), function, structure)
    return found


def operations(function: Any) -> frozenset[str]:  # noqa: ANN401 - TensorFlow has no types
    """Return the operations of a ConcreteFunction, those of the functions it calls included."""
    graph = function.graph.as_graph_def()
    bodies = (graph.node, *(each.node_def for each in graph.library.function))
    return frozenset(node.op for body in bodies for node in body)


def declared(objects: Any) -> Mapping[str, DeclaredCallable]:  # noqa: ANN401 - TensorFlow's protos have no types
    """Return what `of` finds, by the same rules, from a SavedObjectGraph proto alone: nothing is loaded or traced.

    A function that takes or gives objects of a library that is not here is left out.
    """
    found = {}
    for name, function in _declared_functions(objects):
        exported = {concrete: _decoded(objects, concrete) for concrete in function.concrete_functions}
        inputs = {concrete: structures[0] for concrete, structures in exported.items() if structures is not None}
        structure = _preferred(inputs.values())
        concrete = next((each for each, its in inputs.items() if its is structure), None)
        if concrete is not None and (structures := exported[concrete]) is not None:
            facts = SignatureFacts(_key(name), _inputs(structures[0]), _facts_of(_named(structures[1])))
            found[_key(name)] = DeclaredCallable(concrete, facts)
    return found


def count(objects: Any) -> int:  # noqa: ANN401 - see above
    """Return how many functions `declared` would look at."""
    return sum(1 for _ in _declared_functions(objects))


def _declared_functions(objects: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - see above
    for child in sorted(objects.nodes[0].children, key=lambda child: str(child.local_name)):
        node = objects.nodes[child.node_id] if child.node_id < len(objects.nodes) else objects.nodes[0]
        if node.WhichOneof("kind") == "function" and _is_public(child.local_name):
            yield child.local_name, node.function


def _decoded(objects: Any, concrete: str) -> tuple[Any, Any] | None:  # noqa: ANN401 - see above
    """Return the structures of a function's inputs and outputs; None where they cannot be known here."""
    from tensorflow.python.saved_model import nested_structure_coder  # noqa: PLC0415 - takes seconds

    saved = objects.concrete_functions[concrete]
    decode = nested_structure_coder.decode_proto
    try:
        return decode(saved.canonicalized_input_signature), decode(saved.output_signature)
    except (ValueError, TypeError, KeyError, nested_structure_coder.NotEncodableError):
        return None


def _key(name: str) -> str:
    return DEFAULT_SIGNATURE_KEY if name == _CALL else name


def _is_public(name: str) -> bool:
    return name == _CALL or not name.startswith("_")


def _functions(model: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - see above
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    for name, value in sorted(vars(model).items()):
        if isinstance(value, tf.types.experimental.GenericFunction) and _is_public(name):
            yield name, value


def _preferred(structures: Iterable[Any]) -> Any:  # noqa: ANN401 - see above
    """Choose among the input signatures a function was exported with: not for training, and the most flexible."""
    return max(filter(_tensor_specs, structures), key=_preference, default=None)


def _preference(structure: Any) -> tuple[bool, int, int]:  # noqa: ANN401 - see above
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    specs = _tensor_specs(structure)
    flexible = sum(spec.shape.rank is None or None in spec.shape.as_list() for spec in specs)
    trains = any(value is True for value in tf.nest.flatten(structure))
    return (not trains, flexible, -len(specs))


def _tensor_specs(structure: Any) -> list[Any]:  # noqa: ANN401 - see above
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    return [value for value in tf.nest.flatten(structure) if isinstance(value, tf.TensorSpec)]


def _callable(key: str, function: Any, structure: Any) -> Callable:  # noqa: ANN401 - see above
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    specs = _specs(structure)

    def called(**inputs: Any) -> dict[str, Any]:  # noqa: ANN401 - tensors have no types
        waiting = iter([inputs[name] for name in specs])
        flat = [next(waiting) if isinstance(value, tf.TensorSpec) else value for value in tf.nest.flatten(structure)]
        args, kwargs = tf.nest.pack_sequence_as(structure, flat)
        return _named(function(*args, **kwargs))

    named = {name: tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in specs.items()}
    concrete = tf.function(called, autograph=False).get_concrete_function(**named)
    return Callable(concrete, SignatureFacts(key, _inputs(structure), _facts_of(concrete.structured_outputs)))


def _specs(structure: Any) -> dict[str, Any]:  # noqa: ANN401 - see above
    return dict(zip(_names(structure), _tensor_specs(structure), strict=True))


def _inputs(structure: Any) -> tuple[TensorFacts, ...]:  # noqa: ANN401 - see above
    return _facts_of(_specs(structure))


def _facts_of(specs: Mapping[str, Any]) -> tuple[TensorFacts, ...]:
    return tuple(_facts(name, spec) for name, spec in sorted(specs.items()))


def _names(structure: Any) -> list[str]:  # noqa: ANN401 - see above
    """Name the inputs as they were exported, made identifiers and told apart."""
    names = list[str]()
    for number, spec in enumerate(_tensor_specs(structure)):
        name = re.sub(r"\W", "_", spec.name or "")
        usable = name.isidentifier() and not name.startswith("_") and name not in names
        names.append(name if usable else f"input_{number}")
    return names


def _named(outputs: Any) -> dict[str, Any]:  # noqa: ANN401 - see above
    """Return outputs of any structure names, as TensorFlow does when it makes a signature of a function."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    tensors = (tf.Tensor, tf.TensorSpec)
    if isinstance(outputs, Mapping) and all(isinstance(value, tensors) for value in outputs.values()):
        return {str(name): value for name, value in outputs.items()}
    return {f"output_{number}": value for number, value in enumerate(tf.nest.flatten(outputs))}


def _facts(name: str, spec: Any) -> TensorFacts:  # noqa: ANN401 - see above
    shape = None if spec.shape.rank is None else tuple(-1 if size is None else size for size in spec.shape.as_list())
    return TensorFacts(name, spec.dtype.name, shape)
