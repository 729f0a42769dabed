"""Artifacts of integers, written without TensorFlow's converter."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.unit.converter.small_artifacts import Graph

SCALE = 1 / 32


class Integers(Graph):
    """A graph whose tensors are 8-bit integers of one scale."""

    def constant(self, values: Any) -> int:
        """Add a constant of such integers; return its number."""
        if values.dtype.name != "int8":
            return super().constant(values)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._tensor("weights", list(values.shape), buffer=len(self._model.buffers) - 1)

    def _tensor(self, name: str, shape: list[int], kind: int = schema.TensorType.FLOAT32, buffer: int = 0) -> int:
        if kind != schema.TensorType.FLOAT32:
            return super()._tensor(name, shape, kind, buffer)
        number = super()._tensor(name, shape, schema.TensorType.INT8, buffer)
        scales = schema.QuantizationParametersT()
        scales.scale, scales.zeroPoint = [SCALE], [0]
        self._graph.tensors[number].quantization = scales
        return number


def dense(layers: int, width: int = 16, behind: str | None = None) -> bytes:
    """Return the file of some layers of 8-bit integers, x to y; perhaps with one more operator behind them."""
    graph = Integers()
    weights = graph.constant(np.arange(width * width).astype(np.int8).reshape([width, width]))
    tensor = graph.input("x", [1, width])
    options = (schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    for _ in range(layers):
        tensor = graph.operator("FULLY_CONNECTED", [tensor, weights, -1], [1, width], options)
    if behind is not None:
        tensor = graph.operator(behind, [tensor], [1, width])
    return graph.file({"y": tensor})
