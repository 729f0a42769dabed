"""What models, datasets and artifacts exchange: names and shapes of tensors, and the arrays that go through them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]
else:
    # The steps that only name tensors do not pay for numpy's import.
    Array = Any

Shape = tuple[int, ...]
Sample = Mapping[str, Array]
"""One input by each name of the signature."""
Outputs = Mapping[str, Array]
"""One output by each name of the signature."""


@dataclass(frozen=True)
class TensorFacts:
    """An input or output: -1 in a shape is flexible, None an unknown rank."""

    name: str
    dtype: str
    shape: Shape | None

    def __str__(self) -> str:
        """Return it as messages show it: `x: float32 [-1, 224]`."""
        return f"{self.name}: {self.dtype} {list(self.shape) if self.shape is not None else 'of unknown rank'}"


@dataclass(frozen=True)
class Work:
    """About how much one run computes."""

    operations: int = 0
    multiplications: int = 0
    """Or as much time as so many take."""

    def __add__(self, other: "Work") -> "Work":
        """Return both together."""
        return Work(self.operations + other.operations, self.multiplications + other.multiplications)

    def __mul__(self, times: int) -> "Work":
        """Return it so many times."""
        return Work(self.operations * times, self.multiplications * times)


@dataclass(frozen=True)
class SignatureFacts:
    """A signature as a SavedModel's proto or an artifact declares it."""

    key: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
