"""The child process that runs an untrusted model: load, pin, run as the reference, convert.

Started by the supervisor as `python -m tflite_converter.convert.child DESCRIPTOR` with a ConversionOrder on stdin; it
reports on that file descriptor.
"""

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import KeepFloat, Quantization
from tflite_api.resource.quantization_types import QuantizationType
from tflite_converter.artifact import flatbuffer
from tflite_converter.convert import forms, pinning, strategy, tf_converter
from tflite_converter.convert.finish import MeasuredSignature, MeasurementOrder, exec_measurement
from tflite_converter.convert.forms import OtherForm
from tflite_converter.convert.order import ConversionOrder
from tflite_converter.convert.report_material import FloatsOrder, MaterialOrder
from tflite_converter.convert.rewriting import loop_steps, loop_unrolling, retyping
from tflite_converter.convert.strategy import Attempt
from tflite_converter.convert.tf_converter import ConverterSettings
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.step_files import ARTIFACT_FILE, write_whole
from tflite_converter.core.tensors import Sample, Shape, SignatureFacts
from tflite_converter.datasets.generated import LEAST, MOST
from tflite_converter.model import operations, saved_model, selection
from tflite_converter.model.inputs import guesses
from tflite_converter.model.loaded import LoadedModel
from tflite_converter.model.operations import LackingOperations
from tflite_converter.model.running import callables, loader, runtime, tfhub
from tflite_converter.model.saved_model import MetaGraph
from tflite_converter.quantize import calibration, quantization
from tflite_converter.quantize.calibration import CalibrationSamples
from tflite_converter.quantize.quantization import LoopsNotMeasured
from tflite_converter.scoring.labelling import Labelling
from tflite_converter.verify import observation, reference, sequence
from tflite_converter.verify.observation import IN_SEQUENCE, Inputs
from tflite_converter.verify.reference import GivenSamples, Reference
from tflite_converter.verify.sequence import Run
from tflite_converter.worker.reporter import Report, die_with_parent, reported

Announce = Callable[[str], None]


