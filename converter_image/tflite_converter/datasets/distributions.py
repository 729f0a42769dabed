"""The distributions from which real numbers are drawn, each at the scale that models usually take."""

from typing import Final

import numpy as np

from tflite_api.resource.status import Distribution
from tflite_converter.core.tensors import Array, Shape

IN_TURN: Final[tuple[Distribution, ...]] = ("Normal", "Uniform", "SymmetricUniform", "SmallNormal", "Sparse")
"""One after the other: as many samples each. Their number shares no factor with the sizes that take turns."""
WHOLE: Final[Distribution] = "WholeNumbers"
"""Of models without a real input."""
_SMALL: Final = 0.3
_PRESENT: Final = 1 / 8
"""Share of sparse numbers that are not 0."""
_EMPTY: Final = 1 / 4
"""Share of sparse samples in which all are 0: what is there before anything happens."""


def draw(distribution: Distribution, generator: np.random.Generator, shape: Shape) -> Array:
    """Return numbers of a distribution, most of them between -1 and 1."""
    match distribution:
        case "Uniform":
            return np.asarray(generator.uniform(0, 1, shape))
        case "SymmetricUniform":
            return np.asarray(generator.uniform(-1, 1, shape))
        case "SmallNormal":
            return np.asarray(_SMALL * generator.standard_normal(shape))
        case "Sparse":
            present = generator.random(shape) < _PRESENT
            return np.asarray((generator.random() < 1 - _EMPTY) * present * generator.standard_normal(shape))
        case _:
            return np.asarray(generator.standard_normal(shape))
