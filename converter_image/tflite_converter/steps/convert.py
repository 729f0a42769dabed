"""The second step: child processes convert the model and measure what comes of it. Has no credentials."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import QuantizationType
from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.step import FetchedDatasets, StepResult
from tflite_api.steps.step_reasons import OF_VARIANT
from tflite_converter.budget import threads
from tflite_converter.convert import supervised
from tflite_converter.convert.order import ConversionOrder, TrialOrder
from tflite_converter.convert.pinned.workspace_files import was_run
from tflite_converter.convert.supervised import Conversion, ConversionFailed
from tflite_converter.core.failure import StepFailure, told_of_variant
from tflite_converter.core.progress import Progress
from tflite_converter.core.step_files import FAILED_FILE, variant_folder, write_model
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


@dataclass(frozen=True)
class Wanted:
    """A variant that is to be converted."""

    spec: ConversionSpec
    datasets: FetchedDatasets


@dataclass(frozen=True)
class ConvertedVariants:
    """What came of variants."""

    failed: Mapping[str, StepResult]
    """Why there is no artifact of those that have none."""
    peak_memory_bytes: int


def convert_variants(
    wanted: Mapping[str, Wanted],
    model: Path,
    output_dir: Path,
    progress: Progress,
    timeout_seconds: float | None = None,
    ahead: Child | None = None,
) -> ConvertedVariants:
    """Convert variants of the SavedModel in the folder `model`, which is loaded and run once for all.

    Leaves in `variant_folder` of `output_dir` what `convert` leaves, or `failed.json` where what is wrong may be wrong
    with that variant alone.

    Args:
        wanted: what to do, by the names of the variants.
        model: the SavedModel's folder.
        output_dir: an existing folder.
        progress: is told the phases.
        timeout_seconds: after which all fail with DeadlineExceeded; None where somebody else watches.
        ahead: a child that was started already.

    Raises:
        ConversionFailed: what is wrong with all of them, told of the one that met it.
    """
    for variant, one in wanted.items():
        with told_of_variant(variant):
            threads.check(one.spec.budget)
    ends = time.monotonic() + timeout_seconds if timeout_seconds is not None else None
    failed, peak = dict[str, StepResult](), 0
    with tempfile.TemporaryDirectory(prefix="variants-") as name:
        workspace = Path(name)
        for variant, order in _orders(wanted, model, output_dir, workspace).items():
            left = max(ends - time.monotonic(), 0.0) if ends is not None else None
            try:
                peak = max(peak, _of_variant(variant, order, progress, left, ahead).peak_memory_bytes)
            except ConversionFailed as failure:
                peak = failure.peak_memory_bytes = max(peak, failure.peak_memory_bytes)
                if failure.reason not in OF_VARIANT or failure.is_final or not was_run(workspace):
                    with told_of_variant(variant):
                        raise
                failed[variant] = failure.result()
                write_model(Path(order.output_dir) / FAILED_FILE, failed[variant])
            ahead = None
    return ConvertedVariants(failed, peak)


def _orders(wanted: Mapping[str, Wanted], model: Path, output_dir: Path, workspace: Path) -> dict[str, ConversionOrder]:
    """Return what is to be done for each variant, all on one run of the model."""
    orders = {
        name: ConversionOrder.of(
            one.spec,
            model_dir=str(model),
            output_dir=str(variant_folder(output_dir, name)),
            scratch_dir="",
            datasets=one.datasets,
        )
        for name, one in wanted.items()
    }
    calibrations = (order.quantization.calibration for order in orders.values())
    common = TrialOrder(
        workspace_dir=str(workspace), calibration=next((one for one in calibrations if one is not None), None)
    )
    return {name: order.model_copy(update={"trial": common}) for name, order in orders.items()}


def _of_variant(
    name: str, order: ConversionOrder, progress: Progress, timeout_seconds: float | None, ahead: Child | None
) -> Conversion:
    try:
        Path(order.output_dir).mkdir(parents=True)
    except OSError as error:
        planted = StepFailure(
            Reason.ARTIFACT_REFUSED,
            f"The model itself put something where the artifact goes ({error.strerror})",
            "do not trust it, or export it without operations that write files",
        )
        raise ConversionFailed(planted, 0) from error
    return supervised.run(
        lambda scratch: order.model_copy(update={"scratch_dir": str(scratch)}),
        lambda phase: progress.phase(f"{name}: {phase}"),
        timeout_seconds,
        ahead,
    )
