"""A SavedModel that is loaded: running it as the reference, and saving one pinned signature of it."""

import ctypes
import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tflite_api.reasons import Reason
from tflite_converter.failure import StepFailure, one_line
from tflite_converter.operations import named_in
from tflite_converter.reference import Reference, observe
from tflite_converter.samples import Sample, generate, samplings
from tflite_converter.signature import SignatureFacts, TensorFacts
from tflite_converter.verification import Array


class LoadedModel:
    """One signature of a SavedModel in this process's memory."""

    def __init__(self, folder: Path, tags: frozenset[str], key: str) -> None:
        """Load the SavedModel; this runs its initializers.

        Raises:
            StepFailure: ModelLoadFailed, or UnsupportedOperation where TensorFlow itself lacks an operation.
        """
        import tensorflow as tf  # noqa: PLC0415 - takes seconds

        try:
            self._model = tf.saved_model.load(str(folder), tags=sorted(tags))
            self._function = self._model.signatures[key]
        except (MemoryError, tf.errors.ResourceExhaustedError):
            raise
        except Exception as error:
            raise _load_failure(error) from error

    def save_pinned(self, signature: SignatureFacts, folder: Path) -> None:
        """Save this one signature with its pinned shapes as a SavedModel of its own, with the tag `serve`.

        Neither `from_concrete_functions` (loses the names) nor `set_shape` on the loaded function (is ignored without a
        word) does it; nor does saving a Keras 3 model itself, whose variables are then lost in the artifact.
        """
        import tensorflow as tf  # noqa: PLC0415 - takes seconds

        function = self._function

        def pinned(**inputs: Any) -> Any:  # noqa: ANN401 - tensors have no types
            return function(**inputs)

        specs = {tensor.name: _spec(tensor) for tensor in signature.inputs}
        module = tf.Module()
        module.captured = self._captured()
        try:
            concrete = tf.function(pinned, autograph=False).get_concrete_function(**specs)
            tf.saved_model.save(module, str(folder), signatures={signature.key: concrete})
        except (ValueError, TypeError, AssertionError, tf.errors.InvalidArgumentError) as error:
            words = f"TensorFlow cannot save the pinned signature: {one_line(str(error), 600)}"
            raise StepFailure(Reason.CONVERSION_FAILED, words) from error

    def _captured(self) -> Any:  # noqa: ANN401 - TensorFlow has no types
        """Give what has to be saved with the signature: its variables, or everything where it uses tables as well.

        Everything includes the training functions of a Keras model: three times the time.
        """
        import tensorflow as tf  # noqa: PLC0415 - takes seconds

        variables = list(self._function.variables)
        resources = sum(tensor.dtype == tf.resource for tensor in self._function.captured_inputs)
        return variables if resources == len(variables) else self._model

    def reference(self, inputs: Sequence[TensorFacts]) -> Reference:
        """Run the model on generated samples.

        Raises:
            StepFailure: VerificationFailed where it runs on no samples at all.
        """
        import tensorflow as tf  # noqa: PLC0415 - takes seconds

        refused = ""
        for sampling in samplings(inputs):
            try:
                samples = list(generate(inputs, sampling))
                outputs = [self._run(sample) for sample in samples]
                again = self._run(samples[0])
            except tf.errors.ResourceExhaustedError:
                raise
            except tf.errors.OpError as error:
                refused = refused or one_line(error.message, 300)
                continue
            return observe(outputs, again, sampling)
        raise StepFailure(
            Reason.VERIFICATION_FAILED,
            f"TensorFlow cannot run the signature on generated inputs ({refused}): pin its shapes in signature.inputs",
        )

    def _run(self, sample: Sample) -> dict[str, Array]:
        import tensorflow as tf  # noqa: PLC0415 - takes seconds

        given = {name: tf.constant(value) for name, value in sample.items()}
        return {name: np.asarray(value.numpy()) for name, value in self._function(**given).items()}

    def unload(self) -> None:
        """Give the weights' memory back before the converter asks for as much again."""
        del self._model, self._function
        gc.collect()
        # glibc keeps freed memory, and the peak would be the sum of all phases.
        ctypes.CDLL(None).malloc_trim(0)


def _spec(tensor: TensorFacts) -> Any:  # noqa: ANN401 - TensorFlow has no types
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    dimensions = [None if dimension == -1 else dimension for dimension in tensor.shape or ()]
    return tf.TensorSpec(dimensions, tf.dtypes.as_dtype(tensor.dtype), name=tensor.name)


def _load_failure(error: Exception) -> StepFailure:
    words = str(error)
    if lacking := named_in(words):
        return StepFailure(
            Reason.UNSUPPORTED_OPERATION,
            f"TensorFlow itself lacks operations of this graph: {', '.join(lacking)}; export it without them",
        )
    return StepFailure(
        Reason.MODEL_LOAD_FAILED, f"TensorFlow cannot load the model: {type(error).__name__}: {one_line(words, 600)}"
    )
