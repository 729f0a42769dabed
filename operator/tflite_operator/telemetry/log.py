"""Logs as JSON, one object a line."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from tflite_operator.core.identity import Identity

LOGGER: Final = logging.getLogger("tflite_operator")
_EXTRA: Final = "tflite_fields"


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = getattr(record, _EXTRA, None)
        if isinstance(fields, dict):
            line |= fields
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(level: str) -> None:
    """Send every log to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    LOGGER.setLevel(level)


def about(identity: Identity, **fields: object) -> dict[str, Any]:
    """Return the `extra` of a record that speaks of a conversion."""
    return {
        _EXTRA: {
            "namespace": identity.namespace,
            "name": identity.name,
            "uid": identity.uid,
            "generation": identity.generation,
            **fields,
        }
    }


def with_fields(**fields: object) -> dict[str, Any]:
    """Return the `extra` of a record with fields of its own."""
    return {_EXTRA: fields}
