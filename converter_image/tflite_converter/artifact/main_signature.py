"""The tensors that metadata describes: those of a .tflite file's main subgraph, in that subgraph's own order."""

import mmap
from collections.abc import Iterator, Sequence
from typing import Any

from tflite_converter.artifact import flatbuffer
from tflite_converter.core.tensors import SignatureFacts, TensorFacts


def read_main_signature(content: bytes | mmap.mmap, key: str) -> SignatureFacts:
    """Read the signature of the main subgraph, the first, with its tensors in the subgraph's order.

    A signature lists its tensors in another order (by name); programs that know of no signatures use the subgraph's.
    Where several signatures share the main subgraph, `key` chooses among them.

    Raises:
        ValueError: the main subgraph has no signature.
    """
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    model = schema.Model.GetRootAs(content, 0)
    types = flatbuffer.type_names()
    definitions = [model.SignatureDefs(index) for index in range(model.SignatureDefsLength())]
    main = {each.SignatureKey().decode(): each for each in definitions if each.SubgraphIndex() == 0}
    if not main:
        raise ValueError("the main subgraph has no signature")
    chosen = key if key in main else next(iter(main))
    definition, graph = main[chosen], model.Subgraphs(0)
    named_inputs = [definition.Inputs(item) for item in range(definition.InputsLength())]
    named_outputs = [definition.Outputs(item) for item in range(definition.OutputsLength())]
    inputs = [graph.Inputs(item) for item in range(graph.InputsLength())]
    outputs = [graph.Outputs(item) for item in range(graph.OutputsLength())]
    return SignatureFacts(
        chosen,
        inputs=tuple(_facts(graph, inputs, named_inputs, types)),
        outputs=tuple(_facts(graph, outputs, named_outputs, types)),
    )


def _facts(
    graph: Any,  # noqa: ANN401 - generated without types
    indices: Sequence[int],
    entries: Sequence[Any],
    types: dict[int, str],
) -> Iterator[TensorFacts]:
    left = list(entries)
    for index in indices:
        tensor = graph.Tensors(index)
        # Two names may stand for one tensor, which is then listed twice: each name is used once.
        entry = next((entry for entry in left if entry.TensorIndex() == index), None)
        if entry is not None:
            left.remove(entry)
        name = (tensor if entry is None else entry).Name().decode()
        # Only a shape with flexible dimensions has a signature of its own.
        size = tensor.ShapeSignature if tensor.ShapeSignatureLength() else tensor.Shape
        yield TensorFacts(name, types[tensor.Type()], tuple(size(axis) for axis in range(tensor.ShapeLength())))
