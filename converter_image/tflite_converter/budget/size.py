"""Whether an artifact keeps within budget.maxSizeBytes, and what would bring it there."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.budget import Budget
from tflite_api.resource.quantization import Quantization
from tflite_api.resource.quantization_types import FIXED
from tflite_api.steps.report import TypeSize
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.units import bytes_in_words

BITS: Final = {"float64": 64, "float32": 32, "float16": 16, "int8": 8, "int4": 4}
"""Of what weights are stored as. Shapes, indices and biases keep their types under every quantization."""
_SHOWN_TYPES: Final = 3


def values(sizes: Iterable[TypeSize]) -> int:
    """Return how many values the weights among a file's constants are."""
    return sum(one.size_bytes * 8 // BITS[one.dtype] for one in sizes if one.dtype in BITS)


@dataclass(frozen=True)
class Contents:
    """What an artifact that is too large is made of."""

    quantization: Quantization
    """That it was converted with."""
    sizes: Sequence[TypeSize]
    """What its constants take by type, the largest first."""

    def at_best(self, size: int, bits: int) -> int:
        """Return how small the artifact would be if all of its larger weights were stored with so many bits."""
        larger = ((one.size_bytes, BITS[one.dtype]) for one in self.sizes if BITS.get(one.dtype, 0) > bits)
        return size - sum(taken - taken * bits // before for taken, before in larger)


def problem_of(size: int, budget: Budget | None) -> str | None:
    """Return by how much an artifact of `size` bytes exceeds its budget, in words; None where it keeps within it."""
    most = budget.most_bytes if budget is not None else None
    if most is None or size <= most:
        return None
    return (
        f"The artifact has {size} bytes ({bytes_in_words(size)}), but budget.maxSizeBytes allows {most}"
        f" ({bytes_in_words(most)}): {size - most} too many ({bytes_in_words(size - most)})"
    )


def hold(size: int, budget: Budget | None, contents: Callable[[], Contents] | None = None) -> None:
    """Make sure that an artifact of `size` bytes keeps within its budget.

    Args:
        size: of the file.
        budget: what it may take; None where nothing is asked.
        contents: gives what it is made of, if that is known; asked only where it is too large.

    Raises:
        StepFailure: BudgetExceeded with what would help.
    """
    found = problem_of(size, budget)
    if found is None or budget is None or budget.most_bytes is None:
        return
    if contents is None:
        raise StepFailure(Reason.BUDGET_EXCEEDED, found, OWN_CURE)
    known = contents()
    shares = ", ".join(f"{bytes_in_words(one.size_bytes)} {one.dtype}" for one in known.sizes[:_SHOWN_TYPES])
    told = f"{found}; its constants are {shares}" if shares else found
    raise StepFailure(Reason.BUDGET_EXCEEDED, told, _cure(size, budget.most_bytes, known))


def _cure(size: int, most: int, known: Contents) -> str:
    ways = [(way, reached) for way, reached in _ways(size, known) if reached < size]
    helping = [way for way, reached in ways if reached <= most]
    raised = f"raise budget.maxSizeBytes to {size}"
    if not helping:
        raised += ", or convert a smaller model"
        least = min((reached for _, reached in ways), default=None)
        if least is not None:
            raised += f": quantization alone does not bring it there ({bytes_in_words(least)} at best)"
    said = ", or ".join((*helping, raised))
    return f"{said[:1].upper()}{said[1:]}"


def _ways(size: int, known: Contents) -> Iterator[tuple[str, int]]:
    """Yield what to change in the spec for a smaller artifact, the gentlest first, and what it comes to at best."""
    asked = known.quantization
    now = BITS[asked.type.facts.weights]
    if asked.keep_float is not None:
        reached = known.at_best(size, now)
        yield f"leave fewer layers in floats with quantization.keepFloat ({bytes_in_words(reached)} at best)", reached
    by_weights: dict[str, list[str]] = {}
    for kind in FIXED:
        by_weights.setdefault(kind.facts.weights, []).append(kind)
    for weights, kinds in by_weights.items():
        if BITS[weights] < now:
            *others, last = kinds
            reached = known.at_best(size, BITS[weights])
            named = f"{', '.join(others)} or {last}" if others else last
            yield f"use quantization.type {named} ({bytes_in_words(reached)} at best)", reached
