"""A budget, a target or a baseline that is changed as its refusal says lets the model be converted."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.convert.refused.conversions import model
from tests.unit.converter.convert.test_conversion import convert
from tests.unit.converter.convert.verified.test_budget import budgeted
from tests.unit.converter.convert.verified.test_targets import INTEGERS, MICRO, NPU, PINNED
from tests.unit.converter.followed import Followed, Trial, follow, followed
from tflite_api.reasons import Reason
from tflite_converter.convert import report_material
from tflite_converter.core.step_files import ARTIFACT_FILE

pytestmark = pytest.mark.tensorflow

EXCEEDED, UNMET = Reason.BUDGET_EXCEEDED, Reason.TARGET_UNMET
SYNTHETIC = {"calibration": {"synthetic": True}}


def kind(name: str) -> dict[str, Any]:
    return {"type": name, **(SYNTHETIC if name.startswith("Int") else {})}


def deep(tf: Any, weights: Any, x: Any) -> Any:
    return {"y": tf.nn.relu(x @ weights(64, 512)) @ weights(512, 32)}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model with more between its layers than at its ends."""
    folder = tmp_path_factory.mktemp("network")
    model(deep, [1, 64])(folder / "model")
    return folder / "model"


def converted(folder_of: Path, quantization: dict[str, Any] | None = None, **asked: Any) -> Trial:
    return lambda folder: convert(folder_of, folder, quantization=quantization or {}, minSnrDecibels=5, **asked)


def test_each_type_that_a_size_is_said_to_need_keeps_within_it(network: Path, tmp_path: Path) -> None:
    convert(network, tmp_path)
    size = (tmp_path / "output" / ARTIFACT_FILE).stat().st_size
    less = {"budget": {"maxSizeBytes": size - 1}}
    types = ("Float16", "DynamicRange", "Int8", "Int16x8", "WeightOnlyInt8", "WeightOnlyInt4")
    follow(
        followed(
            f"or raise budget.maxSizeBytes to {size}",
            EXCEEDED,
            converted(network, **less),
            *(converted(network, kind(name), **less) for name in types),
            converted(network, budget={"maxSizeBytes": size}),
        ),
        tmp_path,
    )


def test_each_type_that_memory_is_said_to_need_keeps_within_it(network: Path, tmp_path: Path) -> None:
    arena = convert(network, tmp_path, **budgeted(maxArenaBytes="1Mi")).benchmark.arena_bytes
    less = budgeted(maxArenaBytes=arena - 1)
    follow(
        followed(
            "Use quantization.type Int8 or Int16x8",
            EXCEEDED,
            converted(network, **less),
            *(converted(network, kind(name), **less) for name in ("Int8", "Int16x8")),
            converted(network, **budgeted(maxArenaBytes=arena)),
        ),
        tmp_path,
    )


def wide(_: Any, weights: Any, x: Any) -> Any:
    return {"y": x @ weights(16, 8)}


def placed(folder_of: Path, quantization: dict[str, Any], *targets: dict[str, Any], **asked: Any) -> Trial:
    return converted(folder_of, quantization, **{"targets": list(targets), "signature": PINNED, **asked})


def rows(*targets: dict[str, Any], quantization: dict[str, Any], count: int | None) -> Trial:
    """Return what converts a model of any number of rows, or of so many, for targets."""

    def trial(folder: Path) -> object:
        model(wide, [1, None, 16])(folder / "model")
        signature = {"inputs": [{"name": "x", "shape": [1, -1 if count is None else count, 16]}]}
        return placed(folder / "model", quantization, *targets, signature=signature)(folder)

    return trial


def of_targets(dense: Path) -> list[Followed]:
    whole = {**NPU, "minNPUOperators": "1"}
    return [
        followed(
            "set quantization.type Int8 or Int16x8, for it computes with integers",
            UNMET,
            placed(dense, {}, NPU),
            placed(dense, kind("Int8"), NPU),
            placed(dense, kind("Int16x8"), NPU),
        ),
        followed(
            "set quantization.io: Int8, which does without",
            UNMET,
            placed(dense, kind("Int8"), whole),
            placed(dense, INTEGERS, whole),
        ),
        followed(
            "pin it in signature.inputs",
            UNMET,
            rows(MICRO, quantization={}, count=None),
            rows(MICRO, quantization={}, count=4),
        ),
        followed(
            "pin the sizes of inputs in signature.inputs",
            UNMET,
            rows(NPU, quantization=INTEGERS, count=None),
            rows(NPU, quantization=INTEGERS, count=4),
        ),
    ]


@pytest.mark.parametrize("number", range(4))
def test_a_target_takes_what_its_refusal_asks_for(network: Path, tmp_path: Path, number: int) -> None:
    follow(of_targets(network)[number], tmp_path)


def test_a_latency_is_held_where_there_is_nothing_in_floats_to_compare_with(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_made(*_: object) -> None:
        raise RuntimeError("TensorFlow's process ended with -11")

    monkeypatch.setattr(report_material, "gather", none_made)
    dynamic = kind("DynamicRange")
    follow(
        followed(
            "leave budget.maxRelativeLatency out, or use budget.maxLatencyMilliseconds",
            Reason.CONVERSION_FAILED,
            converted(network, dynamic, **budgeted(maxRelativeLatency="1000")),
            converted(network, dynamic),
            converted(network, dynamic, **budgeted(maxLatencyMilliseconds="60000")),
        ),
        tmp_path,
    )
