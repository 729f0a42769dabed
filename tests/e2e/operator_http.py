"""Asks the operator's own HTTP server, through the API server."""

import json
import subprocess
import time
from collections.abc import Iterable, Mapping

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import kubectl
from tests.e2e.environment import Environment

SYSTEM = "tflite-operator-system"
PORT = 8080


def ready_pods(env: Environment) -> list[str]:
    """Name the operator's pods that answer their readiness probe and are not about to go."""
    selector = "app.kubernetes.io/name=tflite-operator"
    pods = json.loads(kubectl(env, "-n", SYSTEM, "get", "pods", "-l", selector, "-o", "json"))["items"]
    return [
        pod["metadata"]["name"]
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        and any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))
    ]


def ask(env: Environment, path: str, timeout: float = 120) -> list[str]:
    """Return what every ready pod of the operator answers; wait for a pod if there is none, as in a restart.

    Raises:
        AssertionError: none answered within `timeout` seconds; the message shows the last refusal.
    """
    end, problem = time.monotonic() + timeout, "no pod is ready"
    while time.monotonic() < end:
        answers = []
        for pod in ready_pods(env):
            address = f"/api/v1/namespaces/{SYSTEM}/pods/{pod}:{PORT}/proxy{path}"
            done = subprocess.run([*env.kubectl, "get", "--raw", address], capture_output=True, text=True, check=False)
            # A pod may have been replaced since it was listed.
            problem = done.stderr
            if done.returncode == 0:
                answers.append(done.stdout)
        if answers:
            return answers
        time.sleep(0.2)
    raise AssertionError(f"the operator did not answer {path} within {timeout} s: {problem}")


def measured(answers: Iterable[str], sample: str, labels: Mapping[str, str] | None = None) -> float | None:
    """Return the sum of a metric's samples with these labels in all answers, or None if there is none."""
    wanted = (labels or {}).items()
    found = [
        one.value
        for answer in answers
        for family in text_string_to_metric_families(answer)
        for one in family.samples
        if one.name == sample and wanted <= one.labels.items()
    ]
    return sum(found) if found else None
