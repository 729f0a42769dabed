"""Log lines as JSON, for the operator and for the steps in their containers."""

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final

_FIELDS: Final = "tflite_fields"
"""A record's own attributes include `name`, which a conversion has too: its fields are kept apart from them."""


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object, with the traceback if there is one.

    python-json-logger 4.2 would take as many lines to write the same: it has neither the time in milliseconds nor the
    level in lower case, and puts the fields of a record that are kept apart below one name.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def with_fields(**fields: object) -> dict[str, Any]:
    """Return the `extra` of a record with fields of its own."""
    return {_FIELDS: fields}
