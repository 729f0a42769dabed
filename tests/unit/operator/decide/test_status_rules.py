"""The rules by which the end-to-end tests judge what a watch shows accept what is right, and nothing else."""

import copy
from collections.abc import Callable

import pytest

from tests.status_rules import broken_between, broken_by, is_of_the_operator, reading
from tests.unit.operator.builders import RUNNING, Object, after, conversion, ended, job, planned, pod, succeeded_pod

STATUS_ENTRY = {
    "manager": "tflite-operator",
    "operation": "Update",
    "subresource": "status",
    "time": "2026-11-22T12:00:00Z",
    "fieldsV1": {"f:status": {}},
}


def history() -> list[Object]:
    """Every version of a conversion that goes well."""
    owner = conversion()
    owner["metadata"]["managedFields"] = [copy.deepcopy(STATUS_ENTRY)]
    made = job(owner)
    pods = [[], [pod(made, RUNNING)], [pod(made, ended(0), RUNNING)], [pod(made, ended(0), ended(0), RUNNING)]]
    versions = [owner]
    for seen in [*pods, [succeeded_pod(owner, made)]]:
        owner = after(owner, planned(owner, made, pods=seen))
        versions.append(copy.deepcopy(owner))
    return versions


def test_what_is_right_breaks_no_rule() -> None:
    versions = history()
    assert [word for one in versions for word in broken_by(one)] == []
    assert list(broken_between(versions)) == []
    assert [reading(one) for one in versions] == ["InProgress"] * 5 + ["Current"]


def conditions(version: Object) -> list[Object]:
    found: list[Object] = version["status"]["conditions"]
    return found


FORGED: dict[str, Callable[[Object], object]] = {
    "the operator owns": lambda one: one["metadata"]["managedFields"][0]["fieldsV1"].update({"f:spec": {}}),
    "f:labels": lambda one: one["metadata"]["managedFields"][0]["fieldsV1"].update({"f:metadata": {"f:labels": {}}}),
    "the conditions of generation": lambda one: conditions(one).append(conditions(one)[0] | {"type": "Stalled"}),
    "the conditions of generation -1": lambda one: one["status"].update(observedGeneration=-1),
    "speaks of generation 0": lambda one: conditions(one)[0].update(observedGeneration=0),
    "Verified speaks of": lambda one: conditions(one)[-1].update(observedGeneration=0),
    "done without an artifact": lambda one: one["status"].pop("artifact"),
    "nothing is under way": lambda one: conditions(one)[0].update(status="Unknown"),
}


@pytest.mark.parametrize("words", FORGED)
def test_a_wrong_version_is_named(words: str) -> None:
    last = history()[-1]
    FORGED[words](last)
    assert [word for word in broken_by(last) if words in word]


def of_variants(version: Object, *changes: Object) -> Object:
    """Make it a version of a conversion with one variant for each of these changes."""
    status = version["status"]
    made = {"reason": "Converted", "verified": "SNRSufficient", "artifact": status.pop("artifact")}
    del status["verification"]
    status["variants"] = [made | {"name": f"v{index}"} | change for index, change in enumerate(changes)]
    return version


def test_variants_are_done_when_each_has_an_artifact() -> None:
    done = of_variants(history()[-1], {}, {})
    assert (list(broken_by(done)), reading(done)) == ([], "Current")


@pytest.mark.parametrize("lacking", ["artifact", "verified"])
def test_a_variant_that_lacks_something_is_named(lacking: str) -> None:
    done = of_variants(history()[-1], {}, {})
    del done["status"]["variants"][1][lacking]
    assert [word for word in broken_by(done) if "done without an artifact" in word]


def test_a_spec_that_changes_within_a_generation_is_named() -> None:
    versions = history()
    versions[-1]["spec"]["suspend"] = True
    assert [word for word in broken_between(versions) if "the spec of generation 1 changed" in word]


def test_a_step_back_is_named() -> None:
    versions = history()
    versions.append(copy.deepcopy(versions[1]))
    versions[-2]["status"]["observedGeneration"] = 2
    assert [word for word in broken_between(versions) if "from generation 2 back to 1" in word]


def test_one_write_too_many_is_named() -> None:
    versions = history()
    doubled = copy.deepcopy(versions[2])
    conditions(doubled)[0]["message"] = "Said once more."
    assert [word for word in broken_between([*versions[:3], doubled, *versions[3:]]) if "6 writes" in word]


def test_each_pod_that_a_job_needed_may_tell_its_steps() -> None:
    first = history()
    moved = [*first[:4], *copy.deepcopy(first[1:])]
    assert [word for word in broken_between(moved) if "8 writes" in word]
    assert list(broken_between(moved, pods=2)) == []


def test_an_obstacle_that_was_overcome_may_be_told_as_well() -> None:
    versions = history()
    stalled = copy.deepcopy(versions[1])
    conditions(stalled)[0].update(status="False", reason="NameCollision")
    assert list(broken_between([versions[0], stalled, *versions[1:]])) == []


def test_a_status_that_somebody_else_wrote_is_theirs() -> None:
    version = history()[-1]
    later = STATUS_ENTRY | {"manager": "kubectl-edit", "time": "2026-11-22T12:00:01Z"}
    version["metadata"]["managedFields"].append(later)
    assert not is_of_the_operator(version)
    version["metadata"]["managedFields"][0]["time"] = "2026-11-22T12:00:02Z"
    assert is_of_the_operator(version)
