"""Pods that are taken away are counted and told of, and do not use up a deadline unnoticed."""

from tests.unit.operator.builders import (
    RUNNING,
    Object,
    after,
    at,
    conditions,
    ended,
    failed,
    is_at_rest,
    job,
    message,
    planned,
    pod,
    running,
    started,
)
from tflite_api.reasons import Reason
from tflite_operator.core.fields import timestamp
from tflite_operator.decide.decision import CreateJob, EmitEvent
from tflite_operator.decide.plan import Plan
from tflite_operator.jobs.attempt import Attempt


def evicted(made: Object, number: int, seconds: float) -> Object:
    """A pod that was drained from its node."""
    lost = pod(made, ended(0), ended(143), phase="Failed") | {"spec": {"nodeName": f"spot-{number}"}}
    lost["metadata"] |= {
        "name": f"lost-{number}",
        "uid": f"lost-{number}",
        "creationTimestamp": timestamp(at(seconds - 9)),
    }
    lost["status"]["conditions"].append(
        {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting",
            "lastTransitionTime": timestamp(at(seconds)),
        }
    )
    return lost


def at_work(made: Object, seconds: float) -> Object:
    shown = pod(made, ended(0), RUNNING)
    shown["metadata"]["creationTimestamp"] = timestamp(at(seconds))
    return shown


def told(made: Plan) -> list[str]:
    events = [one for one in made.follow_ups if isinstance(one, EmitEvent)]
    return [one.message for one in events if one.reason is Reason.POD_DISRUPTED and one.warning]


def count(owner: Object) -> tuple[int, str] | None:
    reference = owner["status"]["job"]
    return (reference["disruptions"], reference["lastDisruptionTime"]) if "disruptions" in reference else None


def test_each_pod_that_is_taken_away_is_told_of_and_counted_once() -> None:
    owner, made = started()
    assert count(owner) is None
    first, second = evicted(made, 1, 100), evicted(made, 2, 200)
    seen = planned(owner, made, pods=[first], now=at(101))
    assert told(seen) == [
        "Pod lost-1 on node spot-1 was taken away (1 of Job mobile-net-0742e562ad): Eviction API: evicting."
    ]
    owner = after(owner, seen)
    assert count(owner) == (1, timestamp(at(100)))
    again = planned(owner, made, pods=[first, at_work(made, 110)], now=at(120))
    assert told(again) == []
    owner = after(owner, again)
    # The first is gone by now; what evicts a pod need not leave it behind.
    third = planned(owner, made, pods=[second, evicted(made, 3, 300), at_work(made, 310)], now=at(320))
    assert [one.split("(")[1].split(" ")[0] for one in told(third)] == ["2", "3"]
    owner = after(owner, third)
    assert count(owner) == (3, timestamp(at(300)))
    assert is_at_rest(planned(owner, made, pods=[first, at_work(made, 310)], now=at(330)))


def test_a_deadline_that_evictions_used_up_is_another_attempt() -> None:
    owner, made = started()
    for number in (1, 2, 3):
        seen = planned(owner, made, pods=[evicted(made, number, number * 100)], now=at(number * 100 + 1))
        owner = after(owner, seen)
    owner = after(owner, planned(owner, made, pods=[at_work(made, 310)], now=at(320)))
    over = job(owner, end=failed("DeadlineExceeded", seconds=3600))
    ended_with = planned(owner, over, now=at(3601))
    assert conditions(ended_with) == running(Reason.POD_DISRUPTED)
    assert "which the loss of 3 of its pods to evictions or drains had used up" in message(ended_with)
    assert "Raise" not in message(ended_with)
    owner = after(owner, ended_with)
    assert planned(owner, over, now=at(3611)).actions == (CreateJob(Attempt(2, failures=0)),)
    second = job(owner, 2)
    assert count(after(owner, planned(owner, second, now=at(3612)))) is None, "the next attempt has its own"


def test_a_count_whose_time_was_edited_away_comes_to_rest() -> None:
    owner, made = started()
    owner = after(owner, planned(owner, made, pods=[evicted(made, 1, 100)], now=at(101)))
    owner["status"]["job"]["lastDisruptionTime"] = "soon"
    owner = after(owner, planned(owner, made, pods=[evicted(made, 1, 100)], now=at(102)))
    assert count(owner) == (1, timestamp(at(100)))
    assert is_at_rest(planned(owner, made, pods=[evicted(made, 1, 100)], now=at(103)))
