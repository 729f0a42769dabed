"""Log lines: JSON in a container, words for people. All go to stderr."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

_LOGGER: Final = "tflite_converter"


class JsonLines(logging.Formatter):
    """One JSON object a line, with the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the record as JSON."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ("step", "reason"):
            if (value := getattr(record, name, None)) is not None:
                line[name] = str(value)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def json_lines() -> logging.Handler:
    """Give the handler for a container: JSON lines on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    return handler


def plain_lines() -> logging.Handler:
    """Give the handler for a pipe or a file that a person reads later: words on stderr."""
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
