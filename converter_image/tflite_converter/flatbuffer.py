"""What a .tflite file says about itself, read from the file and not from the converter that wrote it."""

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tflite_converter.signature import SignatureFacts, TensorFacts

IDENTIFIER: Final = b"TFL3"
"""At bytes 4 to 8 of every file (file_identifier in tensorflow/compiler/mlir/lite/schema/schema.fbs)."""


@dataclass(frozen=True)
class Constant:
    """A tensor whose values are in the file."""

    dtype: str
    elements: int


@dataclass(frozen=True)
class ArtifactFacts:
    """The contents of a .tflite file in short."""

    signatures: tuple[SignatureFacts, ...]
    constants: tuple[Constant, ...]
    operations: frozenset[str]
    """Builtin operators by their names in the schema, for example `CONV_2D`."""

    @property
    def lost_weights(self) -> bool:
        """Whether variables are read that nothing ever fills.

        The converter writes such files without an error where a SavedModel does not tell it which variables a function
        captures: they compute NaN.
        """
        return "VAR_HANDLE" in self.operations and "CALL_ONCE" not in self.operations


def read(path: Path) -> ArtifactFacts:
    """Read a file that the converter wrote.

    Raises:
        ValueError: it is no TensorFlow Lite file.
    """
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if content[4:8] != IDENTIFIER:
        raise ValueError(f"{path.name} is no TensorFlow Lite file")
    model = schema.Model.GetRootAs(content, 0)
    types = {value: name.lower() for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
    operators = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    return ArtifactFacts(
        signatures=tuple(_signatures(model, types)),
        constants=tuple(_constants(model, types)),
        operations=frozenset(_operations(model, operators)),
    )


def _operations(model: Any, operators: dict[int, str]) -> Iterator[str]:  # noqa: ANN401 - generated without types
    for index in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(index)
        # Files of old converters have only the deprecated field, a byte; it reads 127 for the newer operators.
        yield operators[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]


def _constants(model: Any, types: dict[int, str]) -> Iterator[Constant]:  # noqa: ANN401 - see above
    for graph_index in range(model.SubgraphsLength()):
        graph = model.Subgraphs(graph_index)
        for index in range(graph.TensorsLength()):
            tensor = graph.Tensors(index)
            buffer = model.Buffers(tensor.Buffer())
            # A file of more than 2 GB keeps its buffers behind the flatbuffer: Offset and Size.
            if buffer.DataLength() or buffer.Size():
                yield Constant(types[tensor.Type()], math.prod(_shape(tensor)))


def _shape(tensor: Any) -> tuple[int, ...]:  # noqa: ANN401 - see above
    return tuple(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength()))


def _declared_shape(tensor: Any) -> tuple[int, ...]:  # noqa: ANN401 - see above
    if tensor.ShapeSignatureLength():
        return tuple(int(tensor.ShapeSignature(axis)) for axis in range(tensor.ShapeSignatureLength()))
    return _shape(tensor)


def _signatures(model: Any, types: dict[int, str]) -> Iterator[SignatureFacts]:  # noqa: ANN401 - see above
    for index in range(model.SignatureDefsLength()):
        definition = model.SignatureDefs(index)
        graph = model.Subgraphs(definition.SubgraphIndex())

        def facts(entry: Any, graph: Any = graph) -> TensorFacts:  # noqa: ANN401 - see above
            tensor = graph.Tensors(entry.TensorIndex())
            return TensorFacts(entry.Name().decode(), types[tensor.Type()], _declared_shape(tensor))

        yield SignatureFacts(
            definition.SignatureKey().decode(),
            inputs=tuple(facts(definition.Inputs(item)) for item in range(definition.InputsLength())),
            outputs=tuple(facts(definition.Outputs(item)) for item in range(definition.OutputsLength())),
        )
