"""Graphs of other real numbers than float32, retyped: LiteRT has kernels for hardly any other.

What mixed precision computes in float16 or bfloat16 is then computed more exactly, and what float64 computes less so:
the verification measures how far that is from the model itself.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from tflite_api.reasons import Reason
from tflite_api.text import one_line
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import SignatureFacts
from tflite_converter.model import operations
from tflite_converter.model.running import callables, runtime, tf2

_OTHERS: Final = ("float16", "bfloat16", "float64")


def retyped(folder: Path, signatures: Sequence[SignatureFacts]) -> Path:
    """Return a folder with the same SavedModel that computes in float32; inputs and outputs keep their types.

    Args:
        folder: a SavedModel with pinned signatures.
        signatures: these.

    Raises:
        StepFailure: UnsupportedOperation where the graph is none without its own types.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    target = folder.with_name(f"{folder.name}-float32")
    model = tf.saved_model.load(str(folder))
    try:
        functions = [_retyped(model.signatures[facts.key], facts) for facts in signatures]
        tf2.save(functions, signatures, target, tf.Module())
    except runtime.out_of_memory():
        raise
    except Exception as error:
        # Graphs that are put together again fail in many ways, each with its own exception in TensorFlow.
        raise StepFailure(
            Reason.UNSUPPORTED_OPERATION,
            f"The graph computes with other real numbers than float32, which LiteRT has no kernels for, and cannot be"
            f" retyped ({one_line(str(error), 300)})",
            "export the model in float32",
        ) from error
    return target


def _retyped(function: Any, facts: SignatureFacts) -> Callable[..., dict[str, Any]]:  # noqa: ANN401 - TensorFlow has no types
    import tensorflow as tf  # noqa: PLC0415 - takes seconds
    from tensorflow.python.framework import convert_to_constants  # noqa: PLC0415 - takes seconds

    if operations.assigns_state(callables.operations(function)):
        raise ValueError("it keeps state, whose type cannot be changed")
    frozen = convert_to_constants.convert_variables_to_constants_v2(function, lower_control_flow=False)
    graph = frozen.graph.as_graph_def()
    _retype(graph)
    imported = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    inputs = dict(zip(tf2.input_names(function, facts), (tensor.name for tensor in frozen.inputs), strict=True))
    outputs = dict(zip(sorted(function.structured_outputs), (tensor.name for tensor in frozen.outputs), strict=True))
    element = imported.graph.as_graph_element
    pruned = imported.prune([element(name) for name in inputs.values()], [element(name) for name in outputs.values()])
    types = {tensor.name: tf.dtypes.as_dtype(tensor.dtype) for tensor in facts.outputs}

    def called(**given: Any) -> dict[str, Any]:  # noqa: ANN401 - tensors have no types
        computed = pruned(*(_cast(given[name], element(tensor).dtype) for name, tensor in inputs.items()))
        return {name: _cast(value, types[name]) for name, value in zip(outputs, computed, strict=True)}

    return called


def _cast(tensor: Any, dtype: Any) -> Any:  # noqa: ANN401 - TensorFlow has no types
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    return tensor if tensor.dtype == dtype else tf.cast(tensor, dtype)


def _retype(graph: Any) -> None:  # noqa: ANN401 - TensorFlow's protos have no types
    """Change every mention of another type of real numbers in a graph and its functions, constants included."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    others = {tf.dtypes.as_dtype(name).as_datatype_enum for name in _OTHERS}
    wanted = tf.float32.as_datatype_enum
    for function in graph.library.function:
        for argument in (*function.signature.input_arg, *function.signature.output_arg):
            if argument.type in others:
                argument.type = wanted
    for attribute in _attributes(graph):
        kind = attribute.WhichOneof("value")
        if kind == "type" and attribute.type in others:
            attribute.type = wanted
        elif kind == "list":
            attribute.list.type[:] = [wanted if each in others else each for each in attribute.list.type]
        elif kind == "tensor" and attribute.tensor.dtype in others:
            attribute.tensor.CopyFrom(tf.make_tensor_proto(tf.make_ndarray(attribute.tensor).astype("float32")))


def _attributes(graph: Any) -> Iterator[Any]:  # noqa: ANN401 - see above
    for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
        for node in nodes:
            yield from node.attr.values()
