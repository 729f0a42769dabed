"""Whoever may not make pods may ask for what the administrator allows everybody: places, priorities, marks of pods."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.apiserver.fixtures.admin import Object
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.people import Person, grant_rules, policies, somebody
from tests.apiserver.fixtures.workbench import SPEC, Workbench
from tests.programs.installers import of_chart
from tflite_api import names

ALLOWED = {
    "priorityClasses": ["low", "batch"],
    "nodeLabels": ["pool=converters", "kubernetes.io/arch=arm64"],
    "tolerations": ["dedicated=converters:NoSchedule", "spot:NoSchedule", "any"],
    "runtimeClasses": ["gvisor"],
    "topologyKeys": ["topology.kubernetes.io/zone"],
    "podLabels": ["cost-center", "sidecar.istio.io/inject=false", "kueue.x-k8s.io/priority-class=low"],
    "podAnnotations": ["linkerd.io/inject=disabled", "example.com/note"],
}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
TERM = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}}
WRITES = {"apiGroups": [names.GROUP], "resources": [names.PLURAL], "verbs": ["create", "patch"]}
READS = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["s3"], "verbs": ["get"]}


@pytest.fixture
def writer(plane: ControlPlane, bench: Workbench, tmp_path: Path) -> Iterator[Person]:
    """May write conversions; the chart was installed with a list."""
    objects = of_chart({"admissionPolicy": {"allowed": ALLOWED}}, tmp_path)
    with policies(plane.admin, bench.namespace, objects):
        person = somebody(plane, "writer", bench.namespace)
        grant_rules(plane.admin, person, WRITES, READS)
        yield person
        person.close()


def asked(bench: Workbench, person: Person, **spec: Any) -> str:
    """Return what is said to somebody who asks for this."""
    head: Object = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": "asked"}}
    return person.create(bench.conversions, head | {"spec": copy.deepcopy(SPEC) | spec}, dry=True)


def nodes(*terms: Object) -> Object:
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(terms)}}}}


def node(key: str, operator: str, *values: str) -> Object:
    return {"matchExpressions": [{"key": key, "operator": operator} | ({"values": list(values)} if values else {})]}


def rather(*terms: Object) -> Object:
    wishes = [{"weight": 1, "preference": term} for term in terms]
    return {"affinity": {"nodeAffinity": {PREFERRED: wishes}}}


def spread(*keys: str) -> Object:
    rest = {"maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}
    return {"topologySpreadConstraints": [rest | {"topologyKey": key} for key in keys]}


def marked(kind: str, **entries: str) -> Object:
    return {"podMetadata": {kind: {key.replace("__", "/"): value for key, value in entries.items()}}}


ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
TAKEN: list[Object] = [
    {"priorityClassName": "batch"},
    {"nodeSelector": {"pool": "converters", "kubernetes.io/arch": "arm64"}},
    {"tolerations": [{"key": "dedicated", "operator": "Equal", "value": "converters", "effect": "NoSchedule"}]},
    {"tolerations": [{"key": "dedicated", "value": "converters", "effect": "NoSchedule"}]},
    {
        "tolerations": [
            {"key": "spot", "operator": "Exists", "effect": "NoSchedule"},
            {"key": "any", "operator": "Exists"},
        ]
    },
    nodes(node("pool", "In", "converters"), node("kubernetes.io/arch", "In", "arm64")),
    rather(node("pool", "In", "converters")),
    {"runtimeClassName": "gvisor"},
    spread(ZONE),
    {"podMetadata": {"labels": {"cost-center": "7", "sidecar.istio.io/inject": "false"}}},
    {"podMetadata": {"annotations": {"linkerd.io/inject": "disabled", "example.com/note": "a, b = c"}}},
    {
        "nodeSelector": {},
        "tolerations": [],
        "affinity": {"nodeAffinity": {}, "podAffinity": {}},
        "topologySpreadConstraints": [],
        "podMetadata": {"labels": {}, "annotations": {}},
    },
]
REFUSED: list[tuple[Object, str]] = [
    ({"priorityClassName": "system-node-critical"}, "spec.priorityClassName"),
    ({"nodeSelector": {"pool": "masters"}}, "spec.nodeSelector"),
    ({"nodeSelector": {"pool": "converters", "other": ""}}, "spec.nodeSelector"),
    ({"tolerations": [{"operator": "Exists"}]}, "spec.tolerations"),
    ({"tolerations": [{"operator": "Exists", "effect": "NoExecute"}]}, "spec.tolerations"),
    ({"tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}]}, "spec.tolerations"),
    ({"tolerations": [{"key": "dedicated", "value": "converters"}]}, "spec.tolerations"),
    ({"tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoExecute"}]}, "spec.tolerations"),
    ({"tolerations": [{"key": "any", "value": "a"}]}, "spec.tolerations"),
    (nodes(node("pool", "In", "converters", "masters")), "spec.affinity.nodeAffinity"),
    (nodes(node("pool", "In", "converters"), node("pool", "Exists")), "spec.affinity.nodeAffinity"),
    (nodes(node("pool", "NotIn", "converters")), "spec.affinity.nodeAffinity"),
    (rather(node("cores", "Gt", "8")), "spec.affinity.nodeAffinity"),
    (
        nodes({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["master"]}]}),
        "spec.affinity.nodeAffinity",
    ),
    *(
        ({"affinity": {part: {how: terms}}}, "spec.affinity")
        for part in ("podAffinity", "podAntiAffinity")
        for how, terms in ((REQUIRED, [TERM]), (PREFERRED, [{"weight": 1, "podAffinityTerm": TERM}]))
    ),
    ({"runtimeClassName": "runc"}, "spec.runtimeClassName"),
    (spread(ZONE, HOST), "spec.topologySpreadConstraints"),
    (marked("labels", role="backend"), "spec.podMetadata.labels"),
    (marked("labels", team__name="a"), "spec.podMetadata.labels"),
    ({"podMetadata": {"labels": {"sidecar.istio.io/inject": "true"}}}, "spec.podMetadata.labels"),
    ({"podMetadata": {"annotations": {"k8s.v1.cni.cncf.io/networks": "storage"}}}, "spec.podMetadata.annotations"),
    ({"podMetadata": {"annotations": {"linkerd.io/inject": "enabled"}}}, "spec.podMetadata.annotations"),
]


def test_the_list_is_for_everybody_and_says_exactly_what(bench: Workbench, writer: Person) -> None:
    assert [said for spec in TAKEN if (said := asked(bench, writer, **spec))] == []
    for spec, words in REFUSED:
        said = asked(bench, writer, **spec)
        assert words in said, spec
        assert "may not make pods" in said
        assert "low, batch" in said or "priority" not in words.lower()


def test_without_a_list_nobody_may(plane: ControlPlane, bench: Workbench) -> None:
    person = somebody(plane, "writer", bench.namespace)
    grant_rules(plane.admin, person, WRITES, READS)
    with policies(plane.admin, bench.namespace):
        for spec in [*TAKEN[:-1], *(spec for spec, _ in REFUSED)]:
            assert "may not make pods" in asked(bench, person, **spec), spec
        assert asked(bench, person) == ""
    person.close()


def queued(bench: Workbench, person: Person, **labels: str) -> str:
    """Return what is said to somebody whose conversion has labels that Kueue reads on its Jobs."""
    marks = {f"kueue.x-k8s.io/{name.replace('_', '-')}": value for name, value in labels.items()}
    head: Object = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": "asked", "labels": marks}}
    return person.create(bench.conversions, head | {"spec": copy.deepcopy(SPEC)}, dry=True)


def test_a_priority_in_the_queue_is_one(bench: Workbench, writer: Person) -> None:
    assert queued(bench, writer, queue_name="any") == ""
    assert queued(bench, writer, queue_name="any", priority_class="low") == ""
    for other in ({"priority_class": "high"}, {"prebuilt_workload_name": "theirs"}):
        said = queued(bench, writer, queue_name="any", **other)
        assert "metadata.labels" in said
        assert "may not make pods" in said


def test_a_priority_in_the_queue_is_one_where_it_changes_alone(bench: Workbench, writer: Person) -> None:
    bench.create("placed", {"labels": {"kueue.x-k8s.io/priority-class": "high"}}, {"nodeSelector": {"pool": "masters"}})
    bench.create("plain", {"labels": {"kueue.x-k8s.io/priority-class": "high"}})

    def labelled(name: str, **labels: str | None) -> str:
        changes = {f"kueue.x-k8s.io/{key.replace('_', '-')}": value for key, value in labels.items()}
        return writer.patch(f"{bench.conversions}/{name}", {"metadata": {"labels": changes}})

    assert labelled("placed", queue_name="another") == ""
    assert writer.patch(f"{bench.conversions}/placed", {"metadata": {"labels": {"touched": "yes"}}}) == ""
    assert labelled("placed", priority_class=None) == ""
    assert "metadata.labels" in labelled("plain", priority_class="higher")
    assert labelled("plain", priority_class="low") == ""
    assert "metadata.labels" in labelled("plain", priority_class="high")
