"""The second step: child processes convert the model and measure what comes of it. Has no credentials."""

from functools import partial
from pathlib import Path
from typing import Final

from tflite_api.resource.quantization_types import QuantizationType
from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.step import FetchedDatasets
from tflite_converter.budget import threads
from tflite_converter.convert import supervised
from tflite_converter.convert.order import ConversionOrder
from tflite_converter.convert.supervised import Conversion
from tflite_converter.core.progress import Progress
from tflite_converter.search.search import Search
from tflite_converter.worker.process import Child

_NO_DATASETS: Final = FetchedDatasets()


def convert(
    spec: ConversionSpec,
    model: Path,
    output_dir: Path,
    progress: Progress,
    timeout_seconds: float | None = None,
    datasets: FetchedDatasets = _NO_DATASETS,
    ahead: Child | None = None,
) -> Conversion:
    """Convert the SavedModel in the folder `model`; leaves `model.tflite` and `converted.json` in `output_dir`.

    Args:
        spec: what to do.
        model: the SavedModel's folder.
        output_dir: an existing folder.
        progress: is told the phases.
        timeout_seconds: after which the conversion fails with DeadlineExceeded; None where somebody else watches.
        datasets: those that the spec names, and what metrics are held against.
        ahead: a child that was started already.

    Raises:
        ConversionFailed: what is wrong with the model, the spec or the result; or what became of the child.
    """
    threads.check(spec.budget)
    order = partial(ConversionOrder.of, spec, model_dir=str(model), output_dir=str(output_dir), datasets=datasets)
    if spec.quantization.type is QuantizationType.AUTO:
        return Search(order(scratch_dir=""), progress, timeout_seconds).run(ahead)
    return supervised.run(lambda scratch: order(scratch_dir=str(scratch)), progress.phase, timeout_seconds, ahead)
