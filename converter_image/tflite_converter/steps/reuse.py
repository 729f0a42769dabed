"""Whether what a bucket holds may be handed on as the artifact: whatever it says is held against bytes that were read.

Everybody who may write to the bucket can have written all of it, metadata included. A signature tells apart what only
the holder of the key can have made; without one the bucket is trusted, and the message says so.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tflite_api.names import VERIFYING_KEY_ENV
from tflite_api.resource import budget as asked_budget
from tflite_api.resource import targets
from tflite_api.steps.step import StepRequest, StepResult
from tflite_converter.artifact import flatbuffer
from tflite_converter.budget import size
from tflite_converter.core.progress import Progress
from tflite_converter.steps import accept
from tflite_converter.steps.accept import Asked
from tflite_converter.steps.destination import Destination, location_of
from tflite_converter.storage import object_metadata
from tflite_converter.storage.object_metadata import Reuse
from tflite_converter.storage.store import StoredObject

_LOG = logging.getLogger(__name__)
_ATTESTATION_BYTES: Final = 1024**2
"""An honest one has some thousand."""
_TRUSTING: Final = "no signature vouches for it: whoever may write to the bucket is trusted"


@dataclass(frozen=True)
class Found:
    """What prepare saw at the destination; of page and attestation only where they are wanted."""

    artifact: StoredObject | None
    page: StoredObject | None = None
    attestation: StoredObject | None = None


class NotReusedError(Exception):
    """What the bucket says is not so; the message says what was found."""


def look(request: StepRequest, destination: Destination) -> Found:
    """Look at what is at the destination, without reading it."""
    where, spec = request.spec.destination.s3, request.spec
    page = destination.look(location_of(where.report_page)) if spec.report else None
    attestation = destination.look(location_of(where.attestation)) if spec.attestation is not None else None
    return Found(destination.look(location_of(where)), page, attestation)


def confirmed(
    reuse: Reuse,
    found: Found,
    request: StepRequest,
    destination: Destination,
    progress: Progress,
    environment: Mapping[str, str],
) -> StepResult | None:
    """Return the outcome of an artifact that is reused, once all of it was read; None where it is to be made again.

    Raises:
        StepFailure: what is wrong with the storage; DestinationChanged where something changed meanwhile.
    """
    try:
        return _Confirmation(reuse, found, request, destination, progress).result(environment)
    except NotReusedError as error:
        _LOG.warning("%s is not taken as it is, but made again: %s", request.spec.destination.s3.uri, error)
        return None


@dataclass(frozen=True)
class _Confirmation:
    reuse: Reuse
    found: Found
    request: StepRequest
    destination: Destination
    progress: Progress

    def result(self, environment: Mapping[str, str]) -> StepResult:
        result, spec = self.reuse.result, self.request.spec
        calibration = result.provenance.calibration if result.provenance is not None else None
        problem = accept.problem_of(result, result.verdict, result.verification, calibration, Asked.of(spec))
        problem = problem or targets.problem_of(spec.targets or (), result.targets or ())
        problem = problem or asked_budget.problem_of(spec.budget, spec.benchmarking, result.benchmark)
        if problem is not None:
            raise NotReusedError(f"its metadata {problem}")
        artifact = self._artifact()
        page = self._page() if spec.report else None
        if spec.attestation is None:
            return _told(result, _TRUSTING).model_copy(update={"attestation": None})
        bundle = self._attestation()
        here = {"uri": spec.destination.s3.attestation.uri}
        if spec.attestation.secret_ref is None:
            # Whose signature it may have was not checked, and the metadata may name anybody.
            unsigned = {**here, "key_id": None}
            named = result.attestation.model_copy(update=unsigned) if result.attestation is not None else None
            return _told(result, _TRUSTING).model_copy(update={"attestation": named})
        signer = self._signer(bundle, artifact, page, environment)
        named = result.attestation.model_copy(update={**here, "key_id": signer}) if result.attestation else None
        return _told(result, f"signed by {signer}").model_copy(update={"attestation": named})

    def _artifact(self) -> str:
        """Read the artifact; return its SHA-256."""
        seen, result = self.found.artifact, self.reuse.result
        if seen is None or result.artifact is None:
            raise AssertionError("nothing is reused that was not found")
        at = location_of(self.request.spec.destination.s3)
        read = self.destination.read_hashed(at, seen, self.request.limits, self.progress)
        if read.size != seen.size or read.sha256 != result.artifact.sha256:
            raise NotReusedError(
                f"its metadata give the SHA-256 {result.artifact.sha256}, but what was read has {read.sha256}"
            )
        problem = size.problem_of(read.size, self.request.spec.budget)
        if problem is not None:
            raise NotReusedError(problem)
        if not flatbuffer.is_litert(read.head):
            raise NotReusedError("it is no TensorFlow Lite file")
        return read.sha256

    def _page(self) -> str:
        """Read the report page; return its SHA-256."""
        seen = self.found.page
        if seen is None:
            raise AssertionError("without its page nothing is reused")
        at = location_of(self.request.spec.destination.s3.report_page)
        read = self.destination.read_hashed(at, seen, self.request.limits, self.progress)
        if read.sha256 != object_metadata.recorded_digest(seen):
            raise NotReusedError("its report page is another than its metadata say")
        return read.sha256

    def _attestation(self) -> bytes:
        """Read the attestation that the artifact was made with."""
        seen, named = self.found.attestation, self.reuse.result.attestation
        if seen is None or named is None:
            raise NotReusedError("it has no attestation")
        at = location_of(self.request.spec.destination.s3.attestation)
        bundle = self.destination.read(at, seen, _ATTESTATION_BYTES)
        if sha256(bundle).hexdigest() != named.sha256:
            raise NotReusedError("its attestation is another than its metadata say")
        return bundle

    def _signer(self, bundle: bytes, artifact: str, page: str | None, environment: Mapping[str, str]) -> str:
        from tflite_converter.signing import reuse, verify  # noqa: PLC0415 - most conversions sign nothing

        recipe = object_metadata.recipe_of(self.found.artifact) if self.found.artifact is not None else ""
        digest = object_metadata.result_digest(self.found.artifact) if self.found.artifact is not None else ""
        claims = reuse.Claims(artifact, recipe, digest, page)
        try:
            return reuse.signer_of(bundle, environment.get(VERIFYING_KEY_ENV), claims)
        except verify.CheckFailedError as problem:
            raise NotReusedError(f"of its attestation: {problem}") from problem


def _told(result: StepResult, why: str) -> StepResult:
    return result.model_copy(update={"message": f"{result.message}; {why}"})
