"""`tflite-convert inspect`: what is in a model and what of it would convert, without running it."""

import typer

from tflite_converter.cli import options
from tflite_converter.cli.options import AllowLocalAddresses, AsJson, Model, ModelEndpoint, ModelRegion, Tags
from tflite_converter.cli.session import ended, print_json


def inspect(
    model: Model,
    model_endpoint: ModelEndpoint = None,
    model_region: ModelRegion = None,
    tag: Tags = None,
    as_json: AsJson = False,
    allow_local_addresses: AllowLocalAddresses = False,
) -> None:
    """Show what is in a model and what of it would convert, without running the model.

    Fetches the whole model for its digest, and reads only saved_model.pb. Refuses what a conversion would refuse
    before it runs the model, for the same reasons.
    If a signature is accepted, only a conversion can tell whether LiteRT has all its operations.

    Exits with 0 if a conversion would be tried, 3 if it would be refused, and 4 if another attempt may help.
    """
    from tflite_api.steps.step import ExitCode, FetchLimits, exit_code  # noqa: PLC0415 - a command pays for its own imports only

    source = options.read_model(model, tag, model_endpoint, model_region)
    with ended(as_json=as_json) as progress:
        from tflite_converter.inspection import fetch  # noqa: PLC0415 - see above

        limits = FetchLimits(allow_local_addresses=allow_local_addresses)
        found = fetch.inspect(source, limits, progress)
    if as_json:
        print_json(found.to_object())
    else:
        from tflite_converter.cli import terminal  # noqa: PLC0415 - see above
        from tflite_converter.inspection import text  # noqa: PLC0415 - see above

        terminal.show(text.of(found))
    raise typer.Exit(ExitCode.SUCCEEDED if found.verdict.reason is None else exit_code(found.verdict.reason))
