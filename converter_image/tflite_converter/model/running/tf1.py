"""A SavedModel as one graph for a session, as TensorFlow 1 and TensorFlow Serving load it.

TensorFlow 2 loads some models of TensorFlow 1 as objects, but not those with reference variables (`Output 0 of node …
has a reference type`), nor signatures that bind two names to one tensor; nor models of its own whose objects belong to
a library that is not here (`The type 'tf_agents…TypeSpec' has not been registered`). A session takes their graph
alone, on whatever device there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tflite_api.reasons import Reason
from tflite_converter.core.failure import RunRefused, StepFailure
from tflite_converter.core.tensors import Array, Sample, SignatureFacts, TensorFacts
from tflite_converter.model import operations
from tflite_converter.model.loaded import SESSION, saving_failure, signature_failure
from tflite_converter.model.running import runtime
from tflite_converter.model.saved_model import MetaGraph


class SessionModel:
    """The graph in a session."""

    strategy: str | None = SESSION

    def __init__(self, folder: Path, graph: MetaGraph) -> None:
        """Load it; raises whatever TensorFlow raises."""
        import tensorflow as tf  # noqa: PLC0415 - takes seconds

        v1 = tf.compat.v1
        self._graph = v1.Graph()
        with self._graph.as_default():
            # Graphs often name the GPU of the machine that they were trained on.
            self._session = v1.Session(config=v1.ConfigProto(allow_soft_placement=True))
            loaded = v1.saved_model.loader.load(self._session, sorted(graph.tags), str(folder))
        self._frozen: dict[str, Any] = {}
        self._definitions = {key: loaded.signature_def[key] for key in graph.signatures}
        self.signatures: Mapping[str, SignatureFacts] = {
            key: self._with_known_shapes(facts) for key, facts in graph.signatures.items()
        }

    def _with_known_shapes(self, facts: SignatureFacts) -> SignatureFacts:
        """Return a signature with the graph's shapes where it has none itself."""
        definition = self._definitions[facts.key]

        def known(tensor: TensorFacts, info: Any) -> TensorFacts:  # noqa: ANN401 - TensorFlow's protos have no types
            if tensor.shape is not None:
                return tensor
            shape = self._graph.as_graph_element(info.name).shape
            dimensions = None if shape.rank is None else tuple(-1 if size is None else size for size in shape.as_list())
            return replace(tensor, shape=dimensions)

        return replace(
            facts,
            inputs=tuple(known(tensor, definition.inputs[tensor.name]) for tensor in facts.inputs),
            outputs=tuple(known(tensor, definition.outputs[tensor.name]) for tensor in facts.outputs),
        )

    def run(self, key: str, sample: Sample) -> dict[str, Array]:
        """Run a signature once.

        Raises:
            RunRefused: the model cannot take this sample.
        """
        import tensorflow as tf  # noqa: PLC0415 - takes seconds

        definition = self._definitions[key]
        given = {definition.inputs[name].name: value for name, value in reversed(list(sample.items()))}
        wanted = {name: info.name for name, info in definition.outputs.items()}
        try:
            outputs = self._session.run(wanted, given)
        except tf.errors.ResourceExhaustedError:
            raise
        except (tf.errors.OpError, ValueError) as error:
            raise RunRefused(str(error)) from error
        return {name: np.asarray(value) for name, value in outputs.items()}

    def _freeze(self, key: str) -> Any:  # noqa: ANN401 - TensorFlow has no types
        """Return the part of the graph that a signature needs, with constants for variables and without devices.

        The other parts may not even be importable: old graphs break rules that came later.
        """
        import tensorflow as tf  # noqa: PLC0415 - takes seconds

        if key not in self._frozen:
            definition = self._definitions[key]
            # An input that no output depends on is still an input.
            ends = (*definition.outputs.values(), *definition.inputs.values())
            wanted = {info.name.partition(":")[0] for info in ends}
            with self._graph.as_default():
                frozen = tf.compat.v1.graph_util.convert_variables_to_constants(
                    self._session, self._cut(key), sorted(wanted)
                )
            _check_keeps_no_state(key, frozen)
            for node in frozen.node:
                node.device = ""
            self._frozen[key] = frozen
        return self._frozen[key]

    def _cut(self, key: str) -> Any:  # noqa: ANN401 - TensorFlow has no types
        """Return the graph with placeholders for a signature's inputs, which may be in the middle of it.

        What comes before them, the decoding of strings for example, is then no part of the model.
        """
        graph = self._graph.as_graph_def()
        inputs = {info.name: info for info in self._definitions[key].inputs.values()}
        for node in graph.node:
            info = inputs.get(f"{node.name}:0")
            if info is not None and node.op != "Placeholder":
                node.op = "Placeholder"
                node.ClearField("input")
                node.ClearField("attr")
                node.attr["dtype"].type = info.dtype
                node.attr["shape"].shape.CopyFrom(info.tensor_shape)
        return graph

    def function(self, signature: SignatureFacts) -> Any:  # noqa: ANN401 - TensorFlow has no types
        """Return the signature as a ConcreteFunction whose inputs have the signature's names.

        Raises:
            StepFailure: ModelLoadFailed where its graph does not lead from its inputs to its outputs,
                UnsupportedOperation where it assigns variables.
        """
        from tensorflow.python.ops.op_selector import UnliftableError  # noqa: PLC0415 - takes seconds

        try:
            return self._function(signature)
        except (AssertionError, KeyError, ValueError, UnliftableError) as error:
            raise signature_failure(signature.key, error) from error

    def _function(self, signature: SignatureFacts) -> Any:  # noqa: ANN401 - TensorFlow has no types
        import tensorflow as tf  # noqa: PLC0415 - takes seconds

        graph = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(self._freeze(signature.key), name=""), [])
        definition = self._definitions[signature.key]
        names = {info.name: name for name, info in sorted(definition.inputs.items(), reverse=True)}
        feeds = {name: graph.graph.as_graph_element(tensor) for tensor, name in names.items()}
        fetches = {name: graph.graph.as_graph_element(info.name) for name, info in definition.outputs.items()}
        return graph.prune(feeds, fetches)

    def save_pinned(self, signatures: Sequence[SignatureFacts], folder: Path) -> None:
        """Save these signatures with their shapes as a SavedModel of one frozen graph for each.

        Raises:
            StepFailure: ConversionFailed, with TensorFlow's words.
        """
        import tensorflow as tf  # noqa: PLC0415 - takes seconds

        v1 = tf.compat.v1
        try:
            with v1.Graph().as_default(), v1.Session() as session:
                definitions = {signature.key: self._import(signature) for signature in signatures}
                builder = v1.saved_model.Builder(str(folder))
                builder.add_meta_graph_and_variables(session, [tf.saved_model.SERVING], definitions)
                builder.save()
        except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
            raise saving_failure(error) from error

    def _import(self, signature: SignatureFacts) -> Any:  # noqa: ANN401 - TensorFlow has no types
        """Copy the frozen graph into the current one, with new inputs of the pinned shapes.

        Of several names for one tensor the first feeds it; the others become inputs that nothing reads, as whoever
        calls the signature must give them the same value anyway.
        """
        import tensorflow as tf  # noqa: PLC0415 - takes seconds

        v1 = tf.compat.v1
        definition = self._definitions[signature.key]
        inputs = {tensor.name: _placeholder(tensor) for tensor in signature.inputs}
        fed = {definition.inputs[name].name: value for name, value in reversed(inputs.items())}
        names = {name: info.name for name, info in definition.outputs.items()}
        tensors = tf.import_graph_def(
            self._freeze(signature.key), input_map=fed, return_elements=list(names.values()), name="signature"
        )
        outputs = {name: tf.identity(tensor) for name, tensor in zip(names, tensors, strict=True)}
        describe = v1.saved_model.build_tensor_info
        return v1.saved_model.build_signature_def(
            {name: describe(tensor) for name, tensor in inputs.items()},
            {name: describe(tensor) for name, tensor in outputs.items()},
        )

    def close(self) -> None:
        """Let go of the weights."""
        self._session.close()
        self._frozen.clear()
        del self._session, self._graph
        runtime.give_memory_back()


def _check_keeps_no_state(key: str, frozen: Any) -> None:  # noqa: ANN401 - TensorFlow's protos have no types
    """Refuse a frozen graph that still assigns what are constants by now."""
    if operations.assigns_state({node.op for node in frozen.node}):
        raise StepFailure(
            Reason.UNSUPPORTED_OPERATION,
            f"Signature {key} changes variables of a TensorFlow 1 graph, which is converted with constants in their"
            " place",
            "export it as a tf.Module of TensorFlow 2, whose variables stay, or without the assignment",
        )


def _placeholder(tensor: TensorFacts) -> Any:  # noqa: ANN401 - TensorFlow has no types
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    dimensions = [None if dimension == -1 else dimension for dimension in tensor.shape or ()]
    return tf.compat.v1.placeholder(tf.dtypes.as_dtype(tensor.dtype), dimensions)
