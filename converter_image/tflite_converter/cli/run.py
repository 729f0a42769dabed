"""`tflite-convert run`: what a TFLiteConversion asks for, without a cluster."""

import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tflite_converter.cli.options import AllowLocalAddresses, Verbose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tflite_api.steps.step import ExitCode, StepResult
    from tflite_converter.core.local_spec import LocalConversion
    from tflite_converter.worker.process import Child

_LOG = logging.getLogger(__name__)


def run(
    file: Annotated[Path, typer.Option("--file", "-f", help="YAML file with one or more TFLiteConversion resources.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for model.tflite and result.json. With several conversions in the file, each gets a folder of"
            " its name below it, and so does each variant.",
        ),
    ],
    allow_local_addresses: AllowLocalAddresses = False,
    report: Annotated[
        bool, typer.Option("--report", help="Also write report.html, a page on what the conversion did to the model.")
    ] = False,
    baseline: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="The .tflite file that is published now, for metrics with baseline: Published. Without it nothing is"
            " published, and the model is the baseline.",
        ),
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Convert what a TFLiteConversion asks for, on this machine and without a cluster.

    Reads the same resource as the operator and does the same work, but writes the artifact into a folder instead of
    S3. The destination is ignored and may be absent. model.handle may also be file:/// and the absolute path of a
    SavedModel folder, or of a tar or tar.gz archive of one.

    Exits with 0 if every conversion succeeded, 3 if a spec or model must change, and 4 if another attempt may help.
    """
    from tflite_converter.convert.launch import launch  # noqa: PLC0415 - a command pays for its own imports only

    # It imports TensorFlow, which takes longer than all that comes before there is something for it to do.
    with launch() as ahead:
        raise typer.Exit(_run(file, output, Manner(ahead, allow_local_addresses, report, baseline, verbose)))


@dataclass(frozen=True)
class Manner:
    """How conversions are run."""

    ahead: "Child"
    """The child of the first one, started already."""
    allow_local_addresses: bool
    report: bool
    baseline: Path | None
    verbose: bool


def _run(file: Path, output: Path, manner: Manner) -> "ExitCode":
    from tflite_api.steps.step import FetchLimits, exit_code  # noqa: PLC0415 - see above
    from tflite_converter.cli import manifest, terminal  # noqa: PLC0415 - see above
    from tflite_converter.core.failure import StepFailure  # noqa: PLC0415 - see above
    from tflite_converter.steps import local  # noqa: PLC0415 - see above

    console = terminal.for_progress(verbose=manner.verbose)
    try:
        resources = manifest.read(file)
    except StepFailure as failure:
        result = failure.result()
        # Where an older run's files are not ours to remove, the failure at hand is the one to tell.
        with suppress(StepFailure):
            local.clear(output)
        local.write_result(output, result)
        _show(file.name, result, output)
        return exit_code(result.reason)
    for kind in resources.skipped:
        _LOG.info("Passed over in %s: %s", file.name, kind)
    if manner.baseline is not None:
        _check_baseline(manner.baseline, resources.conversions)
    limits = FetchLimits(allow_local_addresses=manner.allow_local_addresses)
    results: list[StepResult] = []
    for written in resources.conversions:
        conversion = written.with_report() if manner.report else written
        folder = output if len(resources.conversions) == 1 else output / conversion.metadata.name
        with terminal.progress(console) as progress:
            circumstances = local.Circumstances(limits, progress, manner.baseline)
            results.append(local.run(conversion, folder, circumstances, None if results else manner.ahead))
        _show(conversion.metadata.name, results[-1], folder)
    return local.worst(results)


def _check_baseline(file: Path, conversions: "Sequence[LocalConversion]") -> None:
    from tflite_converter.artifact import flatbuffer  # noqa: PLC0415 - see above

    asked = [one for one in conversions if any(metric.is_promotion for metric in one.spec.metrics)]
    problem = None
    if len(conversions) != 1:
        problem = f"it is for a file with one conversion, and this has {len(conversions)}"
    elif conversions[0].spec.variants:
        problem = f"it is for one artifact, and {conversions[0].metadata.name} has several variants"
    elif not asked:
        problem = f"no metric of {conversions[0].metadata.name} has baseline: Published"
    else:
        with file.open("rb") as opened:
            if not flatbuffer.is_litert(opened.read(flatbuffer.START_BYTES)):
                problem = f"{file} is no TensorFlow Lite file: write the path of one"
    if problem is not None:
        raise typer.BadParameter(problem, param_hint="--baseline")


def _show(name: str, result: "StepResult", folder: Path) -> None:
    from tflite_converter.cli import terminal  # noqa: PLC0415 - see above
    from tflite_converter.core.step_files import ARTIFACT_FILE  # noqa: PLC0415 - see above

    terminal.show(terminal.summary(name, result, str(folder / ARTIFACT_FILE)))
