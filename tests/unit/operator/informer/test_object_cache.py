"""A cache is never older than our own writes, never brings back what is gone, and keeps what a decision reads alone."""

import copy
import json
from collections.abc import Callable
from dataclasses import asdict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.operator.builders import (
    COMPLETE,
    NOW,
    RUNNING,
    UID,
    Object,
    condition,
    conversion,
    ended,
    failed,
    job,
    pod,
    started,
    succeeded_pod,
    waiting,
)
from tflite_operator.core.fields import timestamp
from tflite_operator.core.labels import (
    ATTEMPT_ANNOTATION,
    CONVERSION_LABEL,
    FAILURES_ANNOTATION,
    NAME_ANNOTATION,
    REQUEST_ANNOTATION,
)
from tflite_operator.informer.object_cache import EVERYWHERE, ObjectCache
from tflite_operator.observe.job import ObservedJob, observe_job
from tflite_operator.observe.pod import ObservedPod, observe_pod

_WORDS = st.sampled_from(
    [
        *("metadata", "name", "namespace", "uid", "labels", "annotations", "ownerReferences", "deletionTimestamp"),
        *("spec", "template", "suspend", "ttlSecondsAfterFinished", "containers", "initContainers", "resources"),
        *("limits", "memory", "image", "status", "conditions", "type", "phase", "reason", "message", "state"),
        *("terminated", "running", "waiting", "exitCode", "containerStatuses", "initContainerStatuses", "kind"),
        *("Complete", "Failed", "PodScheduled", "DisruptionTarget", "True", "False", "prepare", "convert", "publish"),
        *("tflite-operator.dev/attempt", "tflite-operator.dev/conversion", "controller"),
    ]
)
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**12) | _WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS | st.text(max_size=5), inner, max_size=6),
    max_leaves=40,
)
OBJECTS = st.dictionaries(_WORDS, _ANYTHING, max_size=4)
"""Whatever JSON there is, in places where a decision reads."""


def at_version(version: int | str, name: str = "a", attempt: int | None = None, **metadata: object) -> Object:
    """A Job whose attempt tells its version, unless another one is given."""
    found = job(conversion(), attempt or (int(version) if str(version).isdigit() else 1))
    found["metadata"] |= {"name": name, "resourceVersion": str(version)} | metadata
    return found


def jobs() -> ObjectCache[ObservedJob]:
    return ObjectCache(observe_job)


def known(cache: ObjectCache[ObservedJob], namespace: str = "team") -> dict[str, int]:
    """The version of each Job that is known, by its name."""
    return {one.name: one.attempt for one in cache.of_conversion(namespace, UID)}


def test_an_event_from_before_our_own_write_does_not_undo_it() -> None:
    cache = jobs()
    cache.show(at_version(5))
    cache.record(at_version(9))
    assert cache.show(at_version(7)) is None
    assert known(cache) == {"a": 9}
    assert cache.show(at_version(9)) is None, "our own write changes nothing"
    assert cache.show(at_version(11)) == observe_job(at_version(11))
    assert known(cache) == {"a": 11}


def test_an_answer_that_comes_after_the_deletion_brings_nothing_back() -> None:
    cache = jobs()
    cache.show(at_version(5))
    cache.remove(at_version(10))
    cache.hear("10", EVERYWHERE)
    cache.record(at_version(9))
    assert known(cache) == {}
    cache.record(at_version(12))
    assert known(cache) == {"a": 12}


@pytest.mark.parametrize("scope", [EVERYWHERE, "team"])
def test_a_bookmark_tells_that_nothing_before_it_is_news(scope: str) -> None:
    cache = jobs()
    cache.hear("20", scope)
    cache.record(at_version(19))
    assert known(cache) == {}


def test_a_part_of_a_list_says_nothing_of_what_is_not_in_it() -> None:
    """It is sorted by name: what a later page holds may be older than what an earlier one showed."""
    cache = jobs()
    cache.show(at_version(100, name="earlier.page"))
    cache.record(at_version(95))
    assert known(cache)["a"] == 95


def test_the_deletion_of_an_earlier_one_of_the_name_leaves_the_present_one() -> None:
    cache = jobs()
    cache.record(at_version(9, uid="new"))
    assert cache.remove(at_version(8, uid="old")).uid == "old", "it is told of what is gone"
    assert known(cache) == {"a": 9}


