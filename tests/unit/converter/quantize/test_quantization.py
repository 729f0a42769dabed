"""Whether an artifact's weights and operations show that the quantization happened."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tflite_api.reasons import Reason
from tflite_api.resource import quantization_types
from tflite_api.resource.quantization import Quantization
from tflite_api.resource.quantization_types import FIXED, Activations, QuantizationType, Tool
from tflite_converter.artifact.flatbuffer import ArtifactFacts, Constant
from tflite_converter.core.failure import StepFailure
from tflite_converter.quantize import weight_only
from tflite_converter.quantize.quantization import check_applied, configure, quantizer_failure, remark, unquantized

SHAPES = Constant("int32", 4)


def asked(kind: str, **settings: Any) -> Quantization:
    calibration = {"calibration": {"synthetic": True}} if QuantizationType(kind).facts.is_calibrated else {}
    return Quantization.from_object({"type": kind, **calibration, **settings})


def facts(*constants: Constant, floating: tuple[str, ...] = (), misfilling: tuple[str, ...] = ()) -> ArtifactFacts:
    return ArtifactFacts(
        signatures=(),
        constants=(*constants, SHAPES),
        operations=frozenset(floating) | {"CONV_2D"},
        float_operations=frozenset(floating),
        misfilling_operations=frozenset(misfilling),
    )


def configured(kind: str) -> dict[str, Any]:
    """Return what TensorFlow's converter is asked for."""
    target = SimpleNamespace()
    converter = SimpleNamespace(target_spec=target)
    configure(converter, asked(kind))
    return {**vars(converter), **vars(target)}


def test_every_type_asks_something_else_of_the_tools() -> None:
    orders = {
        kind: (str({name: value for name, value in configured(kind).items() if name != "target_spec"}), recipe)
        for kind in FIXED
        for recipe in [kind.facts.recipe if kind.facts.tool is Tool.LITERT_QUANTIZER else None]
    }
    assert len(set(orders.values())) == len(FIXED)


def test_a_type_that_tensorflow_is_not_told_of_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = QuantizationType.FLOAT16
    odd = replace(kind.facts, activations=Activations.INT16)
    monkeypatch.setitem(quantization_types._TABLE, kind, odd)
    with pytest.raises(AssertionError, match="no float16 weights computed with 16-bit integers"):
        configured("Float16")


@pytest.mark.parametrize("kind", FIXED)
def test_what_is_applied_afterwards_has_a_recipe_of_the_quantizer(kind: QuantizationType) -> None:
    from litert_quantizer import recipe

    assert (kind.facts.tool is not Tool.LITERT_QUANTIZER) or kind.facts.recipe is not None
    assert kind.facts.recipe is None or callable(getattr(recipe, kind.facts.recipe))


@pytest.mark.parametrize(
    ("kind", "found", "is_left"),
    [
        ("None", "float32", False),
        ("Int8", "float32", False),
        ("DynamicRange", "float32", True),
        ("DynamicRange", "int8", False),
        ("WeightOnlyInt8", "float32", True),
        ("WeightOnlyInt8", "int8", True),
        ("WeightOnlyInt4", "float32", True),
    ],
)
def test_what_is_left_to_the_other_tool(kind: str, found: str, is_left: bool) -> None:
    assert weight_only.is_left_to_do(QuantizationType(kind), (Constant(found, 9),)) is is_left


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
        ("Float16", facts(Constant("int8", 432), Constant("float32", 160)), "trained for integers.*type None"),
        (
            "DynamicRange",
            facts(Constant("float32", 20_000)),
            "asks for int8 weights, but the artifact has 20000 float32",
        ),
        ("DynamicRange", facts(Constant("float32", 20_000)), r"accept it .* with quantization\.unquantizedUpTo: 80000"),
        ("WeightOnlyInt4", facts(Constant("int8", 1000)), "1000 int8"),
        ("Int8", facts(Constant("float32", 1000)), "1000 float32"),
    ],
)
def test_not_applied(kind: str, found: ArtifactFacts, words: str) -> None:
    with pytest.raises(StepFailure, match=words) as caught:
        check_applied(asked(kind), found)
    assert caught.value.reason is Reason.QUANTIZATION_NOT_APPLIED


def test_weights_that_half_floats_do_not_hold_are_named() -> None:
    found = facts(Constant("float16", 10), Constant("float32", 5000))
    with pytest.raises(StepFailure, match=r"4800 of them are beyond 65504.*DynamicRange or None") as caught:
        check_applied(asked("Float16"), found, lambda: "4800 of them are beyond 65504")
    assert caught.value.reason is Reason.QUANTIZATION_NOT_APPLIED


