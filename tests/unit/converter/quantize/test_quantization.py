"""Whether an artifact's weights and operations show that the quantization happened."""

from typing import Any

import pytest

from tflite_api.reasons import Reason
from tflite_api.spec import Quantization
from tflite_converter.artifact.flatbuffer import ArtifactFacts, Constant
from tflite_converter.core.failure import StepFailure
from tflite_converter.quantize.quantization import check_applied

SHAPES = Constant("int32", 4)


def asked(kind: str, **settings: Any) -> Quantization:
    calibration = {"calibration": {"synthetic": True}} if kind in {"Int8", "Int16x8"} else {}
    return Quantization.from_object({"type": kind, **calibration, **settings})


def facts(*constants: Constant, floating: tuple[str, ...] = ()) -> ArtifactFacts:
    return ArtifactFacts(
        signatures=(),
        constants=(*constants, SHAPES),
        operations=frozenset(floating) | {"CONV_2D"},
        float_operations=frozenset(floating),
    )


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("None", facts(Constant("float32", 5000))),
        ("None", facts()),
        ("Float16", facts()),
        ("Float16", facts(Constant("float16", 5000), Constant("float32", 10))),
        ("DynamicRange", facts(Constant("int8", 5000), Constant("float32", 9000), floating=("CONV_2D",))),
        ("WeightOnlyInt4", facts(Constant("int4", 5000), floating=("CONV_2D", "DEQUANTIZE"))),
        ("Int8", facts(Constant("int8", 5000), floating=("QUANTIZE", "DEQUANTIZE", "CAST"))),
        ("Int8", facts(Constant("int8", 5000), floating=("QUANTIZE", "SHAPE", "RANK"))),
        ("Int16x8", facts(Constant("int8", 5000))),
        ("Int16x8", facts(Constant("int16", 5000))),
    ],
)
def test_applied(kind: str, found: ArtifactFacts) -> None:
    check_applied(asked(kind), found)


@pytest.mark.parametrize(
    ("kind", "found", "words"),
    [
        ("Float16", facts(Constant("float32", 5000)), "5000 float32"),
        ("Float16", facts(Constant("float16", 10), Constant("float32", 5000)), "10 float16, 5000 float32"),
        ("Float16", facts(Constant("int8", 5000)), "5000 int8: the model was trained for integers.*type None"),
        ("DynamicRange", facts(Constant("float32", 5000)), "asks for int8 weights, but the artifact has 5000 float32"),
        ("WeightOnlyInt4", facts(Constant("int8", 1000)), "1000 int8"),
        ("Int8", facts(Constant("float32", 1000)), "1000 float32"),
    ],
)
def test_not_applied(kind: str, found: ArtifactFacts, words: str) -> None:
    with pytest.raises(StepFailure, match=words) as caught:
        check_applied(asked(kind), found)
    assert caught.value.reason is Reason.QUANTIZATION_NOT_APPLIED


def test_operations_left_in_floats_are_named_with_what_to_write() -> None:
    found = facts(Constant("int8", 9000), floating=("QUANTIZE", "EXP", "COS"))
    with pytest.raises(StepFailure, match=r"keepFloat\.operations: \[COS, EXP\]") as caught:
        check_applied(asked("Int8"), found)
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE
    with pytest.raises(StepFailure, match=r"EXP.*use quantization\.type Int8 with .*: \[COS, EXP\]"):
        check_applied(asked("Int16x8"), found)


def test_operations_that_may_stay_in_floats_are_no_failure() -> None:
    found = facts(Constant("int8", 9000), floating=("QUANTIZE", "EXP", "COS"))
    check_applied(asked("Int8", keepFloat={"operations": ["COS", "EXP"]}), found)
    check_applied(asked("Int8", keepFloat={"tensors": ["exp"]}), found)
    with pytest.raises(StepFailure, match=r"but COS still .*\[COS, EXP\]"):
        check_applied(asked("Int8", keepFloat={"operations": ["EXP"]}), found)
