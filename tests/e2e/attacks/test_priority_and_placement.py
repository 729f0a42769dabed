"""Whoever may not make pods gets neither a priority nor a place for them by a conversion."""

from typing import Any

import pytest

from tests.e2e.fixtures.conversions import Object, Workbench
from tests.e2e.fixtures.impersonation import WRITER, Person

MAKES_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
MASTERS = {"matchExpressions": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]}
MASTER = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["master"]}]}
EVERYBODY = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}, "namespaceSelector": {}}
SPREAD = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
ASKED: dict[str, tuple[str, Any]] = {
    "the highest priority": ("priorityClassName", "system-node-critical"),
    "any priority": ("priorityClassName", "tflite-operator"),
    "every taint": ("tolerations", [{"operator": "Exists"}]),
    "one taint": ("tolerations", [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]),
    "nodes": ("nodeSelector", {"node-role.kubernetes.io/control-plane": ""}),
    "nodes by affinity": ("affinity", {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [MASTERS]}}}),
    "a node": ("affinity", {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [MASTER]}}}),
    "nobody else's pods on its node": ("affinity", {"podAntiAffinity": {REQUIRED: [EVERYBODY]}}),
    "another's node": ("affinity", {"podAffinity": {REQUIRED: [EVERYBODY]}}),
    "its own place": ("topologySpreadConstraints", [SPREAD]),
    "no sandbox": ("runtimeClassName", "runc"),
    "requests that are meant for others": ("podMetadata", {"labels": {"app": "payments"}}),
    "to leave the mesh": ("podMetadata", {"labels": {"sidecar.istio.io/inject": "false"}}),
    "another network": ("podMetadata", {"annotations": {"k8s.v1.cni.cncf.io/networks": "storage"}}),
}
RESERVED = {
    "confinement": {"annotations": {"container.apparmor.security.beta.kubernetes.io/convert": "unconfined"}},
    "the runtime": {"annotations": {"io.kubernetes.cri-o.Devices": "/dev/sda"}},
    "credentials": {"annotations": {"vault.hashicorp.com/agent-inject": "true"}},
    "a token": {"labels": {"azure.workload.identity/use": "true"}},
    "the operator's policies on networks": {"labels": {"app.kubernetes.io/name": "other"}},
    "another conversion's pods": {"labels": {"tflite-operator.dev/conversion": "victim"}},
}


def idle(bench: Workbench, name: str, **spec: Any) -> Object:
    """A conversion that nothing runs of."""
    return bench.conversion(name, "https://models.invalid/1", suspend=True, **spec)


def reads(bench: Workbench) -> Object:
    return {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [bench.secret], "verbs": ["get"]}


@pytest.fixture
def writer(bench: Workbench) -> Person:
    """May write conversions that use the one Secret, and nothing else."""
    person = Person(bench, "writer")
    person.grant(WRITER, reads(bench))
    return person


@pytest.mark.parametrize("asked", ASKED)
def test_a_writer_who_may_not_make_pods_is_refused(bench: Workbench, writer: Person, asked: str) -> None:
    field, value = ASKED[asked]
    words = writer.apply(idle(bench, "pushing", **{field: value}))
    for part in (f"spec.{field}", 'user "writer"', "may not make pods", bench.namespace, "verb create on pods"):
        assert part in words, words
    assert writer.apply(idle(bench, "modest")) == ""
    assert f"spec.{field}" in writer.patch("modest", {"spec": {field: value}})


@pytest.mark.parametrize("asked", ASKED)
def test_whoever_makes_pods_may_say_where(bench: Workbench, writer: Person, asked: str) -> None:
    field, value = ASKED[asked]
    maker = Person(bench, "maker")
    maker.grant(WRITER, reads(bench), MAKES_PODS)
    assert maker.apply(idle(bench, "placed", **{field: value})) == ""
    # Another model is another use of the same place; labels are free.
    assert f"spec.{field}" in writer.patch("placed", {"spec": {"model": {"handle": "https://models.invalid/2"}}})
    assert writer.patch("placed", {"metadata": {"labels": {"team": "a"}}}) == ""
    assert writer.patch("placed", {"spec": {field: None}}) == ""


@pytest.mark.parametrize("asked", RESERVED)
def test_whoever_makes_pods_may_not_choose_what_is_reserved(bench: Workbench, writer: Person, asked: str) -> None:
    maker = Person(bench, "maker")
    maker.grant(WRITER, reads(bench), MAKES_PODS)
    words = maker.apply(idle(bench, "marked", podMetadata=RESERVED[asked]))
    [(kind, entries)] = RESERVED[asked].items()
    for part in (f"spec.podMetadata.{kind}", f"holds {next(iter(entries))}, reserved", "write another key"):
        assert part in words, words