def test_a_new_list_drops_what_it_does_not_hold_except_what_is_newer_or_elsewhere() -> None:
    cache = jobs()
    for name, number in (("stays", 3), ("vanished", 4), ("newer", 30)):
        cache.show(at_version(number, name=name))
    cache.show(at_version(5, name="elsewhere", namespace="other"))
    gone = cache.retain({("team", "stays")}, "20", "team")
    assert [one.name for one in gone] == ["vanished"]
    assert known(cache) == {"stays": 3, "newer": 30}
    assert known(cache, "other") == {"elsewhere": 5}


def test_jobs_are_found_by_the_label_of_their_conversion_as_long_as_they_carry_it() -> None:
    cache = jobs()
    cache.show(at_version(1, name="a"))
    cache.show(at_version(1, name="b"))
    assert list(known(cache)) == ["a", "b"]
    cache.show(at_version(2, name="a", labels={}))
    assert list(known(cache)) == ["b"]
    cache.remove(at_version(3, name="b"))
    assert known(cache) == {}


def test_versions_that_are_no_numbers_are_taken_as_they_come() -> None:
    cache = jobs()
    cache.show(at_version("abc"))
    assert cache.show(at_version("abd", attempt=2)) is not None
    cache.remove(at_version("abe"))
    assert known(cache) == {}


def test_a_job_of_another_namespace_that_claims_a_conversion_is_never_among_its_own() -> None:
    """A UID is public: whoever may make Jobs in some namespace can write it into a label and into an owner."""
    cache = jobs()
    cache.show(at_version(1, name="own"))
    cache.show(at_version(2, name="claims", namespace="elsewhere"))
    # The name of the conversion's own Job, which is public as well.
    cache.show(at_version(3, name="own", namespace="elsewhere"))
    assert known(cache) == {"own": 1}
    cache.remove(at_version(4, name="own"))
    assert known(cache) == {}
    assert known(cache, "elsewhere") == {"claims": 2, "own": 3}


def test_a_pod_of_another_namespace_that_claims_a_conversion_is_never_among_its_own() -> None:
    cache = ObjectCache(observe_pod)
    foreign = pod(job(conversion()), RUNNING)
    foreign["metadata"]["namespace"] = "elsewhere"
    cache.show(foreign)
    assert cache.of_conversion("team", UID) == []


def with_container(made: Object, **more: object) -> Object:
    made["spec"]["template"]["spec"]["containers"][0] |= more
    return made


NOT_READ: dict[str, Callable[[Object], object]] = {
    "who changed what": lambda one: one["metadata"].update(managedFields=[{"manager": "kube-controller-manager"}]),
    "somebody's note": lambda one: one["metadata"].setdefault("annotations", {}).update({"example.com/note": "x"}),
    "somebody's label": lambda one: one["metadata"]["labels"].update({"example.com/team": "x"}),
    "the version": lambda one: one["metadata"].update(resourceVersion="8"),
    "the generation": lambda one: one["metadata"].update(generation=7),
    "finalizers": lambda one: one["metadata"].update(finalizers=["batch.kubernetes.io/job-tracking"]),
    "somebody's condition": lambda one: one["status"].setdefault("conditions", []).append(condition("Audited")),
    "counts": lambda one: one["status"].update(ready=1, active=2),
    "the start": lambda one: one["status"].update(startTime=timestamp(NOW), podIP="10.0.0.1", hostIP="10.0.0.2"),
}
"""What changes now and then, and is read by nothing."""
READ_OF_JOB: dict[str, Callable[[Object], object]] = {
    "another UID": lambda one: one["metadata"].update(uid="another"),
    "the conversion": lambda one: one["metadata"]["labels"].update({CONVERSION_LABEL: "another"}),
    "the conversion's name": lambda one: one["metadata"]["annotations"].update({NAME_ANNOTATION: "another"}),
    "the owner": lambda one: one["metadata"].update(ownerReferences=[]),
    "the attempt": lambda one: one["metadata"]["annotations"].update({ATTEMPT_ANNOTATION: "2"}),
    "the failures": lambda one: one["metadata"]["annotations"].update({FAILURES_ANNOTATION: "2"}),
    "the request": lambda one: one["metadata"]["annotations"].update({REQUEST_ANNOTATION: "now"}),
    "a deletion": lambda one: one["metadata"].update(deletionTimestamp=timestamp(NOW)),
    "the queue": lambda one: one["metadata"]["labels"].update({"kueue.x-k8s.io/queue-name": "team"}),
    "the suspension": lambda one: one["spec"].update(suspend=True),
    "the time to live": lambda one: one["spec"].update(ttlSecondsAfterFinished=60),
    "the end": lambda one: one["status"].update(conditions=[COMPLETE]),
    "the image": lambda one: with_container(one, image="example.com/other:2"),
    "the memory limit": lambda one: with_container(one, resources={"limits": {"memory": "1Ki"}}),
}


