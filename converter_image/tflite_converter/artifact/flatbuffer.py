"""What a .tflite file says about itself, read from the file and not from the converter that wrote it."""

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tflite_converter.core.tensors import SignatureFacts, TensorFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IDENTIFIER: Final = b"TFL3"
"""At bytes 4 to 8 of every file (file_identifier in tensorflow/compiler/mlir/lite/schema/schema.fbs)."""
START_BYTES: Final = 8
"""How much of a file tells whether it is one."""

_RANDOM: Final = frozenset({"RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL"})
_FILLING: Final = frozenset({"SCATTER_ND"})
"""Operators whose kernels fill with the integer 0, whatever number that stands for (tflite/kernels/internal/reference:
own measurement: -1.9 dB in Int8, 34.4 dB with it in floats)."""
_CONVOLVING: Final = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})
"""Operators whose kernels read a kernel of 16 bits, which is one that is computed, as one of 8 (tflite/kernels/conv.cc;
own measurement: 0.0 dB in Int16x8)."""
_OF_FLOATS_BY_CHANNEL: Final = "DEPTHWISE_CONV_2D"
"""The operator whose kernel for floats and weights of 8 bits reads a scale for each channel, however many there are
(tflite/kernels/depthwise_conv.cc; own measurement: NaN, or errors of 3e35, in DynamicRange with one scale a tensor)."""
RESCALING: Final = frozenset({"ADD", "SUB"})
"""Operators whose kernels divide by the scales of 16 bits, and end the process where one is 0 (tflite/kernels/sub.cc;
the quantizer gives a constant of zeros that scale in Int16x8, and in Int8 another)."""
BIAS: Final = {"CONV_2D": 2, "CONV_3D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
"""Which of an operator's inputs is its bias, counted from 0."""
_FLEX: Final = "Flex"
"""Begins the custom code of TensorFlow's own operations (tensorflow/lite/core/api/op_resolver.cc)."""


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
    """Operators by their names in the schema, for example `CONV_2D`; custom ones by their own, like `FlexErf`."""
    float_operations: frozenset[str]
    """Those of them that read or write 32-bit floats anywhere, and read anything but constants."""
    misfilling_operations: frozenset[str] = frozenset()
    """Those of them that fill with the integer 0 where that stands for another number."""
    misreading_operations: frozenset[str] = frozenset()
    """Those of them that read numbers of 16 bits as numbers of 8."""
    aborting_operations: frozenset[str] = frozenset()
    """Those of them at which LiteRT ends the process: they read 16 bits that have the scale 0."""
    has_infinite_scales: bool = False
    """Whether what an integer stands for has no bound: something was infinite as it was measured."""
    has_sums_cut_off: bool = False
    """Whether sums in 16 bits have the scale of what is summed, so that larger ones are cut off."""
    per_channel_operations: frozenset[str] = frozenset()
    """Those of them that read a constant with several scales."""
    underscaled_operations: frozenset[str] = frozenset()
    """Those of them that read a scale for each channel, where the file has one for all."""

    @property
    def lost_weights(self) -> bool:
        """Return whether variables are read that nothing ever fills.

        The converter writes such files without an error where a SavedModel does not tell it which variables a function
        captures: they compute NaN.
        """
        return "VAR_HANDLE" in self.operations and "CALL_ONCE" not in self.operations

    @property
    def random(self) -> tuple[str, ...]:
        """Operators in it that draw random numbers; what only training draws, the converter has removed."""
        return tuple(sorted(_RANDOM & self.operations))

    @property
    def select_tf(self) -> tuple[str, ...]:
        """TensorFlow's own operations in it, which only the Flex delegate runs."""
        return tuple(sorted(name.removeprefix(_FLEX) for name in self.operations if name.startswith(_FLEX)))


def read(path: Path) -> ArtifactFacts:
    """Read a file that the converter wrote.

    Raises:
        ValueError: it is no TensorFlow Lite file.
    """
    content = mapped(path)
    if not is_litert(content[:START_BYTES]):
        raise ValueError(f"{path.name} is no TensorFlow Lite file")
    return parse(content)


def mapped(path: Path) -> mmap.mmap:
    """Return the content of a file, of which no more is read than is looked at: most of an artifact are weights.

    Raises:
        ValueError: it is empty.
    """
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def is_litert(start: bytes) -> bool:
    """Return whether a file that starts with these bytes is a TensorFlow Lite file."""
    return start[4:START_BYTES] == IDENTIFIER


def parse(content: bytes | mmap.mmap) -> ArtifactFacts:
    """Read the content of such a file."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    model = schema.Model.GetRootAs(content, 0)
    types = type_names()
    names = operator_names(model)
    used = list(_operations(model, names, types))
    return ArtifactFacts(
        signatures=tuple(_signatures(model, types)),
        constants=tuple(_constants(model, types)),
        operations=frozenset(name for name, _ in used),
        float_operations=frozenset(name for name, dtypes in used if "float32" in dtypes),
        misfilling_operations=frozenset(_misfilling(model, names)),
        misreading_operations=frozenset(_misreading(model, names, types)),
        aborting_operations=frozenset(_aborting(model, names, types)),
        has_infinite_scales=any(_infinite_scales(model)),
        has_sums_cut_off=any(_sums_cut_off(model, names, types)),
        per_channel_operations=frozenset(_per_channel(model, names)),
        underscaled_operations=frozenset(_underscaled(model, names, types)),
    )


def type_names() -> dict[int, str]:
    """Return the names of the schema's types."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    return {value: name.lower() for name, value in vars(schema.TensorType).items() if isinstance(value, int)}


def operator_names(model: Any) -> list[str]:  # noqa: ANN401 - generated without types
    """Return the names of the operators that a model uses, in the order of its codes."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    operators = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    return [_operator_name(model.OperatorCodes(index), operators) for index in range(model.OperatorCodesLength())]


class TooLargeError(ValueError):
    """A file would not be a flatbuffer alone: it has 2 GB, or keeps its constants behind the flatbuffer for that."""


def packed(model: Any, size: int) -> bytes:  # noqa: ANN401 - generated without types
    """Return the file of a ModelT.

    Args:
        model: the content.
        size: what the file takes, about (bytes).

    Raises:
        TooLargeError: it is no flatbuffer alone.
    """
    import flatbuffers  # noqa: PLC0415 - takes long

    if any(buffer.size for buffer in model.buffers):
        raise TooLargeError("constants are behind the flatbuffer, whose places would be others")
    try:
        builder = flatbuffers.Builder(size)
        builder.Finish(model.Pack(builder), IDENTIFIER)
    except flatbuffers.builder.BuilderSizeError as error:
        raise TooLargeError(str(error)) from error
    return bytes(builder.Output())


def computes_in_16_bits(content: bytes | mmap.mmap) -> bool:
    """Return whether operators of a file take or give integers of 16 bits."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    model = schema.Model.GetRootAs(content, 0)
    return any("int16" in dtypes for _, dtypes in _operations(model, operator_names(model), type_names()))


def has_finite_ranges(content: bytes) -> bool:
    """Return whether all that was measured of a file's activations is finite, and so is how far it reaches."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    model = schema.Model.GetRootAs(content, 0)
    tensors = (
        graph.Tensors(number).Quantization()
        for graph in map(model.Subgraphs, range(model.SubgraphsLength()))
        for number in range(graph.TensorsLength())
    )
    measured = (each for each in tensors if each is not None and each.MinLength() and each.MaxLength())
    return all(math.isfinite(each.Max(0) - each.Min(0)) for each in measured)


def tensor_names(content: bytes) -> frozenset[str]:
    """Return the names of all tensors in a file's main graph."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    graph = schema.Model.GetRootAs(content, 0).Subgraphs(0)
    return frozenset(graph.Tensors(index).Name().decode() for index in range(graph.TensorsLength()))


def layer_names(content: bytes) -> frozenset[str]:
    """Return the names of what the operators of a file's main graph write."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    graph = schema.Model.GetRootAs(content, 0).Subgraphs(0)
    operators = [graph.Operators(number) for number in range(graph.OperatorsLength())]
    written = {one.Outputs(position) for one in operators for position in range(one.OutputsLength())}
    return frozenset(graph.Tensors(index).Name().decode() for index in written)


def constant_tensors(path: Path) -> list[frozenset[int]]:
    """Return the numbers of the tensors whose values are in the file, by graph."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    model = schema.Model.GetRootAs(mapped(path), 0)
    graphs = (model.Subgraphs(index) for index in range(model.SubgraphsLength()))
    return [
        frozenset(index for index in range(graph.TensorsLength()) if is_constant(model, graph.Tensors(index)))
        for graph in graphs
    ]


def _operator_name(code: Any, operators: dict[int, str]) -> str:  # noqa: ANN401 - generated without types
    # Files of old converters have only the deprecated field, a byte; it reads 127 for the newer operators.
    name = operators[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    return code.CustomCode().decode() if name == "CUSTOM" and code.CustomCode() else name


def _operations(model: Any, names: list[str], types: dict[int, str]) -> Iterator[tuple[str, frozenset[str]]]:  # noqa: ANN401
    """Yield each operator's name and the types of all that it reads and writes; none where it computes a constant."""
    for graph_index in range(model.SubgraphsLength()):
        graph = model.Subgraphs(graph_index)
        dtypes = [types[graph.Tensors(index).Type()] for index in range(graph.TensorsLength())]
        for index in range(graph.OperatorsLength()):
            operator = graph.Operators(index)
            # An optional input that is not given has the index -1.
            read = [operator.Inputs(position) for position in range(operator.InputsLength())]
            read = [tensor for tensor in read if tensor >= 0]
            written = [operator.Outputs(position) for position in range(operator.OutputsLength())]
            varies = any(not is_constant(model, graph.Tensors(tensor)) for tensor in read)
            touched = [*read, *written] if varies else []
            yield names[operator.OpcodeIndex()], frozenset(dtypes[tensor] for tensor in touched)


def operators(model: Any, names: list[str]) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 - see above
    """Return each operator of all graphs: its name, its graph and itself."""
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for operator in map(graph.Operators, range(graph.OperatorsLength())):
            yield names[operator.OpcodeIndex()], graph, operator


def _misfilling(model: Any, names: list[str]) -> Iterator[str]:  # noqa: ANN401 - see above
    for name, graph, operator in operators(model, names):
        if name in _FILLING and _is_shifted(graph.Tensors(operator.Outputs(0))):
            yield name


def _misreading(model: Any, names: list[str], types: dict[int, str]) -> Iterator[str]:  # noqa: ANN401 - see above
    for name, graph, operator in operators(model, names):
        if name in _CONVOLVING and types[graph.Tensors(operator.Inputs(1)).Type()] == "int16":
            yield name


def _aborting(model: Any, names: list[str], types: dict[int, str]) -> Iterator[str]:  # noqa: ANN401 - see above
    for name, graph, operator in operators(model, names):
        read = [graph.Tensors(operator.Inputs(position)) for position in range(operator.InputsLength())]
        if name in RESCALING and any(types[tensor.Type()] == "int16" and 0 in _scales(tensor) for tensor in read):
            yield name


def _infinite_scales(model: Any) -> Iterator[bool]:  # noqa: ANN401 - see above
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for tensor in map(graph.Tensors, range(graph.TensorsLength())):
            yield not all(map(math.isfinite, _scales(tensor)))


def _sums_cut_off(model: Any, names: list[str], types: dict[int, str]) -> Iterator[bool]:  # noqa: ANN401 - see above
    for name, graph, operator in operators(model, names):
        if name == "SUM":
            read, written = graph.Tensors(operator.Inputs(0)), graph.Tensors(operator.Outputs(0))
            scales = [_scales(tensor) for tensor in (read, written)]
            yield types[written.Type()] == "int16" and bool(scales[0]) and scales[0] == scales[1]


def _scales(tensor: Any) -> list[float]:  # noqa: ANN401 - see above
    scheme = tensor.Quantization()
    return [float(scheme.Scale(index)) for index in range(scheme.ScaleLength())] if scheme is not None else []


def _is_shifted(tensor: Any) -> bool:  # noqa: ANN401 - see above
    """Return whether the integer 0 stands for another number than 0."""
    scheme = tensor.Quantization()
    points = range(scheme.ZeroPointLength()) if scheme is not None else ()
    return any(scheme.ZeroPoint(index) for index in points)


def _per_channel(model: Any, names: list[str]) -> Iterator[str]:  # noqa: ANN401 - see above
    for name, graph, operator in operators(model, names):
        read = (operator.Inputs(position) for position in range(operator.InputsLength()))
        scales = (graph.Tensors(tensor).Quantization() for tensor in read if tensor >= 0)
        if any(scale is not None and scale.ScaleLength() > 1 for scale in scales):
            yield name


def _underscaled(model: Any, names: list[str], types: dict[int, str]) -> Iterator[str]:  # noqa: ANN401 - see above
    for name, graph, operator in operators(model, names):
        if name != _OF_FLOATS_BY_CHANNEL:
            continue
        data, weights = (graph.Tensors(operator.Inputs(position)) for position in (0, 1))
        is_hybrid = (types[data.Type()], types[weights.Type()]) == ("float32", "int8")
        if is_hybrid and len(_scales(weights)) < _shape(weights)[-1]:
            yield name


def _constants(model: Any, types: dict[int, str]) -> Iterator[Constant]:  # noqa: ANN401 - see above
    for graph_index in range(model.SubgraphsLength()):
        graph = model.Subgraphs(graph_index)
        for index in range(graph.TensorsLength()):
            tensor = graph.Tensors(index)
            if is_constant(model, tensor):
                yield Constant(types[tensor.Type()], math.prod(_shape(tensor)))


def is_constant(model: Any, tensor: Any) -> bool:  # noqa: ANN401 - see above
    """Return whether a tensor's values are in the file."""
    buffer = model.Buffers(tensor.Buffer())
    # A file of more than 2 GB keeps its buffers behind the flatbuffer: Offset and Size.
    return bool(buffer.DataLength() or buffer.Size())


def values(content: bytes | bytearray, model: Any, tensor: Any) -> "NDArray[np.uint8] | None":  # noqa: ANN401 - see above
    """Return the bytes of a constant, as a view of the file they are in; None of what is no constant."""
    import numpy as np  # noqa: PLC0415 - the command line reads files without it

    buffer = model.Buffers(tensor.Buffer())
    if buffer.Size():
        return np.frombuffer(content, np.uint8, buffer.Size(), buffer.Offset())
    data: NDArray[np.uint8] | None = buffer.DataAsNumpy() if buffer.DataLength() else None
    return data


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
