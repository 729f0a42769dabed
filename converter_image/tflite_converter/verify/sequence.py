"""Comparing models that keep state: over calls in a row from the model's start, as its user would make them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from tflite_api.reasons import Reason
from tflite_api.text import one_line
from tflite_converter.core.failure import RunRefused, StepFailure
from tflite_converter.core.tensors import Outputs, Sample
from tflite_converter.verify import litert
from tflite_converter.verify.metrics import all_finite, responds, same
from tflite_converter.verify.reference import Reference

Run = Callable[[str, Sample], Outputs]
"""Runs the signature with a key once."""
Start = Callable[[], AbstractContextManager[Run]]
"""Loads the model afresh, and lets go of it at the end."""


def turns(counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Return pairs (signature, sample): a sample of each signature in turn, as long as it has any.

    So what one signature leaves behind is seen by the others, and each begins near the start.
    """
    for sample in range(max(counts, default=0)):
        yield from ((signature, sample) for signature, count in enumerate(counts) if sample < count)


def replayed(seen: Mapping[str, Reference], start: Start) -> dict[str, Reference]:
    """Return the same references with the outputs of calls in a row from the model's start.

    Args:
        seen: by key of the signature, in the order of the turns; the model was in any state when it gave the outputs.
        start: loads the model.

    Raises:
        StepFailure: VerificationFailed where it refuses from its start what it took before.
    """
    references = list(seen.values())
    outputs: list[list[Outputs]] = [[] for _ in references]
    repeats = True
    try:
        with start() as run:
            for number, output in _calls(seen, run):
                outputs[number].append(output)
        first = [iter(each) for each in outputs]
        with start() as run:
            for number, output in _calls(seen, run):
                repeats = same(next(first[number]), output) and repeats
    except RunRefused as refusal:
        words = f"The model keeps state, and from its start it refuses its inputs: {one_line(str(refusal), 400)}"
        raise StepFailure(Reason.VERIFICATION_FAILED, words, "Name others in verification.samples") from refusal
    return {
        key: _from_start(reference, given, repeats=repeats)
        for (key, reference), given in zip(seen.items(), outputs, strict=True)
    }


def _calls(seen: Mapping[str, Reference], run: Run) -> Iterator[tuple[int, Outputs]]:
    keys, references = list(seen), list(seen.values())
    for number, sample in turns([len(reference.given) for reference in references]):
        yield number, run(keys[number], references[number].given[sample])


def _from_start(reference: Reference, outputs: Sequence[Outputs], *, repeats: bool) -> Reference:
    finite = tuple(output if all_finite(output) else None for output in outputs)
    return replace(
        reference,
        outputs=finite,
        repeats=repeats,
        assigns_state=True,
        in_sequence=True,
        responds=responds([output for output in finite if output is not None]),
    )


def pairs(
    artifact: Path, keys: Sequence[str], references: Sequence[Reference]
) -> Iterator[tuple[int, int, Outputs, Outputs]]:
    """Run an artifact on what the model was run on; (signature, sample, the model's outputs, the artifact's) each time.

    Samples for which the model gave nothing finite are left out; a model that keeps state gets them all the same.

    Raises:
        StepFailure: VerificationFailed where LiteRT cannot run the artifact.
    """
    if any(reference.in_sequence for reference in references):
        yield from _pairs_in_sequence(artifact, keys, references)
        return
    for signature, (key, seen) in enumerate(zip(keys, references, strict=True)):
        numbers = [number for number, output in enumerate(seen.outputs) if output is not None]
        measured = litert.run(artifact, key, seen.samples)
        for number, expected, found in zip(numbers, seen.compared, measured, strict=True):
            yield signature, number, expected, found


def named_pairs(
    artifact: Path, keys: Sequence[str], references: Sequence[Reference]
) -> Iterator[tuple[int, Outputs, Outputs]]:
    """Do the same without the signatures' numbers: of several, the names of outputs have the key in front.

    Raises:
        StepFailure: as `pairs` does.
    """
    for signature, number, expected, found in pairs(artifact, keys, references):
        prefix = f"{keys[signature]}/" if len(keys) > 1 else ""
        yield number, _prefixed(expected, prefix), _prefixed(found, prefix)


def _prefixed(outputs: Outputs, prefix: str) -> Outputs:
    return {f"{prefix}{name}": value for name, value in outputs.items()}


def _pairs_in_sequence(
    artifact: Path, keys: Sequence[str], references: Sequence[Reference]
) -> Iterator[tuple[int, int, Outputs, Outputs]]:
    order = list(turns([len(reference.given) for reference in references]))
    measured = litert.run_in_turn(artifact, ((keys[number], references[number].given[at]) for number, at in order))
    for (number, at), found in zip(order, measured, strict=True):
        expected = references[number].outputs[at]
        if expected is not None:
            yield number, at, expected, found
