"""Conversions as large as anybody can make them do not end the operator, which all namespaces share."""

import copy
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bench.scale.largest import largest_conversion
from tests.apiserver.conftest import Start
from tests.apiserver.fixtures.admin import CRD, Object
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.operator_process import OperatorProcess
from tests.apiserver.fixtures.workbench import Workbench

VALUES: Final = yaml.safe_load((Path(__file__).parents[3] / "deploy/helm/tflite-operator/values.yaml").read_text())
LIMIT_MEBIBYTES: Final = int(VALUES["resources"]["limits"]["memory"].removesuffix("Mi"))
OLD: Final = 20
WITHIN_SECONDS: Final = 240
"""The API server takes seconds to check an object of more than a megabyte before it writes its status."""
RULES: Final = "x-kubernetes-validations"
BOUNDS: Final = ("maxItems", "maxLength", RULES)


def labelled(name: str, outputs: int, labels: int) -> Object:
    """A conversion with outputs of so many labels each."""
    found = largest_conversion(name)
    found["spec"]["metadata"] = {
        "outputs": [{"name": f"y{number}", "labels": ["a label of mine"] * labels} for number in range(outputs)]
    }
    return found


def loosened(node: Any) -> Any:
    """Return a schema without bounds, as an earlier version of the CRD had few."""
    if isinstance(node, dict):
        # A list of names that must be unique needs a bound.
        return {key: loosened(value) for key, value in node.items() if key not in BOUNDS or node.get("type") is None}
    return [loosened(one) for one in node] if isinstance(node, list) else node


def loosen(plane: ControlPlane) -> None:
    """Have the API server take what the schema refuses."""
    crd = plane.admin.get(CRD)
    versions = copy.deepcopy(crd["spec"]["versions"])
    spec = versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["metadata"] = loosened(spec["properties"]["metadata"])
    plane.admin.patch(CRD, {"spec": {"versions": versions}})


def peak(operator: OperatorProcess) -> float:
    """Return the most memory that the operator had at once, in MiB."""
    lines = Path(f"/proc/{operator.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def test_what_once_ended_the_operator_is_refused_in_words_for_people(bench: Workbench) -> None:
    with pytest.raises(AssertionError, match="must have at most 20 items"):
        bench.create_whole(labelled("many", outputs=32, labels=2000))
    with pytest.raises(AssertionError, match="the texts and labels must have at most 49152 bytes together"):
        bench.create_whole(labelled("many", outputs=20, labels=200))


def test_conversions_from_before_the_bounds_stall_and_the_others_go_on(
    plane: ControlPlane, bench: Workbench, start: Start
) -> None:
    loosen(plane)
    try:
        for number in range(OLD):
            bench.create_whole(labelled(f"old-{number}", outputs=32, labels=2000))
    finally:
        plane.admin.apply_crd()
    operator = start(RECHECK_SECONDS="2")
    operator.until_ready()
    new = bench.create_whole(largest_conversion("new"))
    operator.until("the largest has a Job", lambda: bench.has_job(new), WITHIN_SECONDS)
    operator.until(
        "the old ones are told why",
        lambda: {bench.reason(f"old-{number}") for number in range(OLD)} == {"InvalidSpec"},
        WITHIN_SECONDS,
    )
    message = bench.get("old-0")["status"]["conditions"][0]["message"]
    assert "more than the 131051 that they can be told: shorten the texts and labels" in message
    assert operator.exit_codes == []
    assert peak(operator) < LIMIT_MEBIBYTES
    bench.delete("old-0")
    operator.until("one is forgotten", lambda: operator.metric("tflite_operator_conversions") == OLD)


@pytest.mark.parametrize("where", ["labels", "annotations", "finalizers"])
def test_large_metadata_is_not_kept(bench: Workbench, start: Start, where: str) -> None:
    large: dict[str, Object] = {
        "labels": {"labels": {f"example.com/{number:050}": "v" * 60 for number in range(8000)}},
        "annotations": {"annotations": {"example.com/note": "v" * 250_000}},
        "finalizers": {"finalizers": [f"example.com/{number:050}" for number in range(8000)]},
    }
    made = [bench.create(f"c-{number}", large[where]) for number in range(20)]
    operator = start()
    operator.until_ready()
    operator.until("all have Jobs", lambda: all(bench.has_job(one) for one in made))
    assert operator.exit_codes == []
    assert peak(operator) < LIMIT_MEBIBYTES
    for one in made:
        bench.patch(one["metadata"]["name"], {"metadata": {"finalizers": None, "labels": None}})
