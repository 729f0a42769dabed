"""A body of an upload that keeps its length."""

import os
from io import RawIOBase
from typing import BinaryIO


class FixedLength(RawIOBase):
    """A file that keeps the length it has now, whatever becomes of it; zeros stand for what is gone.

    Of a shorter or longer body the storage would wait for the rest, or find rubbish after it, and say neither. This
    one it reads to the end, and its checksum decides.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Measure a seekable file."""
        self._file = file
        self._length = file.seek(0, os.SEEK_END)
        self._position = 0

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self._length

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True: a request that is sent again starts at the beginning."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to another position."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what BufferedReader calls it with
        """Read on."""
        wanted = max(min(len(buffer), self._length - self._position), 0)
        self._file.seek(self._position)
        buffer[:wanted] = self._file.read(wanted).ljust(wanted, b"\0")
        self._position += wanted
        return wanted
