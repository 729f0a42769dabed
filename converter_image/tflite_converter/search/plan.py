"""What a search does next: pure.

First come the types as they are, from the one that promises the smallest artifact, then those whose scales take up room
with one scale a tensor. Only then is what misses a gate repaired: by then it is known how large it may become before
another type is the better answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tflite_api.resource.quantization import KeepFloat, KeepInt8
from tflite_api.resource.quantization_types import MIXED, SCALED, SELECTIVE, Activations, QuantizationType
from tflite_api.resource.status import TrialOutcome
from tflite_converter.budget.size import BITS
from tflite_converter.search import choice, repair
from tflite_converter.search.choice import Candidate, Family, Made
from tflite_converter.search.repair import Layer

_BY_SLOWNESS: Final = (Activations.INT8, Activations.DYNAMIC, Activations.FLOATS, Activations.INT16)
"""What computes fastest first, as LiteRT with XNNPACK has kernels for it: most operators have none with 16 bits."""
_WITH_ALL_IN_8_BITS: Final = {QuantizationType.WEIGHT_ONLY_INT4: QuantizationType.WEIGHT_ONLY_INT8}
"""What a type of fewer bits comes to where every layer is left out."""
_LEAST_SCALES: Final = 1 / 100
"""Share of an artifact, below which its scales are not worth a trial with fewer."""


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
    layers: Mapping[Family, Sequence[Layer]] = field(default_factory=dict)
    """Of what misses, once they were compared; none where that was impossible."""

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
        left = (kind for kind in self.candidates if kind in kinds and not self._is_beyond_repair(kind))
        return tuple(sorted(left, key=_weight_bits))

    def _is_beyond_repair(self, kind: QuantizationType) -> bool:
        """Return whether a type misses a gate even if all layers are left out, as far as they can be."""
        widest = _WITH_ALL_IN_8_BITS.get(kind)
        found = self.whole((widest, False)) if widest is not None else None
        return found is not None and found.outcome == "Missed"

    def whole(self, family: Family) -> Made | None:
        """Return the latest trial of a family that leaves no layers out; None where there was none."""
        tried = (each for each in reversed(self.made) if each.candidate.family == family)
        return next((each for each in tried if not each.candidate.layers), None)

    @property
    def is_of_size(self) -> bool:
        """Return whether an artifact that is no smaller than one that holds is of no use."""
        return self.objective == "Size"

    def bound(self, *, but_for: Family | None = None) -> int | None:
        """Return the size (bytes) from which on an artifact is of no use; None where any is.

        Args:
            but_for: whose repairs are left out of account.
        """
        held = (each for each in self.made if each.candidate.family != but_for)
        best = choice.best(held, self.objective)
        sizes = [best.size] if self.is_of_size and best is not None and best.size is not None else []
        if self.most_bytes is not None:
            sizes.append(self.most_bytes + 1)
        return min(sizes, default=None)


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
    candidate = _next_with_fewer_scales(state)
    if candidate is not None:
        return candidate
    repairs = (_next_repair(state, (kind, fewer)) for kind in state.repairable for fewer in (False, True))
    return next((found for found in repairs if found is not None), None)


def _next_type(state: State) -> QuantizationType | None:
    # What takes more than its weights is never left out for them: of a small file the rest is the larger part.
    weights = min((each.weights for each in state.made if each.weights is not None), default=None)
    bound = state.bound()
    for kind in state.untried:
        if weights is None or bound is None or promise(kind, weights) < bound:
            return kind
    return None


def _next_with_fewer_scales(state: State) -> Candidate | None:
    """Return what would be smaller than all that holds if its weights had one scale a tensor, the smallest first."""
    if not state.is_of_size:
        return None
    wholes = (state.whole((kind, False)) for kind in state.candidates if kind in SCALED)
    by_size = {
        replace(whole.candidate, per_tensor=True): whole.size - whole.scale_bytes
        for whole in wholes
        if whole is not None and whole.size is not None and _are_scales_worth_it(state, whole, whole.size)
    }
    tried, bound = {each.candidate for each in state.made}, state.bound()
    left = (each for each in by_size if each not in tried and (bound is None or by_size[each] < bound))
    return min(left, key=lambda each: by_size[each], default=None)


def _are_scales_worth_it(state: State, whole: Made, size: int) -> bool:
    # What misses a gate misses it with fewer scales as well, but may be repaired to less than what holds.
    is_base = whole.outcome == "Missed" and whole.candidate.kind in state.repairable and state.best is not None
    may_hold = whole.outcome in {"Held", "NotSmaller", "TooLarge"}
    return (may_hold or is_base) and whole.scale_bytes >= size * _LEAST_SCALES


def _next_repair(state: State, family: Family) -> Candidate | Rank | None:
    base = state.whole(family)
    if base is None:
        return None
    tried = [each for each in state.made if each.candidate.family == family]
    needed = base.failure.keep_float if base.failure is not None else None
    if needed is not None and all(each.candidate.kept != needed for each in tried):
        return replace(base.candidate, kept=needed)
    if base.outcome != "Missed" or base.size is None:
        return None
    if family not in state.layers:
        return Rank(base.candidate)
    bound = state.bound(but_for=family)
    names = repair.affordable(state.layers[family], bound - base.size if bound is not None else None)
    count = repair.next_count(len(names), _by_count(tried))
    return _keeping(base.candidate, names[:count]) if count else None


def _by_count(tried: Sequence[Made]) -> dict[int, TrialOutcome]:
    return {len(each.candidate.layers): each.outcome for each in tried if each.candidate.layers}


def _keeping(base: Candidate, names: Sequence[str]) -> Candidate:
    if base.kind in MIXED:
        return replace(base, eights=KeepInt8(tensors=tuple(names)))
    operations = base.kept.operations if base.kept is not None else None
    return replace(base, kept=KeepFloat(operations=operations, tensors=tuple(names)))
