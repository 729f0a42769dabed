"""The program `tflite-convert`: commands for people."""

from typing import Final

import typer

from tflite_converter.cli import compare, init, inspect, run, verify_attestation

PROGRAM: Final = "tflite-convert"

app: Final = typer.Typer(
    help="Convert TensorFlow models to LiteRT (.tflite) and measure the result.",
    epilog="Exit codes: 0 done, 2 the command line is wrong, 3 a spec, a model or a file must change, 4 another try may"
    " help. docs/cli.md has all of this, and the shape of what --json prints.",
    no_args_is_help=True,
    # Its import takes longer than all the rest of showing help.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
    pretty_exceptions_enable=False,
)


@app.callback()
def _callback() -> None:
    """Convert TensorFlow models to LiteRT (.tflite) and measure the result."""


for _name, _command, _in_short in (
    ("inspect", inspect.inspect, "Show what is in a model, and what of it would convert."),
    ("init", init.init, "Write a commented conversion.yaml for a model."),
    ("run", run.run, "Convert on this machine, without a cluster."),
    ("compare", compare.compare, "Measure how far an artifact is from its model."),
    (
        "verify-attestation",
        verify_attestation.verify_attestation,
        "Check who signed an artifact, and what is in it.",
    ),
):
    app.command(_name, short_help=_in_short)(_command)
