"""The third step: upload the artifact. Has credentials, and treats everything the convert step left as hostile."""

import hashlib
import logging
import os
from io import BytesIO
from pathlib import Path

from tflite_api.reasons import Outcome, Reason
from tflite_api.spec import ConversionSpec, S3Destination
from tflite_api.status import Artifact, Provenance
from tflite_api.step import PreparedModel, StepRequest, StepResult
from tflite_converter.core.failure import OWN_CURE, StepFailure, one_line
from tflite_converter.core.progress import Progress
from tflite_converter.steps.accept import AcceptedArtifact, accept, report_data
from tflite_converter.steps.identity import identity
from tflite_converter.storage import object_metadata
from tflite_converter.storage.s3 import PAGE_TYPE, Storage

_LOG = logging.getLogger(__name__)


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
        result = outcome(artifact, wanted.uri, wanted.recipe, prepared.model_digest)
        if request.spec.report:
            # Before the artifact: whoever sees that finds its page.
            result = _with_page(request, prepared, result, output_dir, progress)
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


def _with_page(
    request: StepRequest, prepared: PreparedModel, result: StepResult, output_dir: Path, progress: Progress
) -> StepResult:
    """Make and upload the report page; without it the artifact is published all the same, and the result says why."""
    where = request.spec.destination.s3.report_page
    try:
        told, page = rendered_page(request.owner, request.spec, result, where.uri, output_dir)
        progress.phase(f"Uploading to {where.uri}")
        _upload_page(request, prepared, where, page)
    except PageMissing as missing:
        return without_page(result, str(missing))
    except StepFailure as failure:
        if failure.reason.outcome is Outcome.RETRIED:
            # The next attempt may bring both.
            raise
        return without_page(result, failure.message)
    return told


class PageMissing(Exception):  # noqa: N818 - an outcome: the artifact goes without
    """There can be no report page; the message says why."""


def rendered_page(
    title: str, spec: ConversionSpec, result: StepResult, uri: str, output_dir: Path
) -> tuple[StepResult, bytes]:
    """Return the result with the address of its report page, and the page.

    Raises:
        PageMissing: what the convert step left for it cannot be shown.
    """
    from tflite_converter.report.page import render  # noqa: PLC0415 - most conversions ask for no report

    if result.artifact is None:
        raise AssertionError("an outcome always has an artifact")
    if result.report_problem is not None:
        raise PageMissing(result.report_problem)
    told = result.model_copy(update={"artifact": result.artifact.model_copy(update={"report_uri": uri})})
    try:
        return told, render(title, spec, told, report_data(output_dir)).encode()
    except StepFailure as failure:
        raise PageMissing(failure.message) from failure
    except Exception as error:
        _LOG.exception("The report page cannot be made")
        raise PageMissing(one_line(f"it could not be drawn ({type(error).__name__}: {error})", 400)) from error


def without_page(result: StepResult, problem: str) -> StepResult:
    """Return the result of an artifact that lacks the report page it should have; its message says so."""
    message = one_line(f"{result.message}; it has no report page: {problem}")
    return result.model_copy(update={"message": message, "report_problem": problem})


def _upload_page(request: StepRequest, prepared: PreparedModel, where: S3Destination, page: bytes) -> None:
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


def outcome(artifact: AcceptedArtifact, uri: str, recipe: str, model_digest: str | None) -> StepResult:
    """Give the report of a conversion that went well, without a report page."""
    report = artifact.report
    return StepResult(
        reason=Reason.CONVERTED,
        message=report.message,
        verdict=report.verdict,
        artifact=Artifact(uri=uri, sha256=artifact.sha256, size_bytes=artifact.size),
        report_problem=report.report_problem,
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
