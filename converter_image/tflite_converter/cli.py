"""The command `tflite-convert`: a run without a cluster for people, and the three steps for containers."""

import logging
import tempfile
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from tflite_api.names import CLEANUP, CONVERT, MODEL_DIR, OUTPUT_DIR, PREPARE, PUBLISH, TERMINATION_LOG
from tflite_api.reasons import Reason
from tflite_api.step import ConvertedModel, FetchLimits, PreparedModel, StepRequest, StepResult
from tflite_converter import log, step
from tflite_converter.failure import StepFailure
from tflite_converter.handover import ARTIFACT_FILE, PREPARED_FILE, read_model
from tflite_converter.progress import LoggedProgress
from tflite_converter.step import Cost

if TYPE_CHECKING:
    from tflite_converter.local_spec import LocalConversion

_LOG = logging.getLogger(__name__)

app: Final = typer.Typer(
    help="Convert TensorFlow models to LiteRT (.tflite) and measure the result.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ModelDir = Annotated[Path, typer.Option(help="Where the model is.")]
OutputDir = Annotated[Path, typer.Option(help="Where the artifact is.")]
TerminationLog = Annotated[Path, typer.Option(help="Where the kubelet looks for the step's report.")]

_MODEL_DIR: Final = Path(MODEL_DIR)
_OUTPUT_DIR: Final = Path(OUTPUT_DIR)
_TERMINATION_LOG: Final = Path(TERMINATION_LOG)


@app.callback()
def _callback() -> None:
    """Convert TensorFlow models to LiteRT (.tflite) and measure the result."""


@app.command(PREPARE, hidden=True)
def prepare_command(model_dir: ModelDir = _MODEL_DIR, termination_log: TerminationLog = _TERMINATION_LOG) -> None:
    """Look for the finished artifact, else fetch the model (first container of a conversion's Job)."""
    from tflite_converter.prepare import prepare  # noqa: PLC0415 - a step pays for its own imports only

    def work(request: StepRequest, _: Cost) -> StepResult:
        with tempfile.TemporaryDirectory(prefix="prepare-") as scratch:
            prepared = prepare(request, model_dir, Path(scratch), LoggedProgress())
        if prepared.reused is not None:
            return prepared.reused
        return StepResult(reason=Reason.PREPARING, message=f"The model is here: {prepared.model_digest}")

    _run_in_container(PREPARE, work, termination_log)


@app.command(CONVERT, hidden=True)
def convert_command(
    context: typer.Context,
    model_dir: ModelDir = _MODEL_DIR,
    output_dir: OutputDir = _OUTPUT_DIR,
    termination_log: TerminationLog = _TERMINATION_LOG,
) -> None:
    """Convert the model and measure the result (second container of a conversion's Job)."""
    from tflite_converter.convert import convert  # noqa: PLC0415 - a step pays for its own imports only

    def work(request: StepRequest, cost: Cost) -> StepResult:
        prepared = read_model(model_dir / PREPARED_FILE, PreparedModel)
        if prepared.reused is not None:
            return prepared.reused
        datasets = prepared.datasets.moved(lambda path: str(model_dir / path))
        folder = model_dir / (prepared.path or ".")
        done = convert(request.spec, folder, output_dir, LoggedProgress(), datasets=datasets, ahead=context.obj)
        cost.child_peak_bytes = done.peak_memory_bytes
        return _measured(done.converted)

    _run_in_container(CONVERT, work, termination_log)


@app.command(PUBLISH, hidden=True)
def publish_command(
    model_dir: ModelDir = _MODEL_DIR,
    output_dir: OutputDir = _OUTPUT_DIR,
    termination_log: TerminationLog = _TERMINATION_LOG,
) -> None:
    """Upload the artifact (third container of a conversion's Job)."""
    from tflite_converter.publish import publish  # noqa: PLC0415 - a step pays for its own imports only

    def work(request: StepRequest, _: Cost) -> StepResult:
        prepared = read_model(model_dir / PREPARED_FILE, PreparedModel)
        return publish(request, prepared, output_dir, LoggedProgress())

    _run_in_container(PUBLISH, work, termination_log)


@app.command(CLEANUP, hidden=True)
def cleanup_command(termination_log: TerminationLog = _TERMINATION_LOG) -> None:
    """Delete the artifact of a deleted conversion (the one container of its cleanup Job)."""
    from tflite_converter.cleanup import clean_up  # noqa: PLC0415 - a step pays for its own imports only

    _run_in_container(CLEANUP, lambda request, _: clean_up(request, LoggedProgress()), termination_log)


@app.command()
def run(
    file: Annotated[Path, typer.Option("--file", "-f", help="YAML file with one or more TFLiteConversion resources.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for model.tflite and result.json. With several conversions in the file, each gets a folder of"
            " its name below it.",
        ),
    ],
    allow_local_addresses: Annotated[
        bool, typer.Option(help="Fetch models from loopback and link-local addresses too.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show TensorFlow's own log as well.")] = False,
) -> None:
    """Convert what a TFLiteConversion asks for, here and now, without a cluster.

    Reads the same resource as the operator and does the same work, but puts the artifact into a folder instead of S3:
    the destination is not looked at and may be absent. model.handle may also be file:/// and the absolute path of a
    SavedModel folder, or of a tar or tar.gz archive of one.

    Exits with 0 where every conversion succeeded, 3 where a spec or model must change, 4 where another try may help.
    """
    from tflite_converter import local_resource, local_run  # noqa: PLC0415 - a step pays for its own imports only

    console = Console(stderr=True)
    log.set_up(log.on_console(console) if console.is_terminal else log.plain_lines(), verbose=verbose)
    try:
        resources = local_resource.read(file)
    except StepFailure as failure:
        result = failure.result()
        _clear_for(output)
        local_run.write_result(output, result)
        _show(file.name, result, output)
        raise typer.Exit(step.code_of(result)) from failure
    for kind in resources.skipped:
        _LOG.info("Passed over in %s: %s", file.name, kind)
    limits = FetchLimits(allow_local_addresses=allow_local_addresses)
    results = []
    for conversion in resources.conversions:
        folder = output if len(resources.conversions) == 1 else output / conversion.metadata.name
        results.append(_run_one(conversion, folder, limits, console))
    raise typer.Exit(local_run.worst(results))


def _run_one(conversion: "LocalConversion", folder: Path, limits: FetchLimits, console: Console) -> StepResult:
    from tflite_converter import local_run  # noqa: PLC0415 - see above
    from tflite_converter.terminal import TerminalProgress  # noqa: PLC0415 - see above

    live = TerminalProgress(console) if console.is_terminal else None
    with live if live is not None else nullcontext():
        result = local_run.run(conversion, folder, limits, live or LoggedProgress())
    _show(conversion.metadata.name, result, folder)
    return result


def _show(name: str, result: StepResult, folder: Path) -> None:
    from tflite_converter.terminal import summary  # noqa: PLC0415 - see above

    Console(highlight=False).print(summary(name, result, str(folder / ARTIFACT_FILE)), soft_wrap=True)


def _clear_for(output: Path) -> None:
    """Remove an older run's files; where they are not ours, the failure at hand is the one to tell."""
    from tflite_converter import local_run  # noqa: PLC0415 - see above

    with suppress(StepFailure):
        local_run.clear(output)


def _measured(converted: ConvertedModel) -> StepResult:
    return StepResult(
        reason=Reason.CONVERTING,
        message=converted.message,
        verdict=converted.verdict,
        signature=converted.signature,
        verification=converted.verification,
    )


def _run_in_container(name: str, work: Callable[[StepRequest, Cost], StepResult], termination_log: Path) -> None:
    log.set_up(log.json_lines(), verbose=True)
    raise typer.Exit(step.run(name, work, termination_log))
