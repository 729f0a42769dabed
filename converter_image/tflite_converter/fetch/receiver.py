"""Bytes that arrive from a stranger, bounded in size and time, and hashed while they are written."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tflite_converter.core.progress import Progress
from tflite_converter.core.units import bytes_in_words
from tflite_converter.fetch.archive.extraction import CHUNK_BYTES, Readable, named_disk_failures


class Arrival:
    """One file, or several that are bounded together. Every method raises `too_large` beyond a bound."""

    def __init__(self, most: int, seconds: int, too_large: Callable[[str], Exception], progress: Progress) -> None:
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
        self._received = 0

    def expect(self, size: int) -> None:
        """Take the word of whoever sends that so much comes (bytes)."""
        if self._received + size > self._most:
            raise self._too_large(f"is larger than the {bytes_in_words(self._most)} allowed")

    def count(self, size: int) -> None:
        """Count what arrived (bytes)."""
        self.expect(size)
        self._received += size
        self._progress.received(self._received, None)
        if time.monotonic() > self._end:
            arrived = f"{bytes_in_words(self._received)} did"
            raise self._too_large(f"did not arrive within {self._seconds} s: {arrived}")

    def save(self, chunks: Iterable[bytes], target: Path) -> str:
        """Write to a new file; give the SHA-256 (64 hexadecimal digits)."""
        digest = hashlib.sha256()
        with named_disk_failures("The model or dataset"), target.open("xb") as file:
            for chunk in chunks:
                self.count(len(chunk))
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()


def chunks_of(content: Readable) -> Iterator[bytes]:
    """Read to the end."""
    while chunk := content.read(CHUNK_BYTES):
        yield chunk
