"""Where tensorflow_hub looks for a model before it downloads it: below `$TFHUB_CACHE_DIR`, by the handle's SHA-1.

tensorflow_hub 0.16.1 (compressed_module_resolver.py) takes a folder that is there and not empty as it is. So prepare
fetches a model within its limits and without TensorFlow, and convert has tensorflow_hub resolve the handle.
"""

import hashlib
from pathlib import Path
from typing import Final

CACHE_VARIABLE: Final = "TFHUB_CACHE_DIR"
"""The environment variable that names the cache."""


def folder_of(handle: str, cache: Path) -> Path:
    """Return the folder of a handle's model in a cache."""
    return cache / hashlib.sha1(handle.encode(), usedforsecurity=False).hexdigest()


def holds(handle: str, folder: Path) -> bool:
    """Return whether a folder is where a cache, the folder above it, has a handle's model."""
    return folder == folder_of(handle, folder.parent)
