"""The process that makes what an artifact is compared with: the sizes of the model's weights, and its file in floats.

By itself, and after the artifact is made: it needs TensorFlow's converter again, which may crash on this
model's floats where it did not on its integers. Started as `python -m tflite_converter.convert.report_material ORDER`.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import Quantization
from tflite_api.schema import Boolean, Schema
from tflite_api.text import one_line
from tflite_converter.convert import tf_converter
from tflite_converter.convert.tf_converter import ConverterSettings
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.step_files import write_model, write_whole
from tflite_converter.model import size
from tflite_converter.model.running import runtime
from tflite_converter.report.inputs import ReportMaterial
from tflite_converter.worker import process

_MODULE: Final = "tflite_converter.convert.report_material"
_ORDER_FILE: Final = "report-order.json"
_MATERIAL_FILE: Final = "report-material.json"
_LOG_FILE: Final = "report-material.log"
_LAST_WORDS: Final = 4096


class FloatsOrder(Schema):
    """How the file in floats is made: as the artifact was, but for its quantization."""

    folder: str
    """The SavedModel that the artifact was made of."""
    keys: tuple[str, ...]
    custom: Boolean
    select_tf: Boolean
    single_batch: Boolean
    fused_lstm: Boolean


class MaterialOrder(Schema):
    """What to make."""

    pinned_dir: str
    """The model as it was saved, for the sizes."""
    float_file: str
    """Where the model's file in floats is, or is to be."""
    floats: FloatsOrder | None = None
    """How to make it; None where it is there already, or is the artifact itself."""


def gather(order: MaterialOrder, scratch: Path) -> ReportMaterial:
    """Have it made in a process of its own; what was made before that process crashed is kept.

    Raises:
        RuntimeError: nothing was, with the last words of the process.
    """
    path, material = scratch / _ORDER_FILE, scratch / _MATERIAL_FILE
    write_model(path, order)
    material.unlink(missing_ok=True)
    with (scratch / _LOG_FILE).open("w+b") as log:
        command = [*process.command(_MODULE), str(path), str(material)]
        done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        log.seek(max(log.seek(0, os.SEEK_END) - _LAST_WORDS, 0))
        words = log.read().decode(errors="replace")
    end = _end(done.returncode, words) if done.returncode != 0 else None
    if not material.exists():
        raise RuntimeError(end or "nothing was written")
    found = ReportMaterial.model_validate_json(material.read_bytes())
    return found.model_copy(update={"float_problem": end}) if end is not None else found


def floats(order: MaterialOrder, artifact: Path) -> Path:
    """Return the model's file in floats, which is made where it is neither there yet nor the artifact itself.

    Raises:
        StepFailure: ConversionFailed where the model has none.
    """
    file = Path(order.float_file)
    if file.exists():
        return file
    if order.floats is None:
        return artifact
    try:
        problem = gather(order, file.parent).float_problem
    except RuntimeError as error:
        problem = str(error)
    if not file.exists():
        raise StepFailure(
            Reason.CONVERSION_FAILED,
            f"The model has no file in floats, with which budget.maxRelativeLatency compares ({problem})",
            "leave budget.maxRelativeLatency out, or use budget.maxLatencyMilliseconds",
        )
    return file


def _end(status: int, words: str) -> str:
    lines = [line for line in words.splitlines() if line.strip()] or ["none"]
    return one_line(f"TensorFlow's process ended with {status}; its last words: {lines[-1]}", 300)


def make(order: MaterialOrder, target: Path) -> None:
    """Make it; writes what there is before the converter runs, and again after."""
    sizes, float_file = size.by_type(Path(order.pinned_dir)), Path(order.float_file)
    problem = None
    write_model(target, ReportMaterial(model_sizes=sizes, float_file=_there(float_file)))
    if order.floats is not None and not float_file.exists():
        try:
            content = tf_converter.convert(Path(order.floats.folder), _settings(order.floats))
        except StepFailure as failure:
            problem = failure.message
        else:
            write_whole(float_file, content)
    write_model(target, ReportMaterial(model_sizes=sizes, float_file=_there(float_file), float_problem=problem))


def _there(path: Path) -> str | None:
    return str(path) if path.exists() else None


def _settings(order: FloatsOrder) -> ConverterSettings:
    return ConverterSettings(
        keys=order.keys,
        quantization=Quantization(),
        custom=order.custom,
        select_tf=order.select_tf,
        single_batch=order.single_batch,
        fused_lstm=order.fused_lstm,
    )


if __name__ == "__main__":
    runtime.load_tensorflow()
    make(MaterialOrder.model_validate_json(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2]))
