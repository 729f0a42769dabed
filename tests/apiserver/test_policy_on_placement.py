"""Whoever may not make pods may ask for the priorities, nodes and taints that the administrator allows everybody."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.apiserver.admin import Object
from tests.apiserver.control_plane import ControlPlane
from tests.apiserver.people import Person, grant_rules, policies, somebody
from tests.apiserver.workbench import SPEC, Workbench
from tests.installers import of_chart
from tflite_api import names

ALLOWED = {
    "priorityClasses": ["low", "batch"],
    "nodeLabels": ["pool=converters", "kubernetes.io/arch=arm64"],
    "tolerations": ["dedicated=converters:NoSchedule", "spot:NoSchedule", "any"],
}
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
    {"nodeSelector": {}, "tolerations": []},
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
]


def test_the_list_is_for_everybody_and_says_exactly_what(bench: Workbench, writer: Person) -> None:
    assert [said for spec in TAKEN if (said := asked(bench, writer, **spec))] == []
    for spec, words in REFUSED:
        said = asked(bench, writer, **spec)
        assert words in said, spec
        assert "may not make pods" in said
        assert "low, batch" in said or "priority" not in words


def test_without_a_list_nobody_may(plane: ControlPlane, bench: Workbench) -> None:
    person = somebody(plane, "writer", bench.namespace)
    grant_rules(plane.admin, person, WRITES, READS)
    with policies(plane.admin, bench.namespace):
        for spec in [*TAKEN[:-1], *(spec for spec, _ in REFUSED)]:
            assert "may not make pods" in asked(bench, person, **spec), spec
        assert asked(bench, person) == ""
    person.close()
