"""Whether an artifact's weights show that the quantization happened."""

import pytest

from tflite_api.reasons import Reason
from tflite_api.spec import QuantizationType
from tflite_converter.failure import StepFailure
from tflite_converter.flatbuffer import Constant
from tflite_converter.quantization import check_applied

SHAPES = Constant("int32", 4)


@pytest.mark.parametrize(
    ("kind", "constants"),
    [
        ("None", [Constant("float32", 5000)]),
        ("None", []),
        ("Float16", [Constant("float16", 5000), Constant("float32", 10)]),
        ("DynamicRange", [Constant("int8", 5000), Constant("float32", 9000)]),
    ],
)
def test_applied(kind: QuantizationType, constants: list[Constant]) -> None:
    check_applied(kind, [*constants, SHAPES])


@pytest.mark.parametrize(
    ("kind", "constants", "words"),
    [
        ("Float16", [Constant("float32", 5000)], "5000 float32"),
        ("Float16", [Constant("float16", 10), Constant("float32", 5000)], "10 float16, 5000 float32"),
        ("Float16", [Constant("int8", 5000)], "5000 int8"),
        ("DynamicRange", [Constant("float32", 5000)], "5000 float32"),
        ("DynamicRange", [Constant("float32", 1000)], "from 1024 values on, the largest here has 1000"),
        ("DynamicRange", [], "no weights at all"),
    ],
)
def test_not_applied(kind: QuantizationType, constants: list[Constant], words: str) -> None:
    with pytest.raises(StepFailure, match=words) as caught:
        check_applied(kind, [*constants, SHAPES])
    assert caught.value.reason is Reason.QUANTIZATION_NOT_APPLIED
