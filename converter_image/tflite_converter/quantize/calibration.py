"""The samples on which the converter measures activations: the user's, or generated ones where the spec says so."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tflite_api.status import CalibrationData
from tflite_converter.core.tensors import Sample, SignatureFacts
from tflite_converter.datasets import reader
from tflite_converter.datasets.generated import Sampling, generate
from tflite_converter.worker.messages import ConversionOrder

_LEAST: Final = 10
"""Fewer say too little about the ranges of activations (https://ai.google.dev/edge/litert/conversion/tensorflow/quantization
recommends about 100 to 500)."""
_SERIES: Final = 1
"""So that an artifact is not verified on the very samples that it was calibrated on."""


class CalibrationSamples:
    """Samples by signature key."""

    def __init__(self, order: ConversionOrder, found: Mapping[str, Sequence[Sample]]) -> None:
        """Take the user's samples; none where they are to be generated."""
        self._most = order.quantization.calibration.max_samples if order.quantization.calibration else 0
        self._digest = order.datasets.calibration.digest if order.datasets.calibration else None
        self._samples = {key: list(samples) for key, samples in found.items()}
        self.is_synthetic = not found

    def given(self, key: str) -> Sequence[Sample] | None:
        """Give the user's samples for a signature; None where they are generated."""
        return None if self.is_synthetic else self._samples[key]

    def complete(self, facts: SignatureFacts, bounds: Mapping[str, int], sampling: Sampling | None) -> None:
        """Generate samples, in a way that the model is known to accept."""
        if sampling is not None:
            self._samples[facts.key] = list(generate(facts.inputs, sampling, bounds, self._most, _SERIES))

    def samples(self) -> Iterator[tuple[str, Sample]]:
        """Give all samples as TensorFlow's converter wants a representative dataset."""
        return ((key, dict(sample)) for key, samples in self._samples.items() for sample in samples)

    @property
    def facts(self) -> CalibrationData:
        """What status says of them."""
        return CalibrationData(
            source="Synthetic" if self.is_synthetic else "Dataset",
            samples=sum(map(len, self._samples.values())),
            digest=self._digest,
        )


def gather(order: ConversionOrder, signatures: Sequence[SignatureFacts]) -> CalibrationSamples | None:
    """Read the samples that the spec asks for; None where its quantization type needs none.

    Raises:
        StepFailure: DatasetInvalid or DatasetMismatch.
    """
    settings = order.quantization.calibration
    if settings is None:
        return None
    fetched = order.datasets.calibration
    if fetched is None:
        return CalibrationSamples(order, {})
    field = "quantization.calibration.dataset"
    return CalibrationSamples(order, reader.read(Path(fetched.path), signatures, settings, _LEAST, field=field))
