"""What LiteRT's GPU delegate takes, operator by operator, and that a file is read as its rules want it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.unit.converter import small_artifacts
from tests.unit.converter.small_artifacts import Graph
from tests.unit.converter.targets.subjects import subject
from tflite_api.resource.targets import Target
from tflite_converter.targets import gpu, gpu_rules
from tflite_converter.targets.gpu_rules import OperatorUse, TensorUse

GPU = Target.from_object({"name": "GPU"})


def real(*shape: int, constant: bool = False) -> TensorUse:
    return TensorUse("float32", shape, constant)


def whole(*shape: int, constant: bool = True) -> TensorUse:
    return TensorUse("int32", shape, constant)


IMAGE = real(1, 8, 8, 3)


def use(name: str, *inputs: TensorUse, output: TensorUse = IMAGE, **options: float) -> OperatorUse:
    return OperatorUse(name, inputs, [output], options)


@pytest.mark.parametrize(
    "used",
    [
        use("CONV_2D", IMAGE, real(4, 3, 3, 3, constant=True)),
        use("DEPTHWISE_CONV_2D", IMAGE, real(1, 3, 3, 3, constant=True)),
        use("ADD", IMAGE, real(3, constant=True)),
        use("MUL", IMAGE, real(1, 8, 8, 3)),
        use("MUL", IMAGE, real(8, 3)),
        use("MEAN", IMAGE, whole(2)),
        use("SLICE", IMAGE, whole(4), whole(4)),
        use("STRIDED_SLICE", IMAGE, whole(4), whole(4), whole(4)),
        use("PAD", IMAGE, whole(4, 2)),
        use("SOFTMAX", IMAGE, beta=1),
        use("TANH", IMAGE),
        use("RESHAPE", IMAGE, whole(2)),
        use("CAST", whole(2, constant=False), output=real(2)),
        use("FULLY_CONNECTED", real(1, 8), real(4, 8, constant=True)),
        use("DEPTH_TO_SPACE", IMAGE, blockSize=2),
        use("RESIZE_BILINEAR", IMAGE, whole(2), halfPixelCenters=1),
        use("MAXIMUM", IMAGE, real(constant=True)),
        use("SELECT_V2", TensorUse("bool", (1, 8, 8, 3)), IMAGE, real(constant=True)),
        use("GATHER", real(9, 4), whole(2)),
    ],
    ids=lambda used: used.name,
)
def test_what_the_delegate_takes(used: OperatorUse) -> None:
    assert gpu_rules.problem_of(used) is None


@pytest.mark.parametrize(
    ("used", "words"),
    [
        (use("WHILE", IMAGE), "does not know it"),
        (use("FlexErf", IMAGE), "does not know it"),
        (use("SLICE", real(1, 8), whole(2), whole(2)), "3 or 4 dimensions, not of 2"),
        (use("STRIDED_SLICE", IMAGE, whole(4), whole(4), whole(4), shrinkAxisMask=1), "no shrinkAxisMask"),
        (use("MEAN", IMAGE, whole(2, constant=False)), "constant int32 axes"),
        (use("PAD", real(1, 8), whole(2, 2)), "3 or 4 dimensions"),
        (use("MIRROR_PAD", IMAGE, whole(4, 2), mode=1), "by reflection alone"),
        (use("SOFTMAX", IMAGE, beta=2), "beta 1 alone"),
        (use("TANH", IMAGE, real(1, constant=True)), "no constant"),
        (use("RESHAPE", IMAGE, whole(2, constant=False)), "one input that varies, not 2"),
        (use("CAST", real(2), output=TensorUse("int64", (2,))), "no int64 of float32"),
        (use("FULLY_CONNECTED", real(1, 8, constant=True), real(4, 8)), "an input that varies"),
        (use("FULLY_CONNECTED", real(1, 8), real(4, 8, constant=True), weightsFormat=1), "usual order"),
        (use("DEPTH_TO_SPACE", IMAGE, blockSize=1), "more than 1"),
        (use("RESIZE_BILINEAR", IMAGE, whole(2), halfPixelCenters=1, alignCorners=1), "not both"),
        (use("MUL", real(1, 8, 1), real(1, 1, 8)), "no smaller in any dimension"),
        (use("ADD", real(1, 8, 8, 3), real(8, 4)), "does not bring"),
        (use("ADD", IMAGE), "two inputs"),
        (use("MAXIMUM", IMAGE), "two inputs"),
        (use("SELECT", whole(1), IMAGE, IMAGE), "a condition"),
        (use("SELECT", TensorUse("bool", (1,)), real(2, 3), IMAGE), "output's shape"),
        (use("GATHER", whole(9, constant=False), whole(2)), "no int32"),
        (use("DEQUANTIZE", TensorUse("int16", (2,))), "no int16"),
        (use("DEPTHWISE_CONV_2D", IMAGE, real(1, 3, 3, 6), output=real(1, 8, 8, 6)), "one channel alone"),
        (use("CUMSUM", whole(3, constant=False), whole(1)), "floats alone"),
        (use("CONV_2D", IMAGE, IMAGE, IMAGE), "at most two"),
    ],
    ids=lambda value: value.name if isinstance(value, OperatorUse) else "",
)
def test_what_the_delegate_leaves_to_the_cpu(used: OperatorUse, words: str) -> None:
    assert words in (gpu_rules.problem_of(used) or "")


def test_a_file_is_read_with_shapes_constants_and_options(tmp_path: Path) -> None:
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 2.0
    graph = Graph()
    tensor = graph.operator(
        "MEAN", [graph.input("x", [1, 8, 8, 3]), graph.constant(np.array([1, 2], np.int32))], [1, 3]
    )
    tensor = graph.operator("SOFTMAX", [tensor], [1, 3], (schema.BuiltinOptions.SoftmaxOptions, softmax))
    tensor = graph.operator("LOG_SOFTMAX", [tensor], [1, 3])
    content = graph.file({"y": tensor})
    mean, *_ = gpu.uses(content)
    assert mean == OperatorUse("MEAN", [real(1, 8, 8, 3), whole(2)], [real(1, 3)], {})
    fit = gpu.examine(GPU, subject(tmp_path, content)).fit
    assert (fit.operators, fit.on_target) == (3, 1)
    assert [(each.name, each.why) for each in fit.elsewhere or ()] == [
        ("LOG_SOFTMAX", "the delegate does not know it"),
        ("SOFTMAX", "it takes beta 1 alone"),
    ]


def test_layers_of_floats_are_taken(tmp_path: Path) -> None:
    fit = gpu.examine(GPU, subject(tmp_path, small_artifacts.dense(3, 16))).fit
    assert (fit.operators, fit.on_target, fit.tool) == (3, 3, gpu_rules.VERSION)


@pytest.mark.parametrize(("table", "fields"), gpu._OPTIONS.values())
def test_the_schema_has_the_options_that_the_rules_look_at(table: str, fields: Any) -> None:
    assert all(hasattr(getattr(schema, table), field) for field in fields)
