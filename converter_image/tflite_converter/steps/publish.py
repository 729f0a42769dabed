"""The third step: upload the artifact. Has credentials, and treats everything the convert step left as hostile."""

import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Final

from tflite_api.reasons import Outcome, Reason
from tflite_api.resource.destination import S3Destination
from tflite_api.resource.recipe import recipe_hash
from tflite_api.resource.spec import ConversionSpec
from tflite_api.resource.status import Artifact, Provenance
from tflite_api.steps.combined import combined
from tflite_api.steps.step import PreparedModel, StepRequest, StepResult
from tflite_api.text import one_line
from tflite_converter.budget import size
from tflite_converter.core.failure import OWN_CURE, StepFailure, told_of_variant
from tflite_converter.core.progress import Progress
from tflite_converter.core.step_files import variant_folder
from tflite_converter.steps.accept import AcceptedArtifact, Asked, accept, failure_of_variant, report_data
from tflite_converter.steps.destination import Destination, location_of
from tflite_converter.steps.identity import identity
from tflite_converter.storage import object_metadata
from tflite_converter.storage.object_metadata import Identity
from tflite_converter.storage.store import ObjectStore, StoredObject, Upload

_LOG = logging.getLogger(__name__)
_ARTIFACT_TYPE: Final = "application/vnd.tflite"
_PAGE_TYPE: Final = "text/html; charset=utf-8"


def publish(
    request: StepRequest, prepared: PreparedModel, output_dir: Path, progress: Progress, store: ObjectStore
) -> StepResult:
    """Upload the artifact that the convert step left, or return the outcome that prepare found in the bucket.

    Raises:
        StepFailure: ArtifactRefused, BudgetExceeded, SigningKeyInvalid, DestinationChanged, or what is wrong with the
            storage.
    """
    if prepared.reused is not None:
        return prepared.reused
    where = request.spec.destination.s3
    publication = _Publication(request, prepared, Destination(where, store), progress)
    published = prepared.datasets.published.sha256 if prepared.datasets.published is not None else None
    with accept(output_dir, Asked.of(request.spec, published)) as artifact:
        size.hold(artifact.size, request.spec.budget)
        result = outcome(artifact, where.uri, publication.wanted.recipe, prepared.model_digest)
        page = None
        if request.spec.report:
            # Before the artifact: whoever sees that finds its page.
            result, page = publication.with_page(result, output_dir)
        if request.spec.attestation is not None:
            result = publication.attested(result, page)
        done = publication.with_artifact(result, artifact)
    if prepared.adopted is None:
        return done
    told = f"{done.message}; it replaced that of {prepared.adopted}, as destination.s3.adoptFrom says"
    return done.model_copy(update={"message": one_line(told)})


def publish_variants(
    request: StepRequest,
    prepared: Mapping[str, PreparedModel],
    output_dir: Path,
    progress: Progress,
    store: ObjectStore,
) -> StepResult:
    """Upload the artifact of each variant that was converted; return the result of all.

    One that could not be converted keeps none of the others back: the next attempt finds these in the bucket.

    Raises:
        StepFailure: as `publish` does, told of the variant.
    """
    parts = {}
    for name, one in request.by_variant.items():
        folder = variant_folder(output_dir, name)
        with told_of_variant(name):
            failed = failure_of_variant(output_dir, name) if prepared[name].reused is None else None
            parts[name] = failed or publish(one, prepared[name], folder, progress, store)
    return combined(parts, recipe_hash(request.spec))


@dataclass(frozen=True)
class _Publication:
    """What is uploaded for one conversion."""

    request: StepRequest
    prepared: PreparedModel
    destination: Destination
    progress: Progress

    @cached_property
    def wanted(self) -> Identity:
        """Whose the objects are."""
        return identity(self.request, self._where)

    @property
    def _where(self) -> S3Destination:
        return self.request.spec.destination.s3

    def with_artifact(self, result: StepResult, artifact: AcceptedArtifact) -> StepResult:
        """Upload the artifact; return the result with what the storage calls it."""
        metadata = object_metadata.encode_metadata(result, self.wanted)
        upload = Upload(artifact.file, artifact.sha256, _ARTIFACT_TYPE, metadata)
        stored = self._upload(self._where, upload, self.prepared.existing_etag)
        if stored.size != artifact.size or stored.sha256 not in {None, artifact.sha256}:
            words = f"{self._where.uri} holds other content than was uploaded"
            raise StepFailure(Reason.DESTINATION_CHANGED, words, OWN_CURE)
        if result.artifact is None:
            raise AssertionError("an outcome always has an artifact")
        return result.model_copy(update={"artifact": result.artifact.model_copy(update={"etag": stored.etag})})

    def with_page(self, result: StepResult, output_dir: Path) -> tuple[StepResult, bytes | None]:
        """Make and upload the report page; the artifact is published without it too, and the result says why."""
        where = self._where.report_page
        try:
            told, page = rendered_page(self.request.owner, self.request.spec, result, where.uri, output_dir)
            sha256 = hashlib.sha256(page).hexdigest()
            self._upload(where, self._beside(page, sha256, _PAGE_TYPE), self.prepared.existing_page_etag)
        except PageMissing as missing:
            return without_page(result, str(missing)), None
        except StepFailure as failure:
            if failure.reason.outcome is Outcome.RETRIED:
                # The next attempt may bring both.
                raise
            return without_page(result, failure.message), None
        return told, page

    def attested(self, result: StepResult, page: bytes | None) -> StepResult:
        """Make the attestation and upload it; without it the artifact is not published."""
        from tflite_converter.signing import attest, dsse, provenance  # noqa: PLC0415 - most conversions ask for none

        if result.artifact is None:
            raise AssertionError("an outcome always has an artifact")
        packed = object_metadata.packed_result(result, self.wanted)
        byproducts = {provenance.RESULT: hashlib.sha256(packed.encode()).hexdigest()}
        if page is not None:
            byproducts[provenance.PAGE] = hashlib.sha256(page).hexdigest()
        known = attest.Known(result.artifact.sha256, byproducts, result.quantization)
        made = attest.make(self.request, self.prepared, known, os.environ)
        upload = self._beside(made.content, made.status.sha256, dsse.MEDIA_TYPE)
        self._upload(self._where.attestation, upload, self.prepared.existing_attestation_etag)
        return result.model_copy(update={"attestation": made.status})

    def _beside(self, content: bytes, sha256: str, content_type: str) -> Upload:
        return Upload(BytesIO(content), sha256, content_type, object_metadata.ownership(sha256, self.wanted))

    def _upload(self, where: S3Destination, upload: Upload, replaces: str | None) -> StoredObject:
        self.progress.phase(f"Uploading to {where.uri}")
        return self.destination.upload(location_of(where), upload, replaces)


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


def outcome(artifact: AcceptedArtifact, uri: str, recipe: str, model_digest: str | None) -> StepResult:
    """Return the report of a conversion that went well, without a report page."""
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
        quantization=report.quantization,
        trials=report.trials,
        targets=report.targets,
        benchmark=report.benchmark,
        provenance=Provenance(
            model_digest=model_digest or "",
            recipe_hash=recipe,
            tensorflow=report.tensorflow,
            strategy=report.strategy,
            calibration=report.calibration,
        ),
    )
