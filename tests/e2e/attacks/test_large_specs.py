"""Whoever may edit a namespace ends the operator, which all namespaces share, by no spec and no number of them."""

import json
from typing import Final

import pytest

from bench.scale.largest import largest_conversion
from tests.e2e.conftest import kubectl
from tests.e2e.fixtures.conversions import OPERATOR_PODS, Object, Workbench, condition
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.impersonation import Person
from tests.e2e.fixtures.operator_http import SYSTEM

MANY: Final = 40


def idle(name: str) -> Object:
    """Return the largest conversion that is accepted; nothing runs of it."""
    conversion = largest_conversion(name)
    conversion["spec"]["suspend"] = True
    return conversion


def labelled(outputs: int, labels: int) -> Object:
    """Return one whose outputs have so many labels each."""
    conversion = idle("large")
    named = [{"name": f"y{number}", "labels": ["a label of mine"] * labels} for number in range(outputs)]
    conversion["spec"]["metadata"] = {"outputs": named}
    return conversion


def ended_for_memory(env: Environment) -> set[tuple[str, str]]:
    """Return of which of the operator's pods a container was ended for lack of memory, and when."""
    pods = json.loads(kubectl(env, "-n", SYSTEM, "get", "pods", *OPERATOR_PODS, "-o", "json"))["items"]
    return {
        (pod["metadata"]["name"], end["finishedAt"])
        for pod in pods
        for container in pod["status"].get("containerStatuses", [])
        for state in (container["state"], container["lastState"])
        if (end := state.get("terminated", {})).get("reason") == "OOMKilled"
    }


def is_read(conversion: Object) -> bool:
    return condition(conversion, "Ready").get("reason") == "Suspended"


@pytest.mark.parametrize(
    ("outputs", "labels", "words"),
    [
        (32, 2000, "must have at most 20 items"),
        (20, 200, "the texts and labels must have at most 49152 bytes together"),
    ],
    ids=["in number", "in sum"],
)
def test_a_spec_that_is_too_large_for_the_steps_is_refused(
    editor: Person, outputs: int, labels: int, words: str
) -> None:
    assert words in editor.create(labelled(outputs, labels))


def test_forty_of_the_largest_specs_end_nothing(bench: Workbench, env: Environment, editor: Person) -> None:
    before = ended_for_memory(env)
    large = [idle(f"large-{number}") for number in range(MANY)]
    assert editor.create({"apiVersion": "v1", "kind": "List", "items": large}) == ""
    for conversion in large:
        bench.wait(conversion["metadata"]["name"], is_read)
    # The others go on.
    assert editor.apply(bench.conversion("small", "https://models.invalid/1", suspend=True)) == ""
    bench.wait("small", is_read)
    assert ended_for_memory(env) - before == set()
