"""A SavedModel of TensorFlow 2: objects with variables and functions."""

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from tflite_converter.core.failure import RunRefused
from tflite_converter.core.tensors import Array, Sample, SignatureFacts, TensorFacts
from tflite_converter.model.loaded import CALL, saving_failure, signature_failure
from tflite_converter.model.running import callables, pruning, restoring, runtime
from tflite_converter.model.saved_model import MetaGraph

_PROTO: Final = "saved_model.pb"
_CAPTURED: Final = "captured"
"""Of a module that is saved: the variables that its functions use, or the model where they use more than these."""


class ObjectModel:
    """The objects in memory."""

    def __init__(self, folder: Path, graph: MetaGraph, keys: Collection[str] | None = None) -> None:
        """Load them, or what these signatures need of them; raises whatever TensorFlow raises."""
        self._model = _loaded(folder, sorted(graph.tags), keys)
        self._functions: dict[str, Any] = dict(self._model.signatures)
        self.signatures: Mapping[str, SignatureFacts] = graph.signatures
        self.strategy: str | None = None
        if not graph.signatures:
            self.strategy = CALL
            found = callables.of(self._model)
            self._functions = {name: found_callable.function for name, found_callable in found.items()}
            self.signatures = {name: found_callable.facts for name, found_callable in found.items()}

    def run(self, key: str, sample: Sample) -> dict[str, Array]:
        """Run a signature once.

        Raises:
            RunRefused: the model cannot take this sample.
            StepFailure: ModelLoadFailed where the function takes other inputs than the signature says.
        """
        import tensorflow as tf  # noqa: PLC0415 - takes seconds

        try:
            given = {name: tf.constant(value) for name, value in sample.items()}
            return {name: np.asarray(value.numpy()) for name, value in self._functions[key](**given).items()}
        except tf.errors.ResourceExhaustedError:
            raise
        except tf.errors.OpError as error:
            raise RunRefused(error.message) from error
        except TypeError as error:
            raise signature_failure(key, error) from error

    def function(self, signature: SignatureFacts) -> Any:  # noqa: ANN401 - TensorFlow has no types
        """Return the signature as a ConcreteFunction."""
        return self._functions[signature.key]

    def save_pinned(self, signatures: Sequence[SignatureFacts], folder: Path) -> None:
        """Save these signatures with their shapes as a SavedModel of their own.

        Neither `from_concrete_functions` (loses the names) nor `set_shape` on the loaded function (is ignored without a
        word) does it; nor does saving a Keras 3 model itself, whose variables are then lost in the artifact.

        Raises:
            StepFailure: ConversionFailed, with TensorFlow's words.
        """
        import tensorflow as tf  # noqa: PLC0415 - takes seconds

        module = tf.Module()
        functions = [self._functions[signature.key] for signature in signatures]
        setattr(module, _CAPTURED, _captured(functions) or self._model)
        save(functions, signatures, folder, module)

    def close(self) -> None:
        """Let go of the weights."""
        del self._model, self._functions
        runtime.give_memory_back()


def _loaded(folder: Path, tags: Sequence[str], keys: Collection[str] | None) -> Any:  # noqa: ANN401 - TensorFlow has no types
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    if keys is not None and (model := _pruned(folder, tags, keys)) is not None:
        return model
    return tf.saved_model.load(str(folder), tags=tags)


def _pruned(folder: Path, tags: Sequence[str], keys: Collection[str]) -> Any:  # noqa: ANN401 - TensorFlow has no types
    """Return what these signatures need; None where that is not known, or is not all there."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    # TensorFlow writes a line for each value of the checkpoint that is not asked for, unless it is told to expect that;
    # but then it says nothing of one that is asked for and not there.
    options = tf.saved_model.LoadOptions(allow_partial_checkpoint=True)
    with tempfile.TemporaryDirectory(prefix="pruned-") as target:
        if not pruning.prune(folder, keys, Path(target)):
            return None
        model = tf.saved_model.load(target, tags=tags, options=options)
    variables = {id(one): one for function in model.signatures.values() for one in function.variables}
    return model if all(one.is_initialized() for one in variables.values()) else None


def save(functions: Sequence[Any], signatures: Sequence[SignatureFacts], folder: Path, module: Any) -> None:  # noqa: ANN401
    """Save functions with their signatures' names and shapes.

    Args:
        functions: by signature; each takes its inputs by name, and gives a dict.
        signatures: in the same order.
        folder: is made.
        module: a tf.Module that holds the variables the functions use.

    Raises:
        StepFailure: ConversionFailed, with TensorFlow's words.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    try:
        concrete = {
            signature.key: _pinned(function, signature)
            for signature, function in zip(signatures, functions, strict=True)
        }
        _save(module, folder, concrete)
    except (ValueError, TypeError, AssertionError, tf.errors.InvalidArgumentError) as error:
        raise saving_failure(error) from error
    _rename_inputs(folder, signatures)


