"""Which files are images, by their names: known without numpy and Pillow, where images are fetched."""

from pathlib import PurePosixPath
from typing import Final

SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif")


def is_image(name: str) -> bool:
    """Return whether a file's name is that of an image; a hidden file's is not."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden
