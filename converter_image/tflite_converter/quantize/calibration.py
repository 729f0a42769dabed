"""The samples on which the converter measures activations: the user's, or generated ones where the spec says so."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from tflite_api.resource.quantization import Calibration
from tflite_api.resource.status import CalibrationData
from tflite_api.steps.step import FetchedDataset
from tflite_converter.core.tensors import Array, Sample, SignatureFacts
from tflite_converter.datasets import reader
from tflite_converter.datasets.generated import Meanings, Sampling, generate

_LEAST: Final = 10
"""Fewer say too little about the ranges of activations (https://ai.google.dev/edge/litert/conversion/tensorflow/quantization
recommends about 100 to 500)."""
_NAMES_FILE: Final = "samples.json"
_SERIES: Final = 1
"""So that an artifact is not verified on the very samples that it was calibrated on."""


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")

    most: int
    digest: str | None
    is_synthetic: bool
    names: dict[str, list[list[str]]]
    """Of the inputs, by signature and sample."""


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

    def save(self, folder: Path) -> None:
        """Write the samples into a new folder."""
        folder.mkdir()
        names = {key: [list(sample) for sample in samples] for key, samples in self._samples.items()}
        kept = _Kept(most=self._most, digest=self._digest, is_synthetic=self.is_synthetic, names=names)
        for number, samples in enumerate(self._samples.values()):
            for place, sample in enumerate(samples):
                for position, array in enumerate(sample.values()):
                    np.save(_file(folder, number, place, position), array, allow_pickle=False)
        (folder / _NAMES_FILE).write_bytes(kept.model_dump_json().encode())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; the arrays stay on disk until they are used."""
        kept = _Kept.model_validate_json((folder / _NAMES_FILE).read_bytes())
        loaded = cls(kept.most, {}, kept.digest)
        loaded.is_synthetic = kept.is_synthetic
        loaded._samples = {
            key: [
                {name: _array(_file(folder, number, place, position)) for position, name in enumerate(names)}
                for place, names in enumerate(samples)
            ]
            for number, (key, samples) in enumerate(kept.names.items())
        }
        return loaded

    @property
    def facts(self) -> CalibrationData:
        """What status says of them."""
        return CalibrationData(
            source="Synthetic" if self.is_synthetic else "Dataset",
            samples=sum(map(len, self._samples.values())),
            digest=self._digest,
        )


def _file(folder: Path, signature: int, sample: int, position: int) -> Path:
    # Not the tensor's name: it may hold slashes.
    return folder / f"{signature}-{sample}-{position}.npy"


def _array(path: Path) -> Array:
    array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    return np.asarray(array)


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
