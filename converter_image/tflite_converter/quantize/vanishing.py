"""What of a saved model floats of 16 bits may make 0: numbers that are so small, and any that the converter computes.

A file alone does not tell: many of its constants are 0 because they have never been anything else.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tflite_converter.quantize.halves import Suspicion, vanishes

_LARGEST_BYTES: Final = 1024**2
"""Of what is looked at: what has more values than an epsilon has weights among them."""
_VARIABLES: Final = "variables/variables"
_WRITTEN: Final = {"DT_FLOAT": ("<f4", "float_val"), "DT_DOUBLE": ("<f8", "double_val")}
"""Types of floats in a graph, by their names there: their numbers, and the field that has them where they are few."""
_READ: Final = frozenset({"Const", "ReadVariableOp", "VariableV2"})
_UNCHANGED: Final = frozenset(
    {
        *(
            "Identity",
            "Reshape",
            "ExpandDims",
            "Squeeze",
            "Transpose",
            "Tile",
            "BroadcastTo",
            "Fill",
            "Pack",
            "ConcatV2",
        ),
        *("Slice", "StridedSlice", "GatherV2", "Split", "SplitV", "Unpack"),
    }
)
"""Operations that give the numbers that they take."""


def confirms(suspicion: Suspicion, folder: Path) -> bool:
    """Return whether what a file looks like may come from its model, a SavedModel's folder."""
    if suspicion in {Suspicion.NONE, Suspicion.LOST}:
        return suspicion is Suspicion.LOST
    graph = _graph(folder)
    return has_constant(graph) or _has_variable(folder) or (suspicion is Suspicion.ZEROS and _has_computed(graph))


def has_constant(graph: Any) -> bool:  # noqa: ANN401 - TensorFlow has no types
    """Return whether a GraphDef has constants that become 0 in 16 bits, and are not."""
    from tensorflow.core.framework import types_pb2  # noqa: PLC0415 - takes seconds

    constants = (node.attr for nodes in _bodies(graph) for node in nodes if node.op == "Const")
    floats = (
        (kind, constant["value"].tensor)
        for constant in constants
        if (kind := types_pb2.DataType.Name(constant["dtype"].type)) in _WRITTEN
    )
    small = ((kind, value) for kind, value in floats if value.ByteSize() <= _LARGEST_BYTES)
    return any(vanishes(_written(kind, value)) for kind, value in small)


def _graph(folder: Path) -> Any:  # noqa: ANN401 - see above
    from tensorflow.python.saved_model import loader_impl  # noqa: PLC0415 - takes seconds

    return loader_impl.parse_saved_model(str(folder)).meta_graphs[0].graph_def


def _bodies(graph: Any) -> Iterator[Any]:  # noqa: ANN401 - see above
    return chain([graph.node], (function.node_def for function in graph.library.function))


def _written(kind: str, value: Any) -> NDArray[Any]:  # noqa: ANN401 - see above
    """Return the numbers that a TensorProto holds: one that is repeated all over a large tensor stands there once."""
    dtype, field = _WRITTEN[kind]
    if value.tensor_content:
        return np.frombuffer(value.tensor_content, dtype)
    return np.fromiter(getattr(value, field), dtype)


def _has_variable(folder: Path) -> bool:
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    if not (folder / f"{_VARIABLES}.index").exists():
        return False
    variables = tf.train.load_checkpoint(str(folder / _VARIABLES))
    types = variables.get_variable_to_dtype_map()
    small = (
        name
        for name, shape in variables.get_variable_to_shape_map().items()
        if types[name].is_floating and types[name].size * np.prod(shape, dtype=np.int64) <= _LARGEST_BYTES
    )
    return any(vanishes(variables.get_tensor(name)) for name in small)


def _has_computed(graph: Any) -> bool:  # noqa: ANN401 - see above
    """Return whether real numbers are computed of constants and variables alone, which the converter does itself."""
    from tensorflow.core.framework import types_pb2  # noqa: PLC0415 - takes seconds

    real = {types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE}
    for nodes in _bodies(graph):
        fixed = {node.name for node in nodes if node.op in _READ}
        # In a function nodes stand in any order.
        rest = [node for node in nodes if node.op not in _READ]
        while found := [node for node in rest if _inputs(node) and _inputs(node) <= fixed]:
            if any(node.op not in _UNCHANGED and real & _types(node) for node in found):
                return True
            fixed |= {node.name for node in found}
            rest = [node for node in rest if node.name not in fixed]
    return False


def _inputs(node: Any) -> set[str]:  # noqa: ANN401 - see above
    return {name.split(":")[0] for name in node.input if not name.startswith("^")}


def _types(node: Any) -> set[int]:  # noqa: ANN401 - see above
    return {attribute.type for attribute in node.attr.values() if attribute.WhichOneof("value") == "type"}
