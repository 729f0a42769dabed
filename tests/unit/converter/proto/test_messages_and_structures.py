"""What is read of a SavedModel without TensorFlow is what TensorFlow reads: held against TensorFlow itself."""

from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from dev.generate import saved_model_protos
from tflite_converter.core.tensors import TensorFacts
from tflite_converter.proto import messages, structures
from tflite_converter.proto.structures import OtherSpec, UnknownStructureError

pytestmark = pytest.mark.tensorflow

_Pair = namedtuple("_Pair", ["second", "first"])


def test_the_descriptors_are_those_of_tensorflow() -> None:
    assert messages.descriptors() == saved_model_protos.descriptors(), "run python -m dev.generate.saved_model_protos"


@pytest.mark.parametrize("name", ["saved_model.pb", "saved_model.pbtxt"])
def test_a_proto_is_read_as_tensorflow_reads_it(models: Path, tmp_path: Path, name: str) -> None:
    from google.protobuf import text_format
    from tensorflow.python.saved_model import loader_impl

    expected = loader_impl.parse_saved_model(str(models / "dense"))
    content = expected.SerializeToString() if name.endswith(".pb") else text_format.MessageToString(expected).encode()
    (tmp_path / name).write_bytes(content)
    found = messages.parse(tmp_path)
    assert found.SerializeToString(deterministic=True) == expected.SerializeToString(deterministic=True)


def test_every_type_has_the_name_that_tensorflow_gives_it() -> None:
    import tensorflow as tf

    def name_of(number: int) -> str | None:
        try:
            return str(tf.dtypes.as_dtype(number).base_dtype.name)
        except TypeError:
            return None

    numbers = [*range(200), 1 << 20]
    assert {number: messages.dtype_name(number) for number in numbers} == {each: name_of(each) for each in numbers}


def _structures() -> dict[str, Any]:
    import tensorflow as tf

    x, y = tf.TensorSpec([None, 3], tf.float32, name="x"), tf.TensorSpec(None, tf.int8)
    return {
        "plain": ((x,), {"training": False}),
        "deep": ([{"b": x, "a": [y, None, 1, 1.5, "word", True]}, (y, {})], {}),
        "named tuple": (_Pair(second=x, first=[y]), {}),
        "sparse": (tf.SparseTensorSpec([None, 2], tf.int64), {}),
        "ragged": tf.RaggedTensorSpec([2, None], tf.float16),
        "slices": tf.IndexedSlicesSpec([2], tf.float32),
        "shapes and types": [tf.TensorShape([1, None]), tf.float64, tf.TensorArraySpec([], tf.int32)],
    }


@pytest.mark.parametrize("name", ["plain", "deep", "named tuple", "sparse", "ragged", "slices", "shapes and types"])
def test_a_structure_has_the_leaves_that_tensorflow_gives_it(name: str) -> None:
    import tensorflow as tf
    from tensorflow.python.saved_model import nested_structure_coder

    structure = _structures()[name]
    encoded = nested_structure_coder.encode_structure(structure)
    found = [*structures.leaves(structures.decode(encoded))]
    assert [*map(_comparable, found)] == [*map(_comparable, tf.nest.flatten(structure))]
    named = isinstance(structures.decode(encoded), dict)
    assert named == isinstance(nested_structure_coder.decode_proto(encoded), dict)


def _comparable(leaf: Any) -> Any:
    """Return a leaf of ours or TensorFlow's as facts; of what is no tensor, only whether dtype and shape are known."""
    import tensorflow as tf

    if leaf is None or isinstance(leaf, bool | int | float | str):
        return leaf
    facts = leaf.facts if isinstance(leaf, OtherSpec) else leaf
    if isinstance(facts, TensorFacts):
        return facts.name, facts.dtype, facts.shape
    if isinstance(leaf, tf.TypeSpec) and hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
        shape = None if leaf.shape.rank is None else tuple(-1 if size is None else size for size in leaf.shape)
        return getattr(leaf, "name", None) or "", leaf.dtype.name, shape
    return "no tensor"


def test_types_that_tensorflow_registers_itself_are_known_and_a_librarys_are_not() -> None:
    from tensorflow.core.protobuf import struct_pb2
    from tensorflow.python.framework import type_spec_registry

    own = struct_pb2.TypeSpecProto.REGISTERED_TYPE_SPEC
    for name in type_spec_registry._NAME_TO_TYPE_SPEC:
        state = struct_pb2.StructuredValue(none_value=struct_pb2.NoneValue())
        spec = struct_pb2.TypeSpecProto(type_spec_class=own, type_spec_class_name=name, type_state=state)
        assert structures.decode(struct_pb2.StructuredValue(type_spec_value=spec)) == OtherSpec(None)
    spec = struct_pb2.TypeSpecProto(type_spec_class=own, type_spec_class_name="tf_agents.Spec", type_state=state)
    with pytest.raises(UnknownStructureError, match=r"tf_agents\.Spec"):
        structures.decode(struct_pb2.StructuredValue(type_spec_value=spec))


def test_what_tensorflow_cannot_decode_is_unknown() -> None:
    from tensorflow.core.protobuf import struct_pb2

    pair = struct_pb2.PairValue(key="no name", value=struct_pb2.StructuredValue(none_value=struct_pb2.NoneValue()))
    for value in (
        struct_pb2.StructuredValue(),
        struct_pb2.StructuredValue(tensor_dtype_value=99),
        struct_pb2.StructuredValue(named_tuple_value=struct_pb2.NamedTupleValue(name="X", values=[pair])),
        struct_pb2.StructuredValue(tensor_shape_value={"dim": [{"size": -2}]}),
    ):
        with pytest.raises(UnknownStructureError):
            structures.decode(value)
