"""What the convert step measures for the report page, once the artifact is made and measured."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from tflite_api.resource.quantization import KeepFloat
from tflite_api.resource.quantization_types import QuantizationType
from tflite_api.resource.status import SampleSource
from tflite_api.steps.report import SHOWN_OUTPUTS, FloatTrial, Layers, OutputErrors, ReportData
from tflite_api.text import one_line
from tflite_converter.artifact import inventory
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Outputs
from tflite_converter.report import layer_comparison, layer_errors, quantization_debugger
from tflite_converter.report.error_histogram import distributions
from tflite_converter.report.inputs import ReportMaterial
from tflite_converter.report.layer_errors import LayerPowers
from tflite_converter.report.quantization_debugger import DebuggedLayers, DebuggerError, DebuggerOrder
from tflite_converter.verify import litert, sequence
from tflite_converter.verify.metrics import Comparison
from tflite_converter.verify.reference import Reference

_SAMPLES: Final = 16
"""Of a comparison layer by layer: it keeps every tensor, and LiteRT's plain kernels are slow."""


class MeasuredArtifact:
    """The artifact, what it was compared on, and what came of it."""

    def __init__(
        self,
        artifact: Path,
        keys: Sequence[str],
        references: Sequence[Reference],
        comparison: Comparison,
        *,
        per_tensor: bool = False,
    ) -> None:
        """Take the file, its signatures' keys with their references, the first comparison and how weights are scaled.

        Args:
            artifact: the file.
            keys: of its signatures.
            references: what the model computes, by signature.
            comparison: the first one.
            per_tensor: whether weights have one scale, and not one a channel.
        """
        self.file = artifact
        self.keys = keys
        self.references = references
        self.comparison = comparison
        self.per_tensor = per_tensor

    @property
    def is_compared(self) -> bool:
        """Return whether the comparison proved something."""
        return self.comparison.samples > 0

    @property
    def source(self) -> SampleSource | None:
        """Where the samples came from."""
        return self.references[0].source if self.is_compared else None

    def pairs(self) -> Iterator[tuple[int, Outputs, Outputs]]:
        """Run the artifact again: give each sample's number, the model's outputs and the artifact's."""
        return sequence.named_pairs(self.file, self.keys, self.references)


def measure(
    measured: MeasuredArtifact, kind: QuantizationType, kept: KeepFloat | None, material: ReportMaterial, scratch: Path
) -> ReportData:
    """Measure what the page shows.

    Args:
        measured: the artifact.
        kind: its quantization type.
        kept: what the spec leaves in floats.
        material: what the converting process left.
        scratch: a folder for files on the way.
    """
    content = measured.file.read_bytes()
    layers, absent = _layers(measured, kind, kept or KeepFloat(), material, scratch)
    return ReportData(
        model_sizes=material.model_sizes,
        artifact_sizes=inventory.sizes(content),
        operators=inventory.operators(content),
        outputs=_outputs(measured) if measured.is_compared else (),
        source=measured.source,
        layers=layers,
        layers_absent=absent,
    )


def _outputs(measured: MeasuredArtifact) -> tuple[OutputErrors, ...]:
    worst_first = sorted(measured.comparison.outputs.items(), key=lambda item: item[1].snr_decibels)[:SHOWN_OUTPUTS]
    gathered = distributions({name: accuracy.largest for name, accuracy in worst_first}, measured.pairs())
    return tuple(distribution.summary(name) for name, distribution in gathered.items())


def _layers(
    measured: MeasuredArtifact, kind: QuantizationType, kept: KeepFloat, material: ReportMaterial, scratch: Path
) -> tuple[Layers | None, str | None]:
    """Compare layer by layer; give either what came of it or why there is nothing."""
    if kind is QuantizationType.NONE:
        return None, "The type None quantizes nothing."
    if not measured.is_compared:
        return None, "Model and artifact could not be compared, so their layers cannot either."
    if material.float_file is None:
        return None, f"The model has no file in floats to compare with: {one_line(material.float_problem or '', 400)}"
    floats, note = Path(material.float_file), None
    if kind.facts.selective:
        try:
            return _debugged(measured, kept, floats, scratch), None
        except DebuggerError as failure:
            note = f"TensorFlow's quantization debugger gave no figures, so both files were compared: {failure}"
    return _side_by_side(measured, floats, note)


def _side_by_side(measured: MeasuredArtifact, floats: Path, note: str | None) -> tuple[Layers | None, str | None]:
    samples = list(islice(measured.references[0].samples, _SAMPLES))
    try:
        found = layer_comparison.compare(floats, measured.file, measured.keys[0], samples)
    except (RuntimeError, ValueError) as error:
        return None, f"LiteRT cannot run the files layer by layer: {one_line(str(error), 400)}"
    if not found:
        return None, "The artifact has no layer of the same name and shape as the model in floats."
    if note is None and len(measured.keys) > 1:
        note = _of_one(measured.keys[0])
    return _shown("SideBySide", len(samples), found, note), None


def _of_one(key: str) -> str:
    return f"Of the signature {inventory.shown(key)} alone."


def _debugged(measured: MeasuredArtifact, kept: KeepFloat, floats: Path, scratch: Path) -> Layers:
    # The debugger looks at the main subgraph, which the converter makes of the alphabetically first signature.
    first = min(range(len(measured.keys)), key=lambda number: measured.keys[number])
    folder = measured.references[first].folder
    found = quantization_debugger.debug(
        DebuggerOrder(
            calibrated=floats, reference_dir=folder, scratch_dir=scratch, kept=kept, per_tensor=measured.per_tensor
        )
    )
    note = _of_one(measured.keys[first]) if len(measured.keys) > 1 else None
    layers = _shown("Debugger", found.samples, found.layers, note)
    return layers.model_copy(update={"trial": _trial(measured, first, found)})


def _trial(measured: MeasuredArtifact, first: int, found: DebuggedLayers) -> FloatTrial | None:
    """Measure the artifact with the worst layers in floats on the debugger's samples; None where it cannot run."""
    if found.trial is None:
        return None
    seen, key = measured.references[first], measured.keys[first]
    try:
        before, after = (_snr(file, key, seen, found.samples) for file in (measured.file, found.trial))
    except StepFailure:
        return None
    return FloatTrial(tensors=found.tried, snr_before=before, snr_after=after, size_bytes=found.trial.stat().st_size)


def _snr(file: Path, key: str, seen: Reference, count: int) -> str:
    comparison = Comparison()
    for expected, given in zip(seen.compared[:count], litert.run(file, key, seen.samples[:count]), strict=True):
        comparison.add(expected, given)
    return f"{comparison.worst()[1].snr_decibels:.1f}"


def _shown(method: str, samples: int, layers: Sequence[LayerPowers], note: str | None) -> Layers:
    kept = layer_errors.worst(layers)
    return Layers.model_validate(
        {
            "method": method,
            "samples": samples,
            "layers": tuple(layer.as_shown() for layer in kept),
            "omitted": len(layers) - len(kept),
            "note": note,
        }
    )
