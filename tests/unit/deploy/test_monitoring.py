"""The alerts fire when they should, and the dashboard is one that Grafana can read."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests import monitoring
from tests.programs.promtool import named, promtool
from tests.unit.operator.test_deploy import OBJECTS
from tflite_api.reasons import Outcome, Reason
from tflite_operator.decide.verdict import COUNTED

# The first of them builds promtool where it is not there yet: two to three minutes.
pytestmark = pytest.mark.xdist_group("promtool")

CASES = Path(__file__).with_name("alerts.test.yaml")


def write_rules(folder: Path) -> Path:
    """Write the rules with no annotation but the summary: promtool compares all of them word by word."""
    rules = monitoring.rules()
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["annotations"] = {"summary": rule["annotations"]["summary"]}
    target = folder / "rules.yaml"
    target.write_text(yaml.safe_dump(rules))
    return target


def test_promtool_finds_no_fault_with_the_rules(tmp_path: Path) -> None:
    whole = tmp_path / "whole.yaml"
    whole.write_text(yaml.safe_dump(monitoring.rules()))
    found = promtool("check", "rules", "--lint=all", "--lint-fatal", str(whole))
    assert f"{len(monitoring.alerts())} rules found" in found


def test_each_alert_fires_for_what_it_is_for_and_not_before(tmp_path: Path) -> None:
    write_rules(tmp_path)
    shutil.copy(CASES, tmp_path)
    promtool("test", "rules", str(tmp_path / CASES.name))


def test_the_service_is_scraped_as_the_job_that_alerts_and_dashboard_name() -> None:
    [service] = [one for one in OBJECTS if one["kind"] == "Service"]
    monitor = yaml.safe_load((monitoring.FOLDER / "service_monitor.yaml").read_text())
    assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    [endpoint] = monitor["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    jobs = {job for text in monitoring.expressions().values() for job in re.findall(r'job="([^"]+)"', text)}
    assert jobs == {service["metadata"]["name"]}


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    fired = {
        case["alertname"]
        for test in yaml.safe_load(CASES.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert fired == {alert["alert"] for alert in monitoring.alerts()}


def test_every_alert_is_explained() -> None:
    documented = (monitoring.FOLDER.parents[1] / "docs/metrics.md").read_text()
    assert [alert["alert"] for alert in monitoring.alerts() if f"`{alert['alert']}`" not in documented] == []


def test_every_alert_says_what_to_do() -> None:
    for alert in monitoring.alerts():
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert "{{" not in alert["annotations"]["description"], "only summaries are tested with values"
        assert alert["annotations"]["description"].endswith(".")


def test_the_reasons_that_alerts_name_are_reasons() -> None:
    for alert in monitoring.alerts():
        for listed in re.findall(r'reason=~"([^"]+)"', alert["expr"]):
            reasons = [Reason(name) for name in listed.split("|")]
            stalled = 'phase="Stalled"' in alert["expr"]
            for reason in reasons:
                is_stalled = reason.outcome is Outcome.STALLED or (stalled and reason in COUNTED)
                assert is_stalled == stalled, (alert["alert"], reason)


def test_every_expression_is_promql() -> None:
    assert len(named(list(monitoring.expressions().values()))) > 20


def test_no_two_panels_share_a_place_or_a_number() -> None:
    panels = monitoring.panels()
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    assert all(panel["description"] and panel["targets"] for panel in panels)
