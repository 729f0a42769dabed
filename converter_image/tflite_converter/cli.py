"""The command `tflite-convert`: a run without a cluster for people, and the three steps for containers."""

from typing import Final

import typer

from tflite_api.names import CLEANUP, CONVERT, PREPARE, PUBLISH
from tflite_converter.commands import inspect, run, steps

app: Final = typer.Typer(
    help="Convert TensorFlow models to LiteRT (.tflite) and measure the result.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _callback() -> None:
    """Convert TensorFlow models to LiteRT (.tflite) and measure the result."""


app.command("run")(run.run)
app.command("inspect")(inspect.inspect)

for _name, _step in (
    (PREPARE, steps.prepare),
    (CONVERT, steps.convert),
    (PUBLISH, steps.publish),
    (CLEANUP, steps.cleanup),
):
    app.command(_name, hidden=True)(_step)
