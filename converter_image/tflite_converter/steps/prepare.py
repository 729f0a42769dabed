"""The first step: is this very artifact in the bucket already? Else fetch the model. Has credentials, runs no model."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from tflite_api.steps.step import PreparedModel, PublishedArtifact, StepRequest, StepResult
from tflite_converter.core.failure import told_of_variant
from tflite_converter.core.progress import Progress
from tflite_converter.core.step_files import PREPARED_FILE, variant_folder, write_model
from tflite_converter.fetch import dataset, model
from tflite_converter.fetch.fetched import Place
from tflite_converter.fetch.network import endpoint
from tflite_converter.signing.provenance import TIMESTAMP
from tflite_converter.steps import promotion, reuse
from tflite_converter.steps.destination import Destination
from tflite_converter.steps.identity import identity
from tflite_converter.steps.reuse import Found
from tflite_converter.storage import object_metadata
from tflite_converter.storage.object_metadata import Identity, Reuse
from tflite_converter.storage.store import ObjectStore, StoredObject

_UNPACKED: Final = "unpacked"


@dataclass(frozen=True)
class _Looked:
    """What is at the destination of an artifact."""

    request: StepRequest
    destination: Destination
    wanted: Identity
    found: Found
    reused: StepResult | None
    """The outcome, where it is the artifact."""

    @classmethod
    def at(cls, request: StepRequest, progress: Progress, store: ObjectStore) -> Self:
        """Look there, and read what is to be reused."""
        where = request.spec.destination.s3
        progress.phase("Looking for a finished artifact")
        wanted, destination = identity(request, where), Destination(where, store)
        found = reuse.look(request, destination)
        # Without its page an artifact is made again: it comes out the same, and the page is about the making. So is the
        # attestation.
        has_page = not request.spec.report or object_metadata.is_page_of(found.page, wanted)
        decision = object_metadata.decide(found.artifact, wanted, forced=request.forced or not has_page)
        reused = None
        if isinstance(decision, Reuse):
            reused = reuse.confirmed(decision, found, request, destination, progress, os.environ)
        return cls(request, destination, wanted, found, reused)

    def check(self) -> None:
        """Make sure that what is there may be replaced."""
        where = self.request.spec.destination.s3
        for beside, address in ((self.found.attestation, where.attestation), (self.found.page, where.report_page)):
            object_metadata.check_replaceable(beside, replace(self.wanted, uri=address.uri))
        object_metadata.check_replaceable(self.found.artifact, self.wanted)

    @property
    def adopted(self) -> str | None:
        """Whose artifact is taken over."""
        return object_metadata.adopted(self.found.artifact, self.wanted)

    @property
    def is_new(self) -> bool:
        """Return whether this conversion has not written there yet."""
        return self.found.artifact is None or self.adopted is not None

    def published(self, folder: Path, progress: Progress) -> PublishedArtifact | None:
        """Fetch into `folder` what metrics are held against."""
        return promotion.fetch(self.request, self.found.artifact, self.destination, folder, progress)

    def prepared(self, fetched: PreparedModel, published: PublishedArtifact | None) -> PreparedModel:
        """Return what the steps need that follow, once all is fetched."""
        return fetched.model_copy(
            update={
                "datasets": fetched.datasets.with_published(published),
                "adopted": self.adopted,
                "existing_etag": _etag(self.found.artifact),
                "existing_page_etag": _etag(self.found.page),
                "existing_attestation_etag": _etag(self.found.attestation),
            }
        )


@dataclass(frozen=True)
class _Fetch:
    """What fetching takes."""

    folder: Path
    scratch: Path
    progress: Progress
    store: ObjectStore
    started: datetime

    def all_of(self, request: StepRequest) -> PreparedModel:
        """Fetch the model and the datasets of a spec."""
        folder = self.folder / _UNPACKED
        folder.mkdir()
        found = model.fetch(request.spec.model, Place(folder, self.scratch, request.limits, self.progress))
        wanted = dataset.Fetch(lambda: self.store, request.limits, self.folder, self.progress)
        datasets = dataset.fetch_all(request.spec, wanted)
        return PreparedModel(
            path=self.relative(str(found.folder)),
            model_digest=found.digest,
            datasets=datasets.moved(self.relative),
            started=self.started.strftime(TIMESTAMP),
        )

    def published(self, looked: _Looked, folder: Path) -> PublishedArtifact | None:
        """Fetch what metrics are held against."""
        found = looked.published(folder, self.progress)
        return found.model_copy(update={"path": self.relative(found.path)}) if found is not None else None

    def relative(self, path: str) -> str:
        """Return a path as the other containers know it."""
        return str(Path(path).relative_to(self.folder))


def prepare(
    request: StepRequest, model_dir: Path, scratch: Path, progress: Progress, store: ObjectStore
) -> PreparedModel:
    """Look for the artifact, else fetch the model into `model_dir`; leaves `prepared.json` there.

    Raises:
        StepFailure: what is wrong with the destination, the model, the dataset's address or the published artifact.
    """
    fetch = _Fetch(model_dir, scratch, progress, store, datetime.now(UTC))
    _check_endpoint(request)
    looked = _Looked.at(request, progress, store)
    if looked.reused is not None:
        prepared = PreparedModel(reused=looked.reused)
    else:
        looked.check()
        if looked.is_new:
            looked.destination.check_writers()
        # Before what is larger: it may not be fit for it.
        published = fetch.published(looked, model_dir)
        prepared = looked.prepared(fetch.all_of(request), published)
    write_model(model_dir / PREPARED_FILE, prepared)
    return prepared


def prepare_variants(
    request: StepRequest, model_dir: Path, scratch: Path, progress: Progress, store: ObjectStore
) -> Mapping[str, PreparedModel]:
    """Look for each variant's artifact, and fetch once what is needed for those that are not there.

    Leaves a `prepared.json` for each.

    Raises:
        StepFailure: as `prepare` does, told of the variant where it is about one.
    """
    fetch = _Fetch(model_dir, scratch, progress, store, datetime.now(UTC))
    _check_endpoint(request)
    looked, published = {}, {}
    for name, part in request.by_variant.items():
        variant_folder(model_dir, name).mkdir(parents=True)
        with told_of_variant(name):
            looked[name] = _Looked.at(part, progress, store)
            if looked[name].reused is None:
                looked[name].check()
    missing = {name: one for name, one in looked.items() if one.reused is None}
    if new := [one for one in missing.values() if one.is_new]:
        # All are in one bucket.
        new[0].destination.check_writers()
    for name, one in missing.items():
        with told_of_variant(name):
            published[name] = fetch.published(one, variant_folder(model_dir, name))
    prepared = {name: PreparedModel(reused=one.reused) for name, one in looked.items()}
    if missing:
        fetched = fetch.all_of(_that_needs_most([one.request for one in missing.values()]))
        prepared |= {name: one.prepared(fetched, published[name]) for name, one in missing.items()}
    for name, left in prepared.items():
        write_model(variant_folder(model_dir, name) / PREPARED_FILE, left)
    return prepared


def _that_needs_most(requests: Sequence[StepRequest]) -> StepRequest:
    """Return the request whose spec names all datasets of all: variants have the same, and some need no calibration."""
    return next((one for one in requests if one.spec.quantization.calibration is not None), requests[0])


def _check_endpoint(request: StepRequest) -> None:
    endpoint.check(request.spec.destination.s3.endpoint, "destination.s3.endpoint", request.limits)


def _etag(found: StoredObject | None) -> str | None:
    return found.etag if found is not None else None
