"""The steps as the containers of a conversion's Job start them; people use `tflite-convert run` instead."""

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflite_api.names import CLEANUP, CONVERT, MODEL_DIR, OUTPUT_DIR, PREPARE, PUBLISH, TERMINATION_LOG
from tflite_api.reasons import Reason
from tflite_api.resource.recipe import recipe_hash
from tflite_api.steps.combined import combined
from tflite_api.steps.step import ConvertedModel, ExitCode, FetchedDatasets, PreparedModel, StepRequest, StepResult
from tflite_converter.core import log
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.core.step_files import PREPARED_FILE, read_model, variant_folder
from tflite_converter.steps import runner
from tflite_converter.steps.runner import Cost
from tflite_converter.worker.process import Child, shut_off


@dataclass(frozen=True)
class Step:
    """Where a step's container has what it works on."""

    model_dir: Path
    output_dir: Path
    ahead: Child | None
    """A child of the convert step that was started already."""


def main(name: str, arguments: Sequence[str], ahead: Child | None = None) -> ExitCode:
    """Run a step to its exit code."""
    told = _parser(name).parse_args(arguments)
    step = Step(told.model_dir, told.output_dir, ahead)
    if name == CONVERT:
        # The child that runs ahead has no order, and so no model, yet.
        shut_off()
    log.set_up(log.json_lines(), verbose=True)
    return runner.run(name, lambda request, cost: _STEPS[name](step, request, cost), told.termination_log)


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"tflite-convert {name}", description=_STEPS[name].__doc__, allow_abbrev=False
    )
    for option, default, words in (
        ("--model-dir", MODEL_DIR, "Where the model is."),
        ("--output-dir", OUTPUT_DIR, "Where the artifact is."),
        ("--termination-log", TERMINATION_LOG, "Where the kubelet looks for the step's report."),
    ):
        parser.add_argument(option, type=Path, default=Path(default), help=words)
    return parser


def _prepare(step: Step, request: StepRequest, _: Cost) -> StepResult:
    """Look for the finished artifact, else fetch the model (first container of a conversion's Job)."""
    from tflite_converter.steps.destination import store_of  # noqa: PLC0415 - a step pays for its own imports only
    from tflite_converter.steps.prepare import prepare, prepare_variants  # noqa: PLC0415 - the same

    with tempfile.TemporaryDirectory(prefix="prepare-") as scratch:
        store = store_of(request.spec.destination.s3, request.limits)
        if request.spec.variants:
            variants = prepare_variants(request, step.model_dir, Path(scratch), LoggedProgress(), store)
            return _reused(request, variants) or _fetched(next(one for one in variants.values() if not one.reused))
        prepared = prepare(request, step.model_dir, Path(scratch), LoggedProgress(), store)
    return prepared.reused or _fetched(prepared)


def _convert(step: Step, request: StepRequest, cost: Cost) -> StepResult:
    """Convert the model and measure the result (second container of a conversion's Job)."""
    from tflite_converter.steps.convert import convert  # noqa: PLC0415 - a step pays for its own imports only

    if request.spec.variants:
        return _convert_variants(step, request, cost)
    prepared = read_model(step.model_dir / PREPARED_FILE, PreparedModel)
    if prepared.reused is not None:
        return prepared.reused
    folder, datasets = _where(step, prepared)
    done = convert(request.spec, folder, step.output_dir, LoggedProgress(), datasets=datasets, ahead=step.ahead)
    cost.child_peak_bytes = done.peak_memory_bytes
    return _measured(done.converted)


