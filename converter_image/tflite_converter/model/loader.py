"""A stranger's model in this process's memory: what it can be asked, however it was saved."""

import ctypes
import gc
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure, one_line
from tflite_converter.core.tensors import Outputs, Sample, SignatureFacts
from tflite_converter.model import checkpoint
from tflite_converter.model.operations import named_in
from tflite_converter.model.saved_model import MetaGraph

SESSION: Final = "Session"
"""Strategy: the model is one graph for a session (tf1.py)."""
CALL: Final = "Call"
"""Strategy: the model has no signatures, so what can be called stands in for them (callables.py)."""


class LoadedModel(Protocol):
    """A model that can be run, and saved again with pinned signatures."""

    strategy: str | None
    """The name of this way of loading; None for the plain one."""
    signatures: Mapping[str, SignatureFacts]
    """What can be called, by key."""

    def run(self, key: str, sample: Sample) -> Outputs:
        """Run a signature once.

        Raises:
            RunRefused: the model cannot take this sample.
        """

    def function(self, signature: SignatureFacts) -> Any:  # noqa: ANN401 - TensorFlow has no types
        """Give the signature as a ConcreteFunction, to look at its graph.

        Raises:
            StepFailure: ModelLoadFailed where the graph does not fit the signature.
        """

    def save_pinned(self, signatures: Sequence[SignatureFacts], folder: Path) -> None:
        """Save these signatures with their shapes, and nothing else, as a SavedModel with the tag `serve`.

        Raises:
            StepFailure: ConversionFailed, with TensorFlow's words.
        """

    def close(self) -> None:
        """Let go of the weights."""


def foreseen(graph: MetaGraph) -> str | None:
    """Name the strategy of loading that a model's proto asks for; objects of a foreign library do not show in it."""
    if not graph.has_objects:
        return SESSION
    return None if graph.signatures else CALL


def load(folder: Path, graph: MetaGraph) -> LoadedModel:
    """Load a SavedModel; this runs its initializers.

    Raises:
        StepFailure: ModelLoadFailed, or UnsupportedOperation where TensorFlow itself lacks an operation.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    from tflite_converter.model.tf1 import SessionModel  # noqa: PLC0415 - see above
    from tflite_converter.model.tf2 import ObjectModel  # noqa: PLC0415 - they import this module's names

    try:
        if not graph.has_objects:
            return SessionModel(folder, graph)
        try:
            return ObjectModel(folder, graph)
        except _out_of_memory():
            raise
        except Exception:
            # Objects of libraries that are not here, such as TF-Agents' policies; a session needs the graph alone.
            with suppress(Exception):
                return SessionModel(folder, graph)
            raise
    except _out_of_memory():
        raise
    except Exception as error:
        raise _load_failure(error, folder, graph, tf.__version__) from error


def _out_of_memory() -> tuple[type[Exception], ...]:
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    return (MemoryError, tf.errors.ResourceExhaustedError)


def give_memory_back() -> None:
    """Return freed memory to the system: glibc keeps it, and the peak would be the sum of all phases."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def saving_failure(error: Exception) -> StepFailure:
    """Give the failure of a signature that cannot be saved with other shapes."""
    return StepFailure(
        Reason.CONVERSION_FAILED, f"TensorFlow cannot save the pinned signature: {one_line(str(error), 600)}"
    )


def signature_failure(key: str, error: Exception) -> StepFailure:
    """Give the failure of a signature that is not what its graph computes."""
    return StepFailure(
        Reason.MODEL_LOAD_FAILED,
        f"The outputs of signature {key} cannot be computed from its inputs: {one_line(str(error), 600)}",
    )


def _load_failure(error: Exception, folder: Path, graph: MetaGraph, ours: str) -> StepFailure:
    words = str(error).replace(f"{folder}/", "")
    exporter = f"; it was exported by TensorFlow {graph.tensorflow}" if graph.tensorflow else ""
    if _release(graph.tensorflow) > _release(ours):
        exporter += f", which is newer than the {ours} here: export it with that version or an older one"
    if lacking := named_in(words):
        return StepFailure(
            Reason.UNSUPPORTED_OPERATION,
            f"TensorFlow itself lacks operations of this graph: {', '.join(lacking)}; export it without them{exporter}",
        )
    if graph.has_variables and (flaw := checkpoint.flaw(folder)) is not None:
        return StepFailure(Reason.MODEL_LOAD_FAILED, f"TensorFlow cannot load the model: {flaw}")
    return StepFailure(
        Reason.MODEL_LOAD_FAILED,
        f"TensorFlow cannot load the model: {type(error).__name__}: {one_line(words, 600)}{exporter}",
    )


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split(".")[:2])