@pytest.mark.parametrize("change", NOT_READ.values(), ids=NOT_READ.keys())
def test_a_change_in_what_nothing_reads_changes_nothing(change: Callable[[Object], object]) -> None:
    made = job(conversion())
    runs = pod(made, RUNNING)
    for cache, shown in ((ObjectCache(observe_job), made), (ObjectCache(observe_pod), runs)):
        assert cache.show(shown) is not None
        later = copy.deepcopy(shown)
        change(later)
        assert later != shown
        assert cache.show(later) is None


@pytest.mark.parametrize("change", READ_OF_JOB.values(), ids=READ_OF_JOB.keys())
def test_a_change_in_a_job_that_a_decision_reads_is_told(change: Callable[[Object], object]) -> None:
    cache, made = jobs(), job(conversion())
    before = cache.show(made)
    later = copy.deepcopy(made)
    change(later)
    assert cache.show(later) not in (None, before)


SCHEDULED: Object = pod(job(conversion()))["status"]["conditions"][0]


@pytest.mark.parametrize(
    "changes",
    [
        {"phase": "Running"},
        {"reason": "Evicted"},
        {"message": "The node was low on resource: memory."},
        {"conditions": []},
        {"conditions": [condition("PodScheduled", "Unschedulable", message="no room") | {"status": "False"}]},
        {"conditions": [SCHEDULED, condition("DisruptionTarget")]},
        {"initContainerStatuses": []},
    ],
)
def test_a_change_in_a_pod_that_a_decision_reads_is_told(changes: Object) -> None:
    cache, made = ObjectCache(observe_pod), job(conversion())
    before = cache.show(pod(made, RUNNING))
    assert cache.show(pod(made, RUNNING, **changes)) not in (None, before)


_ODD: Object = {"a": [{}]}
_ODD_JOB: Object = {
    "metadata": dict.fromkeys(("name", "uid", "creationTimestamp"), _ODD),
    "spec": {
        "suspend": _ODD,
        "template": {
            "spec": {"containers": [{"name": _ODD, "image": _ODD, "resources": {"limits": {"memory": _ODD}}}]}
        },
    },
    "status": {"conditions": [{"type": "Failed", "status": "True", "reason": _ODD}]},
}
_ODD_STEP: Object = {"name": "prepare", "image": _ODD, "imageID": _ODD, "state": {"terminated": {"message": _ODD}}}
_ODD_POD: Object = {
    "metadata": dict.fromkeys(("name", "uid", "deletionTimestamp"), _ODD),
    "status": {
        "phase": _ODD,
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": _ODD}],
        "initContainerStatuses": [_ODD_STEP, {"name": "convert", "state": {"waiting": {"reason": _ODD}}}],
    },
}


@example(_ODD_JOB)
@example(_ODD_POD)
@given(OBJECTS)
def test_nothing_of_any_job_or_pod_is_kept_but_facts(whole: Object) -> None:
    """No part of the object itself, which could be large: those are not hashable."""
    assert isinstance(hash(observe_job(whole)), int)
    assert isinstance(hash(observe_pod(whole)), int)


def kept(facts: ObservedJob | ObservedPod) -> int:
    return len(json.dumps(asdict(facts), default=str))


@pytest.mark.parametrize("end", [None, COMPLETE, failed("DeadlineExceeded")])
def test_of_a_real_job_a_small_part_is_kept(end: Object | None) -> None:
    whole = job(conversion(), 3, 2, end)
    whole["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "team"
    whole["spec"] |= {"suspend": True, "ttlSecondsAfterFinished": 60}
    assert kept(observe_job(whole)) < len(json.dumps(whole)) / 3


def test_a_real_pod_reads_the_same_from_the_cache() -> None:
    owner, made = started()
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no room"}
    for whole in (
        succeeded_pod(owner, made),
        pod(made, RUNNING),
        pod(made, waiting("ErrImagePull", "no such host"), conditions=[unschedulable]),
        pod(made, ended(137, reason="OOMKilled"), phase="Failed", reason="Evicted", message="disk"),
    ):
        cache = ObjectCache(observe_pod)
        cache.show(whole)
        assert cache.of_conversion("team", UID) == [observe_pod(whole)]
