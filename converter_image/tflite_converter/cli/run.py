"""`tflite-convert run`: what a TFLiteConversion asks for, without a cluster."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tflite_api.steps.step import FetchLimits, StepResult, exit_code
from tflite_converter.cli.options import AllowLocalAddresses, Verbose
from tflite_converter.cli.session import keep_tensorflow_quiet
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.step_files import ARTIFACT_FILE

if TYPE_CHECKING:
    from rich.console import Console

    from tflite_converter.core.local_spec import LocalConversion

_LOG = logging.getLogger(__name__)


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
    allow_local_addresses: AllowLocalAddresses = False,
    report: Annotated[
        bool, typer.Option("--report", help="Also write report.html, a page on what the conversion did to the model.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Convert what a TFLiteConversion asks for, on this machine and without a cluster.

    Reads the same resource as the operator and does the same work, but writes the artifact into a folder instead of
    S3. The destination is ignored and may be absent. model.handle may also be file:/// and the absolute path of a
    SavedModel folder, or of a tar or tar.gz archive of one.

    Exits with 0 if every conversion succeeded, 3 if a spec or model must change, and 4 if another attempt may help.
    """
    from tflite_converter.cli import manifest, terminal  # noqa: PLC0415 - a command pays for its own
    from tflite_converter.steps import local  # noqa: PLC0415 - a command pays for its own

    keep_tensorflow_quiet()
    console = terminal.for_progress(verbose=verbose)
    try:
        resources = manifest.read(file)
    except StepFailure as failure:
        result = failure.result()
        # Where an older run's files are not ours to remove, the failure at hand is the one to tell.
        with suppress(StepFailure):
            local.clear(output)
        local.write_result(output, result)
        _show(file.name, result, output)
        raise typer.Exit(exit_code(result.reason)) from failure
    for kind in resources.skipped:
        _LOG.info("Passed over in %s: %s", file.name, kind)
    limits = FetchLimits(allow_local_addresses=allow_local_addresses)
    results = []
    for written in resources.conversions:
        conversion = written.with_report() if report else written
        folder = output if len(resources.conversions) == 1 else output / conversion.metadata.name
        results.append(_run_one(conversion, folder, limits, console))
    raise typer.Exit(local.worst(results))


def _run_one(conversion: "LocalConversion", folder: Path, limits: FetchLimits, console: "Console") -> StepResult:
    from tflite_converter.cli import terminal  # noqa: PLC0415 - see above
    from tflite_converter.steps import local  # noqa: PLC0415 - see above

    with terminal.progress(console) as progress:
        result = local.run(conversion, folder, limits, progress)
    _show(conversion.metadata.name, result, folder)
    return result


def _show(name: str, result: StepResult, folder: Path) -> None:
    from tflite_converter.cli import terminal  # noqa: PLC0415 - see above

    terminal.show(terminal.summary(name, result, str(folder / ARTIFACT_FILE)))
