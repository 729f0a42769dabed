"""Objects that hold anything at all: a condition with a reason, or nothing; never an exception, never unrest."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.operator.builders import (
    COMPLETE,
    NOW,
    SETTINGS,
    Object,
    conversion,
    ended,
    failed,
    failing_pod,
    job,
    observed,
    report,
    succeeded_pod,
)
from tests.unit.operator.decide import test_deletion as deletion
from tests.unit.operator.reconcile import test_requests as requests
from tflite_api.reasons import Reason
from tflite_operator.decide.plan import plan
from tflite_operator.decide.state import state_of
from tflite_operator.observe.job import observe_job
from tflite_operator.observe.pod import observe_pod

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["True", "Failed", "Ready", "Stalled", "Converted", "2026-11-22T12:00:00Z", "Evicted", 137]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=6)
            | st.sampled_from(
                ["metadata", "spec", "status", "state", "terminated", "conditions", "name", "uid", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)
OBJECTS = st.dictionaries(st.sampled_from(["metadata", "spec", "status", "kind"]), VALUES)


def paths(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += paths(inner, (*path, key))
    return found


def samples() -> list[tuple[Object, Object, Object]]:
    owner = conversion()
    good, bad = job(owner, end=COMPLETE), job(owner, end=failed())
    seen = plan(observed(owner, [good], [succeeded_pod(owner, good)]), NOW, SETTINGS)
    assert seen.status is not None
    done = owner | {"status": seen.status.to_object()}
    failing = failing_pod(bad, "convert", 3, report(Reason.CONVERSION_FAILED))
    leaving = deletion.ready()
    deleted = report(Reason.ARTIFACT_DELETED)
    return [
        (owner, good, succeeded_pod(owner, good)),
        (owner, bad, failing),
        (done, good, succeeded_pod(owner, good)),
        (requests.asked(done, "now"), good, succeeded_pod(owner, good)),
        (conversion(status=done["status"], generation=2, suspend=True), good, succeeded_pod(owner, good)),
        (leaving, *deletion.cleanup(leaving, ended(0, deleted))),
        (leaving, *deletion.cleanup(leaving, ended(137), end=failed())),
    ]


SAMPLES = samples()


@st.composite
def almost_right(draw: st.DrawFn) -> tuple[Object, Object, Object]:
    """Objects of a real cluster in which a few fields hold something else, or nothing."""
    broken = copy.deepcopy(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 4))):
        target = broken[draw(st.integers(0, 2))]
        candidates = paths(target)
        if not candidates:
            continue
        *way, last = draw(st.sampled_from(candidates))
        for key in way:
            target = target[key]
        if draw(st.booleans()):
            target[last] = draw(VALUES)
        elif isinstance(target, dict):
            del target[last]
    return broken


def check(owner: Object, jobs: list[Object], pods: list[Object]) -> None:
    observation = observed(owner, jobs, pods)
    made = plan(observation, NOW, SETTINGS)
    if made.status is None:
        return
    written = made.status.to_object()
    assert observed(owner | {"status": written}).conversion.status == made.status
    for one in written["conditions"]:
        assert one["reason"]
    after = observed(owner | {"status": written}, jobs, pods)
    again = plan(after, NOW, SETTINGS)
    if state_of(after, NOW, SETTINGS).is_superseded and not state_of(observation, NOW, SETTINGS).is_superseded:
        # An outcome that was not in the status yet, and a request that came after it.
        return
    assert again.status is None
    assert again.actions == made.actions


@settings(max_examples=400)
@given(OBJECTS, st.lists(OBJECTS, max_size=2), st.lists(OBJECTS, max_size=2))
def test_anything(owner: Object, jobs: list[Object], pods: list[Object]) -> None:
    check(owner, jobs, pods)
    for one in jobs:
        observe_job(one)
    for one in pods:
        observe_pod(one)


@settings(max_examples=1000)
@given(almost_right())
def test_almost_right(given_objects: tuple[Object, Object, Object]) -> None:
    owner, made, its_pod = given_objects
    check(owner, [made], [its_pod])


@given(VALUES)
def test_any_status_is_read(status: object) -> None:
    state = state_of(observed(conversion() | {"status": status}), NOW, SETTINGS)
    assert state.attempt >= 0
