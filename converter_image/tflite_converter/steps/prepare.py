"""The first step: is this very artifact in the bucket already? Else fetch the model. Has credentials, runs no model."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tflite_api.steps.step import PreparedModel, StepRequest
from tflite_converter.core.progress import Progress
from tflite_converter.core.step_files import PREPARED_FILE, write_model
from tflite_converter.fetch import dataset, model
from tflite_converter.fetch.fetched import FetchedModel, Place
from tflite_converter.fetch.network import endpoint
from tflite_converter.signing.provenance import TIMESTAMP
from tflite_converter.steps import promotion, reuse
from tflite_converter.steps.destination import Destination
from tflite_converter.steps.identity import identity
from tflite_converter.storage import object_metadata
from tflite_converter.storage.object_metadata import Reuse
from tflite_converter.storage.store import ObjectStore, StoredObject

_UNPACKED: Final = "unpacked"


def prepare(
    request: StepRequest, model_dir: Path, scratch: Path, progress: Progress, store: ObjectStore
) -> PreparedModel:
    """Look for the artifact, else fetch the model into `model_dir`; leaves `prepared.json` there.

    Raises:
        StepFailure: what is wrong with the destination, the model, the dataset's address or the published artifact.
    """
    started = datetime.now(UTC)
    where = request.spec.destination.s3
    endpoint.check(where.endpoint, "destination.s3.endpoint", request.limits)
    progress.phase("Looking for a finished artifact")
    wanted = identity(request, where)
    destination = Destination(where, store)
    found = reuse.look(request, destination)
    # Without its page an artifact is made again: it comes out the same, and the page is about the making. So is the
    # attestation.
    has_page = not request.spec.report or object_metadata.is_page_of(found.page, wanted)
    decision = object_metadata.decide(found.artifact, wanted, forced=request.forced or not has_page)
    reused = None
    if isinstance(decision, Reuse):
        reused = reuse.confirmed(decision, found, request, destination, progress, os.environ)
    if reused is not None:
        prepared = PreparedModel(reused=reused)
    else:
        for beside, address in ((found.attestation, where.attestation), (found.page, where.report_page)):
            object_metadata.check_replaceable(beside, replace(wanted, uri=address.uri))
        object_metadata.check_replaceable(found.artifact, wanted)
        adopted = object_metadata.adopted(found.artifact, wanted)
        if found.artifact is None or adopted is not None:
            destination.check_writers()
        # Before what is larger: it may not be fit for it.
        published = promotion.fetch(request, found.artifact, destination, model_dir, progress)
        model_found = _fetch(request, model_dir, scratch, progress)
        datasets = dataset.fetch_all(request.spec, dataset.Fetch(lambda: store, request.limits, model_dir, progress))
        prepared = PreparedModel(
            path=str(model_found.folder.relative_to(model_dir)),
            model_digest=model_found.digest,
            datasets=datasets.with_published(published).moved(lambda path: str(Path(path).relative_to(model_dir))),
            adopted=adopted,
            existing_etag=_etag(found.artifact),
            existing_page_etag=_etag(found.page),
            existing_attestation_etag=_etag(found.attestation),
            started=started.strftime(TIMESTAMP),
        )
    write_model(model_dir / PREPARED_FILE, prepared)
    return prepared


def _etag(found: StoredObject | None) -> str | None:
    return found.etag if found is not None else None


def _fetch(request: StepRequest, model_dir: Path, scratch: Path, progress: Progress) -> FetchedModel:
    folder = model_dir / _UNPACKED
    folder.mkdir()
    return model.fetch(request.spec.model, Place(folder, scratch, request.limits, progress))
