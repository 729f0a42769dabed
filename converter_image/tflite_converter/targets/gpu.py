"""The target GPU: which operators of the artifact LiteRT's GPU delegate takes, from the file and its rules."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from tflite_api.resource.status import TargetFit
from tflite_api.resource.targets import Target
from tflite_converter.artifact import flatbuffer
from tflite_converter.targets import examination, gpu_rules
from tflite_converter.targets.examination import Examination, Subject
from tflite_converter.targets.gpu_rules import OperatorUse, TensorUse

_OPTIONS: Final = {
    "DEPTH_TO_SPACE": ("DepthToSpaceOptions", ("BlockSize",)),
    "FULLY_CONNECTED": ("FullyConnectedOptions", ("WeightsFormat", "KeepNumDims")),
    "MIRROR_PAD": ("MirrorPadOptions", ("Mode",)),
    "RESIZE_BILINEAR": ("ResizeBilinearOptions", ("AlignCorners", "HalfPixelCenters")),
    "SOFTMAX": ("SoftmaxOptions", ("Beta",)),
    "SPACE_TO_DEPTH": ("SpaceToDepthOptions", ("BlockSize",)),
    "STRIDED_SLICE": ("StridedSliceOptions", ("EllipsisMask", "NewAxisMask", "ShrinkAxisMask")),
}
"""Where operators have what the rules look at: the table and its fields, by their names in the generated schema."""


def examine(asked: Target, subject: Subject) -> Examination:
    """Return which operators of an artifact the GPU delegate takes."""
    left, why, total = Counter[str](), dict[str, str](), 0
    for used in uses(subject.artifact.read_bytes()):
        total += 1
        if (problem := gpu_rules.problem_of(used)) is not None:
            left[used.name] += 1
            why.setdefault(used.name, problem)
    shown, truncated = examination.elsewhere(left, why)
    return Examination(
        TargetFit(
            name=asked.name,
            tool=gpu_rules.VERSION,
            operators=total,
            on_target=total - left.total(),
            elsewhere=shown,
            truncated=True if truncated else None,
        )
    )


def uses(content: bytes) -> Iterator[OperatorUse]:
    """Return the operators of a file, in all its graphs."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    model, types = schema.Model.GetRootAs(content, 0), flatbuffer.type_names()
    names = flatbuffer.operator_names(model)
    for graph in (model.Subgraphs(index) for index in range(model.SubgraphsLength())):
        tensors = [_tensor(model, graph.Tensors(index), types) for index in range(graph.TensorsLength())]
        for operator in (graph.Operators(index) for index in range(graph.OperatorsLength())):
            name = names[operator.OpcodeIndex()]
            # An optional input that is not given has the index -1.
            read = [operator.Inputs(place) for place in range(operator.InputsLength())]
            written = [operator.Outputs(place) for place in range(operator.OutputsLength())]
            yield OperatorUse(
                name=name,
                inputs=[tensors[index] for index in read if index >= 0],
                outputs=[tensors[index] for index in written],
                options=_options(name, operator),
            )


def _tensor(model: Any, tensor: Any, types: dict[int, str]) -> TensorUse:  # noqa: ANN401 - generated without types
    shape = tuple(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength()))
    return TensorUse(types[tensor.Type()], shape, flatbuffer.is_constant(model, tensor))


def _options(name: str, operator: Any) -> dict[str, float]:  # noqa: ANN401 - see above
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    table = operator.BuiltinOptions()
    if name not in _OPTIONS or table is None:
        return {}
    kind, fields = _OPTIONS[name]
    options = getattr(schema, kind)()
    options.Init(table.Bytes, table.Pos)
    return {f"{one[0].lower()}{one[1:]}": float(getattr(options, one)()) for one in fields}
