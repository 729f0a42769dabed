"""Keeping the converter from making one operator of a Keras LSTM layer.

Keras 2 marks the function of such a layer with the attribute `api_implements`; the converter replaces a marked function
by UNIDIRECTIONAL_SEQUENCE_LSTM (tensorflow/compiler/mlir/lite/transforms/prepare_composite_functions_tf.cc).
"""

from pathlib import Path
from typing import Final

_PROTO: Final = "saved_model.pb"
_MARK: Final = "api_implements"


def prevented(folder: Path) -> Path:
    """Return a folder with the same SavedModel without marks: the folder itself where there are none."""
    from tensorflow.core.protobuf import saved_model_pb2  # noqa: PLC0415 - takes seconds

    proto = saved_model_pb2.SavedModel.FromString((folder / _PROTO).read_bytes())
    marked = [
        function
        for graph in proto.meta_graphs
        for function in graph.graph_def.library.function
        if _MARK in function.attr
    ]
    if not marked:
        return folder
    for function in marked:
        del function.attr[_MARK]
    unmarked = folder.with_name(f"{folder.name}-without-fusion")
    unmarked.mkdir(exist_ok=True)
    (unmarked / _PROTO).write_bytes(proto.SerializeToString())
    for part in folder.iterdir():
        if part.name != _PROTO and not (unmarked / part.name).exists():
            (unmarked / part.name).symlink_to(part)
    return unmarked
