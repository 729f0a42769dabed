"""How a command for people begins and ends: progress on stderr, and a failure as its reason and its exit code."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from tflite_converter.core.progress import Progress


@contextmanager
def ended(*, as_json: bool, verbose: bool = False) -> Iterator["Progress"]:
    """Do some work under a progress display; a StepFailure is shown on stdout, and ends the command with its exit code.

    Args:
        as_json: show the failure as `result.json` has it.
        verbose: log also what a child process prints.
    """
    from tflite_api.steps.step import exit_code  # noqa: PLC0415 - a command pays for its own imports only
    from tflite_converter.cli import terminal  # noqa: PLC0415 - see above
    from tflite_converter.core.failure import StepFailure  # noqa: PLC0415 - see above

    console = terminal.for_progress(verbose=verbose)
    try:
        with terminal.progress(console) as progress:
            yield progress
    except StepFailure as failure:
        result = failure.result()
        if as_json:
            print_json({"outcome": result.outcome.name, **result.to_object()})
        else:
            terminal.show(terminal.failed(failure))
        raise typer.Exit(exit_code(failure.reason)) from failure


def print_json(content: Mapping[str, Any]) -> None:
    """Print an object on stdout, in ASCII: names that come from a model must not move a terminal."""
    typer.echo(json.dumps(content, indent=2))
