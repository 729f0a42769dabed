"""What a spec may ask of devices, and that figures are held against it as they are shown."""

import copy
import json
from typing import Any

import pytest
from pydantic import ValidationError

from tflite_api.names import TERMINATION_LOG_BYTES
from tflite_api.reasons import Reason
from tflite_api.resource.recipe import recipe_hash
from tflite_api.resource.spec import ConversionSpec
from tflite_api.resource.status import TargetFit
from tflite_api.resource.targets import Target, missed, problem_of
from tflite_api.steps.step import StepResult

SPEC: dict[str, Any] = {
    "model": {"handle": "https://tfhub.dev/google/model/1"},
    "destination": {"s3": {"bucket": "models", "key": "a/b.tflite", "secretRef": {"name": "s3"}}},
}
NPU = {"name": "EthosU", "config": "ethos-u55-128"}
INTEGERS = {"type": "Int8", "calibration": {"synthetic": True}}


def spec(*targets: dict[str, Any], **changes: Any) -> ConversionSpec:
    return ConversionSpec.from_object({**copy.deepcopy(SPEC), "targets": list(targets), **changes})


def target(**changes: Any) -> Target:
    return Target.from_object({**(NPU if "name" not in changes else {}), **changes})


def fit(on_target: int, operators: int = 10, **changes: Any) -> TargetFit:
    figures = {**NPU, "tool": "ethos-u-vela 5.2.0", "operators": operators, "onTarget": on_target}
    if "name" in changes:
        del figures["config"]
    return TargetFit.from_object({**figures, **changes})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "NPU"}, "Input should be 'EthosU', 'Microcontroller' or 'GPU'"),
        ({"name": ["GPU"]}, "Input should be 'EthosU', 'Microcontroller' or 'GPU'"),
        ({"name": {"is": "GPU"}, "config": "a"}, "Input should be 'EthosU', 'Microcontroller' or 'GPU'"),
        ({"name": "EthosU"}, "write for example config: ethos-u55-128"),
        ({"name": "EthosU", "config": "ethos-u55-512"}, "Input should be 'ethos-u55-32'"),
        ({"name": "GPU", "config": "ethos-u55-128"}, "config is for EthosU: leave it out"),
        ({"name": "Microcontroller", "config": "cortex-m55"}, "config is for EthosU: leave it out"),
        ({"name": "GPU", "publishCompiled": False}, "publishCompiled is for EthosU: leave it out"),
        ({"name": "GPU", "maxArenaBytes": "1Ki"}, "maxArenaBytes is for Microcontroller: leave it out"),
        ({"name": "Microcontroller", "minGPUOperators": "1"}, "minGPUOperators is for GPU: leave it out"),
        ({**NPU, "minNPUOperators": "90"}, 'a share from 0 to 1 as text: write for example "0.9"'),
        ({**NPU, "minNPUOperators": "1.01"}, "a share from 0 to 1"),
        ({**NPU, "minNPUOperators": 1}, "string"),
        ({**NPU, "maxSRAMBytes": "0"}, "at least one byte"),
    ],
)
def test_a_target_says_what_to_write_instead(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        spec(given, quantization=INTEGERS)


def test_a_target_is_named_once() -> None:
    with pytest.raises(ValidationError, match="names a target twice"):
        spec(NPU, {**NPU, "config": "ethos-u65-256"}, quantization=INTEGERS)


@pytest.mark.parametrize("kind", ["Float16", "DynamicRange", "WeightOnlyInt8", "WeightOnlyInt4"])
def test_types_of_floats_are_not_for_a_unit_of_integers(kind: str) -> None:
    with pytest.raises(ValidationError, match=r"computes with integers, .* set Int8 or Int16x8"):
        spec(NPU, quantization={"type": kind})
    spec({"name": "GPU"}, quantization={"type": kind})


def test_a_model_that_was_trained_for_integers_needs_no_type() -> None:
    assert spec(NPU).targets


@pytest.mark.parametrize("given", [NPU, {"name": "Microcontroller"}])
def test_tools_that_look_at_one_signature_want_one(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"of one signature: set signature\.key"):
        spec(given, signature={"keys": ["a", "b"]})
    spec(given, signature={"keys": ["a"]})
    spec({"name": "GPU"}, signature={"keys": ["a", "b"]})


def test_targets_are_part_of_the_recipe_however_they_are_written() -> None:
    plain = recipe_hash(ConversionSpec.from_object(SPEC))
    micro = {"name": "Microcontroller", "maxArenaBytes": "1Ki"}
    one = recipe_hash(spec(NPU, micro))
    assert one != plain
    assert recipe_hash(spec()) == plain
    assert recipe_hash(spec({**micro, "maxArenaBytes": 1024}, {**NPU, "publishCompiled": False})) == one
    assert recipe_hash(spec(NPU, {**micro, "maxArenaBytes": 1025})) != one
    assert recipe_hash(spec({**NPU, "publishCompiled": True}, micro)) != one


def test_one_scale_a_channel_is_the_default_however_it_is_written() -> None:
    plain = recipe_hash(spec(quantization=INTEGERS))
    assert recipe_hash(spec(quantization={**INTEGERS, "granularity": "PerChannel"})) == plain
    assert recipe_hash(spec(quantization={**INTEGERS, "granularity": "PerTensor"})) != plain
    with pytest.raises(ValidationError, match="granularity PerTensor is for the types DynamicRange, Int8, Int16x8"):
        spec(quantization={"type": "Float16", "granularity": "PerTensor"})


@pytest.mark.parametrize(
    ("asked", "found", "fields"),
    [
        (target(), fit(1), ()),
        (target(), fit(0), ("name",)),
        (target(), fit(0, 0), ("name",)),
        (target(minNPUOperators="0.9"), fit(9), ()),
        (target(minNPUOperators="0.91"), fit(9), ("minNPUOperators",)),
        (target(maxSRAMBytes="1Ki"), fit(9, sramBytes=1024), ()),
        (target(maxSRAMBytes="1Ki"), fit(9, sramBytes=1025), ("maxSRAMBytes",)),
        (target(maxSRAMBytes="1Ki"), fit(9), ("maxSRAMBytes",)),
        (target(name="GPU"), fit(1, name="GPU"), ()),
        (target(name="GPU", minGPUOperators="1"), fit(9, name="GPU"), ("minGPUOperators",)),
        (target(name="Microcontroller"), fit(9, name="Microcontroller"), ("name",)),
        (target(name="Microcontroller"), fit(10, name="Microcontroller"), ()),
        (
            target(name="Microcontroller", maxArenaBytes=99),
            fit(10, name="Microcontroller", arenaBytes=100),
            ("maxArenaBytes",),
        ),
    ],
)
def test_what_is_missed_follows_from_the_figures_that_are_shown(
    asked: Target, found: TargetFit, fields: tuple[str, ...]
) -> None:
    assert missed(asked, found) == fields
    assert (problem_of([asked], [found]) is None) == (not fields)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ([], "shows 0 targets of the 1 asked for"),
        ([fit(9), fit(9)], "shows 2 targets of the 1 asked for"),
        ([fit(9, config="ethos-u65-256")], "another target than"),
        ([fit(9, name="GPU")], "another target than"),
        ([fit(9, compiled=True)], "another target than"),
        ([fit(11)], "more operators on EthosU than there are"),
        ([fit(0)], "calls EthosU met, but does not hold name"),
    ],
)
def test_an_account_of_other_targets_is_not_believed(shown: list[TargetFit], words: str) -> None:
    problem = problem_of([target()], shown)
    assert problem is not None
    assert words in problem


def test_a_report_that_is_too_long_leaves_out_operators_and_never_their_counts() -> None:
    named = [{"name": f"OPERATOR_{number}" * 4, "count": 1, "why": "x" * 160} for number in range(8)]
    targets = tuple(fit(2, name=name, elsewhere=named) for name in ("EthosU", "Microcontroller", "GPU"))
    result = StepResult(reason=Reason.CONVERTED, message="done", targets=targets)
    whole = len(result.to_json(10**6))
    assert whole > TERMINATION_LOG_BYTES
    for limit in range(700, whole, 97):
        text = result.to_json(limit)
        assert len(text.encode()) <= limit
        shown = json.loads(text)["targets"]
        assert [(each["name"], each["operators"], each["onTarget"]) for each in shown] == [
            ("EthosU", 10, 2),
            ("Microcontroller", 10, 2),
            ("GPU", 10, 2),
        ]
        assert all(len(each.get("elsewhere", ())) == 8 or each["truncated"] for each in shown)
