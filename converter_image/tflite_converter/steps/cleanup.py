"""What a deleted conversion leaves behind: its artifact, report page and attestation go, if they are its own."""

from typing import Final

from tflite_api.field_types import KEY_CHARACTERS
from tflite_api.reasons import Reason
from tflite_api.steps.step import StepRequest, StepResult
from tflite_api.text import one_line
from tflite_converter.core.progress import Progress
from tflite_converter.steps.destination import Destination, location_of
from tflite_converter.steps.identity import identity
from tflite_converter.storage import object_metadata
from tflite_converter.storage.store import Location, ObjectStore

_ABSENT: Final = "was not there any more"


def clean_up(request: StepRequest, progress: Progress, store: ObjectStore) -> StepResult:
    """Delete the artifact, its report page and its attestation, as far as this conversion wrote them; of each variant.

    All three are looked for, whatever the spec wants by now.

    Raises:
        StepFailure: what is wrong with the storage; DestinationChanged where the object was replaced meanwhile.
    """
    told = [words for one in request.by_variant.values() or [request] for words in _cleaned_up(one, progress, store)]
    return StepResult(reason=Reason.ARTIFACT_DELETED, message=one_line("; ".join(told)))


def _cleaned_up(request: StepRequest, progress: Progress, store: ObjectStore) -> list[str]:
    """Delete what belongs to one artifact; say what became of it."""
    where = request.spec.destination.s3
    # The artifact last: what fails is tried again, and the artifact says then that there is something to do.
    beside = [one for one in (where.report_page, where.attestation) if len(one.key) <= KEY_CHARACTERS]
    destination = Destination(where, store)
    fates = {one.uri: _delete(request, destination, location_of(one), progress) for one in beside}
    told = [f"{where.uri} {_delete(request, destination, location_of(where), progress)}"]
    return told + [f"{uri} {fate}" for uri, fate in fates.items() if fate != _ABSENT]


def _delete(request: StepRequest, destination: Destination, at: Location, progress: Progress) -> str:
    """Delete an object that this conversion wrote; say what became of it."""
    progress.phase(f"Looking at {at.uri}")
    found = destination.look(at)
    if found is None:
        return _ABSENT
    if not object_metadata.is_owned(found, identity(request, request.spec.destination.s3)):
        return "holds an object that this conversion did not write, and was left alone"
    destination.delete(at, found.etag)
    return "was deleted"
