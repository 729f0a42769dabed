"""A model in this process's memory: what it can be asked, however it was saved."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from tflite_api.reasons import Reason
from tflite_api.text import one_line
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Outputs, Sample, SignatureFacts
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
        """Return the signature as a ConcreteFunction, to look at its graph.

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


def saving_failure(error: Exception) -> StepFailure:
    """Return the failure of a signature that cannot be saved with other shapes."""
    words = f"TensorFlow cannot save the pinned signature: {one_line(str(error), 600)}"
    return StepFailure(Reason.CONVERSION_FAILED, words, "Use other shapes in signature.inputs, or change the model")


def signature_failure(key: str, error: Exception) -> StepFailure:
    """Return the failure of a signature that is not what its graph computes."""
    return StepFailure(
        Reason.MODEL_LOAD_FAILED,
        f"The outputs of signature {key} cannot be computed from its inputs: {one_line(str(error), 600)}",
        "Export it with all inputs that it needs, or choose another with signature.key",
    )
