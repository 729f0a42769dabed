"""Bytes from an untrusted source, bounded in size and time, and hashed while they are written."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path

from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import Progress
from tflite_converter.core.units import bytes_in_words
from tflite_converter.fetch.archive.extraction import CHUNK_BYTES, named_disk_failures
from tflite_converter.storage.store import Readable


class Receiver:
    """One file, or several that are bounded together. Every method raises `too_large` beyond a bound."""

    def __init__(self, most: int, seconds: int, too_large: Callable[[str], StepFailure], progress: Progress) -> None:
        """Take the bounds.

        Args:
            most: how large all of it may be (bytes).
            seconds: how long it may take, from now on.
            too_large: makes the exception of the words that say which bound was passed.
            progress: who is told.
        """
        self._most = most
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._too_large = too_large
        self._progress = progress
        self.received = 0
        """Bytes so far."""
        self.announced: int | None = None
        """How much there will be in all (bytes), where whoever sends says so."""

    def expect(self, size: int) -> None:
        """Take the word of whoever sends that so much more comes (bytes)."""
        if self.received + size > self._most:
            raise self._too_large(f"is larger than the {bytes_in_words(self._most)} allowed")

    def count(self, size: int) -> None:
        """Count what arrived (bytes)."""
        self.expect(size)
        self.received += size
        self._progress.received(self.received, self.announced)
        if time.monotonic() > self._end:
            raise self.late()

    def late(self) -> StepFailure:
        """Return the exception that says that the time is over."""
        return self._too_large(f"did not arrive within {self._seconds} s: {bytes_in_words(self.received)} did")

    def save(self, chunks: Iterable[bytes], target: Path) -> str:
        """Write to a new file; return the SHA-256 (64 hexadecimal digits)."""
        with named_disk_failures("The model or dataset"), self.written(target) as file:
            for chunk in chunks:
                file.write(chunk)
        return file.sha256

    @contextmanager
    def written(self, target: Path) -> Iterator["ReceivedFile"]:
        """Open a new file for what arrives."""
        with target.open("xb") as file:
            yield ReceivedFile(file, self)


class ReceivedFile:
    """A file whose content is counted and hashed while it is written."""

    def __init__(self, file: BufferedWriter, receiver: Receiver) -> None:
        """Take the open file, and what bounds it."""
        self._file = file
        self._receiver = receiver
        self._digest = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Write what arrived."""
        self._receiver.count(len(chunk))
        self._digest.update(chunk)
        self._file.write(chunk)

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written (64 hexadecimal digits)."""
        return self._digest.hexdigest()


def chunks_of(content: Readable) -> Iterator[bytes]:
    """Read to the end."""
    while chunk := content.read(CHUNK_BYTES):
        yield chunk
