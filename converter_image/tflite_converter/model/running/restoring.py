"""How a session gives a SavedModel's variables their values, written into its graph.

TensorFlow traces a function for that and one that saves again, each with operations of its own for every variable:
half of the time that saving takes. The one operation that reads all values does as well for the converter, which
restores variables and saves none.
"""

from collections.abc import Iterator
from typing import Any, Final

_OF_VALUE: Final = ".ATTRIBUTES/VARIABLE_VALUE"
"""Ends the key of a variable's value in a checkpoint."""


def add(meta: Any, holder: str) -> bool:  # noqa: ANN401 - TensorFlow's protos have no types
    """Add it to a MetaGraphDef that was saved without; return whether that can be done.

    It cannot where names do not tell which variable an operation of the graph stands for.

    Args:
        meta: the MetaGraphDef, which is changed where it can.
        holder: the name of the list at the root of its objects that holds all variables.
    """
    from tensorflow.core.protobuf import saver_pb2  # noqa: PLC0415 - takes seconds

    keys = dict(_keys(meta.object_graph_def, holder))
    handles = {node.attr["shared_name"].s.decode(): node for node in meta.graph_def.node if node.op == "VarHandleOp"}
    if keys.keys() != handles.keys() or len(keys) != sum(node.op == "VarHandleOp" for node in meta.graph_def.node):
        return False
    root = _free_name(meta.graph_def)
    ends = [f"^{name}" for name in _assignments(meta.graph_def, root, [(handles[name], keys[name]) for name in keys])]
    meta.graph_def.node.add(name=f"{root}/done", op="NoOp", input=ends)
    file_name = f"{root}/file:0"
    meta.saver_def.CopyFrom(
        saver_pb2.SaverDef(
            filename_tensor_name=file_name,
            save_tensor_name=file_name,
            restore_op_name=f"{root}/done",
            version=saver_pb2.SaverDef.V2,
        )
    )
    return True


def _keys(objects: Any, holder: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - see above
    """Return the name of each variable, and the key of its value in the checkpoint."""
    places = {child.local_name: child.node_id for child in objects.nodes[0].children}
    for child in objects.nodes[places[holder]].children:
        yield objects.nodes[child.node_id].variable.name, f"{holder}/{child.local_name}/{_OF_VALUE}"


def _free_name(graph: Any) -> str:  # noqa: ANN401 - see above
    taken = {node.name.partition("/")[0] for node in graph.node}
    name = "restoring"
    while name in taken:
        name += "_"
    return name


def _assignments(graph: Any, root: str, variables: list[tuple[Any, str]]) -> Iterator[str]:  # noqa: ANN401 - see above
    """Add what reads and assigns all values; yield the names of the operations that assign."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    string = tf.string.as_datatype_enum
    file = graph.node.add(name=f"{root}/file", op="Placeholder")
    file.attr["dtype"].type = string
    file.attr["shape"].shape.SetInParent()
    for name, values in (("names", [key for _, key in variables]), ("slices", [""] * len(variables))):
        constant = graph.node.add(name=f"{root}/{name}", op="Const")
        constant.attr["dtype"].type = string
        constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values, tf.string, [len(values)]))
    read = graph.node.add(name=f"{root}/values", op="RestoreV2")
    read.input.extend([f"{root}/file", f"{root}/names", f"{root}/slices"])
    read.attr["dtypes"].list.type.extend(handle.attr["dtype"].type for handle, _ in variables)
    for number, (handle, _) in enumerate(variables):
        assignment = graph.node.add(name=f"{root}/assign_{number}", op="AssignVariableOp")
        assignment.input.extend([handle.name, f"{root}/values:{number}"])
        assignment.attr["dtype"].type = handle.attr["dtype"].type
        yield assignment.name
