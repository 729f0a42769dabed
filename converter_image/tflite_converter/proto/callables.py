"""Functions of a SavedModel that no signature names, as its proto declares them: `__call__`, and what else is public.

model/callables.py follows the same rules on a loaded model.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from tflite_api.names import DEFAULT_SIGNATURE_KEY
from tflite_converter.core.tensors import SignatureFacts, TensorFacts
from tflite_converter.proto import structures
from tflite_converter.proto.structures import OtherSpec

_CALL: Final = "__call__"
Leaves = Sequence[Any]
"""What is in the structure of a function's inputs: TensorFacts, and what is no tensor."""


@dataclass(frozen=True)
class DeclaredCallable:
    """Such a function, with keyword inputs and a dict of outputs as a signature has."""

    function: str
    """Its name in the library of functions."""
    facts: SignatureFacts


def declared(objects: Any) -> Mapping[str, DeclaredCallable]:  # noqa: ANN401 - TensorFlow's protos have no types
    """Return the functions of a SavedObjectGraph proto by the keys that they get: `__call__` becomes serving_default.

    A function that takes or gives objects of a library that is not here is left out.
    """
    found = {}
    for name, function in _declared_functions(objects):
        exported = {concrete: _decoded(objects, concrete) for concrete in function.concrete_functions}
        known = [(concrete, each) for concrete, each in exported.items() if each is not None]
        chosen = preferred([each.taken for _, each in known])
        if chosen is not None:
            concrete, each = known[chosen]
            facts = SignatureFacts(key(name), inputs(each.taken), _renamed(each.outputs))
            found[key(name)] = DeclaredCallable(concrete, facts)
    return found


def count(objects: Any) -> int:  # noqa: ANN401 - see above
    """Return how many functions `declared` would look at."""
    return sum(1 for _ in _declared_functions(objects))


def _declared_functions(objects: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - see above
    for child in sorted(objects.nodes[0].children, key=lambda child: str(child.local_name)):
        node = objects.nodes[child.node_id] if child.node_id < len(objects.nodes) else objects.nodes[0]
        if node.WhichOneof("kind") == "function" and is_public(child.local_name):
            yield child.local_name, node.function


@dataclass(frozen=True)
class _Exported:
    """What a function was exported with."""

    taken: Leaves
    outputs: Mapping[str, TensorFacts]


def _decoded(objects: Any, concrete: str) -> _Exported | None:  # noqa: ANN401 - see above
    """Return the inputs and outputs of a function; None where they cannot be known here."""
    saved = objects.concrete_functions[concrete]
    try:
        taken = [*structures.leaves(structures.decode(saved.canonicalized_input_signature))]
        outputs = named(structures.decode(saved.output_signature), structures.leaves, TensorFacts)
    except structures.UnknownStructureError:
        return None
    facts = {name: each.facts if isinstance(each, OtherSpec) else each for name, each in outputs.items()}
    tensors = {name: each for name, each in facts.items() if isinstance(each, TensorFacts)}
    return _Exported(taken, tensors) if len(tensors) == len(outputs) else None


def key(name: str) -> str:
    """Return the key that a function gets."""
    return DEFAULT_SIGNATURE_KEY if name == _CALL else name


def is_public(name: str) -> bool:
    """Return whether a function of this name is there for others to call."""
    return name == _CALL or not name.startswith("_")


def preferred(exported: Sequence[Leaves]) -> int | None:
    """Choose among the input signatures a function was exported with: not for training, and the most flexible.

    Return its number; None where none takes a tensor.
    """
    candidates = [number for number, leaves in enumerate(exported) if _tensors(leaves)]
    return max(candidates, key=lambda number: _preference(exported[number]), default=None)


def _preference(leaves: Leaves) -> tuple[bool, int, int]:
    tensors = _tensors(leaves)
    flexible = sum(tensor.shape is None or -1 in tensor.shape for tensor in tensors)
    return (not any(value is True for value in leaves), flexible, -len(tensors))


def _tensors(leaves: Iterable[Any]) -> list[TensorFacts]:
    return [leaf for leaf in leaves if isinstance(leaf, TensorFacts)]


def inputs(leaves: Leaves) -> tuple[TensorFacts, ...]:
    """Return the inputs of a function that takes these, sorted by the names that they get."""
    return _renamed(dict(zip(names(leaves), _tensors(leaves), strict=True)))


def _renamed(tensors: Mapping[str, TensorFacts]) -> tuple[TensorFacts, ...]:
    return tuple(replace(tensor, name=name) for name, tensor in sorted(tensors.items()))


def names(leaves: Leaves) -> list[str]:
    """Name the inputs as they were exported, made identifiers and told apart."""
    names = list[str]()
    for number, tensor in enumerate(_tensors(leaves)):
        name = re.sub(r"\W", "_", tensor.name)
        usable = name.isidentifier() and not name.startswith("_") and name not in names
        names.append(name if usable else f"input_{number}")
    return names


def named(outputs: Any, leaves: Callable[[Any], Iterable[Any]], tensors: type | tuple[type, ...]) -> dict[str, Any]:  # noqa: ANN401 - see above
    """Return outputs of any structure by names, as TensorFlow does when it makes a signature of a function."""
    if isinstance(outputs, Mapping) and all(isinstance(value, tensors) for value in outputs.values()):
        return {str(name): value for name, value in outputs.items()}
    return {f"output_{number}": value for number, value in enumerate(leaves(outputs))}
