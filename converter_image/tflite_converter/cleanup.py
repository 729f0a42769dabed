"""What a deleted conversion leaves behind: its artifact goes, if it is its own."""

from tflite_api.reasons import Reason
from tflite_api.step import StepRequest, StepResult
from tflite_converter import published
from tflite_converter.prepare import identity
from tflite_converter.progress import Progress
from tflite_converter.s3 import Storage


def clean_up(request: StepRequest, progress: Progress) -> StepResult:
    """Delete the artifact at the destination, if this conversion wrote it.

    Raises:
        StepFailure: what is wrong with the storage; DestinationChanged where the object was replaced meanwhile.
    """
    where = request.spec.destination.s3
    storage = Storage(where)
    progress.phase(f"Looking at {where.uri}")
    found = storage.look()
    if found is None:
        message = f"{where.uri} was not there any more"
    elif not published.is_owned(found, identity(request, where)):
        message = f"{where.uri} holds an object that this conversion did not write, and was left alone"
    else:
        storage.delete(found.etag)
        message = f"{where.uri} was deleted"
    return StepResult(reason=Reason.ARTIFACT_DELETED, message=message)
