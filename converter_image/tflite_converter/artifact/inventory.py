"""What a .tflite file consists of: sizes by type, operators, and the layers of a signature."""

import mmap
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tflite_api.steps.report import SHOWN_OPERATORS, OperatorUse, TypeSize
from tflite_api.text import one_line
from tflite_converter.artifact import flatbuffer

_NAME: Final = 250
_SCALE: Final = 4
_ZERO_POINT: Final = 8


@dataclass(frozen=True)
class Layer:
    """A tensor that an operator writes."""

    index: int
    name: str
    """As it is in the file."""
    operator: str
    dtype: str


@dataclass(frozen=True)
class SignatureGraph:
    """The subgraph that a signature runs."""

    index: int
    layers: tuple[Layer, ...]
    """In the order in which they are computed."""


def shown(name: str) -> str:
    """Return an untrusted name as a page may show it."""
    return one_line(name, _NAME)


def sizes(content: bytes | mmap.mmap) -> tuple[TypeSize, ...]:
    """Return what the constants take by type, the largest first; what several tensors share counts once."""
    model, types = _parsed(content)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    seen = set[int]()
    for graph in _graphs(model):
        for index in range(graph.TensorsLength()):
            tensor = graph.Tensors(index)
            buffer = model.Buffers(tensor.Buffer())
            size = buffer.DataLength() or buffer.Size()
            if size and tensor.Buffer() not in seen:
                seen.add(tensor.Buffer())
                found[types[tensor.Type()]] += Counter(tensors=1, bytes=size)
    largest_first = sorted(found.items(), key=lambda item: (-item[1]["bytes"], item[0]))
    return tuple(TypeSize(dtype=name, tensors=one["tensors"], size_bytes=one["bytes"]) for name, one in largest_first)


def sizes_of(path: Path) -> tuple[TypeSize, ...]:
    """Return what the constants of a file take by type."""
    return sizes(flatbuffer.mapped(path))


def scale_bytes(path: Path) -> int:
    """Return what scales and zero points of a file take beyond one of each for every tensor."""
    model, _ = _parsed(flatbuffer.mapped(path))
    given = (graph.Tensors(index).Quantization() for graph in _graphs(model) for index in range(graph.TensorsLength()))
    return sum(
        _SCALE * max(one.ScaleLength() - 1, 0) + _ZERO_POINT * max(one.ZeroPointLength() - 1, 0)
        for one in given
        if one is not None
    )


def operators(content: bytes) -> tuple[OperatorUse, ...]:
    """Return how often each operator is used with which types of what varies, the most frequent first."""
    model, types = _parsed(content)
    names = flatbuffer.operator_names(model)
    uses = Counter(
        (names[operator.OpcodeIndex()], ", ".join(sorted(_varying_types(model, graph, operator, types))))
        for graph in _graphs(model)
        for operator in map(graph.Operators, range(graph.OperatorsLength()))
    )
    frequent_first = sorted(uses.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        OperatorUse(name=shown(name), types=dtypes, count=count)
        for (name, dtypes), count in frequent_first[:SHOWN_OPERATORS]
    )


def float_bytes(content: bytes) -> dict[str, int]:
    """Return what the constants of each layer of a float file's main graph take, by the layer's name."""
    model, types = _parsed(content)
    graph = model.Subgraphs(0)
    found: Counter[str] = Counter()
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        read = [operator.Inputs(position) for position in range(operator.InputsLength())]
        # An optional input that is not given has the index -1.
        tensors = [graph.Tensors(index) for index in read if index >= 0]
        floats = [model.Buffers(tensor.Buffer()) for tensor in tensors if types[tensor.Type()] == "float32"]
        size = sum(buffer.DataLength() or buffer.Size() for buffer in floats)
        for position in range(operator.OutputsLength()):
            found[graph.Tensors(operator.Outputs(position)).Name().decode()] += size
    return dict(found)


def signature_graph(content: bytes, key: str) -> SignatureGraph:
    """Return the subgraph of a signature.

    Raises:
        ValueError: the file has no such signature.
    """
    model, types = _parsed(content)
    names = flatbuffer.operator_names(model)
    for number in range(model.SignatureDefsLength()):
        definition = model.SignatureDefs(number)
        if definition.SignatureKey().decode() == key:
            index = int(definition.SubgraphIndex())
            return SignatureGraph(index, tuple(_layers(model.Subgraphs(index), names, types)))
    raise ValueError(f"no signature {shown(key)}")


def operands(content: bytes, graph: int, operator: str) -> tuple[int, ...]:
    """Return the indices of the tensors that operators of a name read in a graph."""
    model, _ = _parsed(content)
    names = flatbuffer.operator_names(model)
    every = map(model.Subgraphs(graph).Operators, range(model.Subgraphs(graph).OperatorsLength()))
    found = [one for one in every if names[one.OpcodeIndex()] == operator]
    return tuple(int(one.Inputs(position)) for one in found for position in range(one.InputsLength()))


def _layers(graph: Any, names: list[str], types: dict[int, str]) -> Iterator[Layer]:  # noqa: ANN401 - untyped
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        for position in range(operator.OutputsLength()):
            index = int(operator.Outputs(position))
            tensor = graph.Tensors(index)
            name = tensor.Name().decode() if tensor.Name() else ""
            yield Layer(index, name, names[operator.OpcodeIndex()], types[tensor.Type()])


def _varying_types(model: Any, graph: Any, operator: Any, types: dict[int, str]) -> set[str]:  # noqa: ANN401 - see above
    """Return the types of what an operator reads and writes, but for constants."""
    read = [operator.Inputs(position) for position in range(operator.InputsLength())]
    written = [operator.Outputs(position) for position in range(operator.OutputsLength())]
    # An optional input that is not given has the index -1.
    tensors = [graph.Tensors(index) for index in (*read, *written) if index >= 0]
    return {types[tensor.Type()] for tensor in tensors if not flatbuffer.is_constant(model, tensor)}


def _graphs(model: Any) -> Iterator[Any]:  # noqa: ANN401 - see above
    return (model.Subgraphs(index) for index in range(model.SubgraphsLength()))


def _parsed(content: bytes | mmap.mmap) -> tuple[Any, dict[int, str]]:
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    return schema.Model.GetRootAs(content, 0), flatbuffer.type_names()
