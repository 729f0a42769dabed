"""What a search does next: pure.

First come the types as they are, from the one that promises the smallest artifact. Only then is one that misses a gate
repaired: by then it is known how large it may become before another type is the better answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tflite_api.resource.quantization import KeepFloat, KeepInt8
from tflite_api.resource.quantization_types import MIXED, SELECTIVE, Activations, QuantizationType
from tflite_api.resource.status import TrialOutcome
from tflite_api.steps.report import TypeSize
from tflite_converter.budget.size import BITS
from tflite_converter.search import choice, repair
from tflite_converter.search.choice import Candidate, Made
from tflite_converter.search.repair import Layer

_NO_SMALLER: Final = {QuantizationType.INT16X8: QuantizationType.INT8}
"""Types that are never smaller than another: the weights are the same, and biases have 64 bits in the place of 32."""


_BY_SLOWNESS: Final = (Activations.INT8, Activations.DYNAMIC, Activations.FLOATS, Activations.INT16)
"""What computes fastest first, as LiteRT with XNNPACK has kernels for it: most operators have none with 16 bits."""


def _weight_bits(kind: QuantizationType) -> int:
    return BITS[kind.facts.weights]


def _slowness(kind: QuantizationType) -> int:
    return _BY_SLOWNESS.index(kind.facts.activations)


@dataclass(frozen=True)
class Rank:
    """The layers of an artifact are to be compared with the same in floats."""

    candidate: Candidate


@dataclass(frozen=True)
class State:
    """What is asked of a search, and what it has found out."""

    candidates: Sequence[QuantizationType]
    max_trials: int
    objective: str = "Size"
    most_bytes: int | None = None
    """The budget; None where there is none."""
    made: Sequence[Made] = ()
    layers: Mapping[QuantizationType, Sequence[Layer]] = field(default_factory=dict)
    """Of a type that misses, once they were compared; none where that was impossible."""

    @property
    def best(self) -> Made | None:
        """What would be taken now."""
        return choice.best(self.made, self.objective)

    @property
    def untried(self) -> tuple[QuantizationType, ...]:
        """The types that were not tried as they are, from the one that promises most."""
        tried = {each.candidate.kind for each in self.made if each.candidate.is_plain}
        left = [kind for kind in self.candidates if kind not in tried]
        promises_most = _weight_bits if self.is_of_size else _slowness
        return tuple(sorted(left, key=promises_most))

    @property
    def repairable(self) -> tuple[QuantizationType, ...]:
        """The types that can leave layers out, from the one that promises most."""
        # What stores weights alone with few bits computes with floats: with more bits it is no slower.
        kinds = (*SELECTIVE, *MIXED) if self.is_of_size else SELECTIVE
        return tuple(sorted((kind for kind in self.candidates if kind in kinds), key=_weight_bits))

    @property
    def is_of_size(self) -> bool:
        """Return whether an artifact that is no smaller than one that holds is of no use."""
        return self.objective == "Size"

    def bound(self, *, but_for: QuantizationType | None = None) -> int | None:
        """Return the size (bytes) from which on an artifact is of no use; None where any is.

        Args:
            but_for: a type whose repairs are left out of account.
        """
        held = (each for each in self.made if but_for is None or each.candidate.kind is not but_for)
        best = choice.best(held, self.objective)
        sizes = [best.size] if self.is_of_size and best is not None and best.size is not None else []
        if self.most_bytes is not None:
            sizes.append(self.most_bytes + 1)
        return min(sizes, default=None)


def values(sizes: Sequence[TypeSize]) -> int:
    """Return how many values the weights among an artifact's constants are."""
    return sum(one.size_bytes * 8 // BITS[one.dtype] for one in sizes if one.dtype in BITS)


def promise(kind: QuantizationType, weights: int) -> int:
    """Return the bytes that so many weights take at least."""
    return weights * BITS[kind.facts.weights] // 8


def following(state: State) -> Candidate | Rank | None:
    """Return what to do next; None where nothing is left to gain."""
    if len(state.made) >= state.max_trials:
        return None
    kind = _next_type(state)
    if kind is not None:
        return Candidate(kind)
    repairs = (_next_repair(state, kind) for kind in state.repairable)
    return next((found for found in repairs if found is not None), None)


def _next_type(state: State) -> QuantizationType | None:
    # The first artifact tells how many weights there are: the order of the types needs no more than their bits.
    weights = next((each.weights for each in state.made if each.weights is not None), None)
    bound = state.bound()
    for kind in state.untried:
        if state.is_of_size and kind in _NO_SMALLER and _is_large_enough(state, _NO_SMALLER[kind]):
            continue
        if weights is None or bound is None or promise(kind, weights) < bound:
            return kind
    return None


def _is_large_enough(state: State, kind: QuantizationType) -> bool:
    """Return whether a type was tried and nothing that is as large is of any use."""
    plain = (each.outcome for each in state.made if each.candidate.kind is kind and each.candidate.is_plain)
    return any(outcome in {"Held", "NotSmaller", "TooLarge"} for outcome in plain)


def _next_repair(state: State, kind: QuantizationType) -> Candidate | Rank | None:
    tried = [each for each in state.made if each.candidate.kind is kind]
    bases = [each for each in tried if not each.candidate.layers]
    base = bases[-1] if bases else None
    if base is None:
        return None
    needed = base.failure.keep_float if base.failure is not None else None
    if needed is not None and all(each.candidate.kept != needed for each in tried):
        return Candidate(kind, needed)
    if base.outcome != "Missed" or base.size is None:
        return None
    if kind not in state.layers:
        return Rank(base.candidate)
    bound = state.bound(but_for=kind)
    names = repair.affordable(state.layers[kind], bound - base.size if bound is not None else None)
    count = repair.next_count(len(names), _by_count(tried))
    return _keeping(base.candidate, names[:count]) if count else None


def _by_count(tried: Sequence[Made]) -> dict[int, TrialOutcome]:
    return {len(each.candidate.layers): each.outcome for each in tried if each.candidate.layers}


def _keeping(base: Candidate, names: Sequence[str]) -> Candidate:
    if base.kind in MIXED:
        return Candidate(base.kind, eights=KeepInt8(tensors=tuple(names)))
    operations = base.kept.operations if base.kept is not None else None
    return Candidate(base.kind, KeepFloat(operations=operations, tensors=tuple(names)))
