"""Publish takes over nothing that the convert step could have forged unnoticed."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests import report_pages
from tests.unit.converter.steps.convert_output import ARTIFACT, METRICS, link, report, scored
from tests.unit.converter.storage.servers.memory_store import Held, MemoryStore
from tflite_api.reasons import Reason
from tflite_api.resource.budget import Budget
from tflite_api.resource.spec import Verification
from tflite_api.resource.targets import Target
from tflite_api.steps.report import DATA_BYTES
from tflite_api.steps.step import PreparedModel, StepRequest, StepResult
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.progress import LoggedProgress
from tflite_converter.report import page
from tflite_converter.steps.identity import identity
from tflite_converter.steps.publish import publish
from tflite_converter.storage import object_metadata
from tflite_converter.storage.store import Condition, Fault, Location, StoreError, Upload

REQUEST = StepRequest.from_object(
    {
        "owner": "team/a",
        "cluster": "prod",
        "spec": {
            "model": {"handle": "https://example.com/model/1"},
            "destination": {"s3": {"bucket": "models", "key": "a.tflite", "secretRef": {"name": "s"}}},
        },
    }
)


def test_what_is_published_holds_the_gates_of_the_spec(output: Path, bucket: MemoryStore) -> None:
    metrics = [each.to_object() for each in METRICS]
    asked = {"samples": {"dataset": "s3://abc/d.npz"}, "metrics": metrics}
    spec = REQUEST.spec.model_copy(update={"verification": Verification.from_object(asked)})
    request = REQUEST.model_copy(update={"spec": spec})
    with pytest.raises(StepFailure, match="shows 0 metrics of the 1 asked for"):
        publish(request, PREPARED, output, LoggedProgress(), bucket)
    report(verification=scored())(output)
    done = publish(request, PREPARED, output, LoggedProgress(), bucket)
    assert done.verification is not None
    assert [each.artifact.value for each in done.verification.metrics or ()] == ["0.94"]


def test_what_is_published_holds_on_the_targets_of_the_spec(output: Path, bucket: MemoryStore) -> None:
    asked = Target.from_object({"name": "GPU", "minGPUOperators": "0.75"})
    request = REQUEST.model_copy(update={"spec": REQUEST.spec.model_copy(update={"targets": (asked,)})})
    shown = {"name": "GPU", "tool": "t", "operators": 4, "onTarget": 3}
    with pytest.raises(StepFailure, match="its report shows 0 targets of the 1 asked for"):
        publish(request, PREPARED, output, LoggedProgress(), bucket)
    report(targets=[{**shown, "onTarget": 2}])(output)
    with pytest.raises(StepFailure, match="calls GPU met, but does not hold minGPUOperators") as caught:
        publish(request, PREPARED, output, LoggedProgress(), bucket)
    assert caught.value.reason is Reason.ARTIFACT_REFUSED
    report(targets=[shown])(output)
    done = publish(request, PREPARED, output, LoggedProgress(), bucket)
    assert [each.to_object() for each in done.targets or ()] == [shown]


def test_what_is_uploaded_keeps_within_the_budget_whatever_the_convert_step_made_of_it(
    output: Path, bucket: MemoryStore
) -> None:
    before = dict(bucket.objects)
    for most, holds in ((len(ARTIFACT) - 1, False), (len(ARTIFACT), True)):
        budget = Budget.from_object({"maxSizeBytes": most})
        request = REQUEST.model_copy(update={"spec": REQUEST.spec.model_copy(update={"budget": budget})})
        if holds:
            assert publish(request, PREPARED, output, LoggedProgress(), bucket).reason is Reason.CONVERTED
            continue
        with pytest.raises(StepFailure, match=f"has {len(ARTIFACT)} bytes .*: 1 too many") as caught:
            publish(request, PREPARED, output, LoggedProgress(), bucket)
        assert caught.value.reason is Reason.BUDGET_EXCEEDED
        assert bucket.objects == before


@pytest.fixture
def bucket() -> MemoryStore:
    """What prepare found, as `PREPARED` says."""
    return MemoryStore({"a.tflite": Held(b"old"), "a.tflite.report.html": Held(b"old page")})


PREPARED = PreparedModel(
    path="unpacked",
    model_digest=f"sha256:{'3' * 64}",
    existing_etag=Held(b"old").etag,
    existing_page_etag=Held(b"old page").etag,
)


def test_the_report_says_what_is_in_the_bucket(output: Path, bucket: MemoryStore) -> None:
    result = publish(REQUEST, PREPARED, output, LoggedProgress(), bucket)
    uploaded = bucket.objects["a.tflite"]
    assert (result.reason, result.verdict) == (Reason.CONVERTED, Reason.SNR_SUFFICIENT)
    assert result.artifact is not None
    assert (result.artifact.uri, result.artifact.etag, result.artifact.size_bytes) == (
        "s3://models/a.tflite",
        uploaded.etag,
        len(ARTIFACT),
    )
    assert (uploaded.content, uploaded.content_type) == (ARTIFACT, "application/vnd.tflite")
    assert bucket.written == ["a.tflite"]


@pytest.mark.parametrize("now", [{}, {"a.tflite": Held(b"another")}])
def test_what_changed_since_prepare_looked_is_left_alone(output: Path, now: dict[str, Held]) -> None:
    bucket = MemoryStore(now)
    with pytest.raises(StepFailure) as caught:
        publish(REQUEST, PREPARED, output, LoggedProgress(), bucket)
    assert caught.value.reason is Reason.DESTINATION_CHANGED
    assert bucket.objects == now


class Altering(MemoryStore):
    """Keeps something else than it was given."""

    def stored(self, held: Held) -> Held:
        return replace(held, content=held.content[:1])


def test_an_object_that_is_other_than_uploaded_is_noticed(output: Path) -> None:
    with pytest.raises(StepFailure) as caught:
        publish(REQUEST, PREPARED, output, LoggedProgress(), Altering({"a.tflite": Held(b"old")}))
    assert caught.value.reason is Reason.DESTINATION_CHANGED


class Hurried(MemoryStore):
    """Another writer is as fast, with an artifact of the same size."""

    def put(self, at: Location, upload: Upload, condition: Condition) -> str:
        etag = super().put(at, upload, condition)
        self.objects[at.key] = Held(ARTIFACT[:-1] + b"!", self.objects[at.key].metadata)
        return etag


def test_what_another_uploads_at_once_is_not_taken_for_ours(output: Path) -> None:
    with pytest.raises(StepFailure, match="replaced as soon as it was uploaded") as caught:
        publish(REQUEST, PREPARED, output, LoggedProgress(), Hurried({"a.tflite": Held(b"old")}))
    assert caught.value.reason is Reason.DESTINATION_CHANGED


def test_a_hostile_output_uploads_nothing(output: Path, bucket: MemoryStore) -> None:
    link("model.tflite")(output)
    with pytest.raises(StepFailure):
        publish(REQUEST, PREPARED, output, LoggedProgress(), bucket)
    assert bucket.written == []


WITH_REPORT = REQUEST.model_copy(update={"spec": REQUEST.spec.model_copy(update={"report": True})})


def test_the_page_is_there_before_its_artifact(output: Path, bucket: MemoryStore) -> None:
    (output / "report.json").write_text(report_pages.data().model_dump_json(by_alias=True, exclude_none=True))
    result = publish(WITH_REPORT, PREPARED, output, LoggedProgress(), bucket)
    assert bucket.written == ["a.tflite.report.html", "a.tflite"]
    told = bucket.objects["a.tflite.report.html"]
    assert told.content_type == "text/html; charset=utf-8"
    assert told.content.startswith(b"<!DOCTYPE html>")
    assert result.artifact is not None
    assert result.artifact.report_uri == "s3://models/a.tflite.report.html"
    # What prepare finds in the next run.
    assert object_metadata.is_page_of(told.shown, identity(WITH_REPORT, WITH_REPORT.spec.destination.s3))


def test_without_the_wish_for_a_report_what_convert_left_of_one_is_not_looked_at(
    output: Path, bucket: MemoryStore
) -> None:
    os.mkfifo(output / "report.json")
    result = publish(REQUEST, PREPARED, output, LoggedProgress(), bucket)
    assert result.artifact is not None
    assert result.artifact.report_uri is None
    assert bucket.written == ["a.tflite"]


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: None,
        lambda folder: os.mkfifo(folder / "report.json"),
        lambda folder: (folder / "report.json").symlink_to("/etc/passwd"),
        lambda folder: (folder / "report.json").write_text("{}"),
        lambda folder: (folder / "report.json").write_text("[" * 100_000),
        lambda folder: (folder / "report.json").write_bytes(b" " * (DATA_BYTES + 1)),
    ],
)
def test_hostile_data_for_the_page_cost_the_page_and_not_the_artifact(
    output: Path, bucket: MemoryStore, harm: Callable[[Path], object]
) -> None:
    harm(output)
    without_a_page(publish(WITH_REPORT, PREPARED, output, LoggedProgress(), bucket), bucket, "report.json")


def without_a_page(result: StepResult, bucket: MemoryStore, words: str) -> None:
    assert (result.reason, result.verdict) == (Reason.CONVERTED, Reason.SNR_SUFFICIENT)
    assert result.artifact is not None
    assert result.artifact.report_uri is None
    assert words in (result.report_problem or "")
    assert f"it has no report page: {result.report_problem}" in result.message
    assert bucket.written == ["a.tflite"]


def test_what_the_convert_step_says_of_a_missing_report_is_told(output: Path, bucket: MemoryStore) -> None:
    (output / "report.json").write_text(report_pages.data().model_dump_json(by_alias=True, exclude_none=True))
    report(reportProblem="the measurement for it ended by SIGSEGV")(output)
    without_a_page(publish(WITH_REPORT, PREPARED, output, LoggedProgress(), bucket), bucket, "SIGSEGV")


def test_a_page_that_cannot_be_drawn_costs_nothing_else(
    output: Path, bucket: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (output / "report.json").write_text(report_pages.data().model_dump_json(by_alias=True, exclude_none=True))
    monkeypatch.setattr(page, "render", lambda *_: 1 / 0)
    without_a_page(publish(WITH_REPORT, PREPARED, output, LoggedProgress(), bucket), bucket, "ZeroDivisionError")


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.UNAVAILABLE])
def test_a_page_that_the_bucket_does_not_take_costs_nothing_else_but_another_attempt_where_one_helps(
    output: Path, bucket: MemoryStore, fault: Fault
) -> None:
    (output / "report.json").write_text(report_pages.data().model_dump_json(by_alias=True, exclude_none=True))
    bucket.faults["a.tflite.report.html"] = StoreError(fault, "not this one", "AccessDenied")
    if fault is Fault.REFUSED:
        without_a_page(publish(WITH_REPORT, PREPARED, output, LoggedProgress(), bucket), bucket, "AccessDenied")
    else:
        with pytest.raises(StepFailure, match="not this one"):
            publish(WITH_REPORT, PREPARED, output, LoggedProgress(), bucket)


def test_what_prepare_found_is_reported_as_it_is(tmp_path: Path, bucket: MemoryStore) -> None:
    reused = StepResult(reason=Reason.REUSED, message="there already")
    assert publish(REQUEST, PreparedModel(reused=reused), tmp_path / "absent", LoggedProgress(), bucket) is reused
    assert bucket.written == []
