"""Running a model on the samples that its artifact is compared on: the user's, or generated ones that suit it."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.status import Distribution, SampleSource
from tflite_api.text import one_line
from tflite_converter.core.failure import RunRefused, StepFailure
from tflite_converter.core.tensors import Outputs, Sample, TensorFacts, Work
from tflite_converter.datasets import generated
from tflite_converter.datasets.generated import LEAST, MOST, STRENGTHS, Meanings, Sampling
from tflite_converter.verify import effort
from tflite_converter.verify.metrics import all_finite, responds, same
from tflite_converter.verify.reference import SOURCES, GivenSamples, Reference

Run = Callable[[Sample], Outputs]
_CHANNELS_LAST: Final = re.compile(r"only supports? (the )?NHWC|NHWC tensor format|format NHWC on (the )?CPU|NCHW.*CPU")
"""How TensorFlow's kernels say on a CPU that they take channels last alone (tensorflow/core/kernels/*_ops.cc)."""
IN_SEQUENCE: Final = 2 * LEAST
"""Calls in a row to each signature of a model that keeps state: what it keeps grows more wrong with each."""
_SHOWN_GUESSES: Final = 8


@dataclass(frozen=True)
class Inputs:
    """What a signature takes."""

    facts: Sequence[TensorFacts]
    meanings: Meanings
    work: Work = field(default_factory=Work)
    """What is computed of them."""

    def words(self, sampling: Sampling) -> tuple[str, ...]:
        """Say of each input what its values are, but for real numbers around 0."""
        plain = {"real numbers around 0", "true and false"}
        described = ((one.name, sampling.described(one, self.meanings.get(one.name))) for one in self.facts)
        return tuple(f"{name} as {words}" for name, words in described if words not in plain)[:_SHOWN_GUESSES]

    def distribution(self, sampling: Sampling, number: int) -> Distribution:
        """Return what the sample of this number is drawn from."""
        return generated.distribution(self.facts, self.meanings, sampling, number)


def observe(
    run: Run, inputs: Inputs, given: GivenSamples | None, *, assigns_state: bool, most: int = MOST, share: float = 1.0
) -> Reference:
    """Run a model on the user's samples, or on generated ones of the first kind that it accepts.

    Args:
        run: runs the model once; raises RunRefused where it cannot take the sample.
        inputs: the signature's inputs.
        given: the user's samples; None to generate some.
        assigns_state: whether the graph changes variables or other resources.
        most: generated samples.
        share: of what may be computed for generated samples: there are other signatures.

    Raises:
        StepFailure: DatasetMismatch where the model refuses a sample of the user's, VerificationFailed where it
            refuses all that is generated, UnsupportedOperation where it takes nothing on a CPU.
    """
    if given is not None:
        try:
            return _observed(run, given.samples, given.source, assigns_state)
        except RunRefused as refusal:
            _check_layout(refusal)
            words = f"The model refuses one of {SOURCES[given.source]}: {one_line(str(refusal), 400)}"
            raise StepFailure(Reason.DATASET_MISMATCH, words, "Give samples that it takes") from refusal
    return _Generation(run, inputs, assigns_state).observed(most, share)


