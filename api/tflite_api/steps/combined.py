"""The result of a conversion of several variants, from that of each. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from tflite_api.reasons import Outcome, Reason
from tflite_api.resource.status import Provenance, VariantOutcome
from tflite_api.steps.step import StepResult
from tflite_api.text import MESSAGE_CHARACTERS, one_line

HOLDING: Final = frozenset({Reason.SNR_SUFFICIENT, Reason.METRICS_SUFFICIENT})
"""Verdicts of a measurement that holds all that was asked."""
_MESSAGE: Final = 256
_STRATEGY: Final = 64


def combined(parts: Mapping[str, StepResult], recipe: str) -> StepResult:
    """Return the result of all variants: that of the first one that failed, else a success.

    Args:
        parts: the result of each variant, by name, in the order of the spec.
        recipe: the recipe of all of them.
    """
    outcomes = tuple(_outcome(name, part) for name, part in parts.items())
    failed = [name for name, part in parts.items() if part.outcome is not Outcome.SUCCESS]
    if failed:
        first = parts[failed[0]]
        return StepResult(
            reason=first.reason,
            message=_named(failed, first.message),
            cure_given=first.cure_given,
            variants=outcomes,
        )
    results = list(parts.values())
    made = [result for result in results if result.reason is Reason.CONVERTED]
    verdicts = [result.verdict for result in results]
    signatures = [result.signature for result in results]
    told = ", ".join(_in_words(outcome) for outcome in outcomes)
    return StepResult(
        reason=Reason.CONVERTED if made else Reason.REUSED,
        message=one_line(f"{len(results)} variant{'s' if len(results) > 1 else ''}: {told}"),
        verdict=next((verdict for verdict in verdicts if verdict not in HOLDING), verdicts[0]),
        variants=outcomes,
        signature=signatures[0] if all(one == signatures[0] for one in signatures) else None,
        provenance=_provenance([*made, *results], recipe),
    )


def _outcome(name: str, part: StepResult) -> VariantOutcome:
    return VariantOutcome(
        name=name,
        reason=part.reason.value,
        message=one_line(part.message, _MESSAGE),
        verified=part.verdict.value if part.verdict is not None else None,
        snr_decibels=part.verification.snr_decibels if part.verification is not None else None,
        benchmark=part.benchmark,
        artifact=part.artifact,
        attestation=part.attestation,
    )


def _in_words(outcome: VariantOutcome) -> str:
    measured = f" at {outcome.snr_decibels} dB" if outcome.snr_decibels is not None else ""
    return f"{outcome.name} {outcome.reason.lower()}{measured}"


def _named(failed: Sequence[str], message: str) -> str:
    first, *others = failed
    more = f" ({', '.join(others)} failed as well)" if others else ""
    lead = f"Variant {first}{more}: "
    return lead + one_line(message, MESSAGE_CHARACTERS - len(lead))


def _provenance(results: Sequence[StepResult], recipe: str) -> Provenance | None:
    """Return that of the run, which is that of the first result in what all have in common."""
    given = [result.provenance for result in results if result.provenance is not None]
    if not given:
        return None
    changes = {
        "recipe_hash": recipe,
        "strategy": one_line(", ".join(dict.fromkeys(one.strategy for one in given)), _STRATEGY),
        "calibration": next((one.calibration for one in given if one.calibration is not None), None),
    }
    return given[0].model_copy(update=changes)
