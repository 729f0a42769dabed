"""What is planned once the pod reports a success, and which success counts."""

from typing import Any

import pytest

from tests.unit.operator.builders import (
    COMPLETE,
    after,
    at,
    conditions,
    conversion,
    is_at_rest,
    job,
    message,
    planned,
    running,
    started,
    succeeded_pod,
    success,
    told,
)
from tflite_api.reasons import Reason
from tflite_operator.decide.decision import SetJobTTL


def test_success_is_taken_from_the_pod_before_the_job_says_so() -> None:
    owner, made = started()
    done = planned(owner, made, pods=[succeeded_pod(owner, made)])
    assert conditions(done) == {"Ready": ("True", "Converted"), "Verified": ("True", "SNRSufficient")}
    assert done.status is not None
    status = done.status.to_object()
    assert status["artifact"]["sha256"] == "a" * 64
    assert status["provenance"]["converterImage"] == "example.com/converter@sha256:ab"
    assert (status["startTime"], status["completionTime"]) == ("2026-11-22T12:00:00Z", "2026-11-22T12:00:31Z")
    assert done.follow_ups[-1] == SetJobTTL(made["metadata"]["name"], "job-1-1", 3600)
    assert told(done) == [Reason.CONVERTED]
    assert done.finished is Reason.CONVERTED


@pytest.mark.parametrize(
    ("more", "verified"),
    [
        ({"verdict": "NonDeterministic"}, ("Unknown", "NonDeterministic")),
        ({"verdict": "ReportOnly"}, ("Unknown", "ReportOnly")),
        ({"verdict": "RealDataNotSeen"}, ("Unknown", "RealDataNotSeen")),
        ({"verdict": "MetricsSufficient"}, ("True", "MetricsSufficient")),
        ({"reason": Reason.REUSED}, ("True", "SNRSufficient")),
    ],
)
def test_the_verdict_becomes_verified(more: dict[str, object], verified: tuple[str, str]) -> None:
    owner, made = started()
    done = planned(owner, made, pods=[succeeded_pod(owner, made, **more)])
    assert conditions(done)["Verified"] == verified
    assert ("by hand" in message(done, "Verified")) == (verified[1] == "NonDeterministic")
    assert conditions(done)["Ready"][0] == "True"


def test_what_the_artifact_takes_is_shown_and_goes_with_it() -> None:
    figures = {"runtime": "LiteRT 2.3.0 with XNNPACK", "p50Milliseconds": "1.5000", "threads": 2, "arenaBytes": 4096}
    owner, made = started()
    done = planned(owner, made, pods=[succeeded_pod(owner, made, benchmark=figures)])
    assert done.status is not None
    assert done.status.to_object()["benchmark"] == figures
    later = after(owner, done)
    later["metadata"]["generation"] = 2
    again = planned(later, another := job(later), pods=[succeeded_pod(later, another)])
    assert again.status is not None
    assert "benchmark" not in again.status.to_object()


def test_a_job_gone_after_success_is_not_run_again() -> None:
    owner, made = started()
    owner = after(owner, planned(owner, made, pods=[succeeded_pod(owner, made)]))
    assert is_at_rest(planned(owner))
    assert planned(owner, now=at(10**7)).look_again is None


def test_a_finished_job_gets_its_ttl_even_if_the_operator_died_in_between() -> None:
    owner, made = started()
    done = job(owner, end=COMPLETE)
    owner = after(owner, planned(owner, done, pods=[succeeded_pod(owner, made)]))
    assert planned(owner, done).everything == (SetJobTTL(done["metadata"]["name"], "job-1-1", 3600),)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"provenance": {**success(conversion())["provenance"], "recipeHash": "c" * 64}}, "another recipe"),
        ({"artifact": {**success(conversion())["artifact"], "uri": "s3://models/else"}}, "another object"),
        ({"artifact": {**success(conversion())["artifact"], "reportURI": "s3://models/else"}}, "another report page"),
        ({"artifact": None}, "names no artifact"),
        ({"artifact": {"uri": 1}}, "malformed"),
    ],
)
def test_a_success_of_something_else_does_not_count(change: dict[str, object], words: str) -> None:
    owner, _ = started()
    over = job(owner, end=COMPLETE)
    made = planned(owner, over, pods=[succeeded_pod(owner, over, **change)], now=at(61))
    assert conditions(made) == running(Reason.STEP_CRASHED)
    assert words in message(made)


def test_a_success_without_the_report_that_was_asked_for_does_not_count() -> None:
    owner = conversion(report=True)
    over = job(owner, end=COMPLETE)
    artifact = success(owner)["artifact"]
    assert "another report page" in message(planned(owner, over, pods=[succeeded_pod(owner, over)], now=at(61)))
    excused = planned(owner, over, pods=[succeeded_pod(owner, over, reportProblem="it could not be drawn")])
    assert conditions(excused)["Ready"] == ("True", "Converted")
    whole = {**artifact, "reportURI": "s3://models/a/b.tflite.report.html"}
    made = planned(owner, over, pods=[succeeded_pod(owner, over, artifact=whole)], now=at(61))
    assert made.status is not None
    assert made.status.artifact is not None
    assert made.status.artifact.report_uri == "s3://models/a/b.tflite.report.html"


ATTESTATION = {"uri": "s3://models/a/b.tflite.intoto.jsonl", "sha256": "d" * 64, "keyID": "SHA256:x"}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [(None, ATTESTATION), ({}, None), ({}, {**ATTESTATION, "uri": "s3://models/a/b.tflite"})],
)
def test_a_success_without_the_attestation_that_the_spec_wants_does_not_count(wanted: Any, said: Any) -> None:
    owner = conversion(attestation=wanted)
    over = job(owner, end=COMPLETE)
    made = planned(owner, over, pods=[succeeded_pod(owner, over, attestation=said)], now=at(61))
    assert conditions(made) == running(Reason.STEP_CRASHED)
    assert "another attestation" in message(made)


def test_the_status_says_where_the_attestation_is() -> None:
    owner = conversion(attestation={"secretRef": {"name": "signing-key"}})
    made = job(owner)
    done = planned(owner, made, pods=[succeeded_pod(owner, made, attestation=ATTESTATION)])
    assert done.status is not None
    assert done.status.to_object()["attestation"] == ATTESTATION


def test_a_pod_of_another_job_does_not_count() -> None:
    owner, made = started()
    other = job(owner, attempt=2)
    assert conditions(planned(owner, made, other, pods=[succeeded_pod(owner, made)])) == running(Reason.PENDING)
