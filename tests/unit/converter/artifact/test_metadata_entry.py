"""An entry more, and nothing else: what the generated schema classes read back."""

import mmap
from pathlib import Path
from typing import Any

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from tflite_converter.artifact import metadata_entry

VALUE = b"an odd number of bytes"


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def unpacked(content: bytes) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def buffer(**fields: Any) -> Any:
    made = schema.BufferT()
    vars(made).update(fields)
    return made


def small_model() -> Any:
    """Return a model with something in every field that the schema has."""
    model = schema.ModelT()
    model.version = 3
    model.description = "small"
    model.operatorCodes = [schema.OperatorCodeT()]
    model.buffers = [
        buffer(),
        buffer(data=[1, 2, 3]),
        buffer(offset=1, size=1),
        buffer(offset=5000, size=8),
        buffer(offset=2**33, size=16),
    ]
    plain, large = schema.OperatorT(), schema.OperatorT()
    plain.inputs, plain.outputs = [0], [0]
    large.largeCustomOptionsOffset, large.largeCustomOptionsSize = 6000, 4
    graph = schema.SubGraphT()
    graph.name, graph.tensors = "main", [schema.TensorT()]
    graph.inputs, graph.outputs, graph.operators = [0], [0], [plain, large]
    model.subgraphs = [graph]
    entry = schema.MetadataT()
    entry.name, entry.buffer = "min_runtime_version", 1
    model.metadata = [entry]
    model.metadataBuffer = [1]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    model.signatureDefs = [signature]
    group = schema.ExternalBufferGroupT()
    group.name = "group"
    model.externalBufferGroups = [group]
    external = schema.ExternalBufferT()
    external.offset = 7000
    model.externalBuffers = [external]
    return model


def with_entry(content: bytes, folder: Path, name: str = "MINE") -> bytes:
    (folder / "old").write_bytes(content)
    with (
        (folder / "old").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as old,
        (folder / "new").open("wb") as target,
    ):
        metadata_entry.add(old, name, VALUE, target)
        target.write(b"behind")
    content = (folder / "new").read_bytes()
    assert content.endswith(b"behind"), "what is written next must come after the model"
    return content.removesuffix(b"behind")


def test_the_entry_comes_last_and_all_else_is_shared(tmp_path: Path) -> None:
    old = packed(small_model())
    new = with_entry(old, tmp_path)
    moved = len(new) - len(old)
    model = unpacked(new)
    assert vars(model).keys() == vars(small_model()).keys(), "the schema has another field: metadata_entry must know it"
    assert None not in vars(model).values()
    assert bytes(model.buffers.pop().data) == VALUE
    entry = model.metadata.pop()
    assert (entry.name, entry.buffer) == (b"MINE", 5)
    expected = unpacked(old)
    expected.buffers[3].offset += moved
    expected.buffers[4].offset += moved
    expected.subgraphs[0].operators[1].largeCustomOptionsOffset += moved
    assert packed(model) == packed(expected)


def test_weights_keep_their_alignment_and_the_entry_has_its_own(tmp_path: Path) -> None:
    old = packed(small_model())
    new = with_entry(old, tmp_path)
    assert (len(new) - len(old)) % 64 == 0
    assert new.index(VALUE) % 16 == 0


def test_a_model_without_metadata_gets_a_list_of_it(tmp_path: Path) -> None:
    model = schema.ModelT()
    model.version = 3
    model.buffers = [buffer()]
    (entry,) = unpacked(with_entry(packed(model), tmp_path)).metadata
    assert (entry.name, entry.buffer) == (b"MINE", 1)


def test_an_entry_is_added_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="min_runtime_version already"):
        with_entry(packed(small_model()), tmp_path, "min_runtime_version")


def test_a_newer_schema_is_refused_rather_than_cut_short(tmp_path: Path) -> None:
    builder = flatbuffers.Builder(0)
    text = builder.CreateString("new")
    builder.StartObject(11)
    builder.PrependUint32Slot(0, 3, 0)
    builder.PrependUOffsetTRelativeSlot(10, text, 0)
    builder.Finish(builder.EndObject(), b"TFL3")
    with pytest.raises(ValueError, match="newer schema"):
        with_entry(bytes(builder.Output()), tmp_path)
