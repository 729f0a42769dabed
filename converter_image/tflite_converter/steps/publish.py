"""The third step: upload the artifact. Has credentials, and treats everything the convert step left as hostile."""

import hashlib
import os
from io import BytesIO
from pathlib import Path

from tflite_api.reasons import Reason
from tflite_api.report import ReportData
from tflite_api.status import Artifact, Provenance
from tflite_api.step import PreparedModel, StepRequest, StepResult
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.progress import Progress
from tflite_converter.steps.accept import AcceptedArtifact, accept, report_data
from tflite_converter.steps.identity import identity
from tflite_converter.storage import object_metadata
from tflite_converter.storage.s3 import PAGE_TYPE, Storage


def publish(request: StepRequest, prepared: PreparedModel, output_dir: Path, progress: Progress) -> StepResult:
    """Upload the artifact that the convert step left, or give the outcome that prepare found in the bucket.

    Raises:
        StepFailure: ArtifactRefused, SigningKeyInvalid, DestinationChanged, or what is wrong with the storage.
    """
    if prepared.reused is not None:
        return prepared.reused
    where = request.spec.destination.s3
    wanted = identity(request, where)
    with accept(output_dir, request.spec.min_snr_decibels) as artifact:
        result = outcome(artifact, wanted.uri, wanted.recipe, prepared.model_digest, wanted.report_uri)
        if request.spec.report:
            # Before the artifact: whoever sees that finds its page.
            _upload_page(request, prepared, result, report_data(output_dir), progress)
        if request.spec.attestation is not None:
            result = _attest(request, prepared, result, progress)
        progress.phase(f"Uploading to {where.uri}")
        stored = Storage(where).upload(
            artifact.file, artifact.sha256, object_metadata.encode_metadata(result, wanted), prepared.existing_etag
        )
    if stored.size != artifact.size or stored.sha256 not in {None, artifact.sha256}:
        words = f"{where.uri} holds other content than was uploaded"
        raise StepFailure(Reason.DESTINATION_CHANGED, words, OWN_CURE)
    if result.artifact is None:
        raise AssertionError("an outcome always has an artifact")
    return result.model_copy(update={"artifact": result.artifact.model_copy(update={"etag": stored.etag})})


def _upload_page(
    request: StepRequest, prepared: PreparedModel, result: StepResult, data: ReportData, progress: Progress
) -> None:
    from tflite_converter.report.page import render  # noqa: PLC0415 - most conversions ask for no report

    where = request.spec.destination.s3.report_page
    progress.phase(f"Uploading to {where.uri}")
    page = render(request.owner, request.spec, result, data).encode()
    digest = hashlib.sha256(page).hexdigest()
    metadata = object_metadata.ownership(digest, identity(request, where))
    Storage(where).upload(BytesIO(page), digest, metadata, prepared.existing_page_etag, PAGE_TYPE)


def _attest(request: StepRequest, prepared: PreparedModel, result: StepResult, progress: Progress) -> StepResult:
    """Make the attestation and upload it; without it the artifact is not published."""
    from tflite_converter.signing import attest, dsse  # noqa: PLC0415 - most conversions ask for none

    if result.artifact is None:
        raise AssertionError("an outcome always has an artifact")
    made = attest.make(request, prepared, result.artifact.sha256, os.environ)
    where = request.spec.destination.s3.attestation
    progress.phase(f"Uploading to {where.uri}")
    metadata = object_metadata.ownership(made.status.sha256, identity(request, where))
    etag = prepared.existing_attestation_etag
    Storage(where).upload(BytesIO(made.content), made.status.sha256, metadata, etag, dsse.MEDIA_TYPE)
    return result.model_copy(update={"attestation": made.status})


def outcome(
    artifact: AcceptedArtifact, uri: str, recipe: str, model_digest: str | None, report_uri: str | None = None
) -> StepResult:
    """Give the report of a conversion that went well; `report_uri` is the address of its page."""
    report = artifact.report
    return StepResult(
        reason=Reason.CONVERTED,
        message=report.message,
        verdict=report.verdict,
        artifact=Artifact(uri=uri, sha256=artifact.sha256, size_bytes=artifact.size, report_uri=report_uri),
        signature=report.signature,
        additional_signatures=report.additional_signatures,
        verification=report.verification,
        provenance=Provenance(
            model_digest=model_digest or "",
            recipe_hash=recipe,
            tensorflow=report.tensorflow,
            strategy=report.strategy,
            calibration=report.calibration,
        ),
    )
