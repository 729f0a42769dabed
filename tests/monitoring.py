"""The dashboard and the alerts of deploy/monitoring."""

import json
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parents[1] / "deploy/monitoring"


def rules() -> dict[str, Any]:
    """Return the alerts as a rules file of plain Prometheus."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus_rule.yaml").read_text())["spec"]
    return found


def alerts() -> list[dict[str, Any]]:
    """Return the alerts."""
    return [rule for group in rules()["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels."""
    found: list[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    return found


def expressions() -> dict[str, str]:
    """Return every PromQL expression of both, by where it stands."""
    shown = {
        f"panel {panel['title']}, {target['refId']}": target["expr"]
        .replace("$__rate_interval", "5m")
        .replace("$__range", "6h")
        for panel in panels()
        for target in panel["targets"]
    }
    return shown | {f"alert {alert['alert']}": alert["expr"] for alert in alerts()}
