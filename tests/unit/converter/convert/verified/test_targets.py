"""An artifact is looked at on its targets once it is verified; what Vela makes of it may be what is published."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.unit.converter import scaled_models
from tests.unit.converter.convert.test_conversion import convert
from tflite_api.reasons import Reason
from tflite_converter.artifact import flatbuffer, inventory
from tflite_converter.budget import size
from tflite_converter.convert import tf_converter
from tflite_converter.core.digests import file_digest
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.step_files import ARTIFACT_FILE, REPORT_DATA_FILE
from tflite_converter.report import quantization_debugger
from tflite_converter.report.quantization_debugger import DebuggedLayers, DebuggerOrder

pytestmark = pytest.mark.tensorflow

NPU = {"name": "EthosU", "config": "ethos-u55-128"}
MICRO = {"name": "Microcontroller"}
INTEGERS: dict[str, Any] = {"type": "Int8", "io": "Int8", "calibration": {"synthetic": True}}
PINNED = {"inputs": [{"name": "x", "shape": [1, 64]}]}


def run(models: Path, tmp_path: Path, *targets: dict[str, Any], **changes: Any) -> Any:
    given = {"quantization": INTEGERS, "signature": PINNED, "minSnrDecibels": 5, **changes}
    return convert(models / "dense", tmp_path, targets=list(targets), **given)


def test_what_runs_where_is_told_of_each_target(models: Path, tmp_path: Path) -> None:
    converted = run(models, tmp_path, NPU, MICRO, {"name": "GPU"})
    npu, micro, gpu = converted.targets
    assert (npu.name, npu.config, npu.on_target == npu.operators, npu.compiled) == ("EthosU", NPU["config"], True, None)
    assert (micro.name, micro.on_target) == ("Microcontroller", micro.operators)
    assert micro.arena_bytes
    assert float(micro.snr_decibels) > 20
    assert (gpu.name, gpu.operators) == ("GPU", micro.operators)
    assert converted.sha256 == file_digest(tmp_path / "output" / ARTIFACT_FILE)
    assert "ethos-u" not in flatbuffer.read(tmp_path / "output" / ARTIFACT_FILE).operations


def test_what_vela_makes_of_it_can_be_the_artifact(models: Path, tmp_path: Path) -> None:
    artifact = tmp_path / "output" / ARTIFACT_FILE
    run(models, tmp_path)
    before = file_digest(artifact)
    converted = run(models, tmp_path, MICRO, {**NPU, "publishCompiled": True}, report=True)
    facts = flatbuffer.read(artifact)
    assert facts.operations == {"ethos-u"}
    assert converted.sha256 == file_digest(artifact) != before
    assert converted.targets[1].compiled
    assert converted.targets[1].verified_sha256 == before
    assert "verified before Vela compiled it for ethos-u55-128" in converted.message
    assert [each.key for each in facts.signatures] == [converted.signature.key]
    # Measured of the file that LiteRT runs.
    assert converted.report_problem is None
    assert (tmp_path / "output" / REPORT_DATA_FILE).exists()


def test_labels_are_behind_the_compiled_file_too(models: Path, tmp_path: Path) -> None:
    labels = [f"class {number}" for number in range(32)]
    metadata = {"name": "n", "outputs": [{"name": "y", "labels": labels}]}
    run(models, tmp_path, {**NPU, "publishCompiled": True}, metadata=metadata)
    with ZipFile(tmp_path / "output" / ARTIFACT_FILE) as archive:
        assert archive.read("labels.txt").decode().splitlines() == labels


def test_the_budget_is_that_of_the_compiled_file(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = tmp_path / "output" / ARTIFACT_FILE
    weighed: list[int] = []
    monkeypatch.setattr(size, "hold", lambda taken, *_: weighed.append(taken))
    run(models, tmp_path, {**NPU, "publishCompiled": True}, budget={"maxSizeBytes": 1})
    assert weighed == [artifact.stat().st_size]
    monkeypatch.undo()
    with pytest.raises(StepFailure) as caught:
        run(models, tmp_path, {**NPU, "publishCompiled": True}, budget={"maxSizeBytes": weighed[0] - 1})
    assert caught.value.reason is Reason.BUDGET_EXCEEDED
    assert f"The artifact has {weighed[0]} bytes" in caught.value.message


@pytest.mark.parametrize(
    ("target", "changes", "words"),
    [
        (
            NPU,
            {"quantization": {}, "minSnrDecibels": 60},
            ("nothing of the artifact runs on EthosU", "Int8 or Int16x8"),
        ),
        ({**NPU, "maxSRAMBytes": 1}, {}, ("of SRAM, and maxSRAMBytes allows 1", "raise maxSRAMBytes to")),
        ({**MICRO, "maxArenaBytes": 1}, {}, ("needs an arena of", "maxArenaBytes allows 1")),
        (
            {**NPU, "minNPUOperators": "1"},
            {"quantization": {**INTEGERS, "io": "Float32"}},
            ("DEQUANTIZE", "set quantization.io: Int8", "or lower minNPUOperators to 0."),
        ),
    ],
)
def test_what_a_target_does_not_take_is_refused_with_what_helps(
    models: Path, tmp_path: Path, target: dict[str, Any], changes: dict[str, Any], words: tuple[str, ...]
) -> None:
    with pytest.raises(StepFailure) as caught:
        run(models, tmp_path, target, **changes)
    assert caught.value.reason is Reason.TARGET_UNMET
    assert all(word in caught.value.message for word in words), caught.value.message
    assert caught.value.targets is not None
    assert not (tmp_path / "output" / "converted.json").exists()


def test_what_cannot_be_compared_is_not_held_against_a_microcontroller(models: Path, tmp_path: Path) -> None:
    converted = convert(models / "nan", tmp_path, targets=[MICRO], signature=PINNED)
    assert converted.verdict is Reason.NON_FINITE
    assert converted.targets[0].snr_decibels is None


@pytest.mark.parametrize("kind", ["Int8", "Int16x8", "DynamicRange"])
@pytest.mark.parametrize("directly", [True, False])
def test_one_scale_a_tensor_is_what_the_file_then_has(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, directly: bool
) -> None:
    if not directly:
        monkeypatch.setattr(tf_converter, "_directly", lambda *_: None)
    asked = {"type": kind, **({"calibration": {"synthetic": True}} if kind != "DynamicRange" else {})}
    artifact = tmp_path / "output" / ARTIFACT_FILE
    run(models, tmp_path, quantization=asked, minSnrDecibels=0)
    assert flatbuffer.read(artifact).per_channel_operations == {"FULLY_CONNECTED"}
    run(models, tmp_path, quantization={**asked, "granularity": "PerTensor"}, minSnrDecibels=0)
    assert flatbuffer.read(artifact).per_channel_operations == set()


# Of fewer than 1024 weights a layer another tool stores those of DynamicRange.
@pytest.mark.parametrize("size", [16, 64])
@pytest.mark.parametrize(
    "asked",
    [
        {"type": "DynamicRange"},
        {"type": "WeightOnlyInt8"},
        {"type": "WeightOnlyInt4"},
        {"type": "WeightOnlyInt4", "keepInt8": {"tensors": ["matmul"]}},
    ],
)
def test_weights_alone_have_one_scale_a_tensor_and_the_file_is_smaller_by_the_others(
    tmp_path: Path, asked: dict[str, Any], size: int
) -> None:
    scaled_models.two_layers(tmp_path / "model", size)
    artifact = tmp_path / "output" / ARTIFACT_FILE
    convert(tmp_path / "model", tmp_path, quantization=asked, minSnrDecibels=5)
    assert flatbuffer.read(artifact).per_channel_operations
    before = artifact.stat().st_size
    assert inventory.scale_bytes(artifact) == 2 * (size - 1) * 12
    convert(tmp_path / "model", tmp_path, quantization={**asked, "granularity": "PerTensor"}, minSnrDecibels=5)
    assert flatbuffer.read(artifact).per_channel_operations == set()
    assert inventory.scale_bytes(artifact) == 0
    # But for what aligns the parts of a flatbuffer.
    assert before - artifact.stat().st_size == pytest.approx(2 * (size - 1) * 12, abs=32)


# Of fewer than 1024 weights a layer another tool stores those of DynamicRange.
@pytest.mark.parametrize("channels", [16, 256])
def test_an_operator_that_would_read_more_scales_than_there_are_is_refused(tmp_path: Path, channels: int) -> None:
    scaled_models.depthwise(tmp_path / "model", channels)
    usual, weights = {"type": "DynamicRange"}, {"type": "WeightOnlyInt8", "granularity": "PerTensor"}
    convert(tmp_path / "model", tmp_path, quantization=usual, minSnrDecibels=20)
    with pytest.raises(StepFailure) as caught:
        convert(tmp_path / "model", tmp_path, quantization={**usual, "granularity": "PerTensor"}, minSnrDecibels=20)
    assert caught.value.reason is Reason.OPERATION_NOT_QUANTIZABLE
    assert "LiteRT's DEPTHWISE_CONV_2D of floats reads one for each channel" in caught.value.message
    assert "use quantization.type WeightOnlyInt8" in caught.value.message
    convert(tmp_path / "model", tmp_path, quantization=weights, minSnrDecibels=20)


def test_one_scale_a_tensor_goes_with_operators_in_floats(models: Path, tmp_path: Path) -> None:
    kept = {**INTEGERS, "io": "Float32", "granularity": "PerTensor", "keepFloat": {"operations": ["SUM"]}}
    run(models, tmp_path, quantization=kept)
    facts = flatbuffer.read(tmp_path / "output" / ARTIFACT_FILE)
    assert "SUM" in facts.float_operations
    assert facts.per_channel_operations == set()


def test_the_layers_of_the_report_have_the_scales_of_the_artifact(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = []

    def debug(order: DebuggerOrder) -> DebuggedLayers:
        orders.append(order)
        return DebuggedLayers(samples=1, layers=())

    monkeypatch.setattr(quantization_debugger, "debug", debug)
    run(models, tmp_path, quantization={**INTEGERS, "granularity": "PerTensor"}, report=True)
    run(models, tmp_path, report=True)
    assert [order.per_tensor for order in orders] == [True, False]


def test_several_scales_where_one_was_asked_for_are_found_out(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(models, tmp_path)
    content = (tmp_path / "output" / ARTIFACT_FILE).read_bytes()
    monkeypatch.setattr(tf_converter, "convert", lambda *_: content)
    with pytest.raises(StepFailure) as caught:
        run(models, tmp_path, quantization={**INTEGERS, "granularity": "PerTensor"})
    assert caught.value.reason is Reason.QUANTIZATION_NOT_APPLIED
    assert "several in the weights of FULLY_CONNECTED" in caught.value.message
