"""TensorFlow Hub handles, resolved through tensorflow_hub's registry by a resolver with bounds.

tensorflow_hub 0.16.1 speaks `?tf-hub-format=compressed` over HTTP; its own extraction has no limit of size or time and
no checksum (tensorflow_hub/resolver.py, file_utils.py), so download and unpacking are this package's.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, cast

from tflite_api.reasons import Reason
from tflite_api.spec import ModelSource
from tflite_api.step import FetchLimits
from tflite_converter import archive, download
from tflite_converter.failure import StepFailure
from tflite_converter.progress import Progress

_SAVED_MODEL_FILES: Final = ("saved_model.pb", "saved_model.pbtxt")
_DEEPEST: Final = 4
_NOISE: Final = ("__MACOSX", "PaxHeaders")


@dataclass(frozen=True)
class FetchedModel:
    """A SavedModel on disk."""

    folder: Path
    digest: str
    """`sha256:` and the SHA-256 of the archive."""


@dataclass
class Fetch:
    """What one resolution needs, and what it found out on its way."""

    source: ModelSource
    limits: FetchLimits
    folder: Path
    """An existing, empty folder to unpack into."""
    scratch: Path
    progress: Progress
    digest: str = field(default="", init=False)

    def run(self, url: str) -> Path:
        """Download, compare, unpack; give the SavedModel's folder.

        Raises:
            StepFailure: every reason of `download.fetch`, `archive.unpack` and `find_saved_model`, or DigestMismatch.
        """
        packed = self.scratch / "model.archive"
        self.progress.phase("Downloading the model")
        arrived = download.fetch(url, packed, self.limits, self.progress)
        try:
            self.digest = check_digest(arrived.sha256, self.source.sha256)
            self.progress.phase("Unpacking the model")
            try:
                archive.unpack(packed, self.folder, self.limits)
            except StepFailure as failure:
                if failure.reason is Reason.NOT_A_SAVED_MODEL and arrived.content_type == "text/html":
                    message = f"model.handle gives a web page, not a model: {failure.message}"
                    raise StepFailure(failure.reason, message) from failure
                raise
        finally:
            packed.unlink(missing_ok=True)
        return find_saved_model(self.folder)


def check_digest(found: str, asked: str | None) -> str:
    """Give the digest as provenance shows it.

    Raises:
        StepFailure: DigestMismatch where the spec asks for another.
    """
    if asked is not None and found != asked:
        raise StepFailure(
            Reason.DIGEST_MISMATCH, f"The archive has the SHA-256 {found}, but model.sha256 asks for {asked}"
        )
    return f"sha256:{found}"


def find_saved_model(folder: Path) -> Path:
    """Find the SavedModel in an unpacked archive: at its root, or down a path of single folders.

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
    raise StepFailure(Reason.NOT_A_SAVED_MODEL, f"The archive holds no saved_model.pb at its top, but {listing}")


class _Resolvers(Protocol):
    def add_implementation(self, implementation: object) -> None: ...


def resolve(fetch: Fetch) -> FetchedModel:
    """Resolve `fetch.source.handle` as tensorflow_hub does, within the limits.

    Raises:
        StepFailure: as `Fetch.run` does.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow_hub  # noqa: PLC0415 - imports TensorFlow, which takes seconds
    from tensorflow_hub import compressed_module_resolver, registry  # noqa: PLC0415

    class BoundedResolver(compressed_module_resolver.HttpCompressedFileResolver):  # type: ignore[misc] # untyped
        def is_supported(self, handle: str) -> bool:
            return bool(self.is_http_protocol(handle))

        def __call__(self, handle: str) -> str:
            return str(fetch.run(self._append_compressed_format_query(handle)))

    # The registry asks the latest implementation first.
    cast("_Resolvers", registry.resolver).add_implementation(BoundedResolver())
    folder = Path(tensorflow_hub.resolve(fetch.source.handle))
    return FetchedModel(folder, fetch.digest)
