"""Running an artifact on what its model was run on, until the figures stand still."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tflite_converter.artifact import flatbuffer, output_ranges
from tflite_converter.core.tensors import Outputs
from tflite_converter.datasets.generated import LEAST
from tflite_converter.verify import litert, sequence
from tflite_converter.verify.measurement import Measurement, is_still
from tflite_converter.verify.reference import Reference

_SECONDS: Final = 0.5
"""Of the processor's time, for all generated samples of a signature beyond the least."""
_TELLING: Final = 4 * LEAST
"""Generated samples, below which a worst tenth is no more than the worst one."""

Hear = Callable[[int, Outputs, Outputs], None]
"""Is told of each sample its number, what the model gives and what the artifact gives."""


def measure(
    artifact: Path,
    keys: Sequence[str],
    references: Sequence[Reference],
    measured: Measurement,
    hear: Hear = lambda *_: None,
) -> list[Reference]:
    """Compare an artifact with its model, and return the references as far as they were used.

    All samples that were given are compared; of those that were generated as many as it takes.

    Args:
        artifact: the file.
        keys: of its signatures.
        references: what the model computes, by signature.
        measured: takes in what is found, with the signature's key before the names if there are several.
        hear: is told the same.

    Raises:
        StepFailure: VerificationFailed where LiteRT cannot run the artifact, or an output is no answer.
    """
    measured.runtime = litert.runtime_with_delegate()
    measured.ranges = ranges(artifact, keys)
    measured.choosing = output_ranges.choosing(flatbuffer.mapped(artifact))
    if any(seen.in_sequence for seen in references):
        _measure(artifact, keys, references, measured, hear)
        return list(references)
    return [
        _cut(seen, _measure(artifact, [key], [seen], measured, hear, several=len(keys) > 1))
        for key, seen in zip(keys, references, strict=True)
    ]


def ranges(artifact: Path, keys: Sequence[str]) -> dict[str, float]:
    """Return how large outputs can be, where their operators have a bound, by names as `measure` gives them."""
    found = output_ranges.of(flatbuffer.mapped(artifact))
    return {
        named(key, output, several=len(keys) > 1): bound for key in keys for output, bound in found.get(key, {}).items()
    }


def named(key: str, output: str, *, several: bool) -> str:
    """Return the name of an output among those of all signatures."""
    return f"{key}/{output}" if several else output


def _measure(
    artifact: Path,
    keys: Sequence[str],
    references: Sequence[Reference],
    measured: Measurement,
    hear: Hear,
    *,
    several: bool | None = None,
) -> int:
    """Return how many samples were used, of those that the model gave an answer for."""
    several = len(keys) > 1 if several is None else several
    before, started = measured.samples, time.process_time()
    for signature, number, expected, found in sequence.pairs(artifact, keys, references):
        seen = references[signature]
        drawn = seen.distributions[number] if seen.distributions else None
        ours, theirs = (_renamed(each, keys[signature], several=several) for each in (expected, found))
        measured.add(ours, theirs, drawn)
        hear(number, ours, theirs)
        if seen.sampling_is_open and _is_enough(measured, before, time.process_time() - started):
            break
    return measured.samples - before


def _is_enough(measured: Measurement, before: int, seconds: float) -> bool:
    count = measured.samples - before
    if count % LEAST or (count // LEAST) & (count // LEAST - 1):
        # Looked at only where their number has doubled.
        return False
    return 2 * seconds > _SECONDS or (count >= _TELLING and is_still(measured.by_sample[before:], count // 2))


def _renamed(outputs: Outputs, key: str, *, several: bool) -> Outputs:
    return {named(key, output, several=several): value for output, value in outputs.items()}


def _cut(seen: Reference, used: int) -> Reference:
    if used >= len(seen.compared):
        return seen
    numbers = [number for number, output in enumerate(seen.outputs) if output is not None][:used]
    count = numbers[-1] + 1 if numbers else 0
    return replace(
        seen, given=seen.given[:count], outputs=seen.outputs[:count], distributions=seen.distributions[:count]
    )
