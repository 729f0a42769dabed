"""Where the operator's log goes, and what its lines say of a conversion."""

import logging
import sys
from typing import Any, Final

from tflite_api.json_log import JsonFormatter, with_fields
from tflite_operator.core.identity import Identity

LOGGER: Final = logging.getLogger("tflite_operator")


def configure(level: str) -> None:
    """Send every log to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    LOGGER.setLevel(level)


def about(identity: Identity, **fields: object) -> dict[str, Any]:
    """Return the `extra` of a record that speaks of a conversion."""
    return with_fields(
        namespace=identity.namespace,
        name=identity.name,
        uid=identity.uid,
        generation=identity.generation,
        **fields,
    )
