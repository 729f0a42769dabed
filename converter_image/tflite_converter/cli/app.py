"""The program `tflite-convert`: commands for people, and the steps of a conversion's Job."""

from typing import Final

import typer

from tflite_api.names import CLEANUP, CONVERT, PREPARE, PUBLISH
from tflite_converter.cli import compare, init, inspect, run, steps, verify_attestation

PROGRAM: Final = "tflite-convert"

app: Final = typer.Typer(
    help="Convert TensorFlow models to LiteRT (.tflite) and measure the result.",
    epilog="Exit codes: 0 done, 2 the command line is wrong, 3 a spec, a model or a file must change, 4 another try may"
    " help. docs/cli.md has all of this, and the shape of what --json prints.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["--help", "-h"]},
    pretty_exceptions_enable=False,
)


@app.callback()
def _callback() -> None:
    """Convert TensorFlow models to LiteRT (.tflite) and measure the result."""


app.command("inspect")(inspect.inspect)
app.command("init")(init.init)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("verify-attestation")(verify_attestation.verify_attestation)

for _name, _step in (
    (PREPARE, steps.prepare),
    (CONVERT, steps.convert),
    (PUBLISH, steps.publish),
    (CLEANUP, steps.cleanup),
):
    app.command(_name, hidden=True)(_step)
