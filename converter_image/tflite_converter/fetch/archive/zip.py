"""Zip archives, within the limits of a tar archive."""

import io
import stat
import zipfile
import zlib
from typing import BinaryIO, Final

from tflite_api.steps.step import FetchLimits
from tflite_converter.core.units import bytes_in_words
from tflite_converter.fetch.archive.extraction import (
    MAX_PATH_BYTES,
    Unpacking,
    check_ratio,
    link_target,
    refuse,
    safe_path,
)
from tflite_converter.storage.store import Readable

_ENTRY_BYTES: Final = 46 + MAX_PATH_BYTES + 1024
"""One file of a zip archive's directory: the fixed part, the name, and attributes and comment."""
_LEAST_READ: Final = 1 << 20
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2})
"""Not LZMA, whose decompressor takes as much memory as the archive says."""
_ENCRYPTED: Final = 0x1
DAMAGED: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError),
    # zipfile itself, on fields that are well-formed only at first sight; bz2 on rubbish.
    *(ValueError, OverflowError, NotImplementedError, OSError),
)
"""What is raised for an archive that ends too early or holds rubbish."""


class ZipArchive:
    """A zip archive while it is read."""

    def __init__(self, file: BinaryIO, packed_bytes: int, limits: FetchLimits) -> None:
        """Take an open, seekable file, and its size (bytes)."""
        self._file = _BoundedReads(file, max(_LEAST_READ, limits.max_files * _ENTRY_BYTES))
        self._packed_bytes = packed_bytes
        self._limits = limits
        self.read_bytes = 0

    def unpack(self, into: Unpacking) -> None:
        """Unpack all members; links are treated as those of a tar archive.

        Raises:
            StepFailure: as `Unpacking` does.
            Exception: one of DAMAGED.
        """
        with zipfile.ZipFile(self._file) as archive:
            for member in archive.infolist():
                into.count()
                self._take(archive, member, into)
        into.make_links()

    def _take(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, into: Unpacking) -> None:
        path = safe_path(member.filename)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if member.is_dir():
            into.make_folder(path)
            return
        if member.flag_bits & _ENCRYPTED:
            refuse(f"holds {member.filename!r} encrypted", cure="pack it without a password")
        if member.compress_type not in _METHODS:
            words = f"holds {member.filename!r} compressed in a way that is not known here"
            refuse(words, cure="pack it with deflate")
        if kind not in {0, stat.S_IFREG, stat.S_IFLNK}:
            refuse(f"holds {member.filename!r}, which is no plain file, folder or link")
        with archive.open(member) as content:
            counted = _Counted(content, self)
            if kind == stat.S_IFLNK:
                target = counted.read(MAX_PATH_BYTES + 1).decode(errors="replace")
                into.note_link(path, link_target(path, target, symbolic=True))
            else:
                into.write(path, counted, member.file_size)

    def count(self, size: int) -> None:
        """Count what was unpacked (bytes)."""
        self.read_bytes += size
        check_ratio(self.read_bytes, self._packed_bytes, self._limits)


class _Counted:
    """A member's content; its size is the archive's own word, so what comes is counted."""

    def __init__(self, content: Readable, archive: ZipArchive) -> None:
        self._content = content
        self._archive = archive

    def read(self, size: int, /) -> bytes:
        data = self._content.read(size)
        self._archive.count(len(data))
        return data


class _BoundedReads(io.BufferedReader):
    """A file of which little is taken into memory at once: zipfile reads the directory of all files in one go."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        super().__init__(file)  # type: ignore[arg-type] # any file of bytes will do
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._most:
            refuse(f"has a directory of {bytes_in_words(size)}, more than the {bytes_in_words(self._most)} allowed")
        return super().read(size)
