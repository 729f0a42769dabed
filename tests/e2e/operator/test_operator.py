"""The operator itself: probes, metrics, and what happens to its Jobs."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kubernetes import client
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import kubectl, new_namespace
from tests.e2e.fixtures.conversions import OPERATOR_PODS, Object, Workbench, condition, holds, is_finished
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.operator_http import SYSTEM, ask, measured

# One after the other, even where tests run side by side: some restart the operator whose metrics another reads.
pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("operator")]


def test_probes_answer(env: Environment, operator: None) -> None:
    assert ask(env, "/healthz")
    assert ask(env, "/readyz")


def test_metrics_count_what_happened(bench: Workbench, env: Environment, tiny_model: str) -> None:
    # A counter starts anew with its process, and another test may restart it between the end of a conversion and the
    # question: then the next conversion is counted.
    for number in range(3):
        finished = bench.run(bench.conversion(f"counted-{number}", tiny_model, signature={"key": "predict"}))
        assert condition(finished, "Ready")["reason"] == "SignatureNotFound"
        metrics = ask(env, "/metrics")
        counted = measured(metrics, "tflite_operator_conversions_finished_total", {"reason": "SignatureNotFound"})
        if counted:
            assert measured(metrics, "tflite_operator_reconciles_total", {"result": "ok"})
            return
    raise AssertionError(f"three conversions that failed were not counted: {metrics}")


def counted(env: Environment) -> dict[tuple[str, str], float]:
    """What the metric says of finished conversions."""
    found: Counter[tuple[str, str]] = Counter()
    for answer in ask(env, "/metrics"):
        for family in text_string_to_metric_families(answer):
            for one in family.samples if family.name == "tflite_operator_conversions" else ():
                found[one.labels["phase"], one.labels["reason"]] += int(one.value)
    return {key: number for key, number in found.items() if number and key[0] != "Reconciling"}


def existing(env: Environment) -> dict[tuple[str, str], float]:
    """What the API server says of finished conversions."""
    listed = json.loads(kubectl(env, "get", "tflc", "--all-namespaces", "-o", "json"))["items"]
    found: Counter[tuple[str, str]] = Counter()
    for one in listed:
        for phase in ("Ready", "Stalled"):
            if holds(phase)(one):
                found[phase, condition(one, phase)["reason"]] += 1
    return dict(found)


def test_conversions_are_counted_as_they_are_after_a_deletion_and_a_restart(
    bench: Workbench, env: Environment, tiny_model: str
) -> None:
    bench.run(bench.conversion("good", tiny_model))
    bench.run(bench.conversion("bad", tiny_model, signature={"key": "predict"}))
    # Other tests' conversions come and go meanwhile: the two agree at some moment, or the metric is wrong.
    bench.until(lambda: counted(env) == existing(env), "the metric agrees with what exists")
    bench.delete("good")
    bench.until(lambda: counted(env) == existing(env), "the metric agrees after a deletion")
    kubectl(env, "-n", SYSTEM, "rollout", "restart", "deployment/tflite-operator")
    kubectl(env, "-n", SYSTEM, "rollout", "status", "deployment/tflite-operator", "--timeout=120s")
    bench.until(lambda: counted(env) == existing(env), "the metric agrees after a restart")
    assert existing(env)["Stalled", "SignatureNotFound"]


def test_a_restarted_operator_goes_on_without_a_second_job(
    bench: Workbench, env: Environment, api: client.ApiClient, basic_pitch: str
) -> None:
    bench.create(bench.conversion("survivor", basic_pitch))
    started = bench.wait("survivor", lambda seen: "job" in seen.get("status", {}))
    kubectl(
        env,
        "-n",
        SYSTEM,
        "delete",
        "pod",
        "-l",
        "app.kubernetes.io/name=tflite-operator",
        "--force",
        "--grace-period=0",
    )
    finished = bench.wait("survivor", is_finished)
    assert condition(finished, "Ready")["status"] == "True"
    assert finished["status"]["job"] == started["status"]["job"]
    assert len(client.BatchV1Api(api).list_namespaced_job(bench.namespace).items) == 1


def test_a_finished_conversion_is_left_alone_though_its_job_is_gone(
    bench: Workbench, env: Environment, api: client.ApiClient, tiny_model: str
) -> None:
    batch = client.BatchV1Api(api)
    finished = bench.run(bench.conversion("resting", tiny_model))
    batch.delete_namespaced_job(finished["status"]["job"]["name"], bench.namespace, propagation_policy="Background")
    bench.until(lambda: not batch.list_namespaced_job(bench.namespace).items, "its Job is gone")
    kubectl(env, "-n", SYSTEM, "rollout", "restart", "deployment/tflite-operator")
    kubectl(env, "-n", SYSTEM, "rollout", "status", "deployment/tflite-operator", "--timeout=120s")
    # The new operator has seen every conversion once it has finished a new one.
    later = bench.run(bench.conversion("later", tiny_model))
    assert [one.metadata.name for one in batch.list_namespaced_job(bench.namespace).items] == [
        later["status"]["job"]["name"]
    ]
    assert bench.get("resting")["metadata"]["resourceVersion"] == finished["metadata"]["resourceVersion"]


def test_a_job_deleted_while_it_runs_is_made_once_more(
    bench: Workbench, api: client.ApiClient, basic_pitch: str
) -> None:
    bench.create(bench.conversion("replaced", basic_pitch))
    first = bench.wait("replaced", lambda seen: condition(seen, "Ready").get("reason") == "Converting")
    client.BatchV1Api(api).delete_namespaced_job(
        first["status"]["job"]["name"], bench.namespace, propagation_policy="Background"
    )
    finished = bench.wait("replaced", is_finished)
    assert condition(finished, "Ready")["status"] == "True"
    assert finished["status"]["job"]["attempt"] == 2


def test_a_quota_that_refuses_the_pods_is_shown_and_outlived(
    bench: Workbench, api: client.ApiClient, tiny_model: str
) -> None:
    core = client.CoreV1Api(api)
    core.create_namespaced_resource_quota(
        bench.namespace, {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    )
    bench.create(bench.conversion("queued", tiny_model))
    waiting = bench.wait("queued", lambda seen: condition(seen, "Reconciling").get("reason") == "JobRefused")
    assert "quota" in condition(waiting, "Reconciling")["message"]
    core.delete_namespaced_resource_quota("none", bench.namespace)
    assert holds("Ready")(bench.wait("queued", is_finished))


def test_an_admission_policy_that_refuses_the_job_is_shown_and_outlived(
    bench: Workbench, api: client.ApiClient, tiny_model: str
) -> None:
    with no_jobs(bench, api):
        bench.create(bench.conversion("refused", tiny_model))
        waiting = bench.wait("refused", lambda seen: condition(seen, "Reconciling").get("reason") == "JobRefused")
        assert NO_JOBS in condition(waiting, "Reconciling")["message"]
        assert condition(waiting, "Ready")["status"] == "Unknown"
    assert holds("Ready")(bench.wait("refused", is_finished))


NO_JOBS = "no Jobs today"


@contextmanager
def no_jobs(bench: Workbench, api: client.ApiClient) -> Iterator[None]:
    """Have the API server refuse every Job of the test's namespace, as an admission webhook would."""
    admission, batch = client.AdmissionregistrationV1Api(api), client.BatchV1Api(api)
    rule = {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": NO_JOBS}],
    }
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": bench.namespace}}}
    binding = {"policyName": bench.namespace, "validationActions": ["Deny"], "matchResources": here}
    pod = {"restartPolicy": "Never", "containers": [{"name": "x", "image": "example.com/none"}]}
    job = {"metadata": {"name": "tried"}, "spec": {"template": {"spec": pod}}}

    def is_refused() -> bool:
        try:
            batch.create_namespaced_job(bench.namespace, job, dry_run="All")
        except client.ApiException as error:
            return NO_JOBS in str(error.body)
        return False

    admission.create_validating_admission_policy({"metadata": {"name": bench.namespace}, "spec": policy})
    admission.create_validating_admission_policy_binding({"metadata": {"name": bench.namespace}, "spec": binding})
    try:
        bench.until(is_refused, "the policy is in force")
        yield
    finally:
        admission.delete_validating_admission_policy_binding(bench.namespace)
        admission.delete_validating_admission_policy(bench.namespace)


