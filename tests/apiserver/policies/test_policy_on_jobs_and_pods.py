"""Nobody but the operator makes the Jobs of conversions, and nobody but the Job controller their pods."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.apiserver.fixtures.admin import Object
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.people import (
    EDIT,
    JOB_CONTROLLER,
    Person,
    grant,
    grant_everywhere,
    grant_rules,
    policies,
    somebody,
)
from tests.apiserver.fixtures.waiting import until
from tests.apiserver.fixtures.workbench import Workbench
from tflite_operator.core import labels

CONTAINER = {"name": "publish", "image": "example.com/forger:1"}
POD = {"restartPolicy": "Never", "containers": [CONTAINER]}
KUEUE = {"apiGroups": ["kueue.x-k8s.io"], "resources": ["workloads/status"], "verbs": ["update"]}
QUEUES = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "update", "patch"]}
KUBELET = {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]}
LABELS = {labels.CONVERSION_LABEL: "victim"}
ANNOTATIONS = (
    labels.NAME_ANNOTATION,
    labels.GENERATION_ANNOTATION,
    labels.ATTEMPT_ANNOTATION,
    labels.FAILURES_ANNOTATION,
    labels.REQUEST_ANNOTATION,
    labels.FORCED_ANNOTATION,
)


@pytest.fixture
def in_force(plane: ControlPlane, bench: Workbench) -> Iterator[None]:
    with policies(plane.admin, bench.namespace):
        yield


@pytest.fixture
def people(plane: ControlPlane, bench: Workbench) -> Iterator[Callable[..., Person]]:
    made: list[Person] = []

    def get(name: str, *roles: str) -> Person:
        found = somebody(plane, name, bench.namespace)
        made.append(found)
        grant(plane.admin, found, *roles)
        return found

    yield get
    for one in made:
        one.close()


@pytest.fixture
def editor(plane: ControlPlane, people: Callable[..., Person]) -> Person:
    """May edit the namespace, as the cluster's role edit says."""
    plane.admin.apply_manifest("deploy/base/user_roles.yaml")
    return people("editor", *EDIT)


def job(name: str = "forged", **metadata: Any) -> Object:
    return {"metadata": {"name": name, **metadata}, "spec": {"template": {"metadata": {}, "spec": copy.deepcopy(POD)}}}


def owner(bench: Workbench) -> Object:
    conversion = bench.create("victim")
    uid, api = conversion["metadata"]["uid"], conversion["apiVersion"]
    return {"apiVersion": api, "kind": conversion["kind"], "name": "victim", "uid": uid, "controller": True}


def forgeries(bench: Workbench) -> dict[str, Object]:
    """Jobs that pass for a conversion's, each by one mark."""
    owned = owner(bench)
    within, beside = job("within"), job("beside")
    within["spec"]["template"]["metadata"] = {"labels": LABELS}
    beside["spec"]["template"]["metadata"] = {"annotations": {labels.NAME_ANNOTATION: "victim"}}
    marked = {name: job(f"by-{number}", annotations={name: "1"}) for number, name in enumerate(ANNOTATIONS)}
    return marked | {
        "label": job("labelled", labels=LABELS),
        "controller": job("owned", ownerReferences=[owned]),
        "owner that controls nothing": job("owned-loosely", ownerReferences=[owned | {"controller": False}]),
        "label of its pods": within,
        "annotation of its pods": beside,
    }


def test_whoever_edits_the_namespace_forges_no_job(bench: Workbench, editor: Person, in_force: None) -> None:
    said = {mark: editor.create(editor.jobs, forged) for mark, forged in forgeries(bench).items()}
    assert {mark for mark, words in said.items() if "only the operator does" not in words} == set(), said
    assert editor.create(editor.jobs, job("their-own", labels={"app": "theirs"})) == ""
    assert [one["metadata"]["name"] for one in bench.jobs()] == ["their-own"]


def test_without_the_policies_they_could(bench: Workbench, editor: Person) -> None:
    said = {mark: editor.create(editor.jobs, forged) for mark, forged in forgeries(bench).items()}
    assert set(said.values()) == {""}, said


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"labels": LABELS}},
        {"metadata": {"annotations": {labels.ATTEMPT_ANNOTATION: "2"}}},
    ],
    ids=["label", "annotation"],
)
def test_a_job_does_not_become_a_conversion_s(bench: Workbench, editor: Person, in_force: None, change: Object) -> None:
    assert editor.create(editor.jobs, job("their-own")) == ""
    assert "only the operator does" in editor.patch(f"{editor.jobs}/their-own", change)
    adopted = {"metadata": {"ownerReferences": [owner(bench)]}}
    assert "only the operator does" in editor.patch(f"{editor.jobs}/their-own", adopted)
    assert editor.patch(f"{editor.jobs}/their-own", {"metadata": {"labels": {"app": "theirs"}}}) == ""


