"""`tflite-convert compare`: how far a .tflite is from another one, or from its SavedModel."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tflite_converter.artifact import flatbuffer
from tflite_converter.cli import options
from tflite_converter.cli.options import AllowLocalAddresses, AsJson, ModelEndpoint, ModelRegion, Tags, Verbose
from tflite_converter.cli.session import ended, print_json

if TYPE_CHECKING:
    from tflite_api.resource.metrics import Metric
    from tflite_api.steps.step import FetchLimits
    from tflite_converter.compare.comparison import SavedModelReference
    from tflite_converter.core.local_spec import LocalModelSource
    from tflite_converter.core.progress import Progress

_SUFFIX: Final = ".tflite"


def compare(  # noqa: PLR0913, PLR0917 - one parameter an option
    artifact: Annotated[
        Path,
        typer.Argument(metavar="ARTIFACT", exists=True, dir_okay=False, show_default=False, help="A .tflite file."),
    ],
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE",
            show_default=False,
            help="What to compare it with: another .tflite file, or the SavedModel that it came from, as inspect takes"
            " one.",
        ),
    ],
    samples: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            help="Samples to run both on: a dataset as for calibration (.npz, .npy, TFRecord, images). Otherwise seeded"
            " numbers.",
        ),
    ] = None,
    max_samples: Annotated[int, typer.Option(min=1, max=10_000, help="How many samples are taken of them.")] = 100,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            show_default=False,
            help="A metric on labels beside the samples, as in a spec: Top1Accuracy,output=scores,labels=label; and"
            " what is asked of it: min=0.7, max=12 or maxDrop=0.01. May be given several times.",
        ),
    ] = None,
    signature: Annotated[
        str | None, typer.Option(help="Key of the signature to compare; otherwise all that both have.")
    ] = None,
    min_snr_decibels: Annotated[
        float | None, typer.Option(help="Fail if an output is farther from the reference than this.")
    ] = None,
    model_endpoint: ModelEndpoint = None,
    model_region: ModelRegion = None,
    tag: Tags = None,
    as_json: AsJson = False,
    allow_local_addresses: AllowLocalAddresses = False,
    verbose: Verbose = False,
) -> None:
    """Measure how far a .tflite file is from another one, or from the SavedModel that it came from.

    Runs both on the same samples, and shows for every output the signal-to-noise ratio, the largest absolute error, the
    cosine, and for classifiers the share of rows with the same first class; with --metric also how good both are on
    labels. They run in a process of their own, as in a conversion. It is not a sandbox.

    Exits with 0 if both could be run and what --min-snr-decibels and --metric ask for is reached; 3 if not; 4 if
    another attempt may help.
    """
    from tflite_api.steps.step import ExitCode, FetchLimits, exit_code  # noqa: PLC0415 - a command pays for its own imports only

    _check_artifact(artifact, "ARTIFACT")
    metrics = _read_metrics(metric or [], samples)
    against = _read_reference(reference, tag, model_endpoint, model_region)
    with ended(as_json=as_json, verbose=verbose) as progress:
        from tflite_converter.compare import comparison  # noqa: PLC0415 - see above
        from tflite_converter.compare.comparison import Terms  # noqa: PLC0415 - see above

        terms = Terms(signature, samples, max_samples, metrics)
        limits = FetchLimits(allow_local_addresses=allow_local_addresses)
        with _fetched(against, limits, progress) as there:
            found = comparison.compare(artifact, there, terms, progress)
        if min_snr_decibels is not None:
            found = comparison.held_against(found, min_snr_decibels)
        if found.reason is None:
            found = comparison.held_against_metrics(found, metrics)
    if as_json:
        print_json(found.to_object())
    else:
        from tflite_converter.cli import terminal  # noqa: PLC0415 - see above
        from tflite_converter.compare import text  # noqa: PLC0415 - see above

        terminal.show(text.of(found))
    raise typer.Exit(ExitCode.SUCCEEDED if found.reason is None else exit_code(found.reason))


def _read_metrics(texts: list[str], samples: Path | None) -> "tuple[Metric, ...]":
    from tflite_converter.compare import metric_option  # noqa: PLC0415 - see above

    if texts and samples is None:
        raise typer.BadParameter("labels are beside samples: give --samples as well", param_hint="--metric")
    try:
        return tuple(metric_option.parse(text) for text in texts)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--metric") from error


def _read_reference(
    text: str, tags: list[str] | None, endpoint: str | None, region: str | None
) -> "Path | LocalModelSource":
    path = Path(text)
    if path.is_file() and (path.suffix == _SUFFIX or _is_artifact(path)):
        _check_artifact(path, "REFERENCE")
        return path
    return options.read_model(text, tags, endpoint, region, argument="REFERENCE")


def _check_artifact(path: Path, argument: str) -> None:
    if not _is_artifact(path):
        raise typer.BadParameter(f"{path} is no TensorFlow Lite file: write the path of one", param_hint=argument)


def _is_artifact(path: Path) -> bool:
    with path.open("rb") as file:
        return flatbuffer.is_litert(file.read(flatbuffer.START_BYTES))


@contextmanager
def _fetched(
    reference: "Path | LocalModelSource", limits: "FetchLimits", progress: "Progress"
) -> Iterator["Path | SavedModelReference"]:
    """Yield a file as it is; fetch a model, and keep it for the while."""
    from tflite_converter.compare.comparison import SavedModelReference  # noqa: PLC0415 - see above
    from tflite_converter.fetch import model  # noqa: PLC0415 - see above
    from tflite_converter.fetch.fetched import Place  # noqa: PLC0415 - see above

    if isinstance(reference, Path):
        yield reference
        return
    with tempfile.TemporaryDirectory(prefix="tflite-convert-") as work:
        folder = Path(work) / "model"
        folder.mkdir()
        fetched = model.fetch(reference, Place(folder, Path(work), limits, progress))
        yield SavedModelReference(fetched.folder, reference.source.address, fetched.digest, reference.tags)
