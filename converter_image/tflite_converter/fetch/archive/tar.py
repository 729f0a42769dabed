"""Tar archives, plain or compressed, as a stream: a bomb stops while it is read."""

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from typing import BinaryIO, Final

from tflite_api.steps.step import FetchLimits
from tflite_converter.core.units import bytes_in_words
from tflite_converter.fetch.archive.extraction import (
    CHUNK_BYTES,
    Unpacking,
    check_ratio,
    link_target,
    refuse,
    safe_path,
    too_large,
)
from tflite_converter.storage.store import Readable

_HEADER_BYTES: Final = 1 << 20
"""Names and attributes of one member; tarfile holds them in memory as a whole."""
_XZ_MEMORY_BYTES: Final = 256 << 20
_XZ_CHUNK: Final = 64 * 1024
_MOST_XZ_STREAMS: Final = 10_000
"""Each has megabytes where several cores packed; for each the rest of a chunk is copied."""
DAMAGED: Final = (
    *(tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile),
    # tarfile itself, on headers that are well-formed only at first sight.
    *(ValueError, OverflowError, RecursionError),
)
"""What is raised for an archive that is none, or that ends too early or holds rubbish."""


class TarArchive:
    """A tar archive while it is read."""

    def __init__(self, file: BinaryIO, packed_bytes: int, limits: FetchLimits) -> None:
        """Take an open file at its start, and its size (bytes)."""
        self._stream = _BoundedStream(_decompressed(file), packed_bytes, limits)

    @property
    def is_begun(self) -> bool:
        """Return whether enough was read to tell whether it is a tar archive at all."""
        return self._stream.count > tarfile.RECORDSIZE

    @property
    def read_bytes(self) -> int:
        """How much of the decompressed archive was read."""
        return self._stream.count

    def unpack(self, into: Unpacking) -> None:
        """Unpack all members.

        Links to files of the same archive become further names of those files; all other links and special files are
        refused.

        Raises:
            StepFailure: as `Unpacking` does.
            Exception: one of DAMAGED.
        """
        # Opening reads the first header already.
        self._stream.expect_header()
        with tarfile.open(fileobj=self._stream, mode="r|") as members:
            while (member := members.next()) is not None:
                self._stream.expect_content()
                into.count()
                _take(members, member, into)
                # tarfile keeps every member for random access, which a stream has no use for.
                members.members = []  # type: ignore[attr-defined]
                self._stream.expect_header()
            into.make_links()
        self._stream.drain()


def _take(members: tarfile.TarFile, member: tarfile.TarInfo, into: Unpacking) -> None:
    path = safe_path(member.name)
    if member.isdir():
        into.make_folder(path)
    elif member.islnk() or member.issym():
        into.note_link(path, link_target(path, member.linkname, symbolic=member.issym()))
    elif member.isreg() and not member.issparse() and (content := members.extractfile(member)) is not None:
        into.write(path, content, member.size)
    else:
        refuse(f"holds {member.name!r}, which is no plain file, folder or link")


class _Xz:
    """Opens xz with a limit of memory, which lzma.LZMAFile lacks: an untrusted dictionary may have 4 GiB."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decompressor = lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)
        self._streams = 1

    def read(self, size: int, /) -> bytes:
        while not self._decompressor.eof or self._begins_anew():
            packed = self._file.read(_XZ_CHUNK) if self._decompressor.needs_input else b""
            if not packed and self._decompressor.needs_input:
                raise EOFError("the xz stream ends too early")
            if unpacked := self._decompressor.decompress(packed, max_length=size):
                return unpacked
        return b""

    def _begins_anew(self) -> bool:
        """Return whether another stream follows: programs that pack in parallel write several (xz(1), multi-stream)."""
        rest = self._decompressor.unused_data.lstrip(b"\0") or self._after_padding()
        if not rest:
            return False
        self._streams += 1
        if self._streams > _MOST_XZ_STREAMS:
            raise lzma.LZMAError(f"it has more than {_MOST_XZ_STREAMS} xz streams")
        self._decompressor = lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)
        self._decompressor.decompress(rest, max_length=0)
        return True

    def _after_padding(self) -> bytes:
        while packed := self._file.read(_XZ_CHUNK):
            if rest := packed.lstrip(b"\0"):
                return rest
        return b""


def _decompressed(file: BinaryIO) -> Readable:
    magic = file.read(6)
    file.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if magic == b"\xfd7zXZ\0":
        return _Xz(file)
    return file


class _BoundedStream(io.RawIOBase):
    """The decompressed archive, counted while it is read."""

    def __init__(self, source: Readable, packed_bytes: int, limits: FetchLimits) -> None:
        super().__init__()
        self._source = source
        self._packed_bytes = packed_bytes
        self._limits = limits
        self._most = limits.max_unpacked_bytes + limits.max_files * 4096 + _HEADER_BYTES
        self._header_end: int | None = None
        self.count = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self.count += len(data)
        if self.count > self._most:
            too_large(self._limits)
        check_ratio(self.count, self._packed_bytes, self._limits)
        if self._header_end is not None and self.count > self._header_end:
            refuse(f"holds a file whose name and attributes take more than {bytes_in_words(_HEADER_BYTES)}")
        return data

    def expect_header(self) -> None:
        """Bound what is read until the next file's content begins."""
        self._header_end = self.count + _HEADER_BYTES

    def expect_content(self) -> None:
        """Lift the bound again."""
        self._header_end = None

    def drain(self) -> None:
        """Read on to the end, so that the checksum at the end of the compressed stream is checked."""
        self.expect_content()
        while self.read(CHUNK_BYTES):
            pass
