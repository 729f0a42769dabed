"""The structured inputs and outputs of functions in a SavedModel's proto, without TensorFlow.

As `decode_proto` of tensorflow/python/saved_model/nested_structure_coder.py and `tf.nest.flatten` make them, as far as
the rules of callables.py ask: a test holds both against TensorFlow.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tflite_converter.core.tensors import TensorFacts
from tflite_converter.proto import messages

_OWN_TYPES: Final = "tf."
"""Begins the names of types that TensorFlow itself registers; those of libraries begin with the library's name."""
_BUILT_IN: Final = range(1, 11)
"""Of TypeSpecProto.TypeSpecClass (tensorflow/core/protobuf/struct.proto): the types that need no registration."""
_REGISTERED: Final = 12
_DESCRIBED: Final = frozenset({1, 3, 9})
"""Sparse and ragged tensors and variables, which have dtype and shape as a plain tensor has."""


@dataclass(frozen=True)
class OtherSpec:
    """Of something that is no plain tensor: sparse or ragged, for example."""

    facts: TensorFacts | None
    """Of the tensor that stands for it, where it has dtype and shape."""


@dataclass(frozen=True)
class _Shape:
    """A leaf that is a shape itself: sparse and ragged tensors are described by one."""

    shape: tuple[int, ...] | None


@dataclass(frozen=True)
class _Dtype:
    """A leaf that is a type."""

    name: str


class UnknownStructureError(Exception):
    """It cannot be known here: it holds objects of a library, or makes no sense."""


def decode(value: Any) -> Any:  # noqa: ANN401 - a StructuredValue becomes whatever it holds
    """Return the lists, tuples, dicts and leaves of a StructuredValue; tensors become TensorFacts.

    Raises:
        UnknownStructureError: TensorFlow alone would not know it either.
    """
    kind = value.WhichOneof("kind")
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise UnknownStructureError(f"a structure of the kind {kind}")
    return decoder(getattr(value, kind))


def leaves(structure: Any) -> Iterator[Any]:  # noqa: ANN401 - see above
    """Yield what is in lists, tuples and dicts, in the order of TensorFlow: of dicts by their keys."""
    if isinstance(structure, Mapping):
        for _, each in sorted(structure.items()):
            yield from leaves(each)
    elif isinstance(structure, list | tuple):
        for each in structure:
            yield from leaves(each)
    else:
        yield structure


def _named_tuple(value: Any) -> Any:  # noqa: ANN401 - see above
    items = [(pair.key, decode(pair.value)) for pair in value.values]
    try:
        return namedtuple(value.name, [key for key, _ in items])(*(each for _, each in items))
    except ValueError as error:
        raise UnknownStructureError(str(error)) from error


def _shape(value: Any) -> tuple[int, ...] | None:  # noqa: ANN401 - see above
    if value.unknown_rank:
        return None
    shape = tuple(int(dimension.size) for dimension in value.dim)
    if min(shape, default=0) < -1:
        raise UnknownStructureError(f"the shape {list(shape)}")
    return shape


def _dtype(number: int) -> str:
    name = messages.dtype_name(number)
    if name is None:
        raise UnknownStructureError(f"the type {number}")
    return name


def _tensor(value: Any) -> TensorFacts:  # noqa: ANN401 - see above
    return TensorFacts(value.name, _dtype(value.dtype), _shape(value.shape))


def _type_spec(value: Any) -> OtherSpec:  # noqa: ANN401 - see above
    is_own = value.type_spec_class in _BUILT_IN or (
        value.type_spec_class == _REGISTERED and value.type_spec_class_name.startswith(_OWN_TYPES)
    )
    if not is_own:
        raise UnknownStructureError(f"the type {value.type_spec_class_name}")
    match decode(value.type_state):
        case (_Shape(shape), _Dtype(name), *_) if value.type_spec_class in _DESCRIBED:
            return OtherSpec(TensorFacts("", name, shape))
        case _:
            return OtherSpec(None)


_DECODERS: Final[Mapping[str | None, Callable[[Any], Any]]] = {
    "none_value": lambda _: None,
    "float64_value": float,
    "int64_value": int,
    "string_value": str,
    "bool_value": bool,
    "tensor_shape_value": lambda value: _Shape(_shape(value)),
    "tensor_dtype_value": lambda value: _Dtype(_dtype(value)),
    "tensor_spec_value": _tensor,
    "bounded_tensor_spec_value": _tensor,
    "type_spec_value": _type_spec,
    "tensor_value": lambda _: OtherSpec(None),
    "numpy_value": lambda _: OtherSpec(None),
    "list_value": lambda value: [decode(each) for each in value.values],
    "tuple_value": lambda value: tuple(decode(each) for each in value.values),
    "dict_value": lambda value: {key: decode(each) for key, each in value.fields.items()},
    "named_tuple_value": _named_tuple,
}
