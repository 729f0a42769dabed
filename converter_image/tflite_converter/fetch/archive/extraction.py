"""The folder that untrusted files go into, within limits of paths, links, size, count and ratio.

Whatever an archive, a bucket or a volume holds, nothing is written outside the folder, and no link is ever created on
disk.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.failure import NO_SPACE, OWN_CURE, StepFailure
from tflite_converter.core.units import bytes_in_words
from tflite_converter.storage.store import Readable

CHUNK_BYTES: Final = 1 << 20
MAX_PATH_BYTES: Final = 1024
MAX_DEPTH: Final = 32
"""Folders above a file, or above a folder: a path of 1024 bytes could name 512."""
_FREE_BYTES: Final = 64 << 20
"""A tiny archive may unpack to this much whatever the ratio: FetchLimits.max_ratio."""
_ARCHIVE: Final = "The archive"
_CLEAR_UP: Final = "Leave nothing but the SavedModel's own files there"

Segments = tuple[str, ...]


def refuse(what: str, source: str = _ARCHIVE, cure: str | None = None) -> NoReturn:
    """Raise the failure of a source that is refused for what it contains or does.

    Args:
        what: it holds or does.
        source: the archive, or how people name the folder in a bucket or volume.
        cure: what to change; None to have an archive packed again, or a folder cleared up.

    Raises:
        StepFailure: ArchiveRefused.
    """
    usual = OWN_CURE if source == _ARCHIVE else _CLEAR_UP
    raise StepFailure(Reason.ARCHIVE_REFUSED, f"{source} {what}", cure or usual)


def safe_path(name: str, source: str = _ARCHIVE) -> Segments:
    """Return the segments of a file's path; none for the folder itself.

    Raises:
        StepFailure: ArchiveRefused where the path is absolute, climbs, or is no path at all.
    """
    segments = tuple(segment for segment in name.split("/") if segment not in {"", "."})
    if name.startswith("/") or ".." in segments:
        refuse(f"holds the path {name!r}, which leads outside", source)
    if "\0" in name or len(os.fsencode(name)) > MAX_PATH_BYTES:
        refuse(f"holds the path {name[:80]!r}, which no file can have", source)
    if len(segments) > MAX_DEPTH + 1:
        refuse(f"holds the path {name[:80]!r}, more than {MAX_DEPTH} folders deep", source)
    return segments


def link_target(link: Segments, target: str, *, symbolic: bool) -> Segments:
    """Return the path inside the archive that a link means: a symbolic one is relative to its own folder.

    Raises:
        StepFailure: ArchiveRefused where it leads outside.
    """
    resolved = list(link[:-1]) if symbolic else []
    if target.startswith("/"):
        refuse(f"holds the link {'/'.join(link)!r} to {target!r}, which leads outside")
    for segment in target.split("/"):
        if segment in {"", "."}:
            continue
        if segment != "..":
            resolved.append(segment)
        elif resolved:
            resolved.pop()
        else:
            refuse(f"holds the link {'/'.join(link)!r} to {target!r}, which leads outside")
    return tuple(resolved)


def check_ratio(unpacked: int, packed: int, limits: FetchLimits) -> None:
    """Compare the size of what was unpacked so far with that of the archive (bytes).

    Raises:
        StepFailure: ArchiveRefused where it is far too much.
    """
    if unpacked > max(_FREE_BYTES, packed * limits.max_ratio):
        refuse(
            f"unpacks to more than {limits.max_ratio} times its {bytes_in_words(packed)}",
            cure="Pack the SavedModel alone, or have the administrator raise MAX_RATIO",
        )


class Unpacking:
    """Files on their way into an existing, empty folder.

    Every method raises StepFailure: ArchiveRefused, or ModelTooLarge beyond max_unpacked_bytes.
    """

    def __init__(self, folder: Path, limits: FetchLimits, source: str = _ARCHIVE) -> None:
        """Take the folder, the limits, and what the files come from, in the words of a message."""
        self._folder = folder
        self._limits = limits
        self._source = source
        self._files: set[Segments] = set()
        self._folders: set[Segments] = set()
        self._links: dict[Segments, Segments] = {}
        self._count = 0
        self._written = 0

    def count(self) -> None:
        """Count one more member."""
        self._count += 1
        if self._count > self._limits.max_files:
            cure = "Keep the SavedModel's own files alone, or have the administrator raise MAX_FILES"
            refuse(f"holds more than {self._limits.max_files} files", self._source, cure)

    def make_folder(self, path: Segments) -> None:
        """Make a folder and those above it, if they are not there; each takes an inode, and counts."""
        for depth in range(1, len(path) + 1):
            if (part := path[:depth]) not in self._folders:
                self._make_one_folder(part)

    def _make_one_folder(self, path: Segments) -> None:
        if len(self._folders) >= self._limits.max_files:
            cure = "Keep the SavedModel's own folders alone, or have the administrator raise MAX_FILES"
            refuse(f"holds more than {self._limits.max_files} folders", self._source, cure)
        try:
            self._folder.joinpath(*path).mkdir(mode=0o755)
        except (FileExistsError, NotADirectoryError):
            refuse(f"holds {'/'.join(path)!r} as a file and as a folder", self._source)
        self._folders.add(path)

    def note_link(self, path: Segments, target: Segments) -> None:
        """Note a link to another file of the archive, which may come later."""
        self._claim(path)
        self._links[path] = target

    def write(self, path: Segments, content: Readable, size: int = 0) -> None:
        """Write a file; `size` is what is said to come (bytes), what does come is counted."""
        self._claim(path)
        self._check_size(size)
        self.make_folder(path[:-1])
        try:
            with self._folder.joinpath(*path).open("xb") as file:
                while chunk := content.read(CHUNK_BYTES):
                    self._check_size(len(chunk))
                    self._written += len(chunk)
                    file.write(chunk)
        except (FileExistsError, IsADirectoryError):
            self._refuse_twice(path)
        self._files.add(path)

    def make_links(self) -> None:
        """Make each link that was noted a further name of the file that it means."""
        for link in self._links:
            target = self._followed(link)
            if target not in self._files:
                refuse(f"holds the link {'/'.join(link)!r}, which leads to no file of the archive", self._source)
            self.make_folder(link[:-1])
            try:
                os.link(self._folder.joinpath(*target), self._folder.joinpath(*link))
            except FileExistsError:
                self._refuse_twice(link)

    def _followed(self, link: Segments) -> Segments:
        """Return where a link leads through others; a link of a circle leads to itself.

        Each link on the way is noted to lead there at once, so that all together take one step each.
        """
        way: dict[Segments, None] = {}
        at = link
        while at in self._links and at not in way:
            way[at] = None
            at = self._links[at]
        for passed in way:
            self._links[passed] = at
        return at

    def _claim(self, path: Segments) -> None:
        if not path or path in self._files or path in self._links:
            self._refuse_twice(path)

    def _refuse_twice(self, path: Segments) -> NoReturn:
        refuse(f"holds the name {'/'.join(path) or '.'!r} twice", self._source)

    def _check_size(self, more: int) -> None:
        if self._written + more > self._limits.max_unpacked_bytes:
            too_large(self._limits, self._source)


def too_large(limits: FetchLimits, source: str = _ARCHIVE) -> NoReturn:
    """Raise the failure of a source that contains too much.

    Raises:
        StepFailure: ModelTooLarge.
    """
    raise StepFailure(
        Reason.MODEL_TOO_LARGE,
        f"{source} unpacks to more than the {bytes_in_words(limits.max_unpacked_bytes)} allowed",
        OWN_CURE,
    )


@contextmanager
def named_disk_failures(source: str = _ARCHIVE, cure: str | None = None) -> Iterator[None]:
    """Make a StepFailure of what the disk does not take: OutOfDisk, or ArchiveRefused for a name that cannot be.

    Args:
        source: what holds the name.
        cure: what to change about the name; None for what `refuse` says.
    """
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise StepFailure(
                Reason.OUT_OF_DISK, f"No space left for {source[:1].lower()}{source[1:]}", OWN_CURE
            ) from error
        if error.errno in {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL}:
            usual = OWN_CURE if source == _ARCHIVE else _CLEAR_UP
            words = f"{source} holds a name that no file can have"
            raise StepFailure(Reason.ARCHIVE_REFUSED, words, cure or usual) from error
        raise
