"""Stands in for tensorflow_hub, whose import brings TensorFlow's: 2 s of each conversion.

As much of it as tflite_converter/fetch/sources/tfhub.py uses; what downloads and unpacks is that module's own.
"""

from typing import Any
from urllib.parse import urlsplit


class HttpCompressedFileResolver:
    """What the converter's resolver is derived from."""

    def is_http_protocol(self, handle: str) -> bool:
        """Return whether a handle is fetched over HTTP."""
        return urlsplit(handle).scheme in {"http", "https"}

    def _append_compressed_format_query(self, handle: str) -> str:
        return f"{handle}?tf-hub-format=compressed"


class _Resolver:
    def __init__(self) -> None:
        self._implementation: Any = None

    def add_implementation(self, implementation: object) -> None:
        self._implementation = implementation

    def resolve(self, handle: str) -> str:
        return str(self._implementation(handle))


class registry:  # noqa: N801 - the name of tensorflow_hub's module
    """The resolvers."""

    resolver = _Resolver()


class compressed_module_resolver:  # noqa: N801 - the name of tensorflow_hub's module
    """The resolver for HTTP."""

    HttpCompressedFileResolver = HttpCompressedFileResolver


def resolve(handle: str) -> str:
    """Return the folder of a handle's model."""
    return registry.resolver.resolve(handle)
