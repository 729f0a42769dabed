"""A SavedModel on disk, whatever it came from: where it is in what was fetched, its digest, and the spec's pin."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_converter.core.digests import folder_digest, prefixed
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.progress import Progress
from tflite_converter.fetch.archive.unpack import unpack
from tflite_converter.storage.credentials import Credentials
from tflite_converter.storage.store import ObjectStore, Server

_SAVED_MODEL_FILES: Final = ("saved_model.pb", "saved_model.pbtxt")
_DEEPEST: Final = 4
_NOISE: Final = ("__MACOSX", "PaxHeaders")
Connect = Callable[[Server, Credentials], ObjectStore]


def connect_s3(server: Server, credentials: Credentials) -> ObjectStore:
    """Return the buckets of an S3 server."""
    from tflite_converter.storage.s3 import S3Store  # noqa: PLC0415 - takes long, and few models come from a bucket

    return S3Store(server, credentials)


@dataclass(frozen=True)
class FetchedModel:
    """A SavedModel on disk."""

    folder: Path
    digest: str
    """`sha256:` and the `folder_digest` of the SavedModel: the same whether it came as an archive or as files."""


@dataclass(frozen=True)
class Place:
    """Where a model is fetched to, how much of it is taken, and who listens."""

    folder: Path
    """An existing, empty folder for the files."""
    scratch: Path
    limits: FetchLimits
    progress: Progress
    connect: Connect = connect_s3
    """Opens the buckets that a model comes from."""

    @contextmanager
    def packed(self) -> Iterator[Path]:
        """Yield where an archive may lie until it is unpacked; it is gone afterwards, for its room is needed."""
        archived = self.scratch / "model.archive"
        try:
            yield archived
        finally:
            archived.unlink(missing_ok=True)


@dataclass(frozen=True)
class Pin:
    """What the spec says of the content."""

    field: str
    """Of the spec, which named the source; for messages."""
    sha256: str | None = None


def from_archive(packed: Path, sha256: str, pin: Pin, place: Place) -> FetchedModel:
    """Unpack an archive and give the SavedModel in it.

    Args:
        packed: the archive.
        sha256: the archive's own SHA-256 (64 hexadecimal digits).
        pin: what is asked for.
        place: where it is unpacked.

    Raises:
        StepFailure: as `unpack` and `accept` do.
    """
    place.progress.phase("Unpacking the model")
    unpack(packed, place.folder, place.limits, pin.field)
    return accept(place.folder, pin, sha256)


def accept(folder: Path, pin: Pin, archive_sha256: str | None = None) -> FetchedModel:
    """Return the SavedModel in what was fetched, after checking it against the spec's pin.

    Raises:
        StepFailure: NotASavedModel, or DigestMismatch where the spec asks for another.
    """
    found = find_saved_model(folder, pin.field)
    digest = folder_digest(found)
    if pin.sha256 not in {None, digest, archive_sha256}:
        archived = (
            f"The archive has the SHA-256 {archive_sha256}, and its files" if archive_sha256 else "The files have"
        )
        words = f"{archived} the digest {digest}, but model.sha256 asks for {pin.sha256}"
        raise StepFailure(Reason.DIGEST_MISMATCH, words, OWN_CURE)
    return FetchedModel(found, prefixed(digest))


def find_saved_model(folder: Path, field: str) -> Path:
    """Return the SavedModel in what a field of the spec named: at its top, or down a path of single folders.

    Raises:
        StepFailure: NotASavedModel, naming what is there instead.
    """
    here = folder
    for _ in range(_DEEPEST):
        entries = sorted(
            entry for entry in here.iterdir() if not entry.name.startswith(".") and entry.name not in _NOISE
        )
        if any(entry.name in _SAVED_MODEL_FILES and entry.is_file() for entry in entries):
            return here
        if len(entries) != 1 or not entries[0].is_dir():
            break
        here = entries[0]
    listing = ", ".join(entry.name for entry in entries[:8]) or "nothing"
    raise StepFailure(Reason.NOT_A_SAVED_MODEL, f"{field} holds no saved_model.pb at its top, but {listing}", OWN_CURE)
