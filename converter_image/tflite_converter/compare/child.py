"""The child process that runs two files on the same inputs: an artifact, and another or the SavedModel it came from.

Started by comparison.py as `python -m tflite_converter.compare.child DESCRIPTOR`, with a ComparisonOrder on
stdin. Both files are untrusted, and run here as in a conversion.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from tflite_api.reasons import Reason
from tflite_api.resource.spec import LabelledSamples
from tflite_api.resource.status import MeasuredError, SampleSource
from tflite_converter.artifact import flatbuffer
from tflite_converter.compare import pairing
from tflite_converter.compare.messages import ComparedSignature, ComparisonFindings, ComparisonOrder, FileContents
from tflite_converter.compare.pairing import Pair
from tflite_converter.core.failure import RunRefused, StepFailure, exhausted_resource
from tflite_converter.core.step_files import write_model
from tflite_converter.core.tensors import Outputs, Sample, SignatureFacts
from tflite_converter.datasets import reader
from tflite_converter.datasets.generated import MOST
from tflite_converter.model import operations, saved_model, selection, work
from tflite_converter.model.inputs import guesses
from tflite_converter.model.running import loader, runtime
from tflite_converter.scoring import placing
from tflite_converter.scoring.placing import PlacedMetric
from tflite_converter.scoring.scores import Scores
from tflite_converter.verify import litert, observation, sequence
from tflite_converter.verify.metrics import Comparison
from tflite_converter.verify.observation import IN_SEQUENCE, Inputs
from tflite_converter.verify.reference import GivenSamples, Reference
from tflite_converter.verify.sequence import Run
from tflite_converter.worker.reporter import Report, die_with_parent, reported

_GIVEN: SampleSource = "Verification"
_ASSIGNING: Final = frozenset({"ASSIGN_VARIABLE"})


class _Runnable(Protocol):
    """A reference, whatever it is."""

    signatures: Mapping[str, SignatureFacts]

    def run(self, key: str, sample: Sample) -> Outputs:
        """Run a signature once; raises RunRefused where it cannot take the sample."""

    def inputs(self, signature: SignatureFacts) -> Inputs:
        """Return what a signature takes, as far as it is known."""

    def assigns_state(self, key: str) -> bool:
        """Return whether a run changes what the next one computes."""

    def start(self) -> AbstractContextManager[Run]:
        """Begin again."""


class _ArtifactReference:
    """A .tflite that another is compared with."""

    def __init__(self, path: Path) -> None:
        """Read it.

        Raises:
            StepFailure: VerificationFailed where LiteRT cannot read it, or where it computes nothing to compare with.
        """
        signatures = litert.signatures(path)
        inconclusive = litert.inconclusive(flatbuffer.read(path))
        if inconclusive is not None:
            words = f"Nothing can be compared with {path.name}: {inconclusive.message}"
            raise StepFailure(Reason.VERIFICATION_FAILED, words, "Compare with another file, or with the SavedModel")
        self._path = path
        self._assigns_state = bool(_ASSIGNING & flatbuffer.read(path).operations)
        self.signatures: Mapping[str, SignatureFacts] = signatures

    def run(self, key: str, sample: Sample) -> Outputs:
        try:
            return next(litert.run(self._path, key, [sample]))
        except StepFailure as failure:
            raise RunRefused(failure.message) from failure

    def inputs(self, signature: SignatureFacts) -> Inputs:
        return Inputs(signature.inputs, {})

    def assigns_state(self, key: str) -> bool:
        del key
        return self._assigns_state

    @contextmanager
    def start(self) -> Iterator[Run]:
        waiting: list[tuple[str, Sample]] = []
        outputs = litert.run_in_turn(self._path, iter(waiting.pop, None))

        def run(key: str, sample: Sample) -> Outputs:
            waiting.append((key, sample))
            return next(outputs)

        yield run


class _ModelReference:
    """The SavedModel that an artifact came from."""

    def __init__(self, folder: Path, tags: Sequence[str] | None) -> None:
        """Load it, as a conversion does."""
        runtime.load_tensorflow()
        self._graph = selection.choose_graph(saved_model.read(folder), tags)
        self._load = partial(loader.load, folder, self._graph)
        self._model = self._load()
        self.signatures: Mapping[str, SignatureFacts] = self._model.signatures

    def run(self, key: str, sample: Sample) -> Outputs:
        return self._model.run(key, sample)

    def inputs(self, signature: SignatureFacts) -> Inputs:
        function = self._model.function(signature)
        return Inputs(signature.inputs, guesses.of(function, signature.inputs), work.of(function))

    def assigns_state(self, key: str) -> bool:
        return operations.assigns_state(self._graph.operations(key))

    @contextmanager
    def start(self) -> Iterator[Run]:
        model = self._load()
        try:
            yield model.run
        finally:
            model.close()


def compare(order: ComparisonOrder, announce: Callable[[str], None]) -> ComparisonFindings:
    """Run both on the same samples.

    Raises:
        StepFailure: what is wrong with either file, or with the samples; VerificationFailed where an output has
            another shape, or is not finite.
    """
    artifact = Path(order.artifact)
    announce("Reading the artifact")
    ours = litert.signatures(artifact)
    announce("Reading the reference")
    against = _reference(order)
    found = []
    pairs = pairing.pair_signatures(ours, against.signatures, order.key)
    metrics = placing.placed(order.metrics, [pair.reference for pair in pairs])
    for pair in pairs:
        announce(f"Running {pair.artifact_key}"[:100])
        own = [each for each in metrics if each.key == pair.reference.key]
        seen, scores = _observed(against, pair, order, own)
        found.append(_compared(artifact, pair, seen, scores))
    return ComparisonFindings(
        artifact=_contents(artifact),
        reference=_contents(Path(order.reference_artifact)) if order.reference_artifact else None,
        signatures=tuple(found),
    )


def _reference(order: ComparisonOrder) -> _Runnable:
    if order.model_dir is not None:
        return _ModelReference(Path(order.model_dir), order.tags)
    return _ArtifactReference(Path(order.reference_artifact or ""))


def _observed(
    against: _Runnable, pair: Pair, order: ComparisonOrder, metrics: Sequence[PlacedMetric]
) -> tuple[Reference, Scores]:
    """Return what the reference computes, and its metrics, which were found to fit."""
    facts = pair.reference

    def run(sample: Sample) -> Outputs:
        return against.run(facts.key, sample)

    given = None
    scores = Scores(metrics, {})
    if order.samples is not None:
        settings = LabelledSamples(max_samples=order.max_samples)
        wanted = placing.labels_wanted(metrics)
        samples = reader.read_labelled(Path(order.samples), [facts], settings, wanted, field="--samples")[facts.key]
        given = GivenSamples(tuple(sample.inputs for sample in samples), _GIVEN)
        scores = Scores(metrics, {facts.key: [sample.labels for sample in samples]})
    inputs = against.inputs(facts)
    stateful = against.assigns_state(facts.key)
    most = IN_SEQUENCE if stateful else MOST
    seen = observation.observe(run, inputs, given, assigns_state=stateful, most=most)
    if stateful:
        seen = sequence.replayed({facts.key: seen}, against.start)[facts.key]
    if metrics and seen.inconclusive is None:
        fitting = Scores(metrics, scores.labels)
        for number, outputs in enumerate(seen.outputs):
            if outputs is not None:
                fitting.add_model(number, _as_metrics_call(outputs, metrics))
        fitting.check()
    return seen, scores


def _as_metrics_call(outputs: Outputs, metrics: Sequence[PlacedMetric]) -> Outputs:
    """Return the outputs that metrics are of, by the names that those have: of several signatures with its key."""
    return {each.metric.output: outputs[each.tensor] for each in metrics}


def _compared(artifact: Path, pair: Pair, seen: Reference, scores: Scores) -> ComparedSignature:
    facts = pair.reference
    inconclusive = seen.inconclusive or litert.inconclusive(flatbuffer.read(artifact))
    comparison = Comparison()
    if inconclusive is None:
        # What keeps state gets every sample, whether or not there is something to compare with.
        samples = seen.given if seen.in_sequence else seen.samples
        renamed = ({pair.input_names[name]: value for name, value in sample.items()} for sample in samples)
        measured = litert.run(artifact, pair.artifact_key, renamed)
        numbers = [number for number, one in enumerate(seen.outputs) if seen.in_sequence or one is not None]
        for number, found in zip(numbers, measured, strict=True):
            expected = seen.outputs[number]
            if expected is not None:
                named = {name: found[theirs] for name, theirs in pair.output_names.items()}
                comparison.add(expected, named)
                scores.add(number, *(_as_metrics_call(each, scores.metrics) for each in (expected, named)))
        inconclusive = seen.caveat
    return ComparedSignature(
        key=pair.artifact_key,
        reference_key=facts.key,
        inputs=tuple(map(str, facts.inputs)),
        error=scores.beside(_summary(comparison, seen)) if comparison.samples else None,
        caveat=inconclusive.reason if inconclusive else None,
        message=inconclusive.message if inconclusive else None,
    )


def _summary(comparison: Comparison, seen: Reference) -> MeasuredError:
    return comparison.summary(seen.source).model_copy(update={"runtime": litert.runtime_with_delegate()})


def _contents(path: Path) -> FileContents:
    facts = flatbuffer.read(path)
    constants = Counter[str]()
    for constant in facts.constants:
        constants[constant.dtype] += constant.elements
    return FileContents(constants=dict(sorted(constants.items())), operations=tuple(sorted(facts.operations)))


def main() -> int:
    """Do as ordered; exit code 0 where the findings are written, 1 where a failure was reported."""
    die_with_parent()
    report = Report(int(sys.argv[1]))
    order = ComparisonOrder.model_validate_json(sys.stdin.buffer.read())

    # Where TensorFlow is not in use, asking it would take seconds.
    exhausted = runtime.exhausted if order.model_dir else exhausted_resource

    def work() -> None:
        write_model(Path(order.findings), compare(order, report.announce))
        report.done(order.proof)

    return reported(work, report, exhausted)


if __name__ == "__main__":
    sys.exit(main())
