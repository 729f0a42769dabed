"""How far each layer of a quantized artifact is from the same in floats, and which layers to leave in floats: pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tflite_api.resource.quantization import LAYER_NAME_CHARACTERS
from tflite_api.steps.report import SHOWN_LAYERS, SUSPECTS, LayerError
from tflite_converter.artifact.inventory import shown
from tflite_converter.core.tensors import Array
from tflite_converter.verify.metrics import as_doubles

LARGE_STEPS: Final = 0.7
"""Above this many steps the error is more than rounding: the measure of TensorFlow's own guide
(https://www.tensorflow.org/lite/performance/quantization_debugger), which calls for a look at such layers."""

_HUGE: Final = 1e6


@dataclass
class LayerPowers:
    """The power of what a layer computes, and of its error, over all samples."""

    name: str
    operator: str
    step: float | None = None
    """The quantization's scale, where the layer writes integers."""
    signal: float = 0.0
    noise: float = 0.0
    elements: int = 0

    def add(self, expected: Array, found: Array) -> None:
        """Take in what one sample gives, in real numbers."""
        wanted, given = as_doubles(expected), as_doubles(found)
        difference = given - wanted
        self.signal += float(np.vdot(wanted, wanted))
        self.noise += float(np.vdot(difference, difference))
        self.elements += wanted.size

    @property
    def snr_decibels(self) -> float:
        """Signal to noise ratio (dB)."""
        if self.noise == 0:
            return math.inf
        # Not of the quotient, which may be 0 or too large for a float.
        return -math.inf if self.signal == 0 else 10 * (math.log10(self.signal) - math.log10(self.noise))

    @property
    def error_in_steps(self) -> float | None:
        """Root mean square of the error by the quantization's step."""
        if not self.step or not self.elements:
            return None
        return math.sqrt(self.noise / self.elements) / self.step

    def as_shown(self) -> LayerError:
        """Return what the page shows."""
        steps = self.error_in_steps
        return LayerError(
            name=shown(self.name),
            operator=shown(self.operator),
            snr_decibels=f"{self.snr_decibels:.1f}",
            error_in_steps=None if steps is None else _two_places(steps),
        )


def _two_places(steps: float) -> str:
    # Of what is huge, infinite or no number fewer digits are more.
    return f"{steps:.2f}" if steps < _HUGE else f"{steps:.3g}"


def worst(layers: Sequence[LayerPowers]) -> tuple[LayerPowers, ...]:
    """Return the worst layers that a page has room for, in their own order."""
    if len(layers) <= SHOWN_LAYERS:
        return tuple(layers)
    kept = sorted(range(len(layers)), key=lambda number: _badness(layers[number].snr_decibels))[:SHOWN_LAYERS]
    return tuple(layers[number] for number in sorted(kept))


def _badness(decibels: float) -> float:
    """Return what layers are sorted by: one whose figures are no numbers is among the worst."""
    return -math.inf if math.isnan(decibels) else decibels


def suspects(layers: Iterable[LayerPowers]) -> tuple[str, ...]:
    """Name the layers to try in floats, the worst first: those whose error is more than rounding, else the worst one.

    Names that quantization.keepFloat.tensors cannot hold are passed over.
    """
    known = {layer.name: layer for layer in layers if _can_be_named(layer.name) and math.isfinite(layer.snr_decibels)}
    worst_first = sorted(known.values(), key=lambda layer: layer.snr_decibels)
    large = [layer for layer in worst_first if (layer.error_in_steps or 0) > LARGE_STEPS]
    return tuple(layer.name for layer in (large or worst_first[:1])[:SUSPECTS])


def stands_out(layer: LayerError) -> bool:
    """Return whether a layer's error is more than rounding."""
    return layer.error_in_steps is not None and float(layer.error_in_steps) > LARGE_STEPS


def _can_be_named(name: str) -> bool:
    return 0 < len(name) <= LAYER_NAME_CHARACTERS and name.isprintable()
