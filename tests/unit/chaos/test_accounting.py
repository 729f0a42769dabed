"""The accounts of a chaos run complain of what is wrong, each of its own."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from tests.chaos import accounting, audit
from tests.chaos.audit import OPERATOR, Ledger
from tests.chaos.cases import Case, Converts

NAMESPACE = "chaos-1"


def entry(order: int, verb: str, resource: str, answered: dict[str, Any], **more: Any) -> dict[str, Any]:
    resource, _, subresource = resource.partition("/")
    return {
        "stage": "ResponseComplete",
        "stageTimestamp": f"2026-01-01T00:00:00.{order:06}Z",
        "user": {"username": OPERATOR},
        "verb": verb,
        "objectRef": {"resource": resource, "namespace": NAMESPACE, "subresource": subresource},
        "responseStatus": {"code": 200},
        "responseObject": answered,
    } | more


def job(uid: str, attempt: int = 1, generation: int = 1, owner: str = "c1") -> dict[str, Any]:
    notes = {"tflite-operator.dev/attempt": str(attempt), "tflite-operator.dev/generation": str(generation)}
    labels = {"tflite-operator.dev/conversion": owner}
    return {"kind": "Job", "metadata": {"name": f"job-{uid}", "uid": uid, "annotations": notes, "labels": labels}}


def settled(generation: int = 1, owner: str = "c1") -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True", "observedGeneration": generation}
    status = {"observedGeneration": generation, "conditions": [ready]}
    return {"metadata": {"uid": owner, "generation": generation}, "status": status}


def ledger(tmp_path: Path, *entries: dict[str, Any]) -> Ledger:
    log = tmp_path / "audit.log"
    log.write_text("".join(json.dumps(one) + "\n" for one in entries))
    return audit.read(log, NAMESPACE)


def created(*jobs: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry(order, "create", "jobs", one) for order, one in enumerate(jobs)]


class Played(Converts):
    """A case that has been played."""

    def __init__(self) -> None:
        self.name, self.key, self.uids = "one", "one.tflite", {"one": "c1"}


CASES = cast("Sequence[Case]", [Played()])


def test_a_plain_run_has_nothing_to_complain_of(tmp_path: Path) -> None:
    found = ledger(tmp_path, *created(job("j1")), entry(9, "patch", "tfliteconversions/status", settled()))
    assert accounting.doubled(found) == []
    assert accounting.miscounted(found, CASES) == []
    assert accounting.restarted(found) == []
    assert accounting.overwritten(found) == []


def test_two_jobs_for_an_attempt_are_doubled(tmp_path: Path) -> None:
    assert "c1 generation 1 attempt 1" in accounting.doubled(ledger(tmp_path, *created(job("j1"), job("j2"))))[0]


def test_a_job_whose_creation_was_logged_as_timed_out_is_found_by_what_came_later(tmp_path: Path) -> None:
    lost = entry(0, "create", "jobs", {"kind": "Status"}, responseStatus={"code": 504})
    found = ledger(tmp_path, lost, entry(1, "patch", "jobs", job("j1")), entry(2, "create", "jobs", job("j2")))
    assert len(accounting.doubled(found)) == 1


def test_a_job_of_which_only_its_timed_out_creation_is_logged_may_have_been_made(tmp_path: Path) -> None:
    lost = entry(0, "create", "jobs", {"kind": "Status"}, responseStatus={"code": 504}, requestObject=job("j1"))
    assert accounting.miscounted(ledger(tmp_path, lost), CASES) == []


@pytest.mark.parametrize("attempts", [[], [2], [1, 2], [1, 3]])
def test_a_gap_or_one_too_many_is_miscounted(tmp_path: Path, attempts: list[int]) -> None:
    made = created(*(job(f"j{number}", number) for number in attempts))
    assert len(accounting.miscounted(ledger(tmp_path, *made), CASES)) == 1


def test_a_job_of_nobody_is_miscounted(tmp_path: Path) -> None:
    found = ledger(tmp_path, *created(job("j1"), job("j2", owner="c2")))
    assert accounting.miscounted(found, CASES) == ["a Job for a conversion that nobody made: c2"]


@pytest.mark.parametrize(("generation", "complaints"), [(1, 1), (2, 0)])
def test_a_job_after_the_outcome_is_a_restart_unless_the_spec_changed(
    tmp_path: Path, generation: int, complaints: int
) -> None:
    outcome = entry(1, "patch", "tfliteconversions/status", settled())
    again = entry(2, "create", "jobs", job("j2", 2, generation))
    assert len(accounting.restarted(ledger(tmp_path, *created(job("j1")), outcome, again))) == complaints


def test_a_job_that_was_asked_for_is_none_but_a_second_one_is(tmp_path: Path) -> None:
    asked = {"metadata": {"annotations": {"tflite-operator.dev/requestedAt": "now"}}}
    request = entry(2, "patch", "tfliteconversions", settled(), requestObject=asked)
    outcome, outcome_again = (entry(order, "patch", "tfliteconversions/status", settled()) for order in (1, 4))
    second, third = entry(3, "create", "jobs", job("j2", 2)), entry(5, "create", "jobs", job("j3", 3))
    once = [*created(job("j1")), outcome, request, second, outcome_again]
    assert accounting.restarted(ledger(tmp_path, *once)) == []
    assert len(accounting.restarted(ledger(tmp_path, *once, third))) == 1


def test_too_many_status_writes_are_told(tmp_path: Path) -> None:
    writes = [entry(order, "patch", "tfliteconversions/status", settled()) for order in range(7)]
    assert accounting.overwritten(ledger(tmp_path, *writes)) == ["c1: 7 status writes for 0 Jobs"]


def test_objects_are_counted() -> None:
    stored = {"one.tflite": "", "stranger": ""}
    assert accounting.misplaced(CASES, stored, {"one.tflite": 1, "stranger": 1}) == [
        "an object that nobody asked for: stranger"
    ]
    assert len(accounting.misplaced(CASES, {"one.tflite": ""}, {"one.tflite": 2})) == 1
    tried = {"one.tflite.write-test": ""}
    assert accounting.misplaced(CASES, tried, {"one.tflite.write-test": 2}) == []
    assert len(accounting.misplaced(CASES, {"one.tflite": ""}, {})) == 1


def test_orphans_are_found() -> None:
    def owned(name: str, owner: str, **status: Any) -> dict[str, Any]:
        notes = {"tflite-operator.dev/attempt": "1"}
        references = [{"uid": owner}]
        metadata = {"name": name, "uid": name, "annotations": notes, "ownerReferences": references}
        return {"metadata": metadata, "status": status}

    over = {"conditions": [{"type": "Complete", "status": "True"}]}
    conversions = [{"metadata": {"uid": "c1"}}]
    jobs = [
        cleanup("d1") | {"status": over},
        owned("good", "c1", **over),
        owned("lonely", "c2", **over),
        owned("running", "c1"),
    ]
    pods = [owned("pod", "good"), owned("left", "another")]
    assert accounting.orphaned(conversions, jobs, pods) == [
        "Job lonely belongs to nobody",
        "Job running still runs",
        "pod left belongs to nobody",
    ]


def test_a_job_without_a_time_to_live_is_found() -> None:
    limited = job("j1") | {"spec": {"ttlSecondsAfterFinished": 60}}
    assert accounting.kept([limited, job("j2") | {"spec": {}}]) == ["Job job-j2 has no time to live"]


def cleanup(uid: str, owner: str = "c1") -> dict[str, Any]:
    labels = {"tflite-operator.dev/conversion": owner}
    return {"kind": "Job", "metadata": {"name": f"job-{uid}", "uid": uid, "annotations": {}, "labels": labels}}


@pytest.mark.parametrize(("made", "complaints"), [(0, 1), (1, 0), (2, 1)])
def test_cleanups_are_counted(tmp_path: Path, made: int, complaints: int) -> None:
    found = ledger(tmp_path, *created(job("j1"), *(cleanup(f"d{number}") for number in range(made))))
    case = Played()
    case.cleanups = 1  # type: ignore[misc] # of this very case
    assert len(accounting.miscounted(found, [case])) == complaints
    assert len(accounting.doubled(found)) == (made > 1)


def test_uploads_are_read_from_the_access_log(tmp_path: Path) -> None:
    log = tmp_path / "s3.log"
    line = "ID {0} [25/November/2026:12:48:59 +0000] 10.0.0.1 ID X s3_PutObject a.tflite /{0}/a.tflite {1} - 0 131080\n"
    log.write_text(line.format("ours", 200) + line.format("ours", 412) + line.format("theirs", 200))
    assert audit.uploads(log, "ours") == {"a.tflite": 1}
