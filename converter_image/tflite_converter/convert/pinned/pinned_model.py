"""A model with the shapes of one attempt: its pinned SavedModel, what it computes itself, and the artifacts of both."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import KeepFloat, Quantization
from tflite_api.resource.quantization_types import QuantizationType, Tool
from tflite_converter.artifact import flatbuffer
from tflite_converter.convert import forms, strategy, tf_converter
from tflite_converter.convert.finish import MeasurementOrder
from tflite_converter.convert.forms import OtherForm
from tflite_converter.convert.order import Contents, ConversionOrder
from tflite_converter.convert.pinned import pinning
from tflite_converter.convert.pinned.workspace import Workspace
from tflite_converter.convert.report_material import FloatsOrder, MaterialOrder
from tflite_converter.convert.rewriting import loop_steps, loop_unrolling, retyping
from tflite_converter.convert.strategy import Attempt
from tflite_converter.convert.tf_converter import ConverterSettings
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.step_files import write_whole
from tflite_converter.core.tensors import Sample, Shape, SignatureFacts
from tflite_converter.datasets.generated import LEAST, MOST
from tflite_converter.model import operations, work
from tflite_converter.model.inputs import guesses
from tflite_converter.model.loaded import LoadedModel
from tflite_converter.model.operations import LackingOperations
from tflite_converter.model.running import callables
from tflite_converter.model.saved_model import MetaGraph
from tflite_converter.promotion.messages import MeasuredSignature
from tflite_converter.quantize import calibration, quantization
from tflite_converter.quantize.calibration import CalibrationSamples
from tflite_converter.quantize.quantization import LoopsNotMeasured
from tflite_converter.scoring.labelling import Labelling
from tflite_converter.verify import observation, reference, sequence
from tflite_converter.verify.observation import IN_SEQUENCE, Inputs
from tflite_converter.verify.reference import GivenSamples, Reference
from tflite_converter.verify.sequence import Run


class PinnedModel:
    """The files of one attempt's shapes: the pinned SavedModel, and what the model itself computes."""

    def __init__(
        self, order: ConversionOrder, graph: MetaGraph, attempt: Attempt, load: Callable[[], LoadedModel]
    ) -> None:
        """Take what is asked, the attempt, and what loads the model."""
        self._order = order
        self._graph = graph
        self._load = load
        self._signatures: Sequence[SignatureFacts] = attempt.signatures
        self._place = Workspace(order).place(attempt.signatures)
        self._pinned_dir = self._place.pinned
        numbers = range(len(attempt.signatures))
        self._reference_dirs = [self._place.folder / f"reference-{number}" for number in numbers]
        self._converted_dir = self._pinned_dir
        self._float_file = Path(order.scratch_dir) / "float.tflite"
        self._calibration: CalibrationSamples | None = None
        self._taken: dict[str, Shape] = {}
        self._other_form: OtherForm | None = None
        self._labelling = Labelling(order.metrics, attempt.signatures)

    def take_up(self) -> bool:
        """Return whether an earlier trial has prepared all that is needed, and take it up."""
        kept = self._place.kept()
        if kept is None:
            return False
        self._taken = kept.taken
        self._calibration = self._place.samples() if kept.is_calibrated else None
        return True

    def prepare(self, model: LoadedModel) -> None:
        """Save the model pinned, run it, and let go of it: the converter needs the memory."""
        self._place.clear()
        for folder in self._reference_dirs:
            shutil.rmtree(folder, ignore_errors=True)
        trial = self._order.trial
        asked = self._order.quantization.calibration if trial is None else trial.calibration
        self._calibration = calibration.gather(asked, self._order.datasets.calibration, self._signatures)
        verification = self._verification_samples()
        inputs = {
            facts.key: Inputs(facts.inputs, guesses.of(function, facts.inputs), work.of(function))
            for facts, function in ((facts, model.function(facts)) for facts in self._signatures)
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
        self._place.keep(self._taken, self._calibration)

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
        asked, facts = self._order.quantization, self._order.quantization.type.facts
        ranges = float_file if self._order.report and facts.selective else None
        if self._place.is_shared and facts.selective:
            ranges = self._place.floats(attempt, with_ranges=True)
        floats = self._place.floats(attempt, with_ranges=False)
        is_of_floats = self._place.is_shared and facts.tool is not Tool.TENSORFLOW
        if is_of_floats and floats.exists():
            return floats.read_bytes()
        content = tf_converter.convert(folder, self._settings(attempt, asked, ranges))
        if is_of_floats:
            write_whole(floats, content)
        return content

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
            material=self._material(other, folder, float_file),
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
            return quantization.operations_to_keep(flatbuffer.parse(content))

        try:
            kept, found = frozenset[str](), floating(frozenset())
            while found - kept and not quantization.has_custom(found):
                kept |= found
                found = floating(kept)
        except StepFailure:
            return StepFailure(failure.reason, failure.found, quantization.cure_by_8_bits(None))
        unnamed = quantization.has_custom(found)
        return StepFailure(failure.reason, failure.found, quantization.cure_by_8_bits(None if unnamed else kept))

    def _settings(self, attempt: Attempt, quantization: Quantization, calibrated: Path | None) -> ConverterSettings:
        samples = self._calibration.samples if self._calibration and quantization.calibration else None
        return ConverterSettings(
            keys=tuple(facts.key for facts in self._signatures),
            quantization=quantization,
            samples=samples,
            custom=attempt.custom,
            select_tf=attempt.select_tf,
            single_batch=attempt.single_batch,
            fused_lstm=attempt.fused_lstm,
            calibrated_file=calibrated,
            is_calibrated=calibrated is not None and self._place.is_shared and calibrated.exists(),
        )

    def _folder(self, attempt: Attempt, most_steps: int = loop_steps.MOST_STEPS) -> Path:
        folder = self._pinned_dir
        if attempt.retyped:
            folder = retyping.retyped(folder, self._signatures)
        if not attempt.unrolled_loops:
            return folder
        return loop_unrolling.unrolled(folder, self._signatures, most_steps)

    def _material(self, attempt: Attempt, folder: Path, float_file: Path) -> MaterialOrder:
        """Return what the artifact is compared with: the model, and its file in floats if the artifact is not that."""
        floats = None
        if self._place.is_shared:
            # Made once for all trials.
            ranges, plain = (self._place.floats(attempt, with_ranges=with_ranges) for with_ranges in (True, False))
            float_file = ranges if self._order.quantization.type.facts.selective and ranges.exists() else plain
        if self._order.quantization.type is not QuantizationType.NONE and not float_file.exists():
            floats = FloatsOrder(
                folder=str(folder),
                keys=tuple(facts.key for facts in self._signatures),
                custom=attempt.custom,
                select_tf=attempt.select_tf,
                single_batch=attempt.single_batch,
                fused_lstm=attempt.fused_lstm,
            )
        return MaterialOrder(pinned_dir=str(self._pinned_dir), float_file=str(float_file), floats=floats)

    def _contents(self, attempt: Attempt) -> Contents:
        kind = self._order.quantization.type.facts
        floats = self._place.floats(attempt, with_ranges=kind.selective)
        # TensorFlow's debugger looks at the main subgraph, which the converter makes of the alphabetically first one.
        first = min(range(len(self._signatures)), key=lambda number: self._signatures[number].key)
        return Contents(
            sizes=(),
            floats=str(floats) if (kind.selective or kind.mixed) and floats.exists() else None,
            reference_dir=str(self._reference_dirs[first]),
        )

    def rest(self, attempt: Attempt, tensorflow: str, content: bytes) -> MeasurementOrder:
        """Return what is left to do with the artifact, which has this content."""
        lower = self._order.half_precision_min_snr_decibels if attempt.half_precision else None
        return MeasurementOrder(
            output_dir=self._order.output_dir,
            sha256=hashlib.sha256(content).hexdigest(),
            signatures=tuple(
                MeasuredSignature(wanted=facts, reference_dir=str(folder))
                for facts, folder in zip(self._signatures, self._reference_dirs, strict=True)
            ),
            quantization=self._order.quantization,
            min_snr_decibels=self._order.min_snr_decibels if lower is None else lower,
            metrics=self._order.metrics,
            published=self._order.datasets.published,
            budget=self._order.budget,
            benchmarking=self._order.benchmarking,
            targets=self._order.targets,
            calibration=self._calibration.facts if self._calibration and self._order.quantization.calibration else None,
            metadata=self._order.metadata,
            tensorflow=tensorflow,
            strategy=attempt.name,
            notes=attempt.notes,
            batch_cure=attempt.batch_cure,
            other_form=self._other_form,
            material=self._material(attempt, self._converted_dir, self._float_file),
            report=self._order.report,
            contents=self._contents(attempt) if self._order.trial is not None else None,
            proof=self._order.proof,
        )
