"""What a SavedModel's proto says about itself, read without running anything of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tflite_api.reasons import Reason
from tflite_api.text import one_line
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.tensors import SignatureFacts, TensorFacts
from tflite_converter.proto import callables, messages
from tflite_converter.proto.callables import DeclaredCallable

_INTERNAL_KEYS: Final = frozenset({"__saved_model_init_op", "__saved_model_train_op"})
"""tensorflow/python/saved_model/constants.py: signatures that no user asked for."""
_SEVERAL_ARRAYS: Final = {"coo_sparse": "sparse tensor of ", "composite_tensor": "composite tensor of "}
"""By how a signature of TensorFlow 1 may describe an input or output (tensorflow/core/protobuf/meta_graph.proto)."""
_MOST_SIGNATURES: Final = 256
"""Of one graph, or of what can be called in its place: each is looked at by itself. Honest models have a few dozen."""
_VARIABLES: Final = frozenset({"VarHandleOp", "VariableV2", "Variable"})


@dataclass(frozen=True)
class Node:
    """An operation: its type, the nodes it reads and the functions it calls."""

    op: str
    inputs: tuple[str, ...]
    functions: tuple[str, ...]


Graph = Mapping[str, Node]


@dataclass(frozen=True)
class MetaGraph:
    """One of a SavedModel's graphs with its signatures."""

    tags: frozenset[str]
    tensorflow: str
    """Version of the TensorFlow that exported it."""
    has_objects: bool
    """Whether it was saved by TensorFlow 2, as objects with functions; else it is one graph for a session."""
    signatures: Mapping[str, SignatureFacts]
    callables: Mapping[str, DeclaredCallable]
    """What can be called in a model without signatures, by the keys that it gets."""
    graph: Graph
    functions: Mapping[str, tuple[Node, ...]]
    output_nodes: Mapping[str, tuple[str, ...]]
    """By signature key."""
    _counted: dict[str, Mapping[str, int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def declared(self) -> Mapping[str, SignatureFacts]:
        """What can be converted: the signatures, else what can be called."""
        return self.signatures or {key: found.facts for key, found in self.callables.items()}

    @property
    def has_variables(self) -> bool:
        """Return whether weights lie beside the graph, in files of their own."""
        return any(node.op in _VARIABLES for node in self.graph.values())

    def operations(self, key: str) -> Mapping[str, int]:
        """Count the operations that the outputs of a signature or callable depend on, each called function's once.

        There are none for a key that the proto does not know.
        """
        if key in self._counted:
            return self._counted[key]
        nodes = list(self._roots(key))
        operations, seen = Counter[str](), set[str]()
        while nodes:
            node = nodes.pop()
            operations[node.op] += 1
            for name in (node.op, *node.functions):
                if name in self.functions and name not in seen:
                    seen.add(name)
                    nodes.extend(self.functions[name])
        counted = {name: count for name, count in operations.items() if name not in self.functions}
        self._counted[key] = counted
        return counted

    def _roots(self, key: str) -> Iterable[Node]:
        if key in self.output_nodes:
            return _reachable(self.graph, self.output_nodes[key])
        return self.functions.get(self.callables[key].function, ()) if key in self.callables else ()


def _reachable(graph: Graph, roots: Iterable[str]) -> Iterator[Node]:
    waiting, seen = list(roots), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in graph:
            continue
        seen.add(name)
        yield graph[name]
        waiting.extend(graph[name].inputs)


def read(folder: Path) -> tuple[MetaGraph, ...]:
    """Read a SavedModel's proto.

    Raises:
        StepFailure: ModelLoadFailed where it cannot be parsed, or makes no sense.
    """
    try:
        proto = messages.parse(folder)
    except (OSError, ValueError) as error:
        words = one_line(str(error).replace(f"{folder}/", ""), 300)
        raise StepFailure(Reason.MODEL_LOAD_FAILED, f"saved_model.pb cannot be parsed: {words}", OWN_CURE) from error
    if not proto.meta_graphs:
        raise StepFailure(Reason.MODEL_LOAD_FAILED, "saved_model.pb holds no graph", OWN_CURE)
    return tuple(_meta_graph(meta_graph) for meta_graph in proto.meta_graphs)


def _meta_graph(proto: Any) -> MetaGraph:  # noqa: ANN401 - TensorFlow's protos have no types
    # A proto's map has another order in each process.
    definitions = {key: proto.signature_def[key] for key in sorted(proto.signature_def)}
    signatures = {key: definition for key, definition in definitions.items() if key not in _INTERNAL_KEYS}
    has_objects = proto.HasField("object_graph_def")
    _check_number(len(signatures), "signatures")
    if has_objects and not signatures:
        _check_number(callables.count(proto.object_graph_def), "functions")
    return MetaGraph(
        tags=frozenset(proto.meta_info_def.tags),
        tensorflow=proto.meta_info_def.tensorflow_version,
        has_objects=has_objects,
        signatures={key: _signature(key, definition) for key, definition in signatures.items()},
        callables=callables.declared(proto.object_graph_def) if has_objects and not signatures else {},
        graph={node.name: _node(node) for node in proto.graph_def.node},
        functions={
            function.signature.name: tuple(map(_node, function.node_def))
            for function in proto.graph_def.library.function
        },
        output_nodes={
            key: tuple(_node_name(info.name) for info in definition.outputs.values())
            for key, definition in signatures.items()
        },
    )


def _check_number(found: int, of: str) -> None:
    if found > _MOST_SIGNATURES:
        words = f"saved_model.pb holds {found} {of} in one graph, more than the {_MOST_SIGNATURES} that are looked at"
        raise StepFailure(Reason.MODEL_LOAD_FAILED, words, "Export it with those alone that are to be converted")


def _signature(key: str, definition: Any) -> SignatureFacts:  # noqa: ANN401 - see above
    return SignatureFacts(
        key,
        inputs=tuple(_tensor(name, info) for name, info in sorted(definition.inputs.items())),
        outputs=tuple(_tensor(name, info) for name, info in sorted(definition.outputs.items())),
    )


def _tensor(name: str, info: Any) -> TensorFacts:  # noqa: ANN401 - see above
    shape = info.tensor_shape
    # TensorFlow 1.0 wrote no shape at all where it knew none.
    unknown = shape.unknown_rank or not info.HasField("tensor_shape")
    dimensions = None if unknown else tuple(int(dimension.size) for dimension in shape.dim)
    if dimensions is not None and min(dimensions, default=0) < -1:
        words = f"saved_model.pb gives {name} the shape {list(dimensions)}, which no tensor has"
        raise StepFailure(Reason.MODEL_LOAD_FAILED, words, OWN_CURE)
    return TensorFacts(name, _SEVERAL_ARRAYS.get(info.WhichOneof("encoding"), "") + _dtype(info.dtype), dimensions)


def _dtype(number: int) -> str:
    return messages.dtype_name(number) or f"type {number}, which this TensorFlow does not know"


def _node(proto: Any) -> Node:  # noqa: ANN401 - see above
    called = [value.func.name for value in proto.attr.values() if value.HasField("func")]
    called += [function.name for value in proto.attr.values() for function in value.list.func]
    return Node(proto.op, tuple(map(_node_name, proto.input)), tuple(called))


def _node_name(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]
