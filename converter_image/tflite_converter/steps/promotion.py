"""What a new artifact is held against where a metric has `baseline: Published`: the one that is in the bucket now."""

from pathlib import Path
from typing import Final

from tflite_api.steps.step import PublishedArtifact, StepRequest
from tflite_converter.artifact import flatbuffer
from tflite_converter.core.baseline import unusable
from tflite_converter.core.progress import Progress
from tflite_converter.core.units import bytes_in_words
from tflite_converter.steps.destination import Destination, location_of
from tflite_converter.storage import object_metadata
from tflite_converter.storage.store import StoredObject

_FILE: Final = "published.tflite"


def fetch(
    request: StepRequest, found: StoredObject | None, destination: Destination, folder: Path, progress: Progress
) -> PublishedArtifact | None:
    """Fetch the artifact that is published into `folder`; None where no metric asks for it, or there is none.

    It is for the container without credentials, which treats it as the hostile file that it may be.

    Args:
        request: the conversion, whose own the object is, or becomes.
        found: what is at the destination.
        destination: where that is.
        folder: an existing folder.
        progress: is told the phase.

    Raises:
        StepFailure: BaselineUnusable where it is too large, no artifact, or not what was published;
            DestinationChanged where it is another by now, or gone.
    """
    if found is None or not any(metric.is_promotion for metric in request.spec.metrics):
        return None
    at = location_of(request.spec.destination.s3)
    most = request.limits.max_archive_bytes
    if found.size > most:
        raise unusable(f"it has {bytes_in_words(found.size)}, and at most {bytes_in_words(most)} are fetched", at.uri)
    if found.size < 0:
        raise unusable("the storage does not say how large it is", at.uri)
    progress.phase("Fetching the published artifact")
    target = folder / _FILE
    with target.open("xb") as file:
        read = destination.read_hashed(at, found, request.limits, progress, file)
    if read.size != found.size or read.sha256 != object_metadata.recorded_digest(found):
        raise unusable(f"its content (SHA-256 {read.sha256}) is another than its conversion published", at.uri)
    if not flatbuffer.is_litert(read.head):
        raise unusable("it is no TensorFlow Lite file", at.uri)
    return PublishedArtifact(path=str(target), sha256=read.sha256)
