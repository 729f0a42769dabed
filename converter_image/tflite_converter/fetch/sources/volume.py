"""A model in a volume that is mounted read-only: copied, so that what is converted is what was hashed."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from tflite_api.names import VOLUME_DIR
from tflite_api.reasons import Reason
from tflite_api.sources.volume import VolumeSource
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.fetch.archive.extraction import (
    MAX_DEPTH,
    Segments,
    Unpacking,
    named_disk_failures,
    refuse,
    safe_path,
)
from tflite_converter.fetch.fetched import FetchedModel, Pin, Place, accept, from_archive
from tflite_converter.fetch.receiver import Receiver, chunks_of

_TOO_DEEP = f"holds folders more than {MAX_DEPTH} deep, or a link to a folder above"


def fetch(source: VolumeSource, sha256: str | None, place: Place, volume: Path = Path(VOLUME_DIR)) -> FetchedModel:
    """Copy the model out of the volume at `volume`.

    A link to a file or folder elsewhere in the volume is followed; one that leaves it is refused.

    Raises:
        StepFailure: ModelNotFound, ModelAccessDenied (the files may not be read), ModelTooLarge, ArchiveRefused,
            OutOfDisk, or what `accept` and `from_archive` raise.
    """
    pin = Pin("model.volume.path" if source.path else "model.volume", sha256)
    place.progress.phase("Copying the model")
    copy = _Copy(source, volume, place)
    with copy.named_failures():
        found = copy.root()
        if found.is_dir():
            copy.folder(found)
            return accept(place.folder, pin)
        with place.packed() as packed:
            return from_archive(packed, copy.file(found, packed), pin, place)


class _Copy:
    def __init__(self, source: VolumeSource, volume: Path, place: Place) -> None:
        self._source = source
        self._volume = volume.resolve()
        self._place = place
        self._shown = f"{source.path or 'the top'} of volume {source.claim_name}"

    def root(self) -> Path:
        """Return what the spec names, links followed."""
        wanted = self._volume / (self._source.path or "")
        try:
            # Not Path.resolve: for links in a circle it raises a RuntimeError until Python 3.12, and an OSError since.
            found = Path(os.path.realpath(wanted, strict=True))
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise self._of_no_kind() from error
        if not found.is_relative_to(self._volume):
            refuse("is a link that leads out of the volume", self._shown)
        return found

    def folder(self, root: Path) -> None:
        """Copy all files below a folder."""
        into = Unpacking(self._place.folder, self._place.limits, self._shown)
        for path in self._below(root, (), into):
            with self._opened(root.joinpath(*path)) as content, named_disk_failures(self._shown):
                into.write(path, content, os.fstat(content.fileno()).st_size)

    def file(self, path: Path, target: Path) -> str:
        """Copy an archive; return its SHA-256."""

        def too_large(words: str) -> StepFailure:
            return StepFailure(Reason.MODEL_TOO_LARGE, f"{self._shown} {words}", OWN_CURE)

        limits = self._place.limits
        receiver = Receiver(limits.max_archive_bytes, limits.timeout_seconds, too_large, self._place.progress)
        with self._opened(path) as content:
            return receiver.save(chunks_of(content), target)

    @contextmanager
    def named_failures(self) -> Iterator[None]:
        """Make a StepFailure of what the volume refuses."""
        try:
            yield
        except FileNotFoundError as error:
            words = f"There is no {self._shown}"
            raise StepFailure(Reason.MODEL_NOT_FOUND, words, "correct model.volume.path") from error
        except NotADirectoryError as error:
            raise self._of_no_kind() from error
        except PermissionError as error:
            words = f"{self._shown} may not be read by user {os.getuid()} or group {os.getgid()}"
            raise StepFailure(Reason.MODEL_ACCESS_DENIED, words, "give them the right to") from error
        except OSError as error:
            # The kernel follows 40 links on one way at most (path_resolution(7)), each of a chain counted.
            if error.errno != errno.ELOOP:
                raise
            refuse(_TOO_DEEP, self._shown)

    def _of_no_kind(self) -> StepFailure:
        words = f"{self._shown} is no file and no folder"
        return StepFailure(Reason.MODEL_NOT_FOUND, words, "correct model.volume.path")

    def _below(self, folder: Path, path: Segments, into: Unpacking) -> Iterator[Segments]:
        if len(path) > MAX_DEPTH:
            refuse(_TOO_DEEP, self._shown)
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                into.count()
                here = (*path, *safe_path(entry.name, self._shown))
                if entry.is_dir():
                    if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(self._volume):
                        refuse(f"holds the link {'/'.join(here)!r}, which leads out of the volume", self._shown)
                    yield from self._below(Path(entry.path), here, into)
                else:
                    yield here

    @contextmanager
    def _opened(self, path: Path) -> Iterator[BufferedReader]:
        # O_NONBLOCK: opening a named pipe must not wait for a writer.
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            refuse(f"holds {path.name!r}, which leads to nothing", self._shown)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                refuse(f"holds {path.name!r}, which is no plain file, folder or link", self._shown)
            # Others may write to the volume meanwhile: asked is which file was opened, not which one is there now.
            if not Path(f"/proc/self/fd/{descriptor}").readlink().is_relative_to(self._volume):
                refuse(f"holds the link {path.name!r}, which leads out of the volume", self._shown)
            yield file
