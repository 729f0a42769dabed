"""The child process that compares the layers of an integer artifact with the same in floats, by TensorFlow's debugger.

Started by the search as `python -m tflite_converter.search.layers DESCRIPTOR` with a LayersOrder on stdin; it reports
on that file descriptor.
"""

import math
import sys
from pathlib import Path

from tflite_converter.artifact import inventory
from tflite_converter.core.step_files import write_model
from tflite_converter.report import layer_errors, quantization_debugger
from tflite_converter.report.layer_errors import LayerPowers
from tflite_converter.search.ranking import LayersOrder, RankedLayers
from tflite_converter.search.repair import Layer
from tflite_converter.worker.reporter import Report, die_with_parent, reported


def rank(order: LayersOrder) -> RankedLayers:
    """Return the layers with their errors, and with what they take in floats."""
    ranges = Path(order.ranges).read_bytes()
    _, found = quantization_debugger.powers(ranges, order.kept, Path(order.reference_dir))
    sizes = inventory.float_bytes(ranges)
    layers = tuple(_layer(each, sizes.get(each.name, 0)) for each in layer_errors.worst(found))
    return RankedLayers(layers=layers)


def _layer(powers: LayerPowers, float_bytes: int) -> Layer:
    decibels = powers.snr_decibels
    return Layer(name=powers.name, snr_decibels=decibels if math.isfinite(decibels) else None, float_bytes=float_bytes)


def main() -> int:
    """Do as ordered; exit code 1 where a failure was reported."""
    die_with_parent()
    report = Report(int(sys.argv[1]))
    order = LayersOrder.model_validate_json(sys.stdin.buffer.read())

    def work() -> None:
        write_model(Path(order.output_file), rank(order))
        report.done(order.proof)

    return reported(work, report)


if __name__ == "__main__":
    sys.exit(main())
