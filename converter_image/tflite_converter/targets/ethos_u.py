"""The target EthosU: Arm's Vela compiles the artifact for the NPU, and says what it leaves to the CPU."""

import csv
import io
import math
import re
import shutil
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.status import TargetFit
from tflite_api.resource.targets import Target
from tflite_converter.artifact import flatbuffer
from tflite_converter.core.digests import file_digest
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.step_files import open_regular
from tflite_converter.targets import examination, tool_process
from tflite_converter.targets.examination import Examination, Subject
from tflite_converter.targets.tool_process import Tool, ToolEnd
from tflite_converter.targets.tools import bounds

VELA: Final = Tool(
    "ethos-u-vela", "tflite_converter.targets.tools.vela", "Vela", "Linux, Windows and macOS on common processors"
)
NPU_OPERATOR: Final = "ethos-u"
"""The custom operator that stands for what runs on the NPU."""
_NPU_OPERATORS: Final = re.compile(r"^NPU operators = ([0-9]{1,9}) ", re.MULTILINE)
_LEFT: Final = re.compile(r"^Warning \(supported operators\) operator: (\w+), .*\nReason: (.*)", re.MULTILINE)
"""How Vela says what it leaves to the CPU (ethosu/vela/stats_writer.py, regor)."""
_NAMES_OF_TENSORS: Final = re.compile(r" on tensor .*| \(.*\)$")
"""They are long, and another file's than the model's author knows."""
_NAME: Final = "model"
_SUMMARY_BYTES: Final = 64 * 1024
_CURE: Final = "Use another config, change the operator that is named, or leave out EthosU"


def examine(asked: Target, subject: Subject) -> Examination:
    """Compile an artifact, and say what of it runs on the NPU.

    Raises:
        StepFailure: TargetUnmet where Vela does not take it.
    """
    folder = tool_process.fresh_folder(subject.scratch, "vela")
    file = folder / f"{_NAME}.tflite"
    shutil.copyfile(subject.artifact, file)
    end = tool_process.run(VELA, [str(file), asked.config or "", str(folder)], folder)
    compiled = folder / f"{_NAME}_vela.tflite"
    if not end.succeeded or not compiled.is_file():
        raise examination.tool_failed(asked, VELA, end, _CURE)
    content = _read(asked, compiled, end)
    left = examination.operators(content)
    left.pop(NPU_OPERATOR, None)
    on_npu = npu_operators(end.said)
    shown, truncated = examination.elsewhere(left, reasons(end.said))
    sram, cycles = figures(_summary(folder))
    fit = TargetFit(
        name=asked.name,
        config=asked.config,
        tool=VELA.title,
        operators=on_npu + left.total(),
        on_target=on_npu,
        elsewhere=shown,
        sram_bytes=sram,
        cycles=cycles,
        compiled=True if asked.compiles else None,
        verified_sha256=file_digest(subject.artifact) if asked.compiles else None,
        truncated=True if truncated else None,
    )
    return Examination(fit, compiled)


def npu_operators(said: str) -> int:
    """Return how many operators Vela says that the NPU runs."""
    found = _NPU_OPERATORS.findall(said)
    # What a tensor is called is printed before it.
    return int(found[-1]) if found else 0


def reasons(said: str) -> dict[str, str]:
    """Return why Vela leaves operators to the CPU, by name; the first where there are several."""
    found: dict[str, str] = {}
    for name, why in _LEFT.findall(said):
        found.setdefault(name, _NAMES_OF_TENSORS.sub("", why))
    return found


def figures(summary: str) -> tuple[int | None, int | None]:
    """Return the SRAM in bytes and the cycles of a run, from Vela's table; None where it says nothing of them."""
    row = next(csv.DictReader(io.StringIO(summary)), {})
    sram, cycles = _number(row.get("sram_memory_used")), _number(row.get("cycles_total"))
    return (math.ceil(sram * 1024) if sram is not None else None, round(cycles) if cycles is not None else None)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < 2**52 else None


def _summary(folder: Path) -> str:
    found = sorted(folder.glob(f"{_NAME}_summary_*.csv"))
    if not found:
        return ""
    with open_regular(found[0], _SUMMARY_BYTES) as file:
        return file.read(_SUMMARY_BYTES).decode(errors="replace")


def _read(asked: Target, compiled: Path, end: ToolEnd) -> bytes:
    try:
        with open_regular(compiled, bounds.FILE_BYTES) as file:
            content = file.read(bounds.FILE_BYTES)
    except ValueError as error:
        raise examination.tool_failed(asked, VELA, end, _CURE) from error
    if not flatbuffer.is_litert(content[: flatbuffer.START_BYTES]):
        words = f"targets: {VELA.title} wrote no TensorFlow Lite file"
        raise StepFailure(Reason.TARGET_UNMET, words, _CURE)
    return content
