"""What is changed as the refusal of a target says runs there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.converter import small_artifacts
from tests.unit.converter.followed import Followed, Trial, follow, followed
from tests.unit.converter.small_artifacts import KEY, Graph
from tests.unit.converter.targets import integer_artifacts
from tests.unit.converter.targets.subjects import subject
from tests.unit.converter.targets.test_judgement import BETWEEN, INTEGERS
from tflite_api.reasons import Reason
from tflite_api.resource.quantization import Quantization
from tflite_api.resource.status import TargetFit
from tflite_api.resource.targets import Target
from tflite_converter.convert import on_targets
from tflite_converter.convert.on_targets import Placed, Verified
from tflite_converter.core.tensors import SignatureFacts, TensorFacts
from tflite_converter.targets import ethos_u, judgement, microcontroller, table
from tflite_converter.targets.examination import Examination
from tflite_converter.targets.tool_process import Tool

NPU = {"name": "EthosU", "config": "ethos-u55-128"}
MICRO = {"name": "Microcontroller"}
GPU = {"name": "GPU"}
UNMET = Reason.TARGET_UNMET
DENSE = integer_artifacts.dense(2)
FLOATS = small_artifacts.dense(2, 16)


def alone(name: str, *shape: int, reads: int = 1) -> bytes:
    """Return the file of one operator of floats."""
    graph = Graph()
    read = [graph.input("x", list(shape))] * reads
    return graph.file({"y": graph.operator(name, read, list(shape))})


def examined(
    content: bytes, *targets: dict[str, Any], quantization: dict[str, Any] | None = None, samples: Any = None
) -> Trial:
    """Return what looks at a file on its targets, and holds it to what is asked there."""

    def trial(folder: Path) -> None:
        asked = [Target.from_object(target) for target in targets]
        found = table.examine(asked, subject(folder, content, samples))
        judgement.hold(asked, found, Quantization.from_object(quantization or INTEGERS))

    return trial


def judged(target: dict[str, Any], found: dict[str, Any], **quantization: Any) -> Trial:
    """Return what holds a file to what is asked, of which a tool found this."""
    fit = TargetFit.from_object({**{k: target[k] for k in ("name", "config") if k in target}, "tool": "t", **found})
    asked = Quantization.from_object({**INTEGERS, **quantization})
    return lambda _: judgement.hold([Target.from_object(target)], [Examination(fit)], asked)


def compared(gate: int, noise: float = 0.1, size: int = 4) -> Trial:
    """Return what holds what tflite-micro computes against what LiteRT does."""

    def trial(_: Path) -> None:
        fit = TargetFit.from_object({**MICRO, "tool": "t", "operators": 1, "onTarget": 1})
        ours, theirs = {"y": np.ones(4, np.float32)}, {"y": np.full(size, 1 + noise, np.float32)}
        examination = microcontroller.compared(fit, [ours], [theirs], gate)
        judgement.hold([Target.from_object(MICRO)], [examination], Quantization())

    return trial


def flexible(*shape: int) -> Trial:
    def trial(_: Path) -> None:
        words = microcontroller.flexible_input(SignatureFacts("k", (TensorFacts("x", "float32", shape),), ()))
        fit = TargetFit.from_object({**MICRO, "tool": "t", "operators": 1, "onTarget": 1})
        judgement.hold([Target.from_object(MICRO)], [Examination(fit, misses=words)], Quantization())

    return trial


def large(size: int) -> Trial:
    return examined(alone("RELU", 1, size), MICRO, samples=[])


def behind_cos(*targets: dict[str, Any]) -> Trial:
    return examined(integer_artifacts.dense(2, behind="COS"), *targets)


DYNAMIC = [{"name": "CONV_2D", "count": 4, "why": "Dynamic non-batch dimension at axis 1"}]
FOLLOWED: list[Followed] = [
    followed(
        "Change the model so that it does without them, or leave out Microcontroller",
        UNMET,
        examined(alone("ATAN2", 1, 16, reads=2), MICRO),
        examined(alone("RELU", 1, 16), MICRO),
        examined(alone("ATAN2", 1, 16, reads=2), GPU),
    ),
    followed(
        "set quantization.type Int8 or Int16x8, for it computes with integers",
        UNMET,
        examined(FLOATS, NPU, quantization={"type": "None"}),
        examined(DENSE, NPU),
    ),
    followed(
        "Change the model, or leave out EthosU",
        UNMET,
        examined(alone("COS", 1, 16), NPU),
        examined(DENSE, NPU),
        examined(alone("COS", 1, 16)),
    ),
    followed(
        "Change the model, or leave out GPU",
        UNMET,
        examined(alone("ROUND", 1, 16), GPU),
        examined(alone("RELU", 1, 16), GPU),
        examined(alone("ROUND", 1, 16)),
    ),
    followed(
        "pin the sizes of inputs in signature.inputs",
        UNMET,
        judged(NPU, {"operators": 4, "onTarget": 0, "elsewhere": DYNAMIC}),
        judged(NPU, {"operators": 4, "onTarget": 4}),
    ),
    followed(
        "set quantization.io: Int8, which does without DEQUANTIZE and QUANTIZE, or lower minNPUOperators to 0.951",
        UNMET,
        judged({**NPU, "minNPUOperators": "1"}, {"operators": 41, "onTarget": 39, "elsewhere": BETWEEN}),
        judged({**NPU, "minNPUOperators": "1"}, {"operators": 39, "onTarget": 39}, io="Int8"),
        judged({**NPU, "minNPUOperators": "0.951"}, {"operators": 41, "onTarget": 39, "elsewhere": BETWEEN}),
    ),
    followed(
        "lower minNPUOperators to 0.666",
        UNMET,
        behind_cos({**NPU, "minNPUOperators": "1"}),
        behind_cos({**NPU, "minNPUOperators": "0.666"}),
    ),
    followed(
        "lower minGPUOperators to 0",
        UNMET,
        judged({**GPU, "minGPUOperators": "0.5"}, {"operators": 3000, "onTarget": 1}),
        judged({**GPU, "minGPUOperators": "0.000"}, {"operators": 3000, "onTarget": 1}),
    ),
    followed(
        "use a smaller model, or raise maxSRAMBytes to 2048",
        UNMET,
        judged({**NPU, "maxSRAMBytes": "1Ki"}, {"operators": 4, "onTarget": 4, "sramBytes": 2048}),
        judged({**NPU, "maxSRAMBytes": "1Ki"}, {"operators": 4, "onTarget": 4, "sramBytes": 1024}),
        judged({**NPU, "maxSRAMBytes": 2048}, {"operators": 4, "onTarget": 4, "sramBytes": 2048}),
    ),
    followed(
        "leave out maxSRAMBytes",
        UNMET,
        judged({**NPU, "maxSRAMBytes": "1Ki"}, {"operators": 4, "onTarget": 4}),
        judged(NPU, {"operators": 4, "onTarget": 4}),
    ),
    followed(
        "leave out maxArenaBytes",
        UNMET,
        judged({**MICRO, "maxArenaBytes": "1Ki"}, {"operators": 4, "onTarget": 4}),
        judged(MICRO, {"operators": 4, "onTarget": 4}),
    ),
    followed("pin it in signature.inputs", UNMET, flexible(1, -1, 3), flexible(1, 8, 3)),
    followed("lower that, or leave out Microcontroller", UNMET, compared(30), compared(20), examined(FLOATS)),
    followed("leave out Microcontroller", UNMET, compared(20, size=5), examined(FLOATS)),
    followed(
        "use a smaller model, or smaller sizes in signature.inputs: no microcontroller has that much",
        UNMET,
        large(40_000_000),
        large(16),
    ),
    followed(
        "Use another config, change the operator that is named, or leave out EthosU",
        UNMET,
        examined(DENSE[:200], NPU),
        examined(DENSE, NPU),
        examined(DENSE[:200]),
    ),
]


@pytest.mark.parametrize("case", FOLLOWED, ids=str)
def test_what_a_refusal_says_is_enough(case: Followed, tmp_path: Path) -> None:
    follow(case, tmp_path)


@pytest.mark.parametrize(("target", "field"), [(NPU, "maxSRAMBytes"), (MICRO, "maxArenaBytes")])
def test_the_memory_that_a_refusal_names_is_enough(target: dict[str, Any], field: str, tmp_path: Path) -> None:
    """What a tool asks for is the same each time."""
    (tmp_path / "first").mkdir()
    asked = Target.from_object(target)
    fit = table.examine([asked], subject(tmp_path / "first", DENSE))[0].fit
    needed = fit.sram_bytes or fit.arena_bytes or 0
    assert needed > 1
    follow(
        followed(
            f"raise {field} to {needed}",
            UNMET,
            examined(DENSE, {**target, field: needed - 1}),
            examined(DENSE, {**target, field: needed}),
        ),
        tmp_path,
    )


def test_a_target_whose_tool_is_not_there_is_left_out_or_looked_at_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = Tool("no-such-package-anywhere", "none", "Vela", "Linux")

    def where(tool: Tool, trial: Trial) -> Trial:
        def placed(folder: Path) -> object:
            with monkeypatch.context() as patched:
                patched.setattr(ethos_u, "VELA", tool)
                return trial(folder)

        return placed

    follow(
        followed(
            "leave out the target that it is for, or convert where it is",
            UNMET,
            where(lacking, examined(DENSE, NPU, GPU)),
            where(lacking, examined(FLOATS, GPU)),
            where(ethos_u.VELA, examined(DENSE, NPU)),
        ),
        tmp_path,
    )


def test_a_compiled_file_that_is_called_otherwise_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vela leaves signatures alone; a version that did not would be found out."""
    renamed = Graph()
    content = renamed.file({"z": renamed.operator("RELU", [renamed.input("x", [1, 16])], [1, 16])})

    def placed(**asked: Any) -> Trial:
        def trial(folder: Path) -> Placed:
            (folder / "artifact.tflite").write_bytes(DENSE)
            (folder / "compiled.tflite").write_bytes(content)
            fit = TargetFit.from_object({**NPU, "tool": "t", "operators": 1, "onTarget": 1, "compiled": bool(asked)})
            monkeypatch.setattr(table, "examine", lambda *_: (Examination(fit, folder / "compiled.tflite"),))
            verified = Verified(
                artifact=folder / "artifact.tflite",
                keys=[KEY],
                samples=[],
                compares=True,
                scratch=folder,
                quantization=Quantization.from_object(INTEGERS),
                min_snr_decibels=20,
                metadata=None,
            )
            return on_targets.place([Target.from_object({**NPU, **asked})], verified)

        return trial

    follow(followed("leave out publishCompiled", UNMET, placed(publishCompiled=True), placed()), tmp_path)
