"""The samples on which the converter measures activations: the user's, or generated ones where the spec says so."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tflite_api.resource.quantization import Calibration
from tflite_api.resource.status import CalibrationData
from tflite_api.steps.step import FetchedDataset
from tflite_converter.core.tensors import Sample, SignatureFacts
from tflite_converter.datasets import reader
from tflite_converter.datasets.generated import Meanings, Sampling, generate

_LEAST: Final = 10
"""Fewer say too little about the ranges of activations (https://ai.google.dev/edge/litert/conversion/tensorflow/quantization
recommends about 100 to 500)."""
_SERIES: Final = 1
"""So that an artifact is not verified on the very samples that it was calibrated on."""


class CalibrationSamples:
    """Samples by signature key."""

    def __init__(self, most: int, found: Mapping[str, Sequence[Sample]], digest: str | None = None) -> None:
        """Take the user's samples and their dataset's digest; none where `most` samples are to be generated."""
        self._most = most
        self._digest = digest
        self._samples = {key: list(samples) for key, samples in found.items()}
        self.is_synthetic = not found

    def given(self, key: str) -> Sequence[Sample] | None:
        """Return the user's samples for a signature; None where they are generated."""
        return None if self.is_synthetic else self._samples[key]

    def complete(self, facts: SignatureFacts, meanings: Meanings, sampling: Sampling | None) -> None:
        """Generate samples, in a way that the model is known to accept."""
        if sampling is not None:
            self._samples[facts.key] = list(generate(facts.inputs, sampling, meanings, self._most, _SERIES))

    def samples(self) -> Iterator[tuple[str, Sample]]:
        """Return all samples as TensorFlow's converter wants a representative dataset."""
        return ((key, dict(sample)) for key, samples in self._samples.items() for sample in samples)

    @property
    def facts(self) -> CalibrationData:
        """What status says of them."""
        return CalibrationData(
            source="Synthetic" if self.is_synthetic else "Dataset",
            samples=sum(map(len, self._samples.values())),
            digest=self._digest,
        )


def gather(
    settings: Calibration | None, fetched: FetchedDataset | None, signatures: Sequence[SignatureFacts]
) -> CalibrationSamples | None:
    """Read the samples that the spec asks for.

    Args:
        settings: how activations are measured; None where the quantization type needs none.
        fetched: the user's dataset; None where samples are to be generated.
        signatures: those to give samples for.

    Raises:
        StepFailure: DatasetInvalid or DatasetMismatch.
    """
    if settings is None:
        return None
    if fetched is None:
        return CalibrationSamples(settings.max_samples, {})
    field = "quantization.calibration.dataset"
    found = reader.read(Path(fetched.path), signatures, settings, _LEAST, field=field)
    return CalibrationSamples(settings.max_samples, found, fetched.digest)
