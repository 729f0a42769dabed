"""The main subgraph's tensors and their names, in files that a converter may write one day."""

from typing import Any

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from tflite_converter.artifact.main_signature import read_main_signature
from tflite_converter.core.tensors import SignatureFacts, TensorFacts


def signature(key: str, subgraph: int, inputs: dict[str, int], outputs: dict[str, int]) -> Any:
    def entries(names: dict[str, int]) -> list[Any]:
        made = []
        for name, index in names.items():
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = name, index
            made.append(entry)
        return made

    definition = schema.SignatureDefT()
    definition.signatureKey, definition.subgraphIndex = key, subgraph
    definition.inputs, definition.outputs = entries(inputs), entries(outputs)
    return definition


def model(*signatures: Any) -> bytes:
    """Return a model whose main subgraph has one input, int8 [-1, 2], and writes its one result to two outputs."""
    fed, result = schema.TensorT(), schema.TensorT()
    fed.name, fed.type, fed.shape, fed.shapeSignature = "fed", schema.TensorType.INT8, [1, 2], [-1, 2]
    result.name, result.type, result.shape = "result", schema.TensorType.FLOAT32, [3]
    main = schema.SubGraphT()
    main.tensors, main.inputs, main.outputs = [fed, result], [0], [1, 1]
    whole = schema.ModelT()
    whole.subgraphs, whole.signatureDefs = [main, schema.SubGraphT()], list(signatures)
    builder = flatbuffers.Builder(0)
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())


X = TensorFacts("x", "int8", (-1, 2))


def result(name: str) -> TensorFacts:
    return TensorFacts(name, "float32", (3,))


def test_two_names_of_one_tensor_are_both_used() -> None:
    content = model(signature("run", 0, {"x": 0}, {"a": 1, "b": 1}))
    assert read_main_signature(content, "run") == SignatureFacts("run", (X,), (result("a"), result("b")))


def test_a_tensor_that_the_signature_does_not_name_keeps_its_own_name() -> None:
    content = model(signature("run", 0, {"x": 0}, {"a": 1}))
    assert read_main_signature(content, "run") == SignatureFacts("run", (X,), (result("a"), result("result")))


def test_of_signatures_that_share_the_main_subgraph_the_asked_one_counts() -> None:
    content = model(
        signature("elsewhere", 1, {}, {}),
        signature("run", 0, {"x": 0}, {"a": 1, "b": 1}),
        signature("walk", 0, {"x": 0}, {"c": 1, "d": 1}),
    )
    assert [tensor.name for tensor in read_main_signature(content, "walk").outputs] == ["c", "d"]
    assert read_main_signature(content, "elsewhere").key == "run"


def test_a_main_subgraph_without_a_signature_is_an_error() -> None:
    with pytest.raises(ValueError, match="no signature"):
        read_main_signature(model(signature("elsewhere", 1, {}, {})), "elsewhere")
