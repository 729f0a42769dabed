"""What Argo CD shows of a conversion, and what its actions do: by Argo CD's own Lua interpreter.

health_test.yaml and action_test.yaml have upstream's form (https://argo-cd.readthedocs.io/en/stable/operator-manual/health/).
"""

import copy
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.generate.argocd_settings import SETTINGS, settings
from tests.programs import argolua

Object = dict[str, Any]

HEALTH_TESTS: list[Object] = yaml.safe_load((argolua.FOLDER / "health_test.yaml").read_text())["tests"]
ACTIONS = argolua.FOLDER / "actions"
ACTION_TESTS: Object = yaml.safe_load((ACTIONS / "action_test.yaml").read_text())
REQUESTED_AT = "tflite-operator.dev/requestedAt"


def load(folder: Path, place: str) -> Object:
    loaded: Object = yaml.safe_load((folder / place).read_text())
    return loaded


@pytest.mark.parametrize("case", HEALTH_TESTS, ids=lambda case: Path(case["inputPath"]).stem)
def test_health_is_what_upstreams_test_file_says(case: Object) -> None:
    [found] = argolua.run(argolua.HEALTH, [load(argolua.FOLDER, case["inputPath"])])
    assert found == case["healthStatus"]


@pytest.mark.parametrize("case", ACTION_TESTS["discoveryTests"], ids=lambda case: Path(case["inputPath"]).stem)
def test_the_actions_offered_are_those_of_upstreams_test_file(case: Object) -> None:
    [found] = argolua.run(argolua.DISCOVERY, [load(ACTIONS, case["inputPath"])])
    assert found == {one.pop("name"): one for one in copy.deepcopy(case["result"])}


@pytest.mark.parametrize(
    "case", ACTION_TESTS["actionTests"], ids=lambda case: f"{case['action']}-{Path(case['inputPath']).stem}"
)
def test_an_action_changes_what_upstreams_test_file_says(case: Object) -> None:
    [found] = argolua.run(argolua.action(case["action"]), [load(ACTIONS, case["inputPath"])])
    expected = load(ACTIONS, case["expectedOutputPath"])
    for one in (found, expected):
        # The time is another one in every run; the next test looks at it.
        if REQUESTED_AT in one["metadata"].get("annotations", {}):
            one["metadata"]["annotations"][REQUESTED_AT] = "now"
    assert found == expected


def test_convert_again_asks_for_a_run_at_the_present_time() -> None:
    [found] = argolua.run(argolua.action("convert-again"), [load(ACTIONS, "testdata/requested.yaml")])
    said = found["metadata"]["annotations"][REQUESTED_AT]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(said)) < timedelta(minutes=1)


def test_every_action_is_offered_tested_and_defined() -> None:
    offered = {one["name"] for case in ACTION_TESTS["discoveryTests"] for one in case["result"]}
    assert offered == {action.parent.name for action in ACTIONS.glob("*/action.lua")}
    assert offered == {case["action"] for case in ACTION_TESTS["actionTests"]}


def test_the_settings_hold_the_lua_that_is_tested() -> None:
    assert SETTINGS.read_text() == settings(), "python -m dev.generate.argocd_settings"
    data = yaml.safe_load(SETTINGS.read_text())["data"]
    kind = "tflite-operator.dev_TFLiteConversion"
    assert data[f"resource.customizations.health.{kind}"] == argolua.HEALTH.read_text()
    actions = yaml.safe_load(data[f"resource.customizations.actions.{kind}"])
    assert actions["discovery.lua"] == argolua.DISCOVERY.read_text()
    assert {one["name"]: one["action.lua"] for one in actions["definitions"]} == {
        action.parent.name: action.read_text() for action in ACTIONS.glob("*/action.lua")
    }
