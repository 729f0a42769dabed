"""The same three steps without a cluster: fetch, convert, and put the artifact into a folder."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from tflite_api.reasons import Reason
from tflite_api.resource.recipe import recipe_hash
from tflite_api.resource.status import Artifact
from tflite_api.steps.combined import combined
from tflite_api.steps.step import ExitCode, FetchLimits, PublishedArtifact, StepResult, exit_code
from tflite_converter.budget import size
from tflite_converter.convert.launch import launch
from tflite_converter.core.digests import file_digest
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.local_spec import LocalConversion, LocalSpec
from tflite_converter.core.progress import Progress
from tflite_converter.core.step_files import (
    ARTIFACT_FILE,
    REPORT_PAGE_FILE,
    open_regular,
    variant_folder,
    write_whole,
)
from tflite_converter.fetch import dataset, model
from tflite_converter.fetch.fetched import Place
from tflite_converter.steps.accept import AcceptedArtifact, Asked, accept
from tflite_converter.steps.convert import Wanted, convert, convert_variants
from tflite_converter.steps.destination import store_of
from tflite_converter.steps.publish import PageMissing, outcome, rendered_page, without_page
from tflite_converter.steps.runner import Cost, guarded
from tflite_converter.worker.process import Child

RESULT_FILE: Final = "result.json"
_RESULT_BYTES: Final = 1 << 20
_LARGEST: Final = 16 * 1024**3
_PUBLISHED_FILE: Final = "published.tflite"
_ANOTHER: Final = "choose another --output"


@dataclass(frozen=True)
class Circumstances:
    """What a conversion is run with beside its resource."""

    limits: FetchLimits
    progress: Progress
    published: Path | None = None
    """The artifact that metrics with `baseline: Published` are held against."""


def run(
    conversion: LocalConversion, output: Path, circumstances: Circumstances, ahead: Child | None = None
) -> StepResult:
    """Convert into `output`: `model.tflite` and `result.json`, or `result.json` alone; `report.html` where asked for.

    Each variant has a folder of its name with these, and beside the folders is the `result.json` of all.

    Files of an earlier run are removed first, so that an old artifact is never taken for the new result; what no run
    wrote is left alone, and the run fails with DestinationConflict.

    Args:
        conversion: what to do.
        output: the folder; made if it is not there.
        circumstances: how much of the model and the datasets is taken, and what is told the phases.
        ahead: a child for this conversion that was started already.
    """

    def work(cost: Cost) -> StepResult:
        # It may be the very file that this run replaces.
        with _opened(circumstances.published) as published:
            variants = conversion.spec.by_variant
            clear(output, wants_page=conversion.spec.report and not variants)
            for name in variants:
                clear(output / name, wants_page=conversion.spec.report)
            with ahead or launch() as child:
                return _Run(conversion, output, circumstances, published).convert(child, cost)

    result = guarded(work)
    write_result(output, result)
    return result


def clear(output: Path, *, wants_page: bool = False) -> None:
    """Make a folder ready for a run; `wants_page` where it writes a report page.

    Raises:
        StepFailure: DestinationConflict where it holds a file of that name that no run wrote, InvalidSpec where it is
            none.
    """
    artifact, result, page = (output / name for name in (ARTIFACT_FILE, RESULT_FILE, REPORT_PAGE_FILE))
    try:
        output.mkdir(parents=True, exist_ok=True)
        recorded = _recorded(result)
        if recorded is not None and recorded.report_uri is not None:
            page.unlink(missing_ok=True)
        if artifact.exists() and not _is_recorded(artifact, recorded):
            raise _not_ours(artifact)
        if wants_page and page.exists():
            raise _not_ours(page)
        artifact.unlink(missing_ok=True)
        result.unlink(missing_ok=True)
    except OSError as error:
        raise StepFailure(Reason.INVALID_SPEC, f"{output} cannot be written to: {error.strerror}", _ANOTHER) from error


def write_result(output: Path, result: StepResult) -> None:
    """Write result.json: the whole result with the name of its outcome."""
    content = {"outcome": result.outcome.name, **result.to_object()}
    with suppress(OSError):
        output.mkdir(parents=True, exist_ok=True)
        write_whole(output / RESULT_FILE, json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")


def worst(results: list[StepResult]) -> ExitCode:
    """Return the exit code of several runs: what must be changed comes before what may be tried again."""
    codes = {exit_code(result.reason) for result in results}
    return next(code for code in (ExitCode.SPEC_MUST_CHANGE, ExitCode.TRY_AGAIN, ExitCode.SUCCEEDED) if code in codes)


def _recorded(result: Path) -> Artifact | None:
    """Return the artifact of which an earlier run's result.json speaks."""
    try:
        with open_regular(result, _RESULT_BYTES) as file:
            return Artifact.model_validate(json.loads(file.read()).get("artifact"))
    except (ValueError, AttributeError):
        return None


