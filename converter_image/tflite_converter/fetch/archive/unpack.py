"""Unpacking an untrusted archive, whose kind is recognised from its content: file names are not trusted."""

import tarfile
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_api.text import one_line
from tflite_converter.artifact.flatbuffer import is_litert
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.units import bytes_in_words
from tflite_converter.fetch.archive import tar as tar_archive
from tflite_converter.fetch.archive import zip as zip_archive
from tflite_converter.fetch.archive.extraction import Unpacking, named_disk_failures
from tflite_converter.fetch.archive.tar import TarArchive
from tflite_converter.fetch.archive.zip import ZipArchive

KINDS: Final = "a tar, tar.gz, tar.bz2, tar.xz or zip archive of a SavedModel"

_ZIP: Final = (b"PK\3\4", b"PK\5\6")
_COMPRESSED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
_FOREIGN: Final = (
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x04\x22\x4d\x18", "an LZ4 archive"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, perhaps Keras weights"),
    (b"version https://git-lfs", "the pointer that Git LFS keeps in a file's place"),
    (b"\x08\x01\x12", "what looks like a saved_model.pb without its folder"),
)
_PAGE: Final = (b"<!doctype html", b"<html")
_START_BYTES: Final = 512


def unpack(archive: Path, folder: Path, limits: FetchLimits, field: str) -> None:
    """Unpack a tar (plain, gzip, bzip2 or xz) or zip archive into an existing, empty folder.

    Links to files of the same archive become further names of those files; all other links, special files, paths that
    leave the folder and names that come twice are refused.

    Args:
        archive: the file.
        folder: where its content goes.
        limits: how much is taken.
        field: of the spec, which named the archive.

    Raises:
        StepFailure: ArchiveRefused, ModelTooLarge (beyond max_unpacked_bytes), NotASavedModel (no archive, or a
            damaged one) or OutOfDisk.
    """
    size = archive.stat().st_size
    with archive.open("rb") as file, named_disk_failures():
        start = file.read(_START_BYTES)
        file.seek(0)
        if (foreign := foreign_kind(start)) is not None:
            raise _no_archive(field, foreign)
        into = Unpacking(folder, limits)
        if start.startswith(_ZIP):
            _unpack_zip(ZipArchive(file, size, limits), into)
        else:
            _unpack_tar(TarArchive(file, size, limits), into, field)


def foreign_kind(start: bytes) -> str | None:
    """Return what a file is if it is no archive of a known kind; None if it may be one.

    Args:
        start: its first 512 bytes, or all of it.
    """
    if not start:
        return "an empty file"
    if start.startswith((*_ZIP, *_COMPRESSED)):
        return None
    if start.lstrip().lower().startswith(_PAGE):
        return "a web page"
    if is_litert(start):
        return "a .tflite file, which is converted already"
    named = next((words for magic, words in _FOREIGN if start.startswith(magic)), None)
    return named if named is not None or _is_tar(start) else "no archive of a kind that is known here"


def _is_tar(start: bytes) -> bool:
    if not any(start):
        return True  # the end of an archive, here of an empty one
    try:
        tarfile.TarInfo.frombuf(start, tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _unpack_zip(archive: ZipArchive, into: Unpacking) -> None:
    try:
        archive.unpack(into)
    except zip_archive.DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _damaged(archive.read_bytes, error) from error


def _unpack_tar(archive: TarArchive, into: Unpacking, field: str) -> None:
    try:
        archive.unpack(into)
    except tar_archive.DAMAGED as error:
        if not archive.is_begun and isinstance(error, tarfile.ReadError):
            raise _no_archive(field, f"no tar archive ({_words(error)})") from error
        raise _damaged(archive.read_bytes, error) from error
    except OSError as error:
        if error.errno is None:
            raise _damaged(archive.read_bytes, error) from error
        raise


def _no_archive(field: str, what: str) -> StepFailure:
    return StepFailure(Reason.NOT_A_SAVED_MODEL, f"{field} gives {what}", f"name {KINDS}")


def _damaged(read_bytes: int, error: Exception) -> StepFailure:
    words = f"The archive is damaged after {bytes_in_words(read_bytes)} ({_words(error)})"
    return StepFailure(Reason.NOT_A_SAVED_MODEL, words, "Upload it again, whole")


def _words(error: Exception) -> str:
    return one_line(str(error), 200) or type(error).__name__