def test_a_namespace_that_is_deleted_goes_at_once_and_leaves_the_operator_quiet(
    bench: Workbench, env: Environment, api: client.ApiClient, basic_pitch: str, tiny_model: str
) -> None:
    core = client.CoreV1Api(api)
    with new_namespace(api, env) as name:
        doomed = Workbench(env, api, name, bench.bucket, bench.secret)
        for policy in ("Retain", "Delete"):
            doomed.create(doomed.conversion(f"doomed-{policy.lower()}", basic_pitch, deletionPolicy=policy))
        doomed.wait("doomed-delete", lambda seen: condition(seen, "Ready").get("reason") == "Converting")
        core.delete_namespace(name)
        bench.until(
            lambda: name not in {one.metadata.name for one in core.list_namespace().items}, "it is gone", timeout=240
        )
    # The operator goes on, and what it says of the namespace ends.
    bench.run(bench.conversion("alive", tiny_model))
    said = said_of(env, name)
    assert said
    assert [line for line in said if line["level"] == "error"] == []
    bench.run(bench.conversion("alive-later", tiny_model))
    assert said_of(env, name) == said


def said_of(env: Environment, namespace: str) -> list[Object]:
    """Return what the operator's replicas logged of a namespace."""
    logged = kubectl(env, "-n", SYSTEM, "logs", *OPERATOR_PODS, "--tail=-1")
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("namespace") == namespace]
