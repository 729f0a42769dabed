"""What dashboards and alerts name is there to be named: asked of the running operator."""

import json

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests import monitoring
from tests.e2e.conftest import kubectl
from tests.e2e.fixtures.conversions import Workbench
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.operator_http import ask
from tests.programs.promtool import named
from tflite_api.reasons import Reason

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("operator")]

FROM_PROMETHEUS = {"job", "pod", "namespace", "instance", "le"}
"""Labels that a scrape adds, and the one of every histogram."""
MADE_BY_PROMETHEUS = {"up"}


def exposed(env: Environment) -> dict[str, dict[str, set[str]]]:
    """Return the values of each label of each sample that the operator exposes."""
    found: dict[str, dict[str, set[str]]] = {}
    for answer in ask(env, "/metrics"):
        for family in text_string_to_metric_families(answer):
            for sample in family.samples:
                labels = found.setdefault(sample.name, {})
                for name, value in sample.labels.items():
                    labels.setdefault(name, set()).add(value)
    return found


def test_every_metric_and_label_that_dashboard_and_alerts_name_is_exposed(
    bench: Workbench, env: Environment, tiny_model: str
) -> None:
    bench.run(bench.conversion("good", tiny_model))
    metrics = exposed(env)
    where = monitoring.expressions()
    for place, expression in zip(where, named(list(where.values())), strict=True):
        labels: set[str] = set()
        for metric, selected_by in expression.selectors:
            if metric in MADE_BY_PROMETHEUS:
                continue
            assert metric in metrics, f"{place} names {metric}, which the operator does not expose"
            labels |= metrics[metric].keys()
            unknown = selected_by - metrics[metric].keys() - FROM_PROMETHEUS
            assert not unknown, f"{place} selects {metric} by {unknown}, which it has not"
        assert expression.grouping <= labels | FROM_PROMETHEUS, place


def test_kustomize_makes_the_objects_of_monitoring(env: Environment) -> None:
    made = list(yaml.safe_load_all(kubectl(env, "kustomize", str(monitoring.FOLDER))))
    assert {one["kind"] for one in made} == {"ConfigMap", "PrometheusRule", "ServiceMonitor"}
    [dashboard] = [one for one in made if one["kind"] == "ConfigMap"]
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(dashboard["data"]["dashboard.json"])["panels"] == monitoring.panels()


def test_no_label_holds_what_a_user_chose(bench: Workbench, env: Environment, tiny_model: str) -> None:
    bench.run(bench.conversion("chosen-by-a-user", tiny_model, signature={"key": "also-chosen"}))
    metrics = exposed(env)
    values = {value for labels in metrics.values() for found in labels.values() for value in found}
    for chosen in ("chosen-by-a-user", "also-chosen", bench.namespace, bench.bucket):
        assert not any(chosen in value for value in values)
    reasons = {
        value for name, labels in metrics.items() if name.startswith("tflite_") for value in labels.get("reason", ())
    }
    assert reasons <= {reason.value for reason in Reason}
