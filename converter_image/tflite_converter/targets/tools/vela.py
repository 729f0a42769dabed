"""The process in which Vela compiles: `python -m tflite_converter.targets.tools.vela FILE CONFIG FOLDER`."""

import sys

from tflite_converter.targets.tools import bounds
from tflite_converter.worker.reporter import die_with_parent


def main(file: str, config: str, folder: str) -> None:
    """Compile a file into a folder, with a summary beside it; says on stdout what runs where."""
    die_with_parent()
    bounds.set_bounds()
    from ethosu.vela import vela  # noqa: PLC0415 - nothing of it runs without bounds

    code = vela.main([file, "--accelerator-config", config, "--output-dir", folder])
    if code:
        sys.exit(code)
    bounds.done()


if __name__ == "__main__":
    main(*sys.argv[1:])
