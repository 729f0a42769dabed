"""Loading a SavedModel into this process's memory."""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from tflite_api.reasons import Reason
from tflite_api.text import one_line
from tflite_converter.core.failure import OWN_CURE, Cure, StepFailure
from tflite_converter.model import checkpoint
from tflite_converter.model.loaded import LoadedModel
from tflite_converter.model.operations import named_in
from tflite_converter.model.running import runtime
from tflite_converter.model.running.tf1 import SessionModel
from tflite_converter.model.running.tf2 import ObjectModel
from tflite_converter.model.saved_model import MetaGraph


def load(folder: Path, graph: MetaGraph, keys: Collection[str] | None = None) -> LoadedModel:
    """Load a SavedModel; this runs its initializers.

    Args:
        folder: where it is.
        graph: what is loaded of it.
        keys: of the signatures that are needed; None for all that it holds.

    Raises:
        StepFailure: ModelLoadFailed, or UnsupportedOperation where TensorFlow itself lacks an operation.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    try:
        if not graph.has_objects:
            return SessionModel(folder, graph)
        try:
            return ObjectModel(folder, graph, keys)
        except runtime.out_of_memory():
            raise
        except Exception:
            # Objects of libraries that are not here, such as TF-Agents' policies; a session needs the graph alone.
            with suppress(Exception):
                return SessionModel(folder, graph)
            raise
    except runtime.out_of_memory():
        raise
    except Exception as error:
        raise _load_failure(error, folder, graph, tf.__version__) from error


def _load_failure(error: Exception, folder: Path, graph: MetaGraph, ours: str) -> StepFailure:
    words = str(error).replace(f"{folder}/", "")
    exporter = f"; it was exported by TensorFlow {graph.tensorflow}" if graph.tensorflow else ""
    cure: Cure = OWN_CURE
    if _release(graph.tensorflow) > _release(ours):
        exporter += f", which is newer than the {ours} here"
        cure = "Export it with that version or an older one"
    if lacking := named_in(words):
        found = f"TensorFlow itself lacks operations of this graph: {', '.join(lacking)}{exporter}"
        return StepFailure(
            Reason.UNSUPPORTED_OPERATION, found, cure if isinstance(cure, str) else "Export it without them"
        )
    if graph.has_variables and (flaw := checkpoint.flaw(folder)) is not None:
        return StepFailure(Reason.MODEL_LOAD_FAILED, f"TensorFlow cannot load the model: {flaw}", checkpoint.CURE)
    return StepFailure(
        Reason.MODEL_LOAD_FAILED,
        f"TensorFlow cannot load the model: {type(error).__name__}: {one_line(words, 600)}{exporter}",
        cure,
    )


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split(".")[:2])
