"""A .tflite file of convolutions in a row, made without TensorFlow."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

KEY = "serving_default"
CHANNELS = 4


def file(layers: int, size: int, offset: float = 0.0) -> bytes:
    """Return a model of so many convolutions of 5 x 5 over squares of this size, all of the same random weights.

    Args:
        layers: how many.
        size: of the square's side.
        offset: what is added to the weights.
    """
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes = [_code(schema.BuiltinOperator.CONV_2D)]
    weights = np.random.default_rng(5).normal(offset, 0.1, (CHANNELS, 5, 5, CHANNELS)).astype(np.float32)
    model.buffers = [schema.BufferT(), _buffer(weights), _buffer(np.zeros(CHANNELS, np.float32))]
    graph = schema.SubGraphT()
    square = [1, size, size, CHANNELS]
    graph.tensors = [
        _tensor("weights", list(weights.shape), 1),
        _tensor("bias", [CHANNELS], 2),
        _tensor("x", square, 0),
    ]
    graph.tensors += [_tensor(f"layer{number}", square, 0) for number in range(layers)]
    graph.operators = [_convolution(2 + number, 3 + number) for number in range(layers)]
    graph.inputs, graph.outputs = [2], [2 + layers]
    model.subgraphs = [graph]
    model.signatureDefs = [_signature(2, 2 + layers)]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _code(operator: int) -> schema.OperatorCodeT:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    return code


def _buffer(values: np.ndarray) -> schema.BufferT:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    return buffer


def _tensor(name: str, shape: list[int], buffer: int) -> schema.TensorT:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, schema.TensorType.FLOAT32, buffer
    return tensor


def _convolution(read: int, written: int) -> schema.OperatorT:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [read, 0, 1], [written]
    operator.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
    options = operator.builtinOptions = schema.Conv2DOptionsT()
    options.padding, options.strideW, options.strideH = schema.Padding.SAME, 1, 1
    options.dilationWFactor = options.dilationHFactor = 1
    return operator


def _signature(read: int, written: int) -> schema.SignatureDefT:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = KEY, 0
    signature.inputs, signature.outputs = [_named("x", read)], [_named("y", written)]
    return signature


def _named(name: str, index: int) -> schema.TensorMapT:
    named = schema.TensorMapT()
    named.name, named.tensorIndex = name, index
    return named
