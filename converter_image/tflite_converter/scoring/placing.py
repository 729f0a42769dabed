"""Which output of which signature a metric is measured on."""

from collections.abc import Sequence
from dataclasses import dataclass

from tflite_api.reasons import Reason
from tflite_api.resource.metrics import Metric
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import SignatureFacts


@dataclass(frozen=True)
class PlacedMetric:
    """A metric, and the output that it is measured on."""

    number: int
    """In the spec, from 0."""
    metric: Metric
    key: str
    """Of the signature."""
    tensor: str
    """The output's name in its signature."""

    @property
    def field(self) -> str:
        """What the spec calls it."""
        return f"verification.metrics[{self.number}]"


def placed(metrics: Sequence[Metric], signatures: Sequence[SignatureFacts]) -> tuple[PlacedMetric, ...]:
    """Return where each metric is measured.

    Args:
        metrics: of the spec, in its order.
        signatures: that are converted; of several, outputs have the key and a slash in front.

    Raises:
        StepFailure: MetricMismatch if there is no such output.
    """
    several = len(signatures) > 1
    outputs = {
        f"{signature.key}/{tensor.name}" if several else tensor.name: (signature.key, tensor.name)
        for signature in signatures
        for tensor in signature.outputs
    }
    return tuple(_placed(number, metric, outputs) for number, metric in enumerate(metrics))


def _placed(number: int, metric: Metric, outputs: dict[str, tuple[str, str]]) -> PlacedMetric:
    if metric.output not in outputs:
        raise StepFailure(
            Reason.METRIC_MISMATCH,
            f"verification.metrics[{number}].output names {metric.output}, but there is only"
            f" {', '.join(sorted(outputs))}",
            "name one of these",
        )
    return PlacedMetric(number, metric, *outputs[metric.output])


def labels_wanted(metrics: Sequence[PlacedMetric]) -> dict[str, frozenset[str]]:
    """Return the names of the labels by the key of the signature that they are for."""
    keys = {each.key for each in metrics}
    return {key: frozenset(each.metric.labels for each in metrics if each.key == key) for key in keys}
