"""Running an artifact on what its model was run on, until the figures stand still."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tflite_converter.artifact import flatbuffer, output_ranges
from tflite_converter.core.tensors import Outputs
from tflite_converter.datasets.generated import LEAST
from tflite_converter.verify import effort, litert, sequence
from tflite_converter.verify.measurement import Measurement, is_still
from tflite_converter.verify.reference import Reference

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
    several = len(keys) > 1
    if any(seen.in_sequence for seen in references):
        for _ in _taken_in(artifact, keys, references, measured, hear, several=several):
            pass
        return list(references)
    is_slow = flatbuffer.computes_in_16_bits(flatbuffer.mapped(artifact))
    planned = [_cut(seen, _most_in_16_bits(seen, 1 / len(keys))) if is_slow else seen for seen in references]
    return [
        _until_still(seen, _taken_in(artifact, [key], [seen], measured, hear, several=several), measured)
        for key, seen in zip(keys, planned, strict=True)
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


def _most_in_16_bits(seen: Reference, share: float) -> int:
    if not seen.sampling_is_open:
        return len(seen.compared)
    return effort.affordable(effort.cost_in_16_bits(seen.work), 0, share)


def _taken_in(
    artifact: Path,
    keys: Sequence[str],
    references: Sequence[Reference],
    measured: Measurement,
    hear: Hear,
    *,
    several: bool,
) -> Iterator[None]:
    """Take in one sample after the other."""
    for signature, number, expected, found in sequence.pairs(artifact, keys, references):
        seen = references[signature]
        drawn = seen.distributions[number] if seen.distributions else None
        ours, theirs = (_renamed(each, keys[signature], several=several) for each in (expected, found))
        measured.add(ours, theirs, drawn)
        hear(number, ours, theirs)
        yield


def _until_still(seen: Reference, taken_in: Iterator[None], measured: Measurement) -> Reference:
    """Compare an artifact on as many generated samples as it takes; return the reference as far as it was used."""
    before, patience = measured.samples, effort.Patience()
    for _ in taken_in:
        used = measured.samples - before
        if not seen.sampling_is_open or used >= len(seen.compared):
            continue
        if _is_enough(measured, before):
            return _cut(seen, used)
        if used >= LEAST and patience.is_over:
            return replace(_cut(seen, used), cut_short=True)
    return seen


def _is_enough(measured: Measurement, before: int) -> bool:
    count = measured.samples - before
    # Looked at only where their number has doubled.
    has_doubled = count % LEAST == 0 and (count // LEAST).bit_count() == 1
    return has_doubled and count >= _TELLING and is_still(measured.by_sample[before:], count // 2)


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
