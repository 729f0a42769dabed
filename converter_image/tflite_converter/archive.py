"""Unpacking a stranger's tar archive within limits of paths, links, size, count and ratio.

The rules are those of DESIGN's security section: whatever an archive holds, nothing is written outside its folder, no
link is ever created on disk, and a bomb stops while it streams.
"""

import bz2
import errno
import gzip
import io
import lzma
import os
import tarfile
import zlib
from pathlib import Path
from typing import BinaryIO, Final, NoReturn, Protocol

from tflite_api.reasons import Reason
from tflite_api.step import FetchLimits
from tflite_converter.failure import NO_SPACE, StepFailure, one_line
from tflite_converter.units import bytes_in_words

_CHUNK_BYTES: Final = 1 << 20
_HEADER_BYTES: Final = 1 << 20
"""Names and attributes of one member; tarfile holds them in memory as a whole."""
_FREE_BYTES: Final = 64 << 20
"""A tiny archive may unpack to this much whatever the ratio: FetchLimits.max_ratio."""
_XZ_MEMORY_BYTES: Final = 256 << 20
_MAX_PATH_BYTES: Final = 1024
_DAMAGED: Final = (
    *(tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile),
    # tarfile itself, on headers that are well-formed only at first sight.
    *(ValueError, OverflowError, RecursionError),
)

Segments = tuple[str, ...]


def unpack(archive: Path, folder: Path, limits: FetchLimits) -> None:
    """Unpack a tar archive (plain, gzip, bzip2 or xz) into an existing, empty folder.

    Links to files of the same archive become further names of those files; all other links, special files, paths that
    leave the folder and names that come twice are refused.

    Raises:
        StepFailure: ArchiveRefused, ModelTooLarge (beyond max_unpacked_bytes), NotASavedModel (no archive, or a
            damaged one) or OutOfDisk.
    """
    with archive.open("rb") as file:
        stream = _BoundedStream(_decompressed(file), archive.stat().st_size, limits)
        try:
            # Opening reads the first header already.
            stream.expect_header()
            with tarfile.open(fileobj=stream, mode="r|") as members:
                _Unpacking(folder, limits, stream).run(members)
            stream.drain()
        except _DAMAGED as error:
            raise StepFailure(Reason.NOT_A_SAVED_MODEL, _damage(stream, error)) from error
        except OSError as error:
            raise _storage_failure(error) from error


def safe_path(name: str) -> Segments:
    """Give the segments of a member's path; none for the folder itself.

    Raises:
        StepFailure: ArchiveRefused where the path is absolute, climbs, or is no path at all.
    """
    segments = tuple(segment for segment in name.split("/") if segment not in {"", "."})
    if name.startswith("/") or ".." in segments:
        _refuse(f"holds the path {name!r}, which leads outside")
    if "\0" in name or len(os.fsencode(name)) > _MAX_PATH_BYTES:
        _refuse(f"holds the path {name[:80]!r}, which no file can have")
    return segments


def link_target(link: Segments, target: str, *, symbolic: bool) -> Segments:
    """Give the path inside the archive that a link means: a symbolic one is relative to its own folder.

    Raises:
        StepFailure: ArchiveRefused where it leads outside.
    """
    resolved = list(link[:-1]) if symbolic else []
    if target.startswith("/"):
        _refuse(f"holds the link {'/'.join(link)!r} to {target!r}, which leads outside")
    for segment in target.split("/"):
        if segment in {"", "."}:
            continue
        if segment != "..":
            resolved.append(segment)
        elif resolved:
            resolved.pop()
        else:
            _refuse(f"holds the link {'/'.join(link)!r} to {target!r}, which leads outside")
    return tuple(resolved)