def test_operations_that_fill_with_the_wrong_number_are_named_with_what_to_write() -> None:
    found = facts(Constant("int8", 9000), misfilling=("SCATTER_ND",))
    words = r"SCATTER_ND fills with the integer 0.*keepFloat\.operations: \[EXP, SCATTER_ND\]"
    for kept in ({"operations": ["EXP"]}, {"operations": ["EXP"], "tensors": ["y"]}):
        with pytest.raises(StepFailure, match=words) as caught:
            check_applied(asked("Int8", keepFloat=kept), found)
        assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE
    check_applied(asked("DynamicRange"), found)


def test_operations_that_would_end_the_process_are_named_with_what_to_write() -> None:
    found = replace(facts(Constant("int8", 9000)), aborting_operations=frozenset({"SUB"}))
    words = r"LiteRT's SUB would end the process: .* scale 0: use quantization\.type Int8, or DynamicRange"
    with pytest.raises(StepFailure, match=words) as caught:
        check_applied(asked("Int16x8"), found)
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE


def test_operations_left_in_floats_are_named_with_what_to_write() -> None:
    found = facts(Constant("int8", 9000), floating=("QUANTIZE", "EXP", "COS"))
    with pytest.raises(StepFailure, match=r"keepFloat\.operations: \[COS, EXP\]") as caught:
        check_applied(asked("Int8"), found)
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE
    with pytest.raises(StepFailure, match=r"EXP.*use quantization\.type Int8 with .*: \[COS, EXP\]"):
        check_applied(asked("Int16x8"), found)


def test_for_custom_operators_which_keep_float_has_no_name_for_another_type_is_named() -> None:
    found = facts(Constant("int8", 9000), floating=("AudioSpectrogram", "EXP"))
    with pytest.raises(
        StepFailure, match=r"AudioSpectrogram, EXP still .*: use quantization\.type DynamicRange"
    ) as caught:
        check_applied(asked("Int8"), found)
    assert caught.value.keep_float is None


def test_operations_that_may_stay_in_floats_are_no_failure() -> None:
    found = facts(Constant("int8", 9000), floating=("QUANTIZE", "EXP", "COS"))
    check_applied(asked("Int8", keepFloat={"operations": ["COS", "EXP"]}), found)
    check_applied(asked("Int8", keepFloat={"tensors": ["exp"]}), found)
    with pytest.raises(StepFailure, match=r"but COS still .*\[COS, EXP\]"):
        check_applied(asked("Int8", keepFloat={"operations": ["EXP"]}), found)


@pytest.mark.parametrize("kind", ["DynamicRange", "WeightOnlyInt8", "WeightOnlyInt4"])
@pytest.mark.parametrize(("limit", "most"), [(None, 16 * 1024), ("1Ki", 256), (0, 0)])
def test_floats_are_accepted_up_to_a_limit_where_none_of_them_is_quantized(
    kind: str, limit: str | int | None, most: int
) -> None:
    settings = {"unquantizedUpTo": limit} if limit is not None else {}
    if most:
        check_applied(asked(kind, **settings), facts(Constant("float32", most)))
        assert unquantized(asked(kind, **settings), facts(Constant("float32", most))) is not None
    with pytest.raises(StepFailure):
        check_applied(asked(kind, **settings), facts(Constant("float32", most + 1)))
    assert unquantized(asked(kind, **settings), facts(Constant("float32", most + 1))) is None


def test_what_is_quantized_in_part_or_asks_for_integers_throughout_is_not_called_unquantized() -> None:
    quantized = facts(Constant("float32", 10), Constant("int8", 10))
    assert unquantized(asked("DynamicRange"), quantized) is None
    for kind in ("None", "Float16", "Int8", "Int16x8"):
        assert unquantized(asked(kind), facts(Constant("float32", 10))) is None


@pytest.mark.parametrize(
    ("kind", "ints", "floats", "is_said"),
    [
        ("WeightOnlyInt8", 100, 101, True),
        ("WeightOnlyInt8", 100, 100, False),
        ("DynamicRange", 100, 101, True),
        ("Float16", 0, 101, False),
        ("None", 0, 101, False),
    ],
)
def test_most_weights_that_are_still_floats_are_said(kind: str, ints: int, floats: int, is_said: bool) -> None:
    said = remark(asked(kind), facts(Constant("int8", ints), Constant("float32", floats)))
    words = f"of its weights {ints} are int8 and {floats} still floats: quantization.type {kind} has no form"
    assert (words in (said or "")) is is_said


def test_layers_that_are_kept_in_8_bits_are_not_floats() -> None:
    found = facts(Constant("int4", 10), Constant("int8", 100), Constant("float32", 50))
    assert remark(asked("WeightOnlyInt4"), found) is None


def test_a_tensor_without_a_range_is_named() -> None:
    words = "Max and min for dynamic tensors should be recorded during calibration: Failed for tensor ArgMax Empty"
    failure = quantizer_failure(QuantizationType.INT16X8, words)
    assert failure.reason is Reason.OPERATION_NOT_QUANTIZABLE
    assert "the range of the tensor ArgMax" in failure.message
