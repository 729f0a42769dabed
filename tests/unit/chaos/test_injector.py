"""The instants at which the operator is killed."""

import pytest

from tests.chaos.calls import Chosen, Lifetime, call_of
from tests.chaos.injector import WRITES, KillPlan

CONVERSIONS = "/apis/tflite-operator.dev/v1alpha1"


@pytest.mark.parametrize(
    ("method", "path", "query", "call"),
    [
        ("GET", f"{CONVERSIONS}/namespaces/n/tfliteconversions/one", {}, "get tfliteconversions"),
        ("GET", f"{CONVERSIONS}/tfliteconversions", {"limit": "1"}, "list tfliteconversions"),
        ("GET", f"{CONVERSIONS}/tfliteconversions", {"watch": "true"}, "watch tfliteconversions"),
        ("PATCH", f"{CONVERSIONS}/namespaces/n/tfliteconversions/one/status", {}, "patch tfliteconversions/status"),
        ("POST", "/apis/batch/v1/namespaces/n/jobs", {}, "create jobs"),
        ("DELETE", "/apis/batch/v1/namespaces/n/jobs/one", {}, "delete jobs"),
        ("GET", "/api/v1/namespaces/n/pods", {}, "list pods"),
        ("GET", "/apis/batch/v1", {}, "list discovery"),
    ],
)
def test_a_call_has_the_name_that_kubernetes_gives_it(method: str, path: str, query: dict[str, str], call: str) -> None:
    assert call_of(method, path, query) == call


def test_the_same_seed_draws_the_same_ends() -> None:
    one, other = (KillPlan(1) for _ in range(2))
    assert [one.draw() for _ in range(20)] == [other.draw() for _ in range(20)]


def test_a_doom_survives_its_way_to_the_process() -> None:
    lifetime = Lifetime((Chosen("create jobs", "sent", 2),), 0.1, 0.2, 3.0)
    assert Lifetime.from_json(lifetime.to_json()) == lifetime


def test_each_instant_is_drawn_before_one_comes_again() -> None:
    plan = KillPlan(2)
    killed = []
    for _ in range(3 * len(WRITES)):
        chosen = plan.draw().chosen[0]
        killed.append((chosen.call, chosen.instant))
        plan.lay_aside(killed[-1])
    assert len(set(killed)) == 3 * len(WRITES)