CHANGES: dict[str, dict[str, Any]] = {
    "label goes": {"metadata": {"labels": {labels.CONVERSION_LABEL: None}}},
    "attempt": {"metadata": {"annotations": {labels.ATTEMPT_ANNOTATION: "7"}}},
    "owner goes": {"metadata": {"ownerReferences": None}},
    "suspended": {"spec": {"suspend": True}},
    "deadline": {"spec": {"activeDeadlineSeconds": 1}},
    "a label of their own": {"metadata": {"labels": {"app": "theirs"}}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_conversion_s_job_is_changed_by_the_operator_alone(
    plane: ControlPlane, bench: Workbench, editor: Person, people: Callable[..., Person], in_force: None, change: str
) -> None:
    made = job("made", labels=LABELS, annotations={labels.ATTEMPT_ANNOTATION: "1"}, ownerReferences=[owner(bench)])
    plane.admin.create(editor.jobs, made)
    path = f"{editor.jobs}/made"
    assert "only the operator does" in editor.patch(path, CHANGES[change])
    told = people("status-writer")
    grant_rules(plane.admin, told, {"apiGroups": ["batch"], "resources": ["jobs/status"], "verbs": ["patch"]})
    forged = {"startTime": "2026-01-01T00:00:00Z", "conditions": [{"type": "FailureTarget", "status": "True"}]}
    assert "only the operator does" in told.patch(f"{path}/status", {"status": forged})
    cleaner = somebody(plane, "system:serviceaccount:kube-system:generic-garbage-collector", bench.namespace)
    grant_rules(plane.admin, cleaner, QUEUES)
    assert cleaner.patch(path, {"metadata": {"ownerReferences": None}}) == ""
    assert editor.delete(path) == ""
    cleaner.close()


def test_kueue_lets_jobs_start_and_stop_and_no_more(
    plane: ControlPlane, bench: Workbench, people: Callable[..., Person], in_force: None
) -> None:
    kueue = people("system:serviceaccount:queues:kueue")
    grant_rules(plane.admin, kueue, KUEUE, QUEUES)
    made = job("queued", labels=LABELS, annotations={labels.ATTEMPT_ANNOTATION: "1"}, ownerReferences=[owner(bench)])
    made["spec"]["suspend"] = True
    plane.admin.create(kueue.jobs, made)
    let_in = {"spec": {"suspend": False, "template": {"spec": {"nodeSelector": {"pool": "batch"}}}}}
    assert kueue.patch(f"{kueue.jobs}/queued", let_in) == ""
    for change in ("label goes", "attempt", "owner goes"):
        assert "only the operator does" in kueue.patch(f"{kueue.jobs}/queued", CHANGES[change]), change
    grant_rules(plane.admin, kueue, KUEUE, QUEUES | {"verbs": ["create"]}, name="makes")
    assert "only the operator does" in kueue.create(kueue.jobs, job("made", labels=LABELS))


def pod(name: str = "forged", **metadata: Any) -> Object:
    return {"metadata": {"name": name, **metadata}, "spec": copy.deepcopy(POD)}


def test_whoever_edits_the_namespace_forges_no_pod(
    plane: ControlPlane, bench: Workbench, editor: Person, people: Callable[..., Person], in_force: None
) -> None:
    owned = pod("owned", ownerReferences=[owner(bench)])
    marked = [pod(f"by-{number}", annotations={name: "1"}) for number, name in enumerate(ANNOTATIONS)]
    for forged in (pod("labelled", labels=LABELS), owned, *marked):
        assert "only the Job controller" in editor.create(editor.pods, forged), forged
    assert editor.create(editor.pods, pod("their-own")) == ""
    assert "only the Job controller" in editor.patch(f"{editor.pods}/their-own", {"metadata": {"labels": LABELS}})
    maker = people(JOB_CONTROLLER)
    grant_rules(plane.admin, maker, {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]})
    assert maker.create(maker.pods, pod("made", labels=LABELS)) == ""


def test_what_counts_of_a_pod_is_the_kubelet_s(
    plane: ControlPlane, bench: Workbench, editor: Person, people: Callable[..., Person], in_force: None
) -> None:
    maker = people(JOB_CONTROLLER)
    grant_rules(plane.admin, maker, {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]})
    assert maker.create(maker.pods, pod("made", labels=LABELS)) == ""
    path = f"{editor.pods}/made"
    other_image = {"spec": {"containers": [CONTAINER | {"image": "example.com/other:1"}]}}
    debug = {"spec": {"ephemeralContainers": [{"name": "debug", "image": "example.com/other:1"}]}}
    refused = "change what counts"
    assert refused in editor.patch(path, other_image)
    assert refused in editor.patch(path, {"metadata": {"labels": {labels.CONVERSION_LABEL: "another"}}})
    grant_rules(plane.admin, editor, KUBELET, KUBELET | {"resources": ["pods/ephemeralcontainers"]}, name="debugs")
    assert refused in editor.patch(f"{path}/ephemeralcontainers", debug)
    end = {"exitCode": 0, "message": "{}", "containerID": "containerd://1"}
    told = {"name": "publish", "image": "a", "imageID": "", "ready": False, "restartCount": 0}
    forged = {"status": {"phase": "Succeeded", "containerStatuses": [told | {"state": {"terminated": end}}]}}
    assert refused in editor.patch(f"{path}/status", forged)
    # Networks note addresses on pods, in either way.
    noted = {"metadata": {"annotations": {"k8s.v1.cni.cncf.io/network-status": "[]"}}}
    assert editor.patch(path, noted) == ""
    assert editor.patch(f"{path}/status", noted) == ""
    kubelet = people("kubelet-like")
    grant_rules(plane.admin, kubelet, KUBELET)
    assert refused in kubelet.patch(f"{path}/status", forged)
    grant_everywhere(plane.admin, kubelet, KUBELET | {"resources": ["nodes/status"]})
    assert kubelet.patch(f"{path}/status", forged) == ""


