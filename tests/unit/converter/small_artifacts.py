"""Artifacts of a few operators, written without TensorFlow's converter."""

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

KEY = "serving_default"
_VERSION = 3


def dense(layers: int, width: int = 64) -> bytes:
    """Return the file of `layers` layers with the same weights, each [-1, width] to [-1, width]; x becomes y."""
    graph = Graph()
    weights = graph.constant(np.full([width, width], 1 / width, np.float32))
    tensor = graph.input("x", [1, width])
    for _ in range(layers):
        tensor = graph.operator("FULLY_CONNECTED", [tensor, weights, -1], [1, width], _fully_connected())
    return graph.file({"y": tensor})


def behind(file: bytes) -> bytes:
    """Return a file with its constants behind the flatbuffer, as those of more than 2 GB have them."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file, 0))
    kept = {number: buffer.data.tobytes() for number, buffer in enumerate(model.buffers) if buffer.data is not None}
    place = 2 * len(file)
    for number, data in kept.items():
        buffer = model.buffers[number]
        buffer.data, buffer.offset, buffer.size = None, place, len(data)
        place += len(data)
    return _packed(model).ljust(2 * len(file), b"\0") + b"".join(kept.values())


class Graph:
    """One subgraph, built operator by operator."""

    def __init__(self) -> None:
        self._model = schema.ModelT()
        self._model.version = _VERSION
        self._model.buffers = [schema.BufferT()]
        self._model.operatorCodes = []
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators, self._graph.inputs = [], [], []
        self._inputs: dict[str, int] = {}

    def input(self, name: str, shape: list[int]) -> int:
        """Add an input of floats; return its number."""
        self._inputs[name] = self._tensor(name, shape)
        self._graph.inputs.append(self._inputs[name])
        return self._inputs[name]

    def constant(self, values: Any) -> int:
        """Add a constant; return its number."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        kind = getattr(schema.TensorType, values.dtype.name.upper())
        return self._tensor("constant", list(values.shape), kind, len(self._model.buffers) - 1)

    def operator(self, name: str, inputs: list[int], shape: list[int], options: tuple[int, Any] | None = None) -> int:
        """Add an operator with one output of floats; return the output's number."""
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = 1
        self._model.operatorCodes.append(code)
        one = schema.OperatorT()
        one.opcodeIndex = len(self._model.operatorCodes) - 1
        one.inputs = inputs
        one.outputs = [self._tensor(f"{name}-{len(self._graph.tensors)}", shape)]
        if options is not None:
            one.builtinOptionsType, one.builtinOptions = options
        self._graph.operators.append(one)
        return int(one.outputs[0])

    def file(self, outputs: dict[str, int]) -> bytes:
        """Return the file, with these outputs in its signature."""
        self._graph.outputs = list(outputs.values())
        self._model.subgraphs = [self._graph]
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = KEY, 0
        signature.inputs = [_entry(name, tensor) for name, tensor in self._inputs.items()]
        signature.outputs = [_entry(name, tensor) for name, tensor in outputs.items()]
        self._model.signatureDefs = [signature]
        return _packed(self._model)

    def _tensor(self, name: str, shape: list[int], kind: int = schema.TensorType.FLOAT32, buffer: int = 0) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, kind, buffer
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1


def _entry(name: str, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, tensor
    return entry


def _fully_connected() -> tuple[int, Any]:
    return schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT()


def _packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