def _convert_variants(step: Step, request: StepRequest, cost: Cost) -> StepResult:
    from tflite_converter.steps.convert import Wanted, convert_variants  # noqa: PLC0415 - the same

    prepared = _prepared_variants(step, request)
    if (reused := _reused(request, prepared)) is not None:
        return reused
    specs = request.spec.by_variant
    places = {name: _where(step, one) for name, one in prepared.items() if one.reused is None}
    wanted = {name: Wanted(specs[name], datasets) for name, (_, datasets) in places.items()}
    folder = next(folder for folder, _ in places.values())
    done = convert_variants(wanted, folder, step.output_dir, LoggedProgress(), ahead=step.ahead)
    cost.child_peak_bytes = done.peak_memory_bytes
    made = [name for name in wanted if name not in done.failed]
    return StepResult(reason=Reason.CONVERTING, message=f"Converted: {', '.join(made) or 'none of the variants'}")


def _publish(step: Step, request: StepRequest, _: Cost) -> StepResult:
    """Upload the artifact (third container of a conversion's Job)."""
    if request.spec.variants:
        return _publish_variants(step, request)
    prepared = read_model(step.model_dir / PREPARED_FILE, PreparedModel)
    if prepared.reused is not None:
        return prepared.reused
    from tflite_converter.steps.destination import store_of  # noqa: PLC0415 - a step pays for its own imports only
    from tflite_converter.steps.publish import publish  # noqa: PLC0415 - the same

    store = store_of(request.spec.destination.s3, request.limits)
    return publish(request, prepared, step.output_dir, LoggedProgress(), store)


def _publish_variants(step: Step, request: StepRequest) -> StepResult:
    prepared = _prepared_variants(step, request)
    if (reused := _reused(request, prepared)) is not None:
        return reused
    from tflite_converter.steps.destination import store_of  # noqa: PLC0415 - a step pays for its own imports only
    from tflite_converter.steps.publish import publish_variants  # noqa: PLC0415 - the same

    store = store_of(request.spec.destination.s3, request.limits)
    return publish_variants(request, prepared, step.output_dir, LoggedProgress(), store)


def _clean_up(_: Step, request: StepRequest, __: Cost) -> StepResult:
    """Delete the artifact of a deleted conversion (the one container of its cleanup Job)."""
    from tflite_converter.steps.cleanup import clean_up  # noqa: PLC0415 - a step pays for its own imports only
    from tflite_converter.steps.destination import store_of  # noqa: PLC0415 - the same

    return clean_up(request, LoggedProgress(), store_of(request.spec.destination.s3, request.limits))


_STEPS: Final[Mapping[str, Callable[[Step, StepRequest, Cost], StepResult]]] = {
    PREPARE: _prepare,
    CONVERT: _convert,
    PUBLISH: _publish,
    CLEANUP: _clean_up,
}


def _prepared_variants(step: Step, request: StepRequest) -> dict[str, PreparedModel]:
    """Return what prepare left for each variant; nothing where there are none."""
    folders = {name: variant_folder(step.model_dir, name) for name in request.by_variant}
    return {name: read_model(folder / PREPARED_FILE, PreparedModel) for name, folder in folders.items()}


def _reused(request: StepRequest, variants: Mapping[str, PreparedModel]) -> StepResult | None:
    """Return the outcome where all variants were there already; None where one is to be made, or there are none."""
    found = {name: one.reused for name, one in variants.items() if one.reused is not None}
    return combined(found, recipe_hash(request.spec)) if found and len(found) == len(variants) else None


def _fetched(prepared: PreparedModel) -> StepResult:
    return StepResult(reason=Reason.PREPARING, message=f"The model is here: {prepared.model_digest}")


def _where(step: Step, prepared: PreparedModel) -> tuple[Path, FetchedDatasets]:
    """Return where this container has the model and the datasets."""
    return step.model_dir / (prepared.path or "."), prepared.datasets.moved(lambda path: str(step.model_dir / path))


def _measured(converted: ConvertedModel) -> StepResult:
    return StepResult(
        reason=Reason.CONVERTING,
        message=converted.message,
        verdict=converted.verdict,
        signature=converted.signature,
        verification=converted.verification,
        quantization=converted.quantization,
        trials=converted.trials,
    )
