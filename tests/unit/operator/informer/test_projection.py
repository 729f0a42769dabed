"""What is kept of an object reads like the whole of it, whatever the object holds, and is a part of its size."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.operator.builders import (
    COMPLETE,
    NOW,
    RUNNING,
    SETTINGS,
    Object,
    conversion,
    ended,
    failed,
    job,
    pod,
    started,
    succeeded_pod,
    waiting,
)
from tflite_operator.core.identity import Identity
from tflite_operator.decide.situation import Observation, understand
from tflite_operator.informer.projection import keep_conversion, keep_job, keep_pod
from tflite_operator.observe.job import observe_job
from tflite_operator.observe.pod import observe_pod

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
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**12) | _WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS | st.text(max_size=5), inner, max_size=6),
    max_leaves=40,
)
OBJECTS = st.dictionaries(_WORDS, ANYTHING, max_size=4)


def through_json(value: Object) -> Any:
    return json.loads(json.dumps(value))


@given(OBJECTS)
def test_any_job_reads_the_same(whole: Object) -> None:
    assert observe_job(through_json(keep_job(whole))) == observe_job(whole)


@given(OBJECTS)
def test_any_pod_reads_the_same(whole: Object) -> None:
    assert observe_pod(through_json(keep_pod(whole))) == observe_pod(whole)


@given(OBJECTS)
def test_any_conversion_is_the_same_conversion(whole: Object) -> None:
    kept = through_json(keep_conversion(whole))
    assert Identity.of(kept) == Identity.of(whole)
    assert understand(Observation(kept), NOW, SETTINGS) == understand(Observation(whole), NOW, SETTINGS)


@pytest.mark.parametrize("end", [None, COMPLETE, failed("DeadlineExceeded")])
def test_a_real_job_reads_the_same(end: Object | None) -> None:
    whole = job(conversion(), 3, 2, end)
    whole["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "team"
    whole["spec"] |= {"suspend": True, "ttlSecondsAfterFinished": 60}
    kept = keep_job(whole)
    assert observe_job(through_json(kept)) == observe_job(whole)
    assert len(json.dumps(kept)) < len(json.dumps(whole)) / 3


def test_a_real_pod_reads_the_same() -> None:
    owner, made = started()
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no room"}
    for whole in (
        succeeded_pod(owner, made),
        pod(made, RUNNING),
        pod(made, waiting("ErrImagePull", "no such host"), conditions=[unschedulable]),
        pod(made, ended(137, reason="OOMKilled"), phase="Failed", reason="Evicted", message="disk"),
    ):
        assert observe_pod(through_json(keep_pod(whole))) == observe_pod(whole)


def test_what_others_note_in_the_metadata_is_nothing_to_look_at() -> None:
    owner = conversion()
    before = keep_conversion(owner)
    owner["metadata"] |= {
        "managedFields": [{"manager": "kubectl"}],
        "resourceVersion": "8",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
    }
    assert keep_conversion(owner) == before
    owner["metadata"]["annotations"]["tflite-operator.dev/requestedAt"] = "now"
    assert keep_conversion(owner) != before
