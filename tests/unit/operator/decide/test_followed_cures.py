"""A conversion that somebody has cured as its message says goes on by itself, or once it is asked to."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.operator import test_examples
from tests.unit.operator.builders import (
    RUNNING,
    Object,
    after,
    at,
    conversion,
    failed,
    failing_pod,
    job,
    message,
    planned,
    pod,
    report,
    started,
    waiting,
)
from tflite_api.explanations import EXPLANATIONS
from tflite_api.names import CONVERT, REQUESTED_AT_ANNOTATION, STEPS
from tflite_api.reasons import Outcome, Reason
from tflite_api.steps.step import exit_code
from tflite_api.steps.step_reasons import STEP_REASONS
from tflite_operator.decide.decision import CreateJob, DeleteJob
from tflite_operator.decide.plan import Plan

WAITING: dict[Reason, tuple[str, Callable[[], Plan]]] = {
    Reason.SECRET_NOT_FOUND: ("Create the Secret with the keys", test_examples.EXAMPLES[Reason.SECRET_NOT_FOUND]),
    Reason.VOLUME_NOT_FOUND: ("Create the PersistentVolumeClaim", test_examples.no_claim),
    Reason.CONFIG_MAP_NOT_FOUND: ("Create the ConfigMap", test_examples.no_config_map),
    Reason.POD_NOT_STARTING: ("Have what it names put right", test_examples.EXAMPLES[Reason.POD_NOT_STARTING]),
    Reason.UNSCHEDULABLE: ("add a node that fits", test_examples.no_node),
    Reason.IMAGE_PULL_FAILED: (
        "or the Secrets that it is pulled with",
        test_examples.EXAMPLES[Reason.IMAGE_PULL_FAILED],
    ),
}


@pytest.mark.parametrize("reason", WAITING)
def test_what_waits_for_something_goes_on_once_it_is_there(reason: Reason) -> None:
    words, blocked = WAITING[reason]
    seen = blocked()
    assert words in message(seen)
    owner, made = started()
    owner = after(owner, seen)
    following = planned(owner, made, pods=[pod(made, RUNNING)], now=at(400))
    assert test_examples.told(following)[0] == {Reason.PREPARING}


def test_what_is_suspended_goes_on_without_that() -> None:
    seen = test_examples.suspended()
    assert "Set spec.suspend to false to go on" in message(seen)
    assert isinstance(planned(conversion(status=status_of(seen), generation=2)).actions[0], CreateJob)


def test_a_name_that_is_free_is_taken() -> None:
    owner = conversion()
    foreign = job(owner)
    foreign["metadata"]["ownerReferences"] = []
    seen = planned(owner, foreign)
    assert "Remove that Job, or rename the conversion" in message(seen)
    assert isinstance(planned(after(owner, seen), now=at(100)).actions[0], CreateJob)


def status_of(seen: Plan) -> Object:
    assert seen.status is not None
    return dict(seen.status.to_object())


def asked(owner: Object) -> Object:
    """Return the same once somebody asks for one more run."""
    metadata = {**owner["metadata"], "annotations": {REQUESTED_AT_ANNOTATION: "2026-11-30T12:00:00Z"}}
    return {**owner, "metadata": metadata}


STEP_FAILURES = [
    (reason, step)
    for reason in Reason
    if reason.outcome is Outcome.STALLED
    for step in STEPS
    if reason in STEP_REASONS[step]
]


@pytest.mark.parametrize(("reason", "step"), STEP_FAILURES)
def test_what_a_step_refuses_is_tried_with_another_spec_or_once_more(reason: Reason, step: str) -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    said = report(reason, "as it was found", cureGiven=True)
    seen = planned(owner, over, pods=[failing_pod(over, step, exit_code(reason), said)])
    owner = after(owner, seen)
    if reason is not Reason.INVALID_SPEC:
        assert planned(owner, over, now=at(100)).actions == ()
    changed = {**owner, "metadata": {**owner["metadata"], "generation": 2}}
    changed["spec"] = {**owner["spec"], "model": {"handle": "https://tfhub.dev/google/model/2"}}
    assert isinstance(planned(changed, over, now=at(100)).actions[0], CreateJob | DeleteJob)
    assert isinstance(planned(asked(owner), over, now=at(100)).actions[0], CreateJob)
    # Only where something else than the spec may be what is cured has it to be said.
    assert (REQUESTED_AT_ANNOTATION in message(seen)) == EXPLANATIONS[reason].elsewhere


@pytest.mark.parametrize(
    ("words", "wrong", "right", "code", "why"),
    [
        (
            "Raise spec.resources.limits.memory",
            {"resources": {"limits": {"memory": "300Mi"}}},
            {"resources": {"limits": {"memory": "3Gi"}}},
            137,
            "OOMKilled",
        ),
        ("Raise spec.activeDeadlineSeconds", {}, {"activeDeadlineSeconds": 7200}, 143, "DeadlineExceeded"),
    ],
)
def test_what_a_job_ended_of_is_tried_with_more(
    words: str, wrong: dict[str, Any], right: dict[str, Any], code: int, why: str
) -> None:
    owner, _ = started(**wrong)
    late = why == "DeadlineExceeded"
    over = job(owner, end=failed(why) if late else failed())
    pods = [failing_pod(over, CONVERT, code, reason="Error" if late else why)]
    seen = planned(owner, over, pods=pods)
    assert words in message(seen)
    cured = conversion(status=status_of(seen), generation=2, **right)
    assert isinstance(planned(cured, over, now=at(100)).actions[0], CreateJob | DeleteJob)


def test_less_that_is_asked_of_a_node_is_asked_anew() -> None:
    _, made = started(resources={"requests": {"cpu": "64"}})
    seen = test_examples.no_node()
    assert "Lower spec.resources.requests" in message(seen)
    cured = conversion(status=status_of(seen), generation=2, resources={"requests": {"cpu": "1"}})
    assert isinstance(planned(cured, made, pods=[pod(made)], now=at(400)).actions[0], DeleteJob)
    assert isinstance(planned(cured, now=at(401)).actions[0], CreateJob)


def test_another_image_is_pulled_once_another_run_is_asked_for() -> None:
    """The pod that waits keeps its own."""
    owner, made = started()
    waits = pod(made, waiting("ImagePullBackOff", "no such host"))
    seen = planned(owner, made, pods=[waits], now=at(300))
    assert "correct the operator's CONVERTER_IMAGE" in message(seen)
    assert REQUESTED_AT_ANNOTATION in message(seen)
    owner = after(owner, seen)
    assert planned(owner, made, pods=[waits], now=at(310)).actions == ()
    assert isinstance(planned(asked(owner), made, pods=[waits], now=at(310)).actions[0], CreateJob | DeleteJob)
