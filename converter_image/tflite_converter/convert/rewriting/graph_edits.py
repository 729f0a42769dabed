"""Small changes to a saved graph, where TensorFlow's converter would make something else of it."""

from collections.abc import Callable, MutableSequence
from pathlib import Path
from typing import Any, Final

_PROTO: Final = "saved_model.pb"
_LSTM_MARK: Final = "api_implements"
_SUPPRESSIONS: Final = {
    "NonMaxSuppressionV4": ("selected_indices", "valid_outputs"),
    "NonMaxSuppressionV5": ("selected_indices", "selected_scores", "valid_outputs"),
}
"""Their outputs; the last counts those that are valid of the others (tensorflow/core/ops/image_ops.cc)."""
_PRINTING: Final = {"PrintV2": "NoOp", "Print": "Identity"}
"""What only writes to a log, with what does the same without: tf.print gives nothing, and that of TensorFlow 1 what it
takes first (tensorflow/core/ops/logging_ops.cc)."""
_PADDED: Final = "pad_to_max_output_size"
Node = Any
Nodes = MutableSequence[Node]
"""A NodeDef: TensorFlow's protos have no types."""


def without_fusion(folder: Path) -> Path:
    """Return a folder with the same SavedModel, of whose LSTM layers the converter does not make one operator.

    Keras 2 marks the function of such a layer with the attribute `api_implements`; the converter replaces a marked
    function by UNIDIRECTIONAL_SEQUENCE_LSTM (tensorflow/compiler/mlir/lite/transforms/
    prepare_composite_functions_tf.cc).
    """

    def edit(graph: Any) -> bool:  # noqa: ANN401 - TensorFlow's protos have no types
        marked = [function for function in graph.library.function if _LSTM_MARK in function.attr]
        for function in marked:
            del function.attr[_LSTM_MARK]
        return bool(marked)

    return _edited(folder, "without-fusion", edit)


def without_prints(folder: Path) -> Path:
    """Return a folder with the same SavedModel, which prints nothing: LiteRT has nowhere to print to.

    It has no operation for it either, so that what was left in from looking for a fault would cost the artifact.
    """

    def edit(graph: Any) -> bool:  # noqa: ANN401 - see above
        bodies = (graph.node, *(function.node_def for function in graph.library.function))
        printing = [node for nodes in bodies for node in nodes if node.op in _PRINTING]
        for node in printing:
            node.op = _PRINTING[node.op]
            order = [name for name in node.input if name.startswith("^")]
            node.input[:] = order if node.op == "NoOp" else [node.input[0], *order]
            for name in set(node.attr) - ({"T"} if node.op == "Identity" else set()):
                del node.attr[name]
        return bool(printing)

    return _edited(folder, "without-prints", edit)


def with_rows_cut_off(folder: Path) -> Path:
    """Return a folder with the same SavedModel, whose suppressions of overlaps give the rows that they find by a cut.

    LiteRT's always give as many rows as max_output_size, whatever pad_to_max_output_size says
    (tensorflow/lite/kernels/non_max_suppression.cc). So they are told to, and what is not valid is cut off.
    """

    def edit(graph: Any) -> bool:  # noqa: ANN401 - see above
        changed = [_cut_rows(graph.node, None)]
        changed += [_cut_rows(function.node_def, function.ret) for function in graph.library.function]
        return any(changed)

    return _edited(folder, "rows-cut-off", edit)


def _edited(folder: Path, suffix: str, edit: Callable[[Any], bool]) -> Path:
    """Return a folder with the same SavedModel after a change of its graphs: the folder itself if there is none."""
    from tensorflow.core.protobuf import saved_model_pb2  # noqa: PLC0415 - takes seconds

    proto = saved_model_pb2.SavedModel.FromString((folder / _PROTO).read_bytes())
    changed = [edit(graph.graph_def) for graph in proto.meta_graphs]
    if not any(changed):
        return folder
    target = folder.with_name(f"{folder.name}-{suffix}")
    target.mkdir(exist_ok=True)
    (target / _PROTO).write_bytes(proto.SerializeToString())
    for part in folder.iterdir():
        if part.name != _PROTO and not (target / part.name).exists():
            (target / part.name).symlink_to(part)
    return target


def _cut_rows(nodes: Nodes, returned: Any) -> bool:  # noqa: ANN401 - a map of TensorFlow's protos, or None
    """Cut what suppressions of a graph, or of a function with what it returns, give beyond the valid rows."""
    found = [node for node in nodes if node.op in _SUPPRESSIONS and not _is_padded(node)]
    for node in found:
        node.attr[_PADDED].b = True
        *cut, count = _SUPPRESSIONS[node.op]
        refer = _reference(node, in_function=returned is not None)
        renamed, added = dict[str, str](), list[Node]()
        for name in cut:
            made = _slice(node, name, refer(name), refer(count))
            renamed[refer(name)] = f"{made[-1].name}:output:0" if returned is not None else made[-1].name
            added += made
        if returned is None:
            # In a graph the first output goes by the name of the node alone, too.
            renamed[node.name] = renamed[f"{node.name}:0"]
        for other in nodes:
            other.input[:] = [renamed.get(name, name) for name in other.input]
        for name, value in (returned or {}).items():
            returned[name] = renamed.get(value, value)
        nodes.extend(added)
    return bool(found)


def _is_padded(node: Node) -> bool:
    return _PADDED in node.attr and bool(node.attr[_PADDED].b)


def _reference(node: Node, *, in_function: bool) -> Callable[[str], str]:
    names = _SUPPRESSIONS[node.op]
    return lambda name: f"{node.name}:{name}:0" if in_function else f"{node.name}:{names.index(name)}"


def _slice(node: Node, name: str, rows: str, count: str) -> list[Node]:
    """Return the nodes that keep the first rows: two constants, the count as a vector, and the slice itself."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds
    from tensorflow.core.framework import node_def_pb2  # noqa: PLC0415 - takes seconds

    whole = tf.int32.as_datatype_enum
    # What has its default value is left out of a saved graph; to ask for it would put it there, empty.
    real = node.attr["T"].type if "T" in node.attr else tf.float32.as_datatype_enum
    dtype = whole if name == "selected_indices" else real
    prefix = f"{node.name}/{name}"

    def made(op: str, suffix: str, inputs: tuple[str, ...], **types: int) -> Node:
        new = node_def_pb2.NodeDef(op=op, name=f"{prefix}/{suffix}", input=inputs, device=node.device)
        for key, value in types.items():
            new.attr[key].type = value
        return new

    constants = [made("Const", suffix, (), dtype=whole) for suffix in ("begin", "vector")]
    for constant, value in zip(constants, ([0], [1]), strict=True):
        constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, tf.int32))
    in_function = count.count(":") > 1
    begin, vector = (f"{one.name}:output:0" if in_function else one.name for one in constants)
    counted = made("Reshape", "count", (count, vector), T=whole, Tshape=whole)
    size = f"{counted.name}:output:0" if in_function else counted.name
    return [*constants, counted, made("Slice", "cut", (rows, begin, size), T=dtype, Index=whole)]
