"""An artifact that is too large is refused with how much, and with what would really bring it there."""

from collections.abc import Mapping
from typing import Any

import pytest

from tflite_api.reasons import Reason
from tflite_api.resource.budget import Budget
from tflite_api.resource.quantization import Quantization
from tflite_api.steps.report import TypeSize
from tflite_converter.budget import size
from tflite_converter.core.failure import StepFailure

SYNTHETIC = {"calibration": {"synthetic": True}}
FLOATS = {"float32": 8192}
INT8 = {"int8": 2048, "int32": 128}
KEPT = {"type": "Int8", "keepFloat": {"operations": ["SOFTMAX"]}, **SYNTHETIC}
OF_8_BITS = "use quantization.type DynamicRange, Int8, Int16x8 or WeightOnlyInt8 (4.4 KiB at best)"
OF_4_BITS = "use quantization.type WeightOnlyInt4 (3.4 KiB at best)"
LESS_KEPT = "Leave fewer layers in floats with quantization.keepFloat (7.4 KiB at best)"
MIXED = (
    "use quantization.type DynamicRange, Int8, Int16x8 or WeightOnlyInt8 (7.4 KiB at best), or use quantization.type"
    " WeightOnlyInt4 (4.9 KiB at best), or raise budget.maxSizeBytes to 10676"
)
RAISED = "raise budget.maxSizeBytes to 10676"
ALONE = "Raise budget.maxSizeBytes to 10676, or convert a smaller model"


def test_the_weights_are_counted_by_their_bits() -> None:
    sizes = [
        TypeSize(dtype="int4", tensors=1, size_bytes=50),
        TypeSize(dtype="float32", tensors=1, size_bytes=40),
        TypeSize(dtype="int32", tensors=1, size_bytes=400),
    ]
    assert size.values(sizes) == 110


def refused(
    most: str | int, sizes: Mapping[str, int] | None = None, *, taken: int = 10676, **asked: Any
) -> StepFailure:
    contents = None
    if sizes is not None:
        told = tuple(TypeSize(dtype=name, tensors=1, size_bytes=count) for name, count in sizes.items())
        contents = size.Contents(Quantization.from_object(asked), told)
    with pytest.raises(StepFailure) as caught:
        size.hold(taken, Budget.from_object({"maxSizeBytes": most}), (lambda: contents) if contents else None)
    assert caught.value.reason is Reason.BUDGET_EXCEEDED
    return caught.value


def test_what_takes_as_much_as_is_allowed_keeps_within_its_budget() -> None:
    budget = Budget.from_object({"maxSizeBytes": "10676"})
    size.hold(10676, budget)
    size.hold(10676, None)
    assert size.problem_of(10676, budget) is None
    assert size.problem_of(10677, budget) is not None


def test_the_message_says_how_large_it_is_what_is_allowed_and_by_how_much_it_is_over() -> None:
    failure = refused("8Ki")
    assert failure.message == (
        "The artifact has 10676 bytes (10.4 KiB), but budget.maxSizeBytes allows 8192 (8.0 KiB):"
        " 2484 too many (2.4 KiB)"
    )
    assert not failure.cure_given


@pytest.mark.parametrize(
    ("most", "sizes", "asked", "cure"),
    [
        (
            "8Ki",
            FLOATS,
            {},
            f"Use quantization.type Float16 (6.4 KiB at best), or {OF_8_BITS}, or {OF_4_BITS}, or {RAISED}",
        ),
        ("4.5Ki", FLOATS, {}, f"U{OF_8_BITS[1:]}, or {OF_4_BITS}, or {RAISED}"),
        ("3.5Ki", FLOATS, {"type": "Float16"}, f"U{OF_4_BITS[1:]}, or {RAISED}"),
        ("1Ki", FLOATS, {}, f"{ALONE}: quantization alone does not bring it there (3.4 KiB at best)"),
        # Of weights that are integers already a type with floats makes nothing smaller.
        ("10Ki", INT8, {}, f"Use quantization.type WeightOnlyInt4 (9.4 KiB at best), or {RAISED}"),
        ("8.5Ki", {"float32": 4096, "int8": 4096}, {}, f"Use quantization.type Float16 (8.4 KiB at best), or {MIXED}"),
        ("10Ki", {"int4": 1024}, {"type": "WeightOnlyInt4"}, ALONE),
        ("10Ki", {"int32": 8192}, {}, ALONE),
        (
            "8Ki",
            {"int8": 2048, "float32": 4096},
            KEPT,
            f"{LESS_KEPT}, or use quantization.type WeightOnlyInt4 (5.9 KiB at best), or {RAISED}",
        ),
    ],
)
def test_the_cure_names_what_can_bring_it_there_and_nothing_else(
    most: str, sizes: dict[str, int], asked: dict[str, Any], cure: str
) -> None:
    assert refused(most, sizes, **asked).message.endswith(f". {cure}")


def test_what_the_constants_take_is_told_by_type() -> None:
    assert "; its constants are 2.0 KiB int8, 128 B int32." in refused("1Ki", INT8).message
    assert "constants" not in refused("1Ki", {}).message


def test_what_it_is_made_of_is_asked_for_only_where_it_is_too_large() -> None:
    def never() -> size.Contents:
        raise AssertionError("it keeps within its budget")

    size.hold(1024, Budget.from_object({"maxSizeBytes": "1Ki"}), never)
