"""`tflite-convert init`: a first conversion.yaml for a model."""

import shlex
from pathlib import Path
from typing import Annotated, Final

import typer

from tflite_converter.cli import options
from tflite_converter.cli.options import AllowLocalAddresses, Model, ModelEndpoint, ModelRegion, Tags
from tflite_converter.cli.session import ended

_STDOUT: Final = Path("-")
_CREDENTIALS: Final = "s3-credentials"


def init(  # noqa: PLR0913, PLR0917 - one parameter an option
    model: Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", dir_okay=False, allow_dash=True, help="The file to write; - prints it.")
    ] = Path("conversion.yaml"),
    name: Annotated[str | None, typer.Option(help="Of the conversion; otherwise made of the handle.")] = None,
    bucket: Annotated[str, typer.Option(help="S3 bucket that the artifact goes to.")] = "models",
    endpoint: Annotated[
        str | None,
        typer.Option(help="The S3 server that it goes to, for example https://s3.example.com; otherwise AWS."),
    ] = None,
    secret: Annotated[str, typer.Option(help="The Secret with the credentials for the bucket.")] = _CREDENTIALS,
    model_endpoint: ModelEndpoint = None,
    model_region: ModelRegion = None,
    tag: Tags = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
    allow_local_addresses: AllowLocalAddresses = False,
) -> None:
    """Write a commented conversion.yaml for a model, which can be applied and run as it is.

    Looks into the model as inspect does. Does not check whether the bucket, the Secret and the server exist.

    Exits with 0 if the file is written, 3 if nothing of the model can be converted, and 4 if another attempt may help.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - a command pays for its own imports only

    from tflite_api.schema import describe  # noqa: PLC0415 - see above
    from tflite_api.steps.step import FetchLimits  # noqa: PLC0415 - see above
    from tflite_converter.core.failure import IN_MESSAGE, StepFailure  # noqa: PLC0415 - see above
    from tflite_converter.inspection import first_manifest  # noqa: PLC0415 - see above
    from tflite_converter.inspection.first_manifest import Placement  # noqa: PLC0415 - see above

    if output != _STDOUT and output.exists() and not force:
        raise typer.BadParameter(f"{output} is there already: choose another, or add --force", param_hint="--output")
    source = options.read_model(model, tag, model_endpoint, model_region)
    placement = Placement(name or first_manifest.suggested_name(source), bucket, secret, endpoint)
    try:
        first_manifest.check(first_manifest.empty(source, placement))
    except ValidationError as error:
        raise typer.BadParameter(describe(error)) from error
    with ended(as_json=False) as progress:
        from tflite_converter.inspection import fetch  # noqa: PLC0415 - see above

        found = fetch.inspect(source, FetchLimits(allow_local_addresses=allow_local_addresses), progress)
        if found.verdict.reason is not None:
            raise StepFailure(found.verdict.reason, found.verdict.message or "", IN_MESSAGE)
        text = first_manifest.compose(found, placement)
    _write(text, output)
    if output != _STDOUT:
        file = shlex.quote(str(output))
        typer.echo(f"Wrote {output}. Try it here:  tflite-convert run -f {file} --output out/", err=True)
        if not source.is_local:
            typer.echo(f"Or in a cluster:  kubectl apply -f {file}", err=True)


def _write(text: str, output: Path) -> None:
    if output == _STDOUT:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text)
    except OSError as error:
        raise typer.BadParameter(f"{output} cannot be written: {error.strerror}", param_hint="--output") from error
