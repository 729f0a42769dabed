"""Models of this machine: a SavedModel folder or an archive named by a file:/// handle."""

import hashlib
from pathlib import Path
from urllib.parse import unquote

from tflite_api.reasons import Reason
from tflite_api.spec import ModelSource
from tflite_api.step import FetchLimits
from tflite_converter import archive
from tflite_converter.failure import StepFailure
from tflite_converter.hub import FetchedModel, check_digest, find_saved_model
from tflite_converter.local_spec import FILE_SCHEME


def fetch(source: ModelSource, limits: FetchLimits, folder: Path) -> FetchedModel:
    """Give the model that a file:/// handle names; an archive is unpacked into the existing, empty `folder`.

    Raises:
        StepFailure: ModelNotFound, DigestMismatch, InvalidSpec (a digest of a folder) or what `archive.unpack` and
            `find_saved_model` raise.
    """
    path = Path(unquote(source.handle.removeprefix(FILE_SCHEME)))
    if path.is_dir():
        if source.sha256 is not None:
            raise StepFailure(
                Reason.INVALID_SPEC, f"model.sha256 pins an archive, but {path} is a folder: leave it out, or pack it"
            )
        return FetchedModel(find_saved_model(path), f"sha256:{folder_digest(path)}")
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StepFailure(Reason.MODEL_NOT_FOUND, f"{path} cannot be read: {error.strerror}") from error
    digest = check_digest(found, source.sha256)
    archive.unpack(path, folder, limits)
    return FetchedModel(find_saved_model(folder), digest)


def folder_digest(folder: Path) -> str:
    """Give a SHA-256 over the names and contents of all files below a folder: a folder has no archive to hash."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{content}  {path.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()
