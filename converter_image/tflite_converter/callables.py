"""Functions of a loaded SavedModel that no signature names: `__call__`, and what else can be called."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tflite_api.names import DEFAULT_SIGNATURE_KEY
from tflite_converter.signature import SignatureFacts, TensorFacts

_CALL: Final = "__call__"


@dataclass(frozen=True)
class Callable:
    """A function with keyword inputs and a dict of outputs, as a signature has."""

    function: Any
    """A ConcreteFunction."""
    facts: SignatureFacts


def of(model: Any) -> Mapping[str, Callable]:  # noqa: ANN401 - TensorFlow has no types
    """Give the functions of a loaded model by the keys that they get: `__call__` becomes serving_default.

    A function that cannot be traced with one of its own exported input signatures is left out.
    """
    found = {}
    for name, function in _functions(model):
        key = DEFAULT_SIGNATURE_KEY if name == _CALL else name
        structure = _preferred(function)
        if structure is not None:
            found[key] = _callable(key, function, structure)
    return found


def _functions(model: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - see above
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    for name, value in sorted(vars(model).items()):
        if isinstance(value, tf.types.experimental.GenericFunction) and (name == _CALL or not name.startswith("_")):
            yield name, value


def _preferred(function: Any) -> Any:  # noqa: ANN401 - see above
    """Choose among the input signatures a function was exported with: not for training, and the most flexible."""
    structures = [concrete.structured_input_signature for concrete in getattr(function, "concrete_functions", ())]
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

    specs = dict(zip(_names(structure), _tensor_specs(structure), strict=True))

    def called(**inputs: Any) -> dict[str, Any]:  # noqa: ANN401 - tensors have no types
        waiting = iter([inputs[name] for name in specs])
        flat = [next(waiting) if isinstance(value, tf.TensorSpec) else value for value in tf.nest.flatten(structure)]
        args, kwargs = tf.nest.pack_sequence_as(structure, flat)
        return _named(function(*args, **kwargs))

    named = {name: tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in specs.items()}
    concrete = tf.function(called, autograph=False).get_concrete_function(**named)
    inputs = tuple(_facts(name, spec) for name, spec in sorted(specs.items()))
    outputs = tuple(_facts(name, spec) for name, spec in sorted(concrete.structured_outputs.items()))
    return Callable(concrete, SignatureFacts(key, inputs, outputs))


def _names(structure: Any) -> list[str]:  # noqa: ANN401 - see above
    """Name the inputs as they were exported, made identifiers and told apart."""
    names = list[str]()
    for number, spec in enumerate(_tensor_specs(structure)):
        name = re.sub(r"\W", "_", spec.name or "")
        usable = name.isidentifier() and not name.startswith("_") and name not in names
        names.append(name if usable else f"input_{number}")
    return names


def _named(outputs: Any) -> dict[str, Any]:  # noqa: ANN401 - see above
    """Give outputs of any structure names, as TensorFlow does when it makes a signature of a function."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    if isinstance(outputs, Mapping) and all(isinstance(value, tf.Tensor) for value in outputs.values()):
        return {str(name): value for name, value in outputs.items()}
    return {f"output_{number}": value for number, value in enumerate(tf.nest.flatten(outputs))}


def _facts(name: str, spec: Any) -> TensorFacts:  # noqa: ANN401 - see above
    shape = None if spec.shape.rank is None else tuple(-1 if size is None else size for size in spec.shape.as_list())
    return TensorFacts(name, spec.dtype.name, shape)
