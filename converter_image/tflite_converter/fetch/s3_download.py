"""Bringing what a bucket holds onto the disk, within limits of size and time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tflite_converter.fetch.archive.extraction import Readable
from tflite_converter.fetch.receiver import Arrival, chunks_of
from tflite_converter.storage.s3 import Storage


class Transfer:
    """Objects of a bucket on their way. Every method raises what `Storage.open` and `Arrival` do."""

    def __init__(self, storage: Storage, arrival: Arrival) -> None:
        """Take where the objects are, and what bounds them."""
        self._storage = storage
        self._arrival = arrival

    @contextmanager
    def open(self, key: str) -> Iterator[Readable]:
        """Open an object for reading; what is read is counted."""
        with self._opened(key) as body:
            yield _Counted(body, self._arrival)

    def save(self, key: str, target: Path) -> str:
        """Write an object to a new file; give its SHA-256 (64 hexadecimal digits)."""
        with self._opened(key) as body:
            return self._arrival.save(chunks_of(body), target)

    @contextmanager
    def _opened(self, key: str) -> Iterator[Readable]:
        with self._storage.open(key) as (body, size):
            self._arrival.expect(size)
            yield body


class _Counted:
    def __init__(self, body: Readable, arrival: Arrival) -> None:
        self._body = body
        self._arrival = arrival

    def read(self, size: int, /) -> bytes:
        chunk = self._body.read(size)
        self._arrival.count(len(chunk))
        return chunk
