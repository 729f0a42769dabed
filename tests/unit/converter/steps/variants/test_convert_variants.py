"""The convert step has one child after the other convert variants, and tells what is wrong with one from the rest."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.converter.recorded_progress import RecordedProgress
from tests.unit.converter.steps.test_hostile_child import ARTIFACT, DONE, HEAD, REPORT
from tests.unit.converter.steps.variants.test_variants import GPU, PLAIN, request
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchedDatasets, StepResult
from tflite_converter.convert.supervised import ConversionFailed
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.core.step_files import read_model, variant_folder
from tflite_converter.steps.accept import Asked, accept, failure_of_variant
from tflite_converter.steps.convert import ConvertedVariants, Wanted, convert_variants
from tflite_converter.worker import cpus, process

RAN = """
workspace = order["trial"]["workspaceDir"]
os.makedirs(workspace + "/shapes-0", exist_ok=True)
open(workspace + "/shapes-0/kept.json", "w").close()
"""
"""Leaves what a child leaves once it has run the model."""
NAME = 'name = os.path.basename(order["outputDir"])\n'


def run(
    code: str, output: Path, monkeypatch: pytest.MonkeyPatch, progress: LoggedProgress | None = None, **more: Any
) -> ConvertedVariants:
    """Convert with another program in place of the one that converts."""
    monkeypatch.setattr(process, "command", lambda _module: [sys.executable, "-c", HEAD + NAME + code])
    specs = request(GPU, PLAIN, **more.pop("spec", {})).spec.by_variant
    wanted = {name: Wanted(spec, FetchedDatasets()) for name, spec in specs.items()}
    return convert_variants(wanted, output.parent / "model", output, progress or LoggedProgress(), **more)


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """The folder that convert may write."""
    folder = tmp_path / "outputs"
    folder.mkdir()
    return folder


def failing(reason: str, name: str = "gpu", **more: Any) -> str:
    told = {"reason": reason, "message": "why", "cureGiven": True, **more}
    return f"if name == {name!r}:\n    say(failure={told!r})\n    sys.exit(1)\n"


def test_each_variant_has_a_folder_that_publish_accepts(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = RecordedProgress()
    done = run(RAN + 'say(phase="At work")\n' + ARTIFACT + REPORT + DONE, outputs, monkeypatch, progress)
    assert done.failed == {}
    assert done.peak_memory_bytes > 0
    for name, one in request().spec.by_variant.items():
        with accept(variant_folder(outputs, name), Asked.of(one)) as accepted:
            assert accepted.size > 0
        assert failure_of_variant(outputs, name) is None
    assert progress.phases == ["gpu: At work", "plain: At work"]


def test_each_child_is_told_its_variant_and_what_all_share(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = RAN + 'leave("order", json.dumps(order).encode())\n' + ARTIFACT + REPORT + DONE
    calibrated = {"type": "Int8", "calibration": {"synthetic": True}}
    run(code, outputs, monkeypatch, spec={"quantization": calibrated})
    orders = {
        name: json.loads((variant_folder(outputs, name) / "order").read_text()) for name in request().spec.by_variant
    }
    assert {name: order["quantization"]["type"] for name, order in orders.items()} == {
        "gpu": "Float16",
        "plain": "Int8",
    }
    # The first one runs the model for all, so it has to know what is measured for the second.
    assert orders["gpu"]["trial"] == orders["plain"]["trial"]
    assert orders["gpu"]["trial"]["calibration"]["synthetic"] is True
    assert "calibration" not in orders["gpu"]["quantization"]


def test_what_is_wrong_with_one_is_left_for_publish(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(RAN + failing("VerificationFailed") + ARTIFACT + REPORT + DONE, outputs, monkeypatch)
    assert done.failed == {
        "gpu": StepResult(reason=Reason.VERIFICATION_FAILED, message="why", cure_given=True),
    }
    assert read_model(variant_folder(outputs, "gpu") / "failed.json", StepResult) == done.failed["gpu"]
    assert failure_of_variant(outputs, "gpu") == done.failed["gpu"]
    assert (variant_folder(outputs, "plain") / "model.tflite").exists()


@pytest.mark.parametrize(
    ("before", "reason", "more"),
    [
        (RAN, "ModelLoadFailed", {}),
        (RAN, "OutOfDisk", {}),
        (RAN, "ConversionFailed", {"isFinal": True}),
        ("", "ConversionFailed", {}),
    ],
)
def test_what_is_wrong_with_all_ends_the_first(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, before: str, reason: str, more: dict[str, Any]
) -> None:
    with pytest.raises(ConversionFailed, match=f"{reason}: Variant gpu: .*why") as caught:
        run(before + failing(reason, **more) + ARTIFACT + REPORT + DONE, outputs, monkeypatch)
    assert caught.value.peak_memory_bytes > 0
    assert not variant_folder(outputs, "plain").exists()
    assert not (variant_folder(outputs, "gpu") / "failed.json").exists()


def test_what_the_model_puts_in_the_way_of_another_variant_is_found_out(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = 'os.makedirs(folder + "../plain", exist_ok=True)\n'
    with pytest.raises(StepFailure, match="Variant plain: The model itself put something") as caught:
        run(RAN + plant + ARTIFACT + REPORT + DONE, outputs, monkeypatch)
    assert caught.value.reason is Reason.ARTIFACT_REFUSED


def test_more_threads_than_there_are_is_told_of_the_variant(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "available", lambda: 2.0)
    wide = {**PLAIN, "budget": {"threads": 3}}
    wanted = {name: Wanted(one, FetchedDatasets()) for name, one in request(GPU, wide).spec.by_variant.items()}
    with pytest.raises(StepFailure, match=r"Variant plain: budget\.threads is 3") as caught:
        convert_variants(wanted, outputs.parent / "model", outputs, LoggedProgress())
    assert caught.value.reason is Reason.INVALID_SPEC


def test_the_deadline_is_that_of_all(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = "import time\ntime.sleep(1 if name == 'gpu' else 60)\n"
    with pytest.raises(StepFailure, match="Variant plain: ") as caught:
        run(RAN + slow + ARTIFACT + REPORT + DONE, outputs, monkeypatch, timeout_seconds=3)
    assert caught.value.reason is Reason.DEADLINE_EXCEEDED


def test_a_deadline_that_has_passed_ends_the_first(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StepFailure) as caught:
        run(RAN + "import time\ntime.sleep(60)\n", outputs, monkeypatch, timeout_seconds=0.0)
    assert caught.value.reason is Reason.DEADLINE_EXCEEDED
