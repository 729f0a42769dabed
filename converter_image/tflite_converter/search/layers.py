"""The child process that finds out which layers of an artifact cost the most accuracy.

Started by the search as `python -m tflite_converter.search.layers DESCRIPTOR` with a LayersOrder on stdin; it reports
on that file descriptor.
"""

import math
import sys
from pathlib import Path
from typing import Final

from tflite_api.resource.quantization_types import SELECTIVE
from tflite_converter.artifact import inventory, layer_names
from tflite_converter.core.step_files import write_model
from tflite_converter.report import layer_errors, quantization_debugger
from tflite_converter.report.quantization_debugger import DebuggerOrder
from tflite_converter.search import narrowing
from tflite_converter.search.ranking import LAYERS_FILE, LayersOrder, RankedLayers
from tflite_converter.search.repair import Layer
from tflite_converter.worker.reporter import Report, die_with_parent, reported

_SAVED: Final = 3 / 4
"""Share of the bytes of floats that 8-bit integers save."""


def rank(order: LayersOrder) -> RankedLayers:
    """Return the layers with what is won and what is paid where they are left out."""
    content = Path(order.floats).read_bytes()
    found = _selective(order, content) if order.kind in SELECTIVE else tuple(narrowing.layers(order))
    short = layer_names.short(content)
    return RankedLayers(
        layers=tuple(each.model_copy(update={"name": short.get(each.name, each.name)}) for each in found)
    )


def _selective(order: LayersOrder, content: bytes) -> tuple[Layer, ...]:
    wanted = DebuggerOrder(
        calibrated=Path(order.floats),
        reference_dir=Path(order.reference_dir),
        scratch_dir=Path(order.folder),
        kept=order.kept,
        per_tensor=order.per_tensor,
    )
    _, found = quantization_debugger.powers(content, wanted)
    sizes = inventory.float_bytes(content)
    return tuple(
        Layer(name=each.name, badness=-each.snr_decibels, cost=math.ceil(sizes.get(each.name, 0) * _SAVED))
        for each in layer_errors.worst(found)
        if math.isfinite(each.snr_decibels)
    )


def main() -> int:
    """Do as ordered; exit code 1 where a failure was reported."""
    die_with_parent()
    report = Report(int(sys.argv[1]))
    order = LayersOrder.model_validate_json(sys.stdin.buffer.read())

    def work() -> None:
        write_model(Path(order.folder) / LAYERS_FILE, rank(order))
        report.done(order.proof)

    return reported(work, report)


if __name__ == "__main__":
    sys.exit(main())