def _refuse(what: str) -> NoReturn:
    raise StepFailure(Reason.ARCHIVE_REFUSED, f"The archive {what}")


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Xz:
    """lzma.LZMAFile knows no limit of memory, and a stranger's dictionary may have 4 GiB."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decompressor = lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)

    def read(self, size: int, /) -> bytes:
        while not self._decompressor.eof:
            packed = self._file.read(64 * 1024) if self._decompressor.needs_input else b""
            if not packed and self._decompressor.needs_input:
                raise EOFError("the xz stream ends too early")
            if unpacked := self._decompressor.decompress(packed, max_length=size):
                return unpacked
        return b""


def _decompressed(file: BinaryIO) -> _Readable:
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

    def __init__(self, source: _Readable, packed_bytes: int, limits: FetchLimits) -> None:
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
            _too_large(self._limits)
        if self.count > max(_FREE_BYTES, self._packed_bytes * self._limits.max_ratio):
            _refuse(f"unpacks to more than {self._limits.max_ratio} times its {bytes_in_words(self._packed_bytes)}")
        if self._header_end is not None and self.count > self._header_end:
            _refuse(f"holds a file whose name and attributes take more than {bytes_in_words(_HEADER_BYTES)}")
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
        while self.read(_CHUNK_BYTES):
            pass


class _Unpacking:
    def __init__(self, folder: Path, limits: FetchLimits, stream: _BoundedStream) -> None:
        self._folder = folder
        self._limits = limits
        self._stream = stream
        self._files: set[Segments] = set()
        self._links: dict[Segments, Segments] = {}
        self._unpacked = 0

    def run(self, members: tarfile.TarFile) -> None:
        count = 0
        while (member := members.next()) is not None:
            self._stream.expect_content()
            count += 1
            if count > self._limits.max_files:
                _refuse(f"holds more than {self._limits.max_files} files")
            self._take(members, member)
            # tarfile keeps every member for random access, which a stream has no use for.
            members.members = []  # type: ignore[attr-defined]
            self._stream.expect_header()
        self._make_links()

    def _take(self, members: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = safe_path(member.name)
        if member.isdir():
            self._make_folder(path)
        elif member.islnk() or member.issym():
            self._note_link(path, link_target(path, member.linkname, symbolic=member.issym()))
        elif member.isreg() and not member.issparse():
            self._write(members, member, path)
        else:
            _refuse(f"holds {member.name!r}, which is no plain file, folder or link")

    def _make_folder(self, path: Segments) -> None:
        try:
            self._folder.joinpath(*path).mkdir(mode=0o755, parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            _refuse(f"holds {'/'.join(path)!r} as a file and as a folder")

    def _claim(self, path: Segments) -> None:
        if not path or path in self._files or path in self._links:
            _refuse(f"holds the name {'/'.join(path) or '.'!r} twice")

    def _note_link(self, path: Segments, target: Segments) -> None:
        self._claim(path)
        self._links[path] = target

    def _write(self, members: tarfile.TarFile, member: tarfile.TarInfo, path: Segments) -> None:
        self._claim(path)
        self._unpacked += member.size
        if self._unpacked > self._limits.max_unpacked_bytes:
            _too_large(self._limits)
        source = members.extractfile(member)
        if source is None:
            _refuse(f"holds {member.name!r}, which cannot be read")
        self._make_folder(path[:-1])
        try:
            with self._folder.joinpath(*path).open("xb") as file:
                while chunk := source.read(_CHUNK_BYTES):
                    file.write(chunk)
        except (FileExistsError, IsADirectoryError):
            _refuse(f"holds the name {'/'.join(path)!r} twice")
        self._files.add(path)

    def _make_links(self) -> None:
        for link in self._links:
            target = self._links[link]
            for _ in self._links:
                target = self._links.get(target, target)
            if target not in self._files:
                _refuse(f"holds the link {'/'.join(link)!r}, which leads to no file of the archive")
            self._make_folder(link[:-1])
            try:
                os.link(self._folder.joinpath(*target), self._folder.joinpath(*link))
            except FileExistsError:
                _refuse(f"holds the name {'/'.join(link)!r} twice")


def _too_large(limits: FetchLimits) -> NoReturn:
    raise StepFailure(
        Reason.MODEL_TOO_LARGE,
        f"The archive unpacks to more than the {bytes_in_words(limits.max_unpacked_bytes)} allowed",
    )


def _damage(stream: _BoundedStream, error: Exception) -> str:
    words = one_line(str(error), 200) or type(error).__name__
    if stream.count <= tarfile.RECORDSIZE and isinstance(error, tarfile.ReadError | gzip.BadGzipFile):
        return f"model.handle gives no tar archive ({words})"
    return f"The archive is damaged after {bytes_in_words(stream.count)} ({words})"


def _storage_failure(error: OSError) -> Exception:
    if error.errno in NO_SPACE:
        return StepFailure(Reason.OUT_OF_DISK, "No space left while the archive was unpacked")
    if error.errno in {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL}:
        return StepFailure(Reason.ARCHIVE_REFUSED, "The archive holds a name that no file can have")
    if error.errno is None:
        return StepFailure(Reason.NOT_A_SAVED_MODEL, f"The archive is damaged ({one_line(str(error), 200)})")
    return error