def convert_model(order: ConversionOrder, announce: Announce) -> MeasurementOrder:
    """Convert the model: writes `model.tflite` to the output folder, and the model's own outputs to the scratch folder.

    Gives what is left to do: to measure the artifact, in a process without TensorFlow.

    Raises:
        StepFailure: what is wrong with the model, the dataset or the spec.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    output = Path(order.output_dir)
    before = _entries(output)
    folder = _model_folder(order)
    graph = selection.choose_graph(saved_model.read(folder), order.tags)
    plan = partial(selection.plan, graph, asked=order.signature)
    signatures = plan(graph.signatures) if selection.knows_its_inputs(graph) else None
    load = partial(loader.load, folder, graph)
    loaded = load()
    model: LoadedModel | None = loaded
    names = (loaded.strategy,) if loaded.strategy else ()
    attempt = Attempt(signatures or plan(loaded.signatures), order.select_tf, names)
    while True:
        announce("Running the model")
        pinned = _PinnedModel(order, graph, attempt, load)
        pinned.prepare(model or load())
        model = None
        failed = attempt
        while failed.signatures == attempt.signatures:
            announce("Converting" if attempt.name == strategy.PLAIN else f"Converting ({attempt.name})")
            try:
                content = pinned.convert(attempt)
            except StepFailure as failure:
                following = strategy.next_attempt(attempt, failure)
                if following is None:
                    raise pinned.advised(attempt, failure) from failure
                failed, attempt = attempt, following
            else:
                _check_untouched(output, before)
                write_whole(output / ARTIFACT_FILE, content)
                pinned.convert_other_form(attempt)
                return pinned.rest(attempt, tf.__version__, content)


def _model_folder(order: ConversionOrder) -> Path:
    """Return where the model is; for a Hub handle, where tensorflow_hub says it is."""
    folder = Path(order.model_dir)
    return folder if order.hub_handle is None else tfhub.resolve(order.hub_handle, folder.parent)


def _entries(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def _check_untouched(output: Path, before: set[str]) -> None:
    """Check that running the model wrote nothing into this folder, which only the conversion may write."""
    if planted := sorted(_entries(output) - before):
        raise StepFailure(
            Reason.ARTIFACT_REFUSED,
            f"The model itself wrote {', '.join(planted[:5])} where its conversion leaves the result",
            "do not trust it, or export it without operations that write files",
        )


class _PinnedModel:
    """The files of one attempt's shapes: the pinned SavedModel, and what the model itself computes."""

    def __init__(
        self, order: ConversionOrder, graph: MetaGraph, attempt: Attempt, load: Callable[[], LoadedModel]
    ) -> None:
        self._order = order
        self._graph = graph
        self._load = load
        self._signatures: Sequence[SignatureFacts] = attempt.signatures
        scratch = Path(order.scratch_dir)
        self._pinned_dir = scratch / "pinned"
        self._reference_dirs = [scratch / f"reference-{number}" for number in range(len(attempt.signatures))]
        self._converted_dir = self._pinned_dir
        self._float_file = scratch / "float.tflite"
        self._calibration: CalibrationSamples | None = None
        self._taken: dict[str, Shape] = {}
        self._other_form: OtherForm | None = None
        self._labelling = Labelling(order.metrics, attempt.signatures)

    def prepare(self, model: LoadedModel) -> None:
        """Save the model pinned, run it, and let go of it: the converter needs the memory."""
        for folder in (self._pinned_dir, *self._reference_dirs):
            shutil.rmtree(folder, ignore_errors=True)
        self._calibration = calibration.gather(
            self._order.quantization.calibration, self._order.datasets.calibration, self._signatures
        )
        verification = self._verification_samples()
        inputs = {
            facts.key: Inputs(facts.inputs, guesses.of(model.function(facts), facts.inputs))
            for facts in self._signatures
        }
        stateful = any(self._assigns_state(model, facts) for facts in self._signatures)
        most = IN_SEQUENCE if stateful else MOST
        # Before anything runs: a run may change the variables that the artifact begins with.
        model.save_pinned(self._signatures, self._pinned_dir)
        seen = {
            facts.key: self._observed(model, facts, inputs[facts.key], self._given(facts.key, verification), most)
            for facts in self._signatures
        }
        model.close()
        if stateful:
            seen = sequence.replayed(seen, self._start)
        self._labelling.check(seen)
        for facts, folder in zip(self._signatures, self._reference_dirs, strict=True):
            reference.save(seen[facts.key], folder)
            self._labelling.save(facts.key, folder)
            self._taken |= {name: tuple(value.shape) for name, value in seen[facts.key].given[0].items()}

    @contextmanager
    def _start(self) -> Iterator[Run]:
        model = self._load()
        try:
            yield model.run
        finally:
            model.close()

    def _observed(
        self, model: LoadedModel, facts: SignatureFacts, inputs: Inputs, given: GivenSamples | None, most: int
    ) -> Reference:
        share = 1 / len(self._signatures)
        observe = partial(observation.observe, partial(model.run, facts.key), inputs, most=most, share=share)
        seen = observe(given, assigns_state=self._assigns_state(model, facts))
        if self._calibration is not None and self._calibration.is_synthetic:
            like = seen if given is None else observe(None, assigns_state=True, most=LEAST)
            self._calibration.complete(facts, inputs.meanings, like.sampling)
        return seen

    def _verification_samples(self) -> Mapping[str, Sequence[Sample]]:
        settings, fetched = self._order.verification_samples, self._order.datasets.verification
        if settings is None or fetched is None:
            return {}
        return self._labelling.read(Path(fetched.path), settings, "verification.samples.dataset")

    def _given(self, key: str, verification: Mapping[str, Sequence[Sample]]) -> GivenSamples | None:
        """Choose the samples to compare on: those for it, else those of the calibration, else none."""
        if key in verification:
            return GivenSamples(verification[key], "Verification")
        calibrated = self._calibration.given(key) if self._calibration else None
        return GivenSamples(calibrated, "Calibration") if calibrated is not None else None

    def _assigns_state(self, model: LoadedModel, facts: SignatureFacts) -> bool:
        # The proto alone does not know what every callable of a foreign library comes to.
        used = self._graph.operations(facts.key) or callables.operations(model.function(facts))
        return operations.assigns_state(used)

    def convert(self, attempt: Attempt) -> bytes:
        """Run TensorFlow's converter."""
        self._converted_dir = self._folder(attempt)
        return self._converted(attempt, self._converted_dir, self._float_file)

    def _converted(self, attempt: Attempt, folder: Path, float_file: Path) -> bytes:
        wants_ranges = self._order.report and self._order.quantization.type.facts.selective
        settings = self._settings(attempt, self._order.quantization, float_file if wants_ranges else None)
        return tf_converter.convert(folder, settings)

    def convert_other_form(self, attempt: Attempt) -> None:
        """Convert it in another way as well, where that may come out better."""
        other = strategy.other_form(attempt)
        if other is None:
            return
        scratch = Path(self._order.scratch_dir)
        file, float_file = scratch / "other-form.tflite", scratch / "other-form-float.tflite"
        try:
            folder = self._folder(other, forms.MOST_STEPS)
            content = self._converted(other, folder, float_file)
        except StepFailure:
            # The first form is there already.
            return
        file.write_bytes(content)
        self._other_form = OtherForm(
            file=str(file),
            sha256=hashlib.sha256(content).hexdigest(),
            strategy=other.name,
            notes=other.notes,
            report=self._material(other, folder, float_file) if self._order.report else None,
        )

    def advised(self, attempt: Attempt, failure: StepFailure) -> StepFailure:
        """Return the failure that ends the conversion, with shapes to pin where that is found to help."""
        kind = self._order.quantization.type.facts
        if failure.reason is Reason.OPERATION_NOT_QUANTIZABLE and not kind.selective:
            return self._advised_of_8_bits(attempt, failure)
        if not isinstance(failure, LackingOperations) or failure.dtypes or failure.are_lacking_for_sure:
            return failure

        def converts(signatures: tuple[SignatureFacts, ...]) -> bool:
            folder = Path(self._order.scratch_dir) / "tried"
            shutil.rmtree(folder, ignore_errors=True)
            model = self._load()
            try:
                model.save_pinned(signatures, folder)
                tf_converter.convert(folder, self._settings(attempt, Quantization(), None))
            except StepFailure:
                return False
            finally:
                model.close()
            return True

        return pinning.advised(failure, attempt.signatures, self._taken, converts)

    def _advised_of_8_bits(self, attempt: Attempt, failure: StepFailure) -> StepFailure:
        """Return the failure with what Int8 has to leave in floats, found by converting with it."""
        if isinstance(failure, LoopsNotMeasured):
            return failure

        def floating(kept: frozenset[str]) -> frozenset[str]:
            keep = KeepFloat(operations=tuple(sorted(kept))) if kept else None
            asked = self._order.quantization.model_copy(update={"type": QuantizationType.INT8, "keep_float": keep})
            content = tf_converter.convert(self._folder(attempt), self._settings(attempt, asked, None))
            return quantization.floating_operations(flatbuffer.parse(content))

        try:
            kept, found = frozenset[str](), floating(frozenset())
            while found - kept:
                kept |= found
                found = floating(kept)
        except StepFailure:
            return StepFailure(failure.reason, failure.found, quantization.cure_by_8_bits(None))
        return StepFailure(failure.reason, failure.found, quantization.cure_by_8_bits(kept))

    def _settings(self, attempt: Attempt, quantization: Quantization, calibrated: Path | None) -> ConverterSettings:
        samples = self._calibration.samples if self._calibration and quantization.calibration else None
        return ConverterSettings(
            keys=tuple(facts.key for facts in self._signatures),
            quantization=quantization,
            samples=samples,
            select_tf=attempt.select_tf,
            single_batch=attempt.single_batch,
            fused_lstm=attempt.fused_lstm,
            calibrated_file=calibrated,
        )

    def _folder(self, attempt: Attempt, most_steps: int = loop_steps.MOST_STEPS) -> Path:
        folder = self._pinned_dir
        if attempt.retyped:
            folder = retyping.retyped(folder, self._signatures)
        if not attempt.unrolled_loops:
            return folder
        return loop_unrolling.unrolled(folder, self._signatures, most_steps)

    def _material(self, attempt: Attempt, folder: Path, float_file: Path) -> MaterialOrder:
        """Return what a report is made from: the model, and its file in floats if the artifact is not that."""
        floats = None
        if self._order.quantization.type is not QuantizationType.NONE and not float_file.exists():
            floats = FloatsOrder(
                folder=str(folder),
                keys=tuple(facts.key for facts in self._signatures),
                select_tf=attempt.select_tf,
                single_batch=attempt.single_batch,
                fused_lstm=attempt.fused_lstm,
            )
        return MaterialOrder(pinned_dir=str(self._pinned_dir), float_file=str(float_file), floats=floats)

    def rest(self, attempt: Attempt, tensorflow: str, content: bytes) -> MeasurementOrder:
        """Return what is left to do with the artifact, which has this content."""
        return MeasurementOrder(
            output_dir=self._order.output_dir,
            sha256=hashlib.sha256(content).hexdigest(),
            signatures=tuple(
                MeasuredSignature(wanted=facts, reference_dir=str(folder))
                for facts, folder in zip(self._signatures, self._reference_dirs, strict=True)
            ),
            quantization=self._order.quantization,
            min_snr_decibels=self._order.min_snr_decibels,
            metrics=self._order.metrics,
            budget=self._order.budget,
            calibration=self._calibration.facts if self._calibration else None,
            metadata=self._order.metadata,
            tensorflow=tensorflow,
            strategy=attempt.name,
            notes=attempt.notes,
            batch_cure=attempt.batch_cure,
            other_form=self._other_form,
            report=self._material(attempt, self._converted_dir, self._float_file) if self._order.report else None,
            proof=self._order.proof,
        )


def main() -> int:
    """Do as ordered, then become the process that measures; exit code 1 where a failure was reported."""
    die_with_parent()
    report = Report(int(sys.argv[1]))
    # Before the order comes: it takes longest.
    runtime.load_tensorflow()
    order = ConversionOrder.model_validate_json(sys.stdin.buffer.read())

    def work() -> None:
        report.announce("Reading the model")
        rest = convert_model(order, report.announce)
        exec_measurement(rest, report, Path(order.scratch_dir))

    return reported(work, report, runtime.exhausted)


if __name__ == "__main__":
    sys.exit(main())
