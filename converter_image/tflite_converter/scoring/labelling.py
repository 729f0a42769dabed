"""The labels of a conversion, on the side that reads the dataset and runs the model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tflite_api.resource.metrics import Metric
from tflite_api.resource.quantization import Samples
from tflite_converter.core.tensors import Outputs, Sample, SignatureFacts
from tflite_converter.datasets import reader
from tflite_converter.datasets.labelled import LabelledSample
from tflite_converter.scoring import label_files, placing
from tflite_converter.scoring.scores import Scores
from tflite_converter.verify.reference import Reference


class Labelling:
    """What a dataset says of the outputs of some signatures."""

    def __init__(self, metrics: Sequence[Metric], signatures: Sequence[SignatureFacts]) -> None:
        """Take the metrics of the spec, and the signatures that are converted.

        Raises:
            StepFailure: MetricMismatch where a metric names none of their outputs.
        """
        self._signatures = signatures
        self._metrics = placing.placed(metrics, signatures)
        self._samples: dict[str, tuple[LabelledSample, ...]] = {}

    def read(self, path: Path, settings: Samples, field: str) -> dict[str, Sequence[Sample]]:
        """Read the samples of each signature, by its key, and keep their labels.

        Raises:
            StepFailure: as `reader.read` does.
        """
        labels = placing.labels_wanted(self._metrics)
        self._samples = reader.read_labelled(path, self._signatures, settings, labels, field=field)
        return {key: tuple(each.inputs for each in samples) for key, samples in self._samples.items()}

    def check(self, seen: Mapping[str, Reference]) -> None:
        """Check that the metrics can be measured on what the model gives.

        Raises:
            StepFailure: MetricMismatch or DatasetMismatch where output, labels and metric do not fit.
        """
        if not self._metrics or any(reference.inconclusive is not None for reference in seen.values()):
            return
        scores = Scores(self._metrics, {key: [one.labels for one in each] for key, each in self._samples.items()})
        for key, reference in seen.items():
            for number, outputs in enumerate(reference.outputs):
                if outputs is not None:
                    scores.add_model(number, self._named(key, outputs))
        scores.check()

    def _named(self, key: str, outputs: Outputs) -> Outputs:
        if len(self._signatures) == 1:
            return outputs
        return {f"{key}/{name}": value for name, value in outputs.items()}

    def save(self, key: str, folder: Path) -> None:
        """Write the labels of a signature into an existing folder."""
        if self._metrics:
            label_files.save([each.labels for each in self._samples.get(key, ())], folder)
