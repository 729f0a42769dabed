"""Starting the child that converts.

It is started before anything else is imported, so this module needs the standard library alone.
"""

from typing import Final

from tflite_converter.worker import process
from tflite_converter.worker.process import Child

_MODULE: Final = "tflite_converter.convert.child"


def launch() -> Child:
    """Start it; it waits for a ConversionOrder."""
    return Child(process.command(_MODULE))
