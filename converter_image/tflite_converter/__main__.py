"""The program `tflite-convert`: begins with what takes longest, before it has read what it is to do."""

import sys
from contextlib import nullcontext

from tflite_api.names import CONVERT
from tflite_converter.convert.launch import launch


def main() -> None:
    """Run the command line; for the convert step with its child under way."""
    ahead = launch() if sys.argv[1:2] == [CONVERT] else None
    with ahead or nullcontext():
        from tflite_converter.cli.app import app  # noqa: PLC0415 - takes as long as a tenth of what the child begins with

        app(prog_name="tflite-convert", obj=ahead)


if __name__ == "__main__":
    main()
