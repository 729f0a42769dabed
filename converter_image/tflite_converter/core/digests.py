"""SHA-256 digests of files and folders, and how a status writes them."""

import hashlib
import os
from pathlib import Path
from typing import Final

_PREFIX: Final = "sha256:"


def prefixed(sha256: str) -> str:
    """Return a SHA-256 (64 hexadecimal digits) as a status has it."""
    return f"{_PREFIX}{sha256}"


def bare(digest: str) -> str:
    """Return the 64 hexadecimal digits of a digest as a status has it."""
    return digest.removeprefix(_PREFIX)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file (64 hexadecimal digits).

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(folder: Path) -> str:
    """Return a SHA-256 over the names and contents of all files below a folder (64 hexadecimal digits).

    It is that of the lines which sha256sum prints for them, in the order of their names as bytes:
    `find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum`.
    """
    digest = hashlib.sha256()
    for name in sorted(os.fsencode(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()):
        digest.update(_line(name, file_digest(folder.joinpath(os.fsdecode(name)))))
    return digest.hexdigest()


def _line(name: bytes, content: str) -> bytes:
    """Return a line of sha256sum: of a name with a line break in it no second line can be made."""
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    mark = b"\\" if escaped != name else b""
    return mark + content.encode() + b"  " + escaped + b"\n"