def _save(module: Any, folder: Path, concrete: Mapping[str, Any]) -> None:  # noqa: ANN401 - TensorFlow has no types
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    def written(*, skip_saver: bool) -> None:
        # Gradients are for training.
        options = tf.saved_model.SaveOptions(experimental_skip_saver=skip_saver, experimental_custom_gradients=False)
        tf.saved_model.save(module, str(folder), signatures=concrete, options=options)

    if isinstance(getattr(module, _CAPTURED, None), list):
        # Whatever else there may be to restore, TensorFlow alone knows how.
        written(skip_saver=True)
        with _edited(folder) as meta:
            if restoring.add(meta, _CAPTURED):
                return
    written(skip_saver=False)


@contextmanager
def _edited(folder: Path) -> Iterator[Any]:
    """Yield a SavedModel's one MetaGraphDef, and write what became of it."""
    from tensorflow.core.protobuf import saved_model_pb2  # noqa: PLC0415 - takes seconds

    path = folder / _PROTO
    proto = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    yield proto.meta_graphs[0]
    path.write_bytes(proto.SerializeToString())


def _captured(functions: Sequence[Any]) -> list[Any] | None:
    """Return the variables that have to be saved with functions; None where they use tables as well.

    Everything would include the training functions of a Keras model: three times the time.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    variables = [list(getattr(function, "variables", ())) for function in functions]
    resources = [sum(tensor.dtype == tf.resource for tensor in function.captured_inputs) for function in functions]
    if resources != [len(found) for found in variables]:
        return None
    return list({id(variable): variable for found in variables for variable in found}.values())


def _pinned(function: Any, signature: SignatureFacts) -> Any:  # noqa: ANN401 - TensorFlow has no types
    """Trace a function again with the signature's shapes; its inputs are then called input_0, input_1, …

    A function's arguments must be identifiers; names of a signature may be anything, and often hold slashes or colons.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    names = {argument(number): tensor.name for number, tensor in enumerate(signature.inputs)}

    def pinned(**inputs: Any) -> Any:  # noqa: ANN401 - tensors have no types
        try:
            return function(**{names[argument]: value for argument, value in inputs.items()})
        except TypeError as error:
            raise signature_failure(signature.key, error) from error

    specs = {argument(number): _spec(tensor, argument(number)) for number, tensor in enumerate(signature.inputs)}
    return tf.function(pinned, autograph=False).get_concrete_function(**specs)


def input_names(function: Any, facts: SignatureFacts) -> list[str]:  # noqa: ANN401 - TensorFlow has no types
    """Return the signature's names of the inputs of a function that `save` saved, in its order."""
    by_argument = {argument(number): tensor.name for number, tensor in enumerate(facts.inputs)}
    return [by_argument.get(name, name) for name in function._arg_keywords]  # noqa: SLF001 - no public way to the order


def argument(number: int) -> str:
    """Name an input while its function is saved: names of a signature may be no identifiers."""
    return f"input_{number}"


def _spec(tensor: TensorFacts, name: str) -> Any:  # noqa: ANN401 - TensorFlow has no types
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    dimensions = [None if dimension == -1 else dimension for dimension in tensor.shape or ()]
    return tf.TensorSpec(dimensions, tf.dtypes.as_dtype(tensor.dtype), name=name)


def _rename_inputs(folder: Path, signatures: Sequence[SignatureFacts]) -> None:
    """Restore the names of the inputs of a SavedModel that `_pinned` made: the converter reads them here."""
    with _edited(folder) as meta:
        for signature in signatures:
            inputs = meta.signature_def[signature.key].inputs
            given = {tensor.name: inputs[argument(number)] for number, tensor in enumerate(signature.inputs)}
            kept = {name: type(info).FromString(info.SerializeToString()) for name, info in given.items()}
            inputs.clear()
            for name, info in kept.items():
                inputs[name].CopyFrom(info)
