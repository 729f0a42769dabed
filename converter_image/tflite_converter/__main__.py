"""The program `tflite-convert`: begins with what takes longest, before it has read what it is to do."""

import gc
import sys
from contextlib import nullcontext
from typing import Final

from tflite_api.names import CONTAINERS, CONVERT
from tflite_converter.convert.launch import launch

_ALLOCATIONS: Final = 100_000
"""After so many more objects Python looks for cycles among them; nearly all there are here are classes and functions
of what is imported, and looking took a sixth of a step's time (own measurement)."""


def main() -> None:
    """Run the command line; for the convert step with its child under way."""
    gc.set_threshold(_ALLOCATIONS)
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command not in CONTAINERS:
        from tflite_converter.cli.app import PROGRAM, app  # noqa: PLC0415 - a container has no use for it

        app(prog_name=PROGRAM)
    ahead = launch() if command == CONVERT else None
    with ahead or nullcontext():
        from tflite_converter.cli import steps  # noqa: PLC0415 - takes as long as a tenth of what the child begins with

        sys.exit(steps.main(command, sys.argv[2:], ahead))


if __name__ == "__main__":
    main()
