"""Trials of quantization.type Auto as a person reads them: pure."""

import re
from typing import Final

from tflite_api.resource.quantization import KeepFloat, KeepInt8
from tflite_api.resource.quantization_types import QuantizationType
from tflite_api.resource.status import Trial
from tflite_converter.core.units import bytes_in_words

COLUMNS: Final = ("quantization", "size", "SNR", "outcome")
_OUTCOMES: Final = {
    "Chosen": "chosen",
    "Held": "holds",
    "Missed": "misses a gate",
    "TooLarge": "too large",
    "OverBudget": "over the budget",
    "NotSmaller": "no smaller",
    "Failed": "failed",
}


_PHASE: Final = re.compile(r"\d+\. ")
"""What the search says before the phases of a trial: `2. Int8: Converting`."""


def is_phase_of_trial(text: str) -> bool:
    """Return whether a phase is one of a trial, of which a row will tell."""
    return _PHASE.match(text) is not None


def count(kept: KeepFloat | None, eights: KeepInt8 | None) -> int:
    """Return how many operators and layers are left in floats or in 8 bits."""
    operations, floats = _of(kept)
    return len(operations) + floats + (len(eights.tensors) if eights is not None else 0)


def named(
    kind: QuantizationType,
    kept: KeepFloat | None = None,
    eights: KeepInt8 | None = None,
    *,
    per_tensor: bool = False,
) -> str:
    """Return a quantization in words: `Int8`, or `Int8 per tensor with SOFTMAX and 3 layers in floats`."""
    operations, layers = _of(kept)
    parts = [*operations, *([_layers(layers)] if layers else [])]
    name = f"{kind} per tensor" if per_tensor else str(kind)
    if eights is not None:
        return f"{name} with {_layers(len(eights.tensors))} in 8 bits"
    if not parts:
        return name
    *others, last = parts
    return f"{name} with {', '.join(others)} and {last} in floats" if others else f"{name} with {last} in floats"


def _of(kept: KeepFloat | None) -> tuple[tuple[str, ...], int]:
    return (kept.operations or (), len(kept.tensors or ())) if kept is not None else ((), 0)


def _layers(number: int) -> str:
    return f"{number} layer{'s' if number > 1 else ''}"


def row(trial: Trial) -> tuple[str, ...]:
    """Return what the columns hold of a trial."""
    name = named(trial.type, trial.keep_float, trial.keep_int8, per_tensor=trial.granularity == "PerTensor")
    if trial.keep_float is None and trial.keep_int8 is None and trial.kept_layers:
        name = f"{name} with {_layers(trial.kept_layers)} kept"
    size = bytes_in_words(trial.size_bytes) if trial.size_bytes is not None else ""
    snr = f"{trial.snr_decibels} dB" if trial.snr_decibels is not None else ""
    return name, size, snr, _outcome(trial)


def _outcome(trial: Trial) -> str:
    outcome = _OUTCOMES[trial.outcome]
    if trial.outcome == "Failed" and trial.reason:
        return f"{outcome} ({trial.reason})"
    parts = [outcome, *(f"{metric.name} {metric.artifact}" for metric in trial.metrics or ())]
    parts += [f"{trial.latency_milliseconds} ms"] if trial.latency_milliseconds is not None else []
    parts += [f"{trial.relative_latency} times floats"] if trial.relative_latency is not None else []
    # A metric with two baselines is there twice.
    return ", ".join(dict.fromkeys(parts))
