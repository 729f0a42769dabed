"""What a deleted conversion leaves behind: its artifact and its report page go, if they are its own."""

from typing import Final

from tflite_api.field_types import KEY_CHARACTERS
from tflite_api.reasons import Reason
from tflite_api.spec import S3Destination
from tflite_api.step import StepRequest, StepResult
from tflite_converter import published
from tflite_converter.prepare import identity
from tflite_converter.progress import Progress
from tflite_converter.s3 import Storage

_ABSENT: Final = "was not there any more"


def clean_up(request: StepRequest, progress: Progress) -> StepResult:
    """Delete the artifact at the destination and its report page, as far as this conversion wrote them.

    Raises:
        StepFailure: what is wrong with the storage; DestinationChanged where the object was replaced meanwhile.
    """
    where = request.spec.destination.s3
    # The page first: what fails is tried again, and the artifact says then that there is something to do.
    page = _delete(request, where.report_page, progress) if len(where.report_page.key) <= KEY_CHARACTERS else _ABSENT
    artifact = _delete(request, where, progress)
    told = [f"{where.uri} {artifact}", *([f"{where.report_page.uri} {page}"] if page != _ABSENT else [])]
    return StepResult(reason=Reason.ARTIFACT_DELETED, message="; ".join(told))


def _delete(request: StepRequest, where: S3Destination, progress: Progress) -> str:
    """Delete an object that this conversion wrote; say what became of it."""
    storage = Storage(where)
    progress.phase(f"Looking at {where.uri}")
    found = storage.look()
    if found is None:
        return _ABSENT
    if not published.is_owned(found, identity(request, where)):
        return "holds an object that this conversion did not write, and was left alone"
    storage.delete(found.etag)
    return "was deleted"
