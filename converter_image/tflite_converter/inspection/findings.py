"""What is in a SavedModel and what of it would convert, told from its proto: nothing of the model is run."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from pydantic import ConfigDict

from tflite_api.reasons import Reason
from tflite_api.resource.spec import Signature
from tflite_api.schema import Boolean, Integer, Schema
from tflite_converter.convert import strategy
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.local_spec import LocalModelSource
from tflite_converter.core.tensors import SignatureFacts, TensorFacts
from tflite_converter.model import loaded, operations, selection
from tflite_converter.model.saved_model import MetaGraph

_DOCUMENTED: Final = ConfigDict(use_attribute_docstrings=True)


class Verdict(Schema):
    """What the conversion would do, as far as the proto tells."""

    model_config = _DOCUMENTED

    outcome: Literal["Accepted", "Refused"]
    """`Refused`: it would end with `reason`. `Accepted`: nothing speaks against it before it is tried."""
    reason: Reason | None = None
    """One of the reasons of docs/reasons.md; absent if it is accepted."""
    message: str | None = None
    """What was found, and what to change; absent if it is accepted."""


class InspectedTensor(Schema):
    """An input or output."""

    model_config = _DOCUMENTED

    name: str
    """As the signature names it."""
    dtype: str
    """TensorFlow's name of it, for example `float32`."""
    shape: tuple[Integer, ...] | None = None
    """-1 is flexible; absent if not even the rank is known."""

    @classmethod
    def of(cls, facts: TensorFacts) -> "InspectedTensor":
        """Take over what is known of a tensor."""
        return cls(name=facts.name, dtype=facts.dtype, shape=facts.shape)


class InspectedSignature(Schema):
    """A signature; in a model without any, a function that can be called in its place."""

    model_config = _DOCUMENTED

    key: str
    """What `signature.key` of a conversion names it."""
    inputs: tuple[InspectedTensor, ...]
    """By name."""
    outputs: tuple[InspectedTensor, ...]
    """By name."""
    operations: dict[str, Integer]
    """How many of each TensorFlow operation its outputs depend on, those of called functions included."""
    verdict: Verdict
    """Of a conversion that asks for this signature and nothing else."""
    strategies: tuple[str, ...] = ()
    """Those of docs/converting.md that its operations ask for already; others may be found out by trying."""
    notes: tuple[str, ...] = ()
    """What its operations and inputs foretell, for people."""
    converted: Boolean
    """Whether a conversion that names no signature takes this one."""


class InspectedGraph(Schema):
    """One of a SavedModel's graphs, told apart by its tags."""

    model_config = _DOCUMENTED

    tags: tuple[str, ...]
    """What `model.tags` of a conversion names it; sorted."""
    tensorflow: str
    """Version of the TensorFlow that exported it; empty if it does not say."""
    chosen: Boolean
    """Whether the conversion takes this graph."""
    signatures: tuple[InspectedSignature, ...]
    """By key."""


class Inspection(Schema):
    """What `tflite-convert inspect --json` prints."""

    model_config = _DOCUMENTED

    version: Literal[1] = 1
    """Of this format. Fields may be added to a version; one that is there keeps its meaning."""
    model: LocalModelSource
    """As `spec.model` of a conversion names it ([the fields of the spec](spec.md))."""
    digest: str
    """`sha256:` and the digest of its files, as in `status.provenance.modelDigest`."""
    size_bytes: Integer
    """Of all files of the SavedModel."""
    graphs: tuple[InspectedGraph, ...]
    """In the order of saved_model.pb."""
    verdict: Verdict
    """Of a conversion that names the model and, if some were given, its tags, and nothing else."""


def inspect(graphs: Sequence[MetaGraph], tags: Collection[str] | None) -> tuple[tuple[InspectedGraph, ...], Verdict]:
    """Return what is in a model's graphs, and what the result of a conversion would be.

    Args:
        graphs: what the proto says.
        tags: those of the graph to convert; None to have it chosen.
    """
    try:
        chosen = selection.choose_graph(graphs, tags)
    except StepFailure as failure:
        return tuple(_graph(graph, (), chosen=False) for graph in graphs), _refused(failure)
    taken, verdict = _tried(chosen, _available(chosen), Signature())
    return tuple(_graph(graph, taken if graph is chosen else (), chosen=graph is chosen) for graph in graphs), verdict


def _graph(graph: MetaGraph, taken: Sequence[SignatureFacts], *, chosen: bool) -> InspectedGraph:
    keys, available = {facts.key for facts in taken}, _available(graph)
    return InspectedGraph(
        tags=tuple(sorted(graph.tags)),
        tensorflow=graph.tensorflow,
        chosen=chosen,
        signatures=tuple(
            _signature(graph, available, facts, converted=key in keys) for key, facts in sorted(graph.declared.items())
        ),
    )


def _signature(
    graph: MetaGraph, available: Mapping[str, SignatureFacts], facts: SignatureFacts, *, converted: bool
) -> InspectedSignature:
    used = graph.operations(facts.key)
    foreseen = strategy.foreseen(facts, used)
    loading = loaded.foreseen(graph)
    # Not validated: a model may have keys that no spec can name.
    _, verdict = _tried(graph, available, Signature.model_construct(keys=(facts.key,)))
    return InspectedSignature(
        key=facts.key,
        inputs=tuple(map(InspectedTensor.of, facts.inputs)),
        outputs=tuple(map(InspectedTensor.of, facts.outputs)),
        operations=dict(sorted(used.items())),
        verdict=verdict,
        strategies=(*((loading,) if loading else ()), *foreseen.names),
        notes=(*foreseen.notes, *_notes(graph, facts)),
        converted=converted,
    )


def _notes(graph: MetaGraph, facts: SignatureFacts) -> Iterator[str]:
    if lacking := operations.known_lacking(graph.operations(facts.key)):
        yield (
            f"LiteRT has no operator for {', '.join(lacking)}: where the converter cannot drop it, this needs"
            " ops.selectTF: true, or ends as UnsupportedOperation"
        )
    unknown = ", ".join(tensor.name for tensor in facts.inputs if tensor.shape is None)
    if unknown and not graph.has_objects:
        yield f"saved_model.pb has no shape for {unknown}: where the graph has none either, signature.inputs must"


def _tried(
    graph: MetaGraph, available: Mapping[str, SignatureFacts], asked: Signature
) -> tuple[tuple[SignatureFacts, ...], Verdict]:
    """Do what the conversion does before it loads the model."""
    try:
        taken = selection.plan(graph, available, asked)
    except StepFailure as failure:
        return (), _refused(failure)
    return taken, Verdict(outcome="Accepted")


def _available(graph: MetaGraph) -> Mapping[str, SignatureFacts]:
    """Return the signatures, without holding unknown ranks against those whose graph may know them (model/tf1.py)."""
    if graph.has_objects:
        return graph.declared
    return {
        key: replace(facts, inputs=tuple(replace(tensor, shape=tensor.shape or ()) for tensor in facts.inputs))
        for key, facts in graph.declared.items()
    }


def _refused(failure: StepFailure) -> Verdict:
    return Verdict(outcome="Refused", reason=failure.reason, message=failure.message)
