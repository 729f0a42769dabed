"""What is said of an artifact that a target does not take, and what helps."""

from typing import Any

import pytest

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import Quantization
from tflite_api.resource.status import TargetFit
from tflite_api.resource.targets import Target
from tflite_converter.core.failure import StepFailure
from tflite_converter.targets import judgement
from tflite_converter.targets.examination import Examination

NPU = {"name": "EthosU", "config": "ethos-u55-128"}
INTEGERS: dict[str, Any] = {"type": "Int8", "calibration": {"synthetic": True}}
BETWEEN = [{"name": name, "count": 1, "why": "floats"} for name in ("DEQUANTIZE", "QUANTIZE")]


def refused(
    asked: dict[str, Any], found: dict[str, Any], quantization: dict[str, Any] = INTEGERS, misses: str | None = None
) -> StepFailure:
    target = Target.from_object(asked)
    fit = TargetFit.from_object({**{k: asked[k] for k in ("name", "config") if k in asked}, "tool": "t", **found})
    with pytest.raises(StepFailure) as caught:
        judgement.hold([target], [Examination(fit, misses=misses)], Quantization.from_object(quantization))
    assert caught.value.reason is Reason.TARGET_UNMET
    assert caught.value.targets == (fit,)
    return caught.value


def too_few() -> None:
    """Hold an artifact to a share that it misses for want of integer inputs and outputs."""
    why = {"DEQUANTIZE": "Unsupported opType", "QUANTIZE": "Operation has tensor with unsupported DataType Float32"}
    left = [{"name": name, "count": 1, "why": words} for name, words in why.items()]
    fit = TargetFit.from_object({**NPU, "tool": "t", "operators": 41, "onTarget": 39, "elsewhere": left})
    target = Target.from_object({**NPU, "minNPUOperators": "0.99"})
    judgement.hold([target], [Examination(fit)], Quantization.from_object(INTEGERS))


def test_what_is_met_passes() -> None:
    fit = TargetFit.from_object({**NPU, "tool": "t", "operators": 4, "onTarget": 2, "sramBytes": 10})
    target = Target.from_object({**NPU, "minNPUOperators": "0.5", "maxSRAMBytes": 10})
    judgement.hold([target], [Examination(fit)], Quantization())


def test_integer_inputs_do_without_what_stands_between() -> None:
    found = {"operators": 41, "onTarget": 39, "elsewhere": BETWEEN}
    words = refused({**NPU, "minNPUOperators": "0.99"}, found).message
    assert "39 of 41 operators run on EthosU (0.951), and minNPUOperators asks for 0.99" in words
    assert "elsewhere run DEQUANTIZE (floats), QUANTIZE (floats)" in words
    assert "set quantization.io: Int8, which does without DEQUANTIZE and QUANTIZE, or lower minNPUOperators to" in words
    assert (
        "quantization.io" not in refused({**NPU, "minNPUOperators": "0.99"}, found, {**INTEGERS, "io": "Int8"}).message
    )


def test_the_share_to_lower_to_holds() -> None:
    words = refused({"name": "GPU", "minGPUOperators": "1"}, {"operators": 3, "onTarget": 2}).message
    assert "lower minGPUOperators to 0.666" in words


def test_floats_on_an_npu_are_told_which_types_it_takes() -> None:
    found = {"operators": 7, "onTarget": 0, "elsewhere": [{"name": "CONV_2D", "count": 7, "why": "Float32"}]}
    failure = refused(NPU, found, {})
    assert "nothing of the artifact runs on EthosU (ethos-u55-128), neither 7 CONV_2D (Float32)" in failure.message
    assert "set quantization.type Int8 or Int16x8" in failure.message
    found["elsewhere"] = [{"name": "CONV_2D", "count": 7, "why": "Dynamic non-batch dimension at axis 1"}]
    assert "pin the sizes of inputs in signature.inputs" in refused(NPU, found).message


def test_what_a_microcontroller_does_not_run_is_listed() -> None:
    operators = [{"name": f"OP_{number}", "count": 2} for number in range(5)]
    found = {"operators": 20, "onTarget": 10, "elsewhere": operators}
    words = refused({"name": "Microcontroller"}, found).message
    assert "tflite-micro does not run 10 of 20 operators: 2 OP_0, 2 OP_1, 2 OP_2, and 4 more" in words


@pytest.mark.parametrize(
    ("asked", "found", "words"),
    [
        ({**NPU, "maxSRAMBytes": "1Ki"}, {"sramBytes": 2048}, "Vela needs 2048 bytes (2.0 KiB) of SRAM"),
        ({"name": "Microcontroller", "maxArenaBytes": "1Ki"}, {"arenaBytes": 2048}, "needs an arena of 2048 bytes"),
    ],
)
def test_memory_that_is_exceeded_names_both_sizes(asked: dict[str, Any], found: dict[str, Any], words: str) -> None:
    message = refused(asked, {"operators": 4, "onTarget": 4, **found}).message
    assert words in message
    assert "allows 1024" in message
    assert "to 2048" in message


def test_what_a_tool_says_comes_before_what_follows_from_it() -> None:
    found = {"operators": 4, "onTarget": 1}
    failure = refused({"name": "Microcontroller"}, found, misses="x is flexible: pin it in signature.inputs")
    assert failure.message == "targets[0]: x is flexible: pin it in signature.inputs"
    assert failure.cure_given


def test_of_several_targets_the_one_that_is_missed_is_told_by_its_number() -> None:
    gpu = TargetFit.from_object({"name": "GPU", "tool": "t", "operators": 4, "onTarget": 4})
    npu = TargetFit.from_object({"name": "EthosU", "tool": "t", "operators": 4, "onTarget": 4, "sramBytes": 2048})
    asked = [Target.from_object({"name": "GPU"}), Target.from_object({**NPU, "maxSRAMBytes": "1Ki"})]
    with pytest.raises(StepFailure, match=r"targets\[1\]: Vela needs 2048 bytes"):
        judgement.hold(asked, [Examination(gpu), Examination(npu)], Quantization.from_object(INTEGERS))
