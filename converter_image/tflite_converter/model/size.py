"""What the weights of a SavedModel take, by type."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tflite_api.steps.report import TypeSize

_PREFIX: Final = "variables/variables"
_OBJECTS: Final = "_CHECKPOINTABLE_OBJECT_GRAPH"
"""The entry of a checkpoint that is no variable (tensorflow/python/checkpoint/trackable/base.py)."""
_LEAST_BYTES: Final = 64
"""Smaller constants are shapes, axes and the like."""


def by_type(folder: Path) -> tuple[TypeSize, ...]:
    """Return variables and large constants of a SavedModel by type, the largest first."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for dtype, size in (*_variables(folder), *_constants(folder)):
        found[dtype] += Counter(tensors=1, bytes=size)
    largest_first = sorted(found.items(), key=lambda item: (-item[1]["bytes"], item[0]))
    return tuple(TypeSize(dtype=name, tensors=one["tensors"], size_bytes=one["bytes"]) for name, one in largest_first)


def _variables(folder: Path) -> Iterator[tuple[str, int]]:
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    if not (folder / f"{_PREFIX}.index").is_file():
        return
    checkpoint = tf.train.load_checkpoint(str(folder / _PREFIX))
    types = checkpoint.get_variable_to_dtype_map()
    for name, shape in checkpoint.get_variable_to_shape_map().items():
        if name != _OBJECTS and types[name].size:
            yield types[name].name, math.prod(shape) * types[name].size


def _constants(folder: Path) -> Iterator[tuple[str, int]]:
    import tensorflow as tf  # noqa: PLC0415 - takes seconds
    from tensorflow.python.saved_model import loader_impl  # noqa: PLC0415 - takes seconds

    graph = loader_impl.parse_saved_model(str(folder)).meta_graphs[0].graph_def
    for node in _nodes(graph):
        if node.op == "Const":
            tensor = node.attr["value"].tensor
            dtype = tf.dtypes.as_dtype(tensor.dtype)
            size = math.prod(dimension.size for dimension in tensor.tensor_shape.dim) * (dtype.size or 0)
            if size >= _LEAST_BYTES and dtype != tf.string:
                yield dtype.name, size


def _nodes(graph: Any) -> Iterator[Any]:  # noqa: ANN401 - TensorFlow's protos have no types
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def
