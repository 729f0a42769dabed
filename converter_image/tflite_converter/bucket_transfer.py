"""Bringing what a bucket holds onto the disk, within limits of size and time."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tflite_converter.progress import Progress
from tflite_converter.s3 import Storage
from tflite_converter.units import bytes_in_words
from tflite_converter.unpacking import CHUNK_BYTES, Readable, named_disk_failures


class Transfer:
    """One object of a bucket, or several that are bounded together.

    Every method raises what `Storage.open` does, and `too_large` beyond a bound.
    """

    def __init__(
        self, storage: Storage, most: int, seconds: int, too_large: Callable[[str], Exception], progress: Progress
    ) -> None:
        """Take where the objects are, and the bounds.

        Args:
            storage: where they are.
            most: how large they may be, all of them (bytes).
            seconds: how long they may take, from now on.
            too_large: makes the exception of the words that say which bound was passed.
            progress: who is told.
        """
        self._storage = storage
        self._most = most
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._too_large = too_large
        self._progress = progress
        self._received = 0

    @contextmanager
    def open(self, key: str) -> Iterator[Readable]:
        """Open an object for reading."""
        with self._storage.open(key) as (body, size):
            self._check(size)
            yield _Counted(body, self)

    def save(self, key: str, target: Path) -> str:
        """Write an object to a new file; give its SHA-256 (64 hexadecimal digits)."""
        digest = hashlib.sha256()
        with self.open(key) as content, named_disk_failures("The bucket"), target.open("xb") as file:
            while chunk := content.read(CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    def count(self, size: int) -> None:
        """Count what arrived (bytes)."""
        self._check(size)
        self._received += size
        self._progress.received(self._received, None)
        if time.monotonic() > self._end:
            arrived = f"{bytes_in_words(self._received)} did"
            raise self._too_large(f"did not arrive within {self._seconds} s: {arrived}")

    def _check(self, more: int) -> None:
        if self._received + more > self._most:
            raise self._too_large(f"is larger than the {bytes_in_words(self._most)} allowed")


class _Counted:
    def __init__(self, body: Readable, transfer: Transfer) -> None:
        self._body = body
        self._transfer = transfer

    def read(self, size: int, /) -> bytes:
        chunk = self._body.read(size)
        self._transfer.count(len(chunk))
        return chunk
