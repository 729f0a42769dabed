"""Why a search found nothing: how near the best came, and what to relax. Pure."""

import math
from collections.abc import Sequence
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource import budget as asked_budget
from tflite_api.resource.budget import Budget
from tflite_converter.budget.size import BITS
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.units import bytes_in_words
from tflite_converter.search import choice
from tflite_converter.search.choice import Made
from tflite_converter.search.plan import State

_GATE: Final = "verification.minSNRDecibels"


def explained(state: State, gate: int, budget: Budget | None = None) -> StepFailure:
    """Return the failure of a search in which nothing holds what is asked.

    Args:
        state: what it has found out.
        gate: the SNR asked for (dB).
        budget: what the artifact may take.
    """
    made = state.made
    failure = _of_all(made) if all(each.outcome == "Failed" for each in made) else _nearest(state, gate, budget)
    failure.trials = choice.shown(made, None)
    return failure


def _of_all(made: Sequence[Made]) -> StepFailure:
    """Return the failure of the gentlest type, if none gave an artifact that runs: its obstacle is that of all."""
    failed = [each for each in made if each.failure is not None]
    gentlest = max(failed, key=lambda each: BITS[each.candidate.kind.facts.weights])
    if gentlest.failure is None:
        raise AssertionError("a failed trial has a failure")
    told = f"No candidate of quantization.type Auto gives an artifact that runs; {gentlest.candidate.name}: "
    return StepFailure(gentlest.failure.reason, told + gentlest.failure.found, gentlest.failure.cure)


def _nearest(state: State, gate: int, budget: Budget | None) -> StepFailure:
    count = len(state.made)
    whole = f"None of {count} trials" if count > 1 else "The only trial"
    found = [f"{whole} of quantization.type Auto {'holds' if count > 1 else 'does not hold'} all that is asked"]
    ways: list[str] = []
    most = state.most_bytes
    holding = [each for each in state.made if each.outcome == "TooLarge" and each.failure is None]
    if most is not None and holding:
        smallest = min(holding, key=lambda each: each.size or 0)
        found.append(
            f"the smallest that holds the gates, {smallest.candidate.name}, has {smallest.size} bytes, and"
            f" budget.maxSizeBytes allows {most} ({bytes_in_words(most)})"
        )
        ways.append(f"raise budget.maxSizeBytes to {smallest.size}")
    slow = [each for each in state.made if each.outcome == "OverBudget" and _is_within(each, most)]
    if budget is not None and slow:
        least = min(slow, key=lambda each: _excess(each, budget))
        exceeded = _exceeded(least, budget)
        figures = ", ".join(f"{found} for budget.{name} {allowed}" for name, found, allowed in exceeded)
        found.append(f"the nearest that holds the gates, {least.candidate.name}, takes {figures}")
        # All of them at once, or the one that is left is what it exceeds then.
        ways += [" and ".join(f"raise budget.{name} to {asked_budget.least(found)}" for name, found, _ in exceeded)]
    missed = [each for each in state.made if _is_near(each, most)]
    if missed:
        nearest = max(missed, key=lambda each: each.snr if each.snr is not None else -math.inf)
        found.append(f"{'within it ' if holding else ''}the nearest, {nearest.candidate.name}, {_misses(nearest)}")
        ways += _relaxing(nearest, gate)
    elif not holding and not slow and most is not None:
        smallest = min((each for each in state.made if each.size is not None), key=lambda each: each.size or 0)
        found.append(
            f"the smallest, {smallest.candidate.name}, has {smallest.size} bytes, and budget.maxSizeBytes allows {most}"
            f" ({bytes_in_words(most)})"
        )
        ways.append(f"raise budget.maxSizeBytes to {smallest.size} at least, or convert a smaller model")
    if state.untried and len(state.made) >= state.max_trials:
        ways.append(f"raise quantization.auto.maxTrials, as {', '.join(state.untried)} were not tried")
    said = ", or ".join(ways)
    return StepFailure(Reason.BUDGET_UNREACHABLE, "; ".join(found), f"{said[:1].upper()}{said[1:]}")


def _is_near(made: Made, most: int | None) -> bool:
    return made.outcome == "Missed" and _is_within(made, most)


def _is_within(made: Made, most: int | None) -> bool:
    return made.size is not None and (most is None or made.size <= most)


def _exceeded(made: Made, budget: Budget) -> list[tuple[str, str, str]]:
    """Return the fields that a trial does not hold as it runs, with what was found and what is allowed."""
    exceeded = asked_budget.exceeded(budget, made.benchmark) if made.benchmark is not None else []
    return [each for each in exceeded if math.isfinite(float(each[1]))]


def _excess(made: Made, budget: Budget) -> float:
    """Return how many times what is allowed a trial takes, of that which it exceeds most."""
    return max((float(found) / float(allowed) for _, found, allowed in _exceeded(made, budget)), default=math.inf)


def _misses(made: Made) -> str:
    if made.failure is not None:
        return f"has {made.size} bytes and misses: {made.failure.found}"
    return f"has {made.size} bytes, but its measurement proves nothing: {made.doubt[1] if made.doubt else ''}"


def _relaxing(made: Made, gate: int) -> list[str]:
    if made.snr is not None and made.failure is not None and _GATE in made.failure.found:
        # What is shown as 25.0 dB may be less.
        reached = min(math.floor(made.snr), gate - 1)
        lowered = [f"lower {_GATE} to {reached}"] if reached > 0 else []
        return [*lowered, "name inputs that the model is made for in verification.samples"]
    if made.failure is not None and made.failure.reason is Reason.VERIFICATION_FAILED:
        return ["relax the gate of verification.metrics that it misses"]
    return ["name inputs that it responds to in verification.samples"]
