"""The files that one step leaves for the next, written whole or not at all, and read as untrusted input."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from tflite_api.schema import describe

PREPARED_FILE: Final = "prepared.json"
CONVERTED_FILE: Final = "converted.json"
ARTIFACT_FILE: Final = "model.tflite"
CONTENTS_FILE: Final = "contents.json"
"""What an artifact consists of, beside that of each trial of a search."""
REPORT_PAGE_FILE: Final = "report.html"
"""In the folder of a run without a cluster."""
REPORT_DATA_FILE: Final = "report.json"
"""What the report page shows, where the spec asks for one."""

FAILED_FILE: Final = "failed.json"
"""What came of a variant that could not be converted, in the place of its artifact."""
_VARIANTS: Final = "variants"

REPORT_BYTES: Final = 256 * 1024
"""No honest report comes near this size: 64 inputs and outputs with names of 1024 characters do."""

_Model = TypeVar("_Model", bound=BaseModel)


def variant_folder(folder: Path, variant: str) -> Path:
    """Return where in a step's folder the files of a variant are."""
    return folder / _VARIANTS / variant


@contextmanager
def written_whole(path: Path) -> Iterator[BufferedWriter]:
    """Yield a file under a temporary name in its folder, and rename it at the end: nobody ever sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file as `written_whole` does."""
    with written_whole(path) as file:
        file.write(content)


def write_model(path: Path, model: BaseModel) -> None:
    """Write a report as JSON."""
    write_whole(path, model.model_dump_json(by_alias=True, exclude_none=True).encode())


def open_regular(path: Path, limit: int) -> BufferedReader:
    """Open a file that untrusted code may have put there.

    Raises:
        ValueError: it is absent, a link, no regular file, or larger than `limit` bytes.
    """
    try:
        # O_NONBLOCK: opening a named pipe must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ValueError(f"{path.name} cannot be opened as a plain file: {error.strerror}") from error
    found = os.fstat(descriptor)
    problem = None
    if not stat.S_ISREG(found.st_mode):
        problem = f"{path.name} is no plain file"
    elif found.st_size > limit:
        problem = f"{path.name} has {found.st_size} bytes, more than the {limit} allowed"
    if problem is not None:
        os.close(descriptor)
        raise ValueError(problem)
    return os.fdopen(descriptor, "rb")


def read_model(path: Path, model: type[_Model], limit: int = REPORT_BYTES) -> _Model:
    """Read a report of at most `limit` bytes that untrusted code may have written.

    Raises:
        ValueError: it is no plain file of a sensible size, or its content does not fit.
    """
    with open_regular(path, limit) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{path.name} grew while it was read")
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise ValueError(f"{path.name} is malformed: {describe(error)}") from error