def _is_recorded(artifact: Path, recorded: Artifact | None) -> bool:
    try:
        with open_regular(artifact, _LARGEST) as file:
            return recorded is not None and recorded.sha256 == hashlib.file_digest(file, "sha256").hexdigest()
    except ValueError:
        return False


def _not_ours(file: Path) -> StepFailure:
    return StepFailure(Reason.DESTINATION_CONFLICT, f"{file} was not written by this command", _ANOTHER)


@contextmanager
def _opened(file: Path | None) -> Iterator[BinaryIO | None]:
    if file is None:
        yield None
        return
    with file.open("rb") as opened:
        yield opened


@dataclass(frozen=True)
class _Run:
    """One run of a conversion."""

    conversion: LocalConversion
    output: Path
    circumstances: Circumstances
    published: BinaryIO | None

    def convert(self, child: Child, cost: Cost) -> StepResult:
        spec, limits, progress = self.conversion.spec, self.circumstances.limits, self.circumstances.progress
        with tempfile.TemporaryDirectory(prefix="tflite-convert-") as name:
            work = Path(name)
            model_dir, converted_dir = work / "model", work / "output"
            model_dir.mkdir()
            converted_dir.mkdir()
            fetched = model.fetch(spec.model, Place(model_dir, work, limits, progress))
            store = partial(store_of, spec.destination.s3, limits) if spec.destination else None
            datasets = dataset.fetch_all(spec, dataset.Fetch(store, limits, model_dir, progress))
            if variants := spec.by_variant:
                wanted = {name: Wanted(one, datasets) for name, one in variants.items()}
                deadline = spec.active_deadline_seconds
                all_done = convert_variants(wanted, fetched.folder, converted_dir, progress, deadline, child)
                cost.child_peak_bytes = all_done.peak_memory_bytes
                return self._all_written(variants, all_done.failed, converted_dir, fetched.digest)
            published = self._published(work)
            given = datasets.with_published(published)
            done = convert(spec, fetched.folder, converted_dir, progress, spec.active_deadline_seconds, given, child)
            cost.child_peak_bytes = done.peak_memory_bytes
            return self.taken_over(converted_dir, fetched.digest, published.sha256 if published is not None else None)

    def taken_over(self, converted_dir: Path, model_digest: str, published: str | None = None) -> StepResult:
        """Check what the convert step left, and write it into the folder."""
        spec = self.conversion.spec
        with accept(converted_dir, Asked.of(spec, published)) as artifact:
            size.hold(artifact.size, spec.budget)
            return self._written(artifact, converted_dir, model_digest)

    def _all_written(
        self, variants: Mapping[str, LocalSpec], failed: Mapping[str, StepResult], converted_dir: Path, digest: str
    ) -> StepResult:
        """Write what came of each variant into a folder of its own; return the result of all."""
        results = {}
        for name, spec in variants.items():
            conversion = self.conversion.model_copy(update={"spec": spec})
            run = replace(self, conversion=conversion, output=self.output / name)
            results[name] = failed.get(name) or run.taken_over(variant_folder(converted_dir, name), digest)
            write_result(run.output, results[name])
        return combined(results, recipe_hash(self.conversion.spec))

    def _published(self, folder: Path) -> PublishedArtifact | None:
        """Take a copy of what metrics are held against."""
        if self.published is None or not any(metric.is_promotion for metric in self.conversion.spec.metrics):
            return None
        copy = folder / _PUBLISHED_FILE
        with copy.open("xb") as file:
            shutil.copyfileobj(self.published, file)
        return PublishedArtifact(path=str(copy), sha256=file_digest(copy))

    def _written(self, artifact: AcceptedArtifact, converted_dir: Path, model_digest: str) -> StepResult:
        """Write artifact and report page into the folder."""
        folder, spec = self.output.resolve(), self.conversion.spec
        target, page = folder / ARTIFACT_FILE, folder / REPORT_PAGE_FILE
        result = outcome(artifact, target.as_uri(), recipe_hash(spec), model_digest)
        if spec.report:
            result = _with_page(self.conversion, result, page, converted_dir)
        write_whole(target, artifact.file.read())
        return result


def _with_page(conversion: LocalConversion, result: StepResult, page: Path, converted_dir: Path) -> StepResult:
    try:
        told, content = rendered_page(conversion.metadata.name, conversion.spec, result, page.as_uri(), converted_dir)
    except PageMissing as missing:
        return without_page(result, str(missing))
    write_whole(page, content)
    return told
