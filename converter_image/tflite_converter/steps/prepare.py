"""The first step: is this very artifact in the bucket already? Else fetch the model. Has credentials, runs no model."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tflite_api.step import PreparedModel, StepRequest
from tflite_converter.core.progress import Progress
from tflite_converter.core.step_files import PREPARED_FILE, write_model
from tflite_converter.fetch import dataset, model
from tflite_converter.fetch.fetched import FetchedModel, Place
from tflite_converter.fetch.network import endpoint
from tflite_converter.signing import reuse
from tflite_converter.signing.provenance import TIMESTAMP
from tflite_converter.steps.destination import Destination, location_of
from tflite_converter.steps.identity import identity
from tflite_converter.storage import object_metadata
from tflite_converter.storage.object_metadata import Reuse
from tflite_converter.storage.store import ObjectStore

_UNPACKED: Final = "unpacked"


def prepare(
    request: StepRequest, model_dir: Path, scratch: Path, progress: Progress, store: ObjectStore
) -> PreparedModel:
    """Look for the artifact, else fetch the model into `model_dir`; leaves `prepared.json` there.

    Raises:
        StepFailure: what is wrong with the destination, the model or the dataset's address.
    """
    started = datetime.now(UTC)
    where = request.spec.destination.s3
    endpoint.check(where.endpoint, "destination.s3.endpoint", request.limits)
    progress.phase("Looking for a finished artifact")
    wanted = identity(request, where)
    destination = Destination(where, store)
    page = destination.look(location_of(where.report_page)) if request.spec.report else None
    attested = request.spec.attestation is not None
    attestation = destination.look(location_of(where.attestation)) if attested else None
    found = destination.look(location_of(where))
    # Without its page an artifact is made again: it comes out the same, and the page is about the making. So is the
    # attestation.
    has_page = not request.spec.report or object_metadata.is_page_of(page, wanted)
    has_all = has_page and reuse.is_complete(request.spec, wanted, found, attestation)
    decision = object_metadata.decide(found, wanted, forced=request.forced or not has_all)
    if isinstance(decision, Reuse):
        prepared = PreparedModel(reused=reuse.of_reused(request.spec, decision.result))
    else:
        object_metadata.check_replaceable(attestation, replace(wanted, uri=where.attestation.uri))
        object_metadata.check_replaceable(page, replace(wanted, uri=where.report_page.uri))
        fetched = _fetch(request, model_dir, scratch, progress)
        datasets = dataset.fetch_all(request.spec, dataset.Fetch(store, request.limits, model_dir, progress))
        prepared = PreparedModel(
            path=str(fetched.folder.relative_to(model_dir)),
            model_digest=fetched.digest,
            datasets=datasets.moved(lambda path: str(Path(path).relative_to(model_dir))),
            existing_etag=decision.replaces,
            existing_page_etag=page.etag if page is not None else None,
            existing_attestation_etag=attestation.etag if attestation is not None else None,
            started=started.strftime(TIMESTAMP),
        )
    write_model(model_dir / PREPARED_FILE, prepared)
    return prepared


def _fetch(request: StepRequest, model_dir: Path, scratch: Path, progress: Progress) -> FetchedModel:
    folder = model_dir / _UNPACKED
    folder.mkdir()
    return model.fetch(request.spec.model, Place(folder, scratch, request.limits, progress))
