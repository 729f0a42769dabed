"""Writes files so that an interruption leaves the old content or the new, never a part."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def write(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a file under a temporary name in its folder, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def fingerprint(root: Path, paths: Iterable[Path], *extra: str) -> str:
    """Return a hash of files by path below `root` and content, folders with all they hold, and any words."""
    digest = hashlib.sha256()
    for word in extra:
        digest.update(f"word {len(word)} {word}\n".encode())
    for path in sorted(paths):
        for file in _files(path):
            content = file.read_bytes()
            digest.update(f"file {file.relative_to(root).as_posix()} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = (file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return sorted(found)
