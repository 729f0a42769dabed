"""What the few bits of each layer's weights cost: measured at the outputs, with one layer at a time so stored."""

import logging
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from tflite_converter.artifact import inventory
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Outputs
from tflite_converter.quantize import weight_only
from tflite_converter.search.ranking import LayersOrder
from tflite_converter.search.repair import Layer
from tflite_converter.verify import litert, reference
from tflite_converter.verify.metrics import Accuracy

_LOG = logging.getLogger(__name__)
_SAMPLES: Final = 8
_SECONDS: Final = 60.0
"""After which the layers with fewer weights are no longer looked at: the largest come first."""
_WORST: Final = 1e30
"""The error of a layer with which outputs have other shapes, or something where there should be nothing at all."""
_LEAST_BYTES: Final = 64
"""Of a layer's floats, below which fewer bits save nothing worth a look."""


def layers(order: LayersOrder) -> Iterator[Layer]:
    """Yield each layer with the error that its few bits bring to the outputs, by the bytes that 8 bits cost more.

    Those that bring none are left out, among them all that have no kernel for few bits.
    """
    floats = Path(order.floats)
    sizes = inventory.float_bytes(floats.read_bytes())
    largest_first = sorted(((size, name) for name, size in sizes.items() if size >= _LEAST_BYTES), reverse=True)
    seen = reference.load(Path(order.reference_dir))
    samples = list(islice(seen.samples, _SAMPLES))
    key = _main_signature(floats)
    expected = list(litert.run(floats, key, samples))
    scratch = floats.with_name("one-layer.tflite")
    started = time.monotonic()
    for size, name in largest_first:
        if time.monotonic() - started > _SECONDS:
            return
        try:
            scratch.write_bytes(weight_only.of_one_layer(floats, order.kind, name, per_tensor=order.per_tensor))
            error = min(_error(expected, litert.run(scratch, key, samples)), _WORST)
        except StepFailure as failure:
            _LOG.info("Layer %s cannot be stored by itself in few bits: %s", name, failure)
            continue
        # Floats of 32 bits: 4 bits less are an eighth of them.
        cost = max(size // 8, 1)
        if error > 0:
            yield Layer(name=name, badness=error / cost, cost=cost)


def _main_signature(floats: Path) -> str:
    # The converter makes the main graph, whose layers these are, of the alphabetically first signature.
    return min(litert.signatures(floats))


def _error(expected: Sequence[Outputs], found: Iterator[Outputs]) -> float:
    """Return the power of the error by that of the signal, of the output where it is largest."""
    by_output: dict[str, Accuracy] = {}
    for wanted, given in zip(expected, found, strict=True):
        for name, value in wanted.items():
            if given[name].shape != value.shape:
                # How many rows there are depends on values.
                return _WORST
            by_output.setdefault(name, Accuracy()).add(value, given[name])
    return max((10 ** (-accuracy.snr_decibels / 10) for accuracy in by_output.values()), default=0.0)
