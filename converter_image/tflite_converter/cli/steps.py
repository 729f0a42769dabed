"""The steps as the containers of a conversion's Job start them; people use `tflite-convert run` instead."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from tflite_api.names import CLEANUP, CONVERT, MODEL_DIR, OUTPUT_DIR, PREPARE, PUBLISH, TERMINATION_LOG
from tflite_api.reasons import Reason
from tflite_api.steps.step import ConvertedModel, PreparedModel, StepRequest, StepResult
from tflite_converter.core import log
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.core.step_files import PREPARED_FILE, read_model
from tflite_converter.steps import runner
from tflite_converter.steps.runner import Cost

ModelDir = Annotated[Path, typer.Option(help="Where the model is.")]
OutputDir = Annotated[Path, typer.Option(help="Where the artifact is.")]
TerminationLog = Annotated[Path, typer.Option(help="Where the kubelet looks for the step's report.")]

_MODEL_DIR: Final = Path(MODEL_DIR)
_OUTPUT_DIR: Final = Path(OUTPUT_DIR)
_TERMINATION_LOG: Final = Path(TERMINATION_LOG)


def prepare(model_dir: ModelDir = _MODEL_DIR, termination_log: TerminationLog = _TERMINATION_LOG) -> None:
    """Look for the finished artifact, else fetch the model (first container of a conversion's Job)."""
    from tflite_converter.steps.destination import store_of  # noqa: PLC0415 - a step pays for its own imports only
    from tflite_converter.steps.prepare import prepare  # noqa: PLC0415 - the same

    def work(request: StepRequest, _: Cost) -> StepResult:
        with tempfile.TemporaryDirectory(prefix="prepare-") as scratch:
            store = store_of(request.spec.destination.s3, request.limits)
            prepared = prepare(request, model_dir, Path(scratch), LoggedProgress(), store)
        if prepared.reused is not None:
            return prepared.reused
        return StepResult(reason=Reason.PREPARING, message=f"The model is here: {prepared.model_digest}")

    _run(PREPARE, work, termination_log)


def convert(
    context: typer.Context,
    model_dir: ModelDir = _MODEL_DIR,
    output_dir: OutputDir = _OUTPUT_DIR,
    termination_log: TerminationLog = _TERMINATION_LOG,
) -> None:
    """Convert the model and measure the result (second container of a conversion's Job)."""
    from tflite_converter.steps.convert import convert  # noqa: PLC0415 - a step pays for its own imports only
    from tflite_converter.worker.process import shut_off  # noqa: PLC0415 - the same

    # The child that runs ahead has no order, and so no model, yet.
    shut_off()

    def work(request: StepRequest, cost: Cost) -> StepResult:
        prepared = read_model(model_dir / PREPARED_FILE, PreparedModel)
        if prepared.reused is not None:
            return prepared.reused
        datasets = prepared.datasets.moved(lambda path: str(model_dir / path))
        folder = model_dir / (prepared.path or ".")
        done = convert(request.spec, folder, output_dir, LoggedProgress(), datasets=datasets, ahead=context.obj)
        cost.child_peak_bytes = done.peak_memory_bytes
        return _measured(done.converted)

    _run(CONVERT, work, termination_log)


def publish(
    model_dir: ModelDir = _MODEL_DIR,
    output_dir: OutputDir = _OUTPUT_DIR,
    termination_log: TerminationLog = _TERMINATION_LOG,
) -> None:
    """Upload the artifact (third container of a conversion's Job)."""
    from tflite_converter.steps.destination import store_of  # noqa: PLC0415 - a step pays for its own imports only
    from tflite_converter.steps.publish import publish  # noqa: PLC0415 - the same

    def work(request: StepRequest, _: Cost) -> StepResult:
        prepared = read_model(model_dir / PREPARED_FILE, PreparedModel)
        return publish(
            request, prepared, output_dir, LoggedProgress(), store_of(request.spec.destination.s3, request.limits)
        )

    _run(PUBLISH, work, termination_log)


def cleanup(termination_log: TerminationLog = _TERMINATION_LOG) -> None:
    """Delete the artifact of a deleted conversion (the one container of its cleanup Job)."""
    from tflite_converter.steps.cleanup import clean_up  # noqa: PLC0415 - a step pays for its own imports only
    from tflite_converter.steps.destination import store_of  # noqa: PLC0415 - the same

    def work(request: StepRequest, _: Cost) -> StepResult:
        return clean_up(request, LoggedProgress(), store_of(request.spec.destination.s3, request.limits))

    _run(CLEANUP, work, termination_log)


def _measured(converted: ConvertedModel) -> StepResult:
    return StepResult(
        reason=Reason.CONVERTING,
        message=converted.message,
        verdict=converted.verdict,
        signature=converted.signature,
        verification=converted.verification,
    )


def _run(name: str, work: Callable[[StepRequest, Cost], StepResult], termination_log: Path) -> None:
    log.set_up(log.json_lines(), verbose=True)
    raise typer.Exit(runner.run(name, work, termination_log))
