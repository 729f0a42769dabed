"""Log lines: JSON in a container, words for people. All go to stderr."""

import logging
import sys
from typing import Final

from tflite_api.json_log import JsonFormatter

_LOGGER: Final = "tflite_converter"


def json_lines() -> logging.Handler:
    """Return the handler for a container: JSON lines on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    return handler


def plain_lines() -> logging.Handler:
    """Return the handler for a pipe or a file that a person reads later: words on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler


def set_up(handler: logging.Handler, *, verbose: bool = False) -> None:
    """Send this package's log lines to a handler; other libraries' only from warnings on.

    Args:
        handler: where the lines go.
        verbose: also the lines of TensorFlow in the child process.
    """
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_LOGGER).setLevel(logging.DEBUG if verbose else logging.INFO)
