"""Whoever may make Jobs in one namespace writes nothing into a status of another."""

import pytest
from kubernetes import client

from tests.attacks import forgery
from tests.e2e.conftest import new_namespace
from tests.e2e.fixtures.conversions import Workbench, condition, holds
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.impersonation import Person

pytestmark = pytest.mark.tensorflow

MAKES_JOBS = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]}
MAKES_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}
HELD_UP = {"nodeSelector": {"tflite-operator.dev/e2e-place": "nowhere"}}


@pytest.mark.pods(2)
def test_a_job_elsewhere_with_the_victims_uid_makes_nothing_ready(
    bench: Workbench, env: Environment, api: client.ApiClient, tiny_model: str
) -> None:
    bench.create(bench.conversion("victim", tiny_model, **HELD_UP))
    victim = bench.wait("victim", lambda seen: "job" in seen.get("status", {}))
    with new_namespace(api, env) as elsewhere:
        attacker = Person(bench, "attacker")
        attacker.grant(MAKES_JOBS, namespace=elsewhere)
        said = [
            attacker.create(forgery.job(victim, env.converter_image, number), namespace=elsewhere) for number in (1, 2)
        ]
        if not any(said):
            # Without the policies they report, until the garbage collector misses their owner, and are not heard.
            done = ("get", "jobs", "--namespace", elsewhere, "-o", "jsonpath={.items[*].status.succeeded}")
            bench.until(lambda: bench.kubectl(*done) in {"1 1", ""}, "they report, or are gone")
        # The victim's next event.
        bench.patch("victim", {"metadata": {"labels": {"touched": "yes"}}, "spec": {"nodeSelector": None}})
        ready = bench.wait("victim", holds("Ready"))
    assert ready["status"]["artifact"]["sha256"] != forgery.SHA256
    assert condition(ready, "Ready")["reason"] == "Converted"
    assert all("only the operator does" in words for words in said), said


def test_a_pod_elsewhere_with_the_victims_uid_delays_nothing(
    bench: Workbench, env: Environment, api: client.ApiClient, tiny_model: str
) -> None:
    victim = bench.create(bench.conversion("victim", tiny_model, suspend=True))
    with new_namespace(api, env) as elsewhere:
        attacker = Person(bench, "attacker")
        attacker.grant(MAKES_PODS, namespace=elsewhere)
        made = forgery.job(victim, env.converter_image)["spec"]["template"]
        never = made["spec"] | {"nodeSelector": HELD_UP["nodeSelector"]}
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "none", "uid": "11111111-2222-3333-4444-555555555555"}
        metadata = made["metadata"] | {"name": "waits", "ownerReferences": [owner]}
        said = attacker.create(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": never}, namespace=elsewhere
        )
        bench.patch("victim", {"spec": {"suspend": False}})
        assert holds("Ready")(bench.wait("victim", holds("Ready")))
    assert "only the Job controller" in said