class _Generation:
    """The search for inputs that a model accepts, and that tell something."""

    def __init__(self, run: Run, inputs: Inputs, assigns_state: bool) -> None:
        self._run = run
        self._inputs = inputs
        self._assigns_state = assigns_state

    def observed(self, most: int, share: float) -> Reference:
        seen = self._accepted()
        if _is_hollow(seen) or (self._takes_sound() and self._may_be_length(seen)):
            seen = self._longer(seen)
        if not seen.is_telling:
            seen = self._stirred(seen)
        if not seen.is_telling or not self._inputs.facts or not (seen.repeats or self._assigns_state):
            return seen
        size = sum(array.nbytes for side in (seen.given[-1], seen.compared[-1]) for array in side.values())
        return self._extended(seen, effort.affordable(effort.cost(self._inputs.work), size, share, most))

    def _accepted(self) -> Reference:
        facts, refused = self._inputs.facts, ""
        for sampling in self._samplings():
            try:
                return self._try(sampling)
            except RunRefused as refusal:
                _check_layout(refusal)
                refused = refused or one_line(str(refusal), 300)
        cure = "name inputs that it takes in verification.samples"
        if any(tensor.shape is None or -1 in tensor.shape for tensor in facts):
            cure = f"pin its shapes in signature.inputs, or {cure}"
        words = f"TensorFlow cannot run the signature on generated inputs ({refused})"
        raise StepFailure(Reason.VERIFICATION_FAILED, words, cure)

    def _samplings(self) -> Iterator[Sampling]:
        yield from generated.samplings(self._inputs.facts)
        first = next(generated.samplings(self._inputs.facts))
        yield from generated.longer(self._inputs.facts, first, first=True)

    def _try(self, sampling: Sampling) -> Reference:
        facts = self._inputs.facts
        samples = list(generated.generate(facts, sampling, self._inputs.meanings))
        seen = _observed(self._run, samples, "Generated", self._assigns_state)
        return replace(
            seen,
            work=self._inputs.work,
            responds=seen.responds or not facts,
            sampling=sampling,
            sizes=sampling.in_words(facts),
            guesses=self._inputs.words(sampling),
            distributions=tuple(self._inputs.distribution(sampling, number) for number in range(len(samples))),
        )

    def _takes_sound(self) -> bool:
        """Return whether an input is one row of real numbers, of any length: short ones are padded to a frame."""
        return any(one.shape == (-1,) and one.dtype.startswith("float") for one in self._inputs.facts)

    def _may_be_length(self, seen: Reference) -> bool:
        """Return whether the first dimension is none of a batch: no output has as many rows."""
        names = [tensor.name for tensor in self._inputs.facts if tensor.shape and tensor.shape[0] == -1]
        if not names or not seen.compared:
            return False
        pairs = list(zip(seen.samples, seen.compared, strict=True))
        return not any(
            all(output[name].ndim and len(output[name]) == len(sample[names[0]]) for sample, output in pairs)
            for name in seen.compared[0]
        )

    def _longer(self, seen: Reference) -> Reference:
        """Try longer inputs on a model that gives nothing for short ones."""
        facts, best = self._inputs.facts, seen
        assert seen.sampling is not None  # noqa: S101 - generated
        for sampling in generated.longer(facts, seen.sampling, first=self._may_be_length(seen)):
            with suppress(RunRefused):
                other = self._try(sampling)
                best = other if _is_hollow(best) or best is seen else best
                # Lengths that come to the same number of frames say nothing of others.
                if not _is_hollow(other) and _has_several_shapes(other):
                    return other
        return best

    def _stirred(self, seen: Reference) -> Reference:
        """Try weaker and stronger inputs on a model that gives the same for all, or nothing finite."""
        assert seen.sampling is not None  # noqa: S101 - generated
        for strength in STRENGTHS:
            with suppress(RunRefused):
                other = self._try(replace(seen.sampling, strength=strength))
                if other.is_telling and other.inconclusive is None:
                    return other
        return seen

    def _extended(self, seen: Reference, count: int) -> Reference:
        given, outputs, drawn = list(seen.given), list(seen.outputs), list(seen.distributions)
        sampling = seen.sampling
        assert sampling is not None  # noqa: S101 - generated
        patience = effort.Patience()
        for number in range(len(given), count):
            if patience.is_over:
                seen = replace(seen, cut_short=True)
                break
            facts, meanings = self._inputs.facts, self._inputs.meanings
            (sample,) = generated.generate(facts, sampling, meanings, count=1, start=number)
            with suppress(RunRefused):
                output = self._run(sample)
                given.append(sample)
                outputs.append(output if all_finite(output) else None)
                drawn.append(self._inputs.distribution(sampling, number))
        return replace(seen, given=tuple(given), outputs=tuple(outputs), distributions=tuple(drawn))


def _is_hollow(seen: Reference) -> bool:
    """Return whether an output was empty each time, so that nothing of it can be compared."""
    return bool(seen.compared) and any(not any(one[name].size for one in seen.compared) for name in seen.compared[0])


def _has_several_shapes(seen: Reference) -> bool:
    """Return whether the outputs' shapes differ in more than the batch."""
    start = 0 if seen.sampling is not None and seen.sampling.first_is_length else 1
    return len({tuple(array.shape[start:] for array in output.values()) for output in seen.compared}) > 1


def _check_layout(refusal: RunRefused) -> None:
    """Refuse a model that nothing here can run, whatever it is given."""
    if _CHANNELS_LAST.search(str(refusal)):
        raise StepFailure(
            Reason.UNSUPPORTED_OPERATION,
            "The model computes with channels first (data_format NCHW), which TensorFlow cannot run on a CPU, so there"
            f" is nothing to compare with ({one_line(str(refusal), 200)})",
            "export it with channels last",
        ) from refusal


def _observed(run: Run, samples: Sequence[Sample], source: SampleSource, assigns_state: bool) -> Reference:
    outputs = [run(sample) for sample in samples]
    # After all others, so that a model that changes itself is seen as well as a random one.
    again = run(samples[0])
    finite = tuple(output if all_finite(output) else None for output in outputs)
    return Reference(
        given=tuple(samples),
        outputs=finite,
        source=source,
        repeats=same(outputs[0], again),
        assigns_state=assigns_state,
        responds=responds([output for output in finite if output is not None]),
    )
