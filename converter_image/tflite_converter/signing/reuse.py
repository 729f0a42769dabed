"""Whether an artifact in the bucket has the attestation that a spec wants. Pure."""

from tflite_api.spec import ConversionSpec
from tflite_api.step import StepResult
from tflite_converter.storage import object_metadata
from tflite_converter.storage.object_metadata import Identity
from tflite_converter.storage.store import StoredObject


def is_complete(
    spec: ConversionSpec, wanted: Identity, artifact: StoredObject | None, attestation: StoredObject | None
) -> bool:
    """Return whether nothing is to be attested, or the artifact's own attestation is in the bucket."""
    if spec.attestation is None:
        return True
    if artifact is None or attestation is None:
        return False
    result = object_metadata.stored_result(artifact, wanted)
    named = result.attestation if result is not None else None
    if named is None:
        return False
    is_signed = named.key_id is not None or spec.attestation.secret_ref is None
    return is_signed and object_metadata.recorded_digest(attestation) == named.sha256


def of_reused(spec: ConversionSpec, result: StepResult) -> StepResult:
    """Return the result of an artifact that is reused, with its attestation if the spec asks for one."""
    named = result.attestation
    if named is None or spec.attestation is None:
        return result.model_copy(update={"attestation": None})
    here = named.model_copy(update={"uri": spec.destination.s3.attestation.uri})
    return result.model_copy(update={"attestation": here})