def test_what_places_pods_lets_them_go_and_changes_nothing_that_runs(
    plane: ControlPlane, bench: Workbench, editor: Person, people: Callable[..., Person], in_force: None
) -> None:
    maker = people(JOB_CONTROLLER)
    grant_rules(plane.admin, maker, {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]})
    gated = pod("gated", labels=LABELS)
    gated["spec"]["schedulingGates"] = [{"name": "kueue.x-k8s.io/topology"}]
    assert maker.create(maker.pods, gated) == ""
    path = f"{editor.pods}/gated"
    placed = {"nodeSelector": {"topology": "rack-1"}, "schedulingGates": None}
    with_more = {"spec": {**placed, "containers": [CONTAINER | {"image": "example.com/other:1"}]}}
    assert "change what counts" in editor.patch(path, with_more)
    assert "change what counts" in editor.patch(path, {"spec": {**placed, "activeDeadlineSeconds": 1}})
    assert editor.patch(path, {"spec": placed}) == ""


def test_the_marks_are_all_that_the_operator_writes() -> None:
    written = {value for name, value in vars(labels).items() if name.endswith(("_LABEL", "_ANNOTATION"))}
    assert written == {labels.CONVERSION_LABEL, *ANNOTATIONS}


@pytest.mark.parametrize("way", ["exec?command=id&stdout=true", "attach?stdout=true"])
def test_nobody_runs_commands_in_a_pod_of_a_conversion(
    plane: ControlPlane, bench: Workbench, editor: Person, people: Callable[..., Person], in_force: None, way: str
) -> None:
    maker = people(JOB_CONTROLLER)
    grant_rules(plane.admin, maker, {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]})
    assert maker.create(maker.pods, pod("made", labels=LABELS)) == ""
    assert editor.create(editor.pods, pod("their-own", labels={"app": "theirs"})) == ""
    refused = "may not run commands"
    until("the pod is known to the policy", lambda: refused in editor.create(f"{editor.pods}/made/{way}", {}))
    # Nothing runs here: what is let through comes to no node.
    assert "does not have a host assigned" in editor.create(f"{editor.pods}/their-own/{way}", {})
    assert "does not have a host assigned" in plane.admin.refusal("POST", f"{editor.pods}/made/{way}", {})
    reader = people("reader")
    grant_rules(plane.admin, reader, {"apiGroups": [""], "resources": ["pods/exec", "pods/attach"], "verbs": ["get"]})
    # The verb of a WebSocket, as kubectl opens one.
    said = reader.read(f"{reader.pods}/made/{way}")
    assert refused in said or 'cannot create resource "pods' in said
