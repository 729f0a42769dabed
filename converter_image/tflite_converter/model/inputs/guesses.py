"""What an input stands for, guessed from what the graph does with it.

An index beyond its table makes TensorFlow fail and LiteRT read foreign memory; indices of 0 and 1 alone would leave
nearly all of an embedding unmeasured. A mask of any numbers, and a picture of small ones, say nothing of the artifact.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from tflite_converter.core.tensors import Array, TensorFacts
from tflite_converter.datasets.meanings import Different, Divisors, Indices, Mask, Meaning, Pixels, Scaled
from tflite_converter.model.inputs import graph, uses
from tflite_converter.model.inputs.uses import Affine, Uses

_PIXEL_SCALES: Final = (120.0, 300.0)
"""What pixels are divided by: 127.5, 128, 255, 256."""
_PIXEL_DEVIATIONS: Final = (40.0, 120.0)
"""The same where their mean is subtracted first: 57.4 to 58.4 for ImageNet."""
_PIXEL_MEANS: Final = (90.0, 135.0)
"""103.9 to 127.5: the means of ImageNet's colours, and the middle."""
_PICTURE_RANK: Final = 4
_COLOURS: Final = frozenset({1, 3, 4})
_HIDING: Final = 1e4
"""What is multiplied by so much is added to scores, so that softmax leaves nothing there."""
_NO_NUMBERS: Final = frozenset({"string", "resource", "variant"})
_USUAL_SCALES: Final = (0.1, 10.0)
_USUAL_CENTER: Final = 3.0
"""In the place of 0, measured by the scale."""


def of(function: Any, inputs: Sequence[TensorFacts]) -> dict[str, Meaning]:  # noqa: ANN401 - TensorFlow has no types
    """Return what inputs of a ConcreteFunction stand for, as far as its graph shows; they are named as in it."""
    found = uses.of(graph.of(function, frozenset(tensor.name for tensor in inputs)))
    return guessed(inputs, found)


def guessed(inputs: Sequence[TensorFacts], found: Mapping[str, Uses]) -> dict[str, Meaning]:
    """Return what inputs stand for, as far as their uses show."""
    meanings = ((tensor.name, _meaning(tensor, found.get(tensor.name) or Uses())) for tensor in inputs)
    return {name: meaning for name, meaning in meanings if meaning is not None}


def _meaning(tensor: TensorFacts, used: Uses) -> Meaning | None:
    kind = "" if tensor.dtype in _NO_NUMBERS else np.dtype(tensor.dtype).kind
    if kind not in {"f", "i", "u"}:
        return None
    if (places := _places(tensor, kind, used)) is not None:
        return places
    if used.limited or any(map(_is_of_pixels, used.affine)) or (used.convolved and _is_picture_of_integers(tensor)):
        return Pixels()
    if _is_mask(tensor.name, kind, used):
        return Mask()
    deepest = max(used.affine, key=lambda affine: affine.steps, default=None)
    return _scaled(tensor, kind, deepest) if deepest is not None else None


def _places(tensor: TensorFacts, kind: str, used: Uses) -> Meaning | None:
    """Return what values are that TensorFlow would refuse, or make anything of, if they were any others."""
    if used.tables:
        first, count = max(table[0] for table in used.tables), min(sum(table) for table in used.tables)
        return Indices(first, max(count - first, 1))
    if kind == "f":
        return None
    if used.replaced and math.prod(tensor.shape or ()) == (tensor.shape or (1,))[0]:
        return Different()
    return Divisors() if used.divides else None


def _is_picture_of_integers(tensor: TensorFacts) -> bool:
    """Return whether it has the colours of a picture, in a type that says nothing of their range."""
    kind = np.dtype(tensor.dtype)
    is_wide, shape = kind.kind in "iu" and kind.itemsize > 1, tensor.shape or ()
    return is_wide and len(shape) == _PICTURE_RANK and shape[-1] in _COLOURS


def _is_of_pixels(affine: Affine) -> bool:
    size, center = _size(affine), _center(affine)
    if size is None or center is None:
        return False
    is_of_mean = _between(float(np.mean(center)), _PIXEL_MEANS)
    middle = float(np.mean(np.abs(size)))
    return _between(middle, _PIXEL_SCALES) or (is_of_mean and (middle == 1 or _between(middle, _PIXEL_DEVIATIONS)))


def _is_mask(name: str, kind: str, used: Uses) -> bool:
    if any(np.min(np.abs(affine.scale)) >= _HIDING for affine in used.affine):
        return True
    if kind in "iu":
        return (
            used.compared or used.complemented or ((used.multiplied or "mask" in name.lower()) and not used.otherwise)
        )
    # Real numbers that are compared with 0 and multiplied are features with gaps.
    is_masked = used.complemented or (used.compared and not used.multiplied) or "mask" in name.lower()
    return is_masked and not used.otherwise


def _scaled(tensor: TensorFacts, kind: str, affine: Affine) -> Scaled | None:
    size, center = _size(affine), _center(affine)
    if size is None or center is None:
        return None
    sizes = np.abs(size)
    is_usual = _USUAL_SCALES[0] <= np.min(sizes) and np.max(sizes) <= _USUAL_SCALES[1]
    if is_usual and np.max(np.abs(center / size)) <= _USUAL_CENTER:
        return None
    last = tensor.shape[-1] if tensor.shape else 1
    return Scaled(_by_place(center, last), _by_place(sizes, last), whole=kind in "iu")


def _size(affine: Affine) -> Array | None:
    """Return what the input is divided by; None where it is multiplied by 0."""
    scale = np.asarray(affine.scale, np.float64)
    with np.errstate(all="ignore"):
        size = 1 / scale
    return size if np.all(np.isfinite(size)) and scale.size else None


def _center(affine: Affine) -> Array | None:
    """Return what becomes 0."""
    with np.errstate(all="ignore"):
        center = -np.asarray(affine.shift, np.float64) / np.asarray(affine.scale, np.float64)
    # 0 has a sign that means nothing here.
    return center + 0.0 if np.all(np.isfinite(center)) and center.size else None


def _by_place(values: Array, last: int) -> tuple[float, ...]:
    """Return one number for each place of the last dimension where they are for these, else their mean."""
    if values.ndim and values.size == values.shape[-1] == last:
        return tuple(float(value) for value in values.ravel())
    return (float(np.mean(values)),)


def _between(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]
