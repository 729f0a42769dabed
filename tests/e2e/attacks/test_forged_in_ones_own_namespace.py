"""Whoever may edit a namespace, and has no right to write a status, writes none."""

import json
from collections.abc import Callable

import pytest

from tests.attacks import forgery
from tests.e2e.fixtures.conversions import Object, Workbench, condition, holds
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.impersonation import Person
from tflite_operator.core.labels import ATTEMPT_ANNOTATION, CONVERSION_LABEL

pytestmark = pytest.mark.tensorflow

HELD_UP = {"nodeSelector": {"tflite-operator.dev/e2e-place": "nowhere"}}


@pytest.fixture
def victim(bench: Workbench) -> Object:
    """A conversion whose pod finds no node."""
    bench.create(bench.conversion("victim", "https://models.invalid/1", **HELD_UP))
    return bench.wait("victim", lambda seen: "job" in seen.get("status", {}))


def is_outlived(bench: Workbench, succeeded: Callable[[], bool]) -> bool:
    """Return whether the forgery did its work, and the conversion has heard of it and does not believe it."""
    bench.until(succeeded, "the forgery reports", timeout=90)
    bench.patch("victim", {"metadata": {"labels": {"touched": "yes"}}})
    return not any(holds("Ready")(one) for one in bench.history("victim", holds("Ready"), timeout=10))


@pytest.mark.pods(3)
def test_an_editor_s_job_is_no_attempt(bench: Workbench, env: Environment, editor: Person, victim: Object) -> None:
    refused = editor.create(forgery.job(victim, env.converter_image, 2))
    if not refused:
        name = forgery.marks(victim, 2)["name"]
        told = ("get", "job", name, "-o", "jsonpath={.status.succeeded}")
        assert is_outlived(bench, lambda: bench.kubectl(*told) == "1")
    assert "only the operator does" in refused


@pytest.mark.pods(3)
def test_an_editor_s_pod_is_none_of_the_operator_s_job(
    bench: Workbench, env: Environment, editor: Person, victim: Object
) -> None:
    job = json.loads(bench.kubectl("get", "job", victim["status"]["job"]["name"], "-o", "json"))
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"], "uid": job["metadata"]["uid"]}
    template = forgery.job(victim, env.converter_image)["spec"]["template"]
    metadata = template["metadata"] | {"name": "forged", "ownerReferences": [owner]}
    refused = editor.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
    if not refused:
        told = ("get", "pod", "forged", "-o", "jsonpath={.status.phase}")
        assert is_outlived(bench, lambda: bench.kubectl(*told) == "Succeeded")
    assert "only the Job controller" in refused


def pod_of(bench: Workbench, conversion: Object) -> str:
    """Return the name of a conversion's pod, once it is there."""
    chosen = ("--selector", f"{CONVERSION_LABEL}={conversion['metadata']['uid']}")
    bench.until(lambda: bool(bench.kubectl("get", "pods", *chosen, "-o", "name")), "the pod is there")
    return bench.kubectl("get", "pods", *chosen, "-o", "name").split()[0].removeprefix("pod/")


def test_an_editor_runs_no_command_in_a_pod_that_holds_credentials(
    bench: Workbench, editor: Person, victim: Object
) -> None:
    """What it writes to the termination log of publish would be the status."""
    name = pod_of(bench, victim)
    for way in (("exec", name, "--container", "publish", "--", "id"), ("attach", name, "--container", "publish")):
        words = editor.refusal(*way)
        assert "may not run commands" in words, words


def test_an_editor_changes_no_image_of_a_pod_that_holds_credentials(
    bench: Workbench, env: Environment, editor: Person, victim: Object
) -> None:
    name = pod_of(bench, victim)
    images = {"spec": {"containers": [{"name": "publish", "image": env.operator_image}]}}
    assert "change what counts" in editor.change("pod", name, images)


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"annotations": {ATTEMPT_ANNOTATION: "7"}}},
        {"metadata": {"labels": {CONVERSION_LABEL: None}}},
        {"metadata": {"ownerReferences": None}},
        {"spec": {"suspend": True}},
    ],
    ids=["attempt", "label", "owner", "suspend"],
)
def test_an_editor_changes_no_job_of_the_operator_s(editor: Person, victim: Object, change: Object) -> None:
    assert "only the operator does" in editor.change("job", victim["status"]["job"]["name"], change)


def test_an_editor_s_cron_job_makes_no_attempt(
    bench: Workbench, env: Environment, editor: Person, victim: Object
) -> None:
    """Whoever may not make such a Job has a controller make it."""
    job = forgery.job(victim, env.converter_image, 2)
    of_jobs = {"metadata": {name: job["metadata"][name] for name in ("labels", "annotations")}, "spec": job["spec"]}
    cron = {"schedule": "* * * * *", "jobTemplate": of_jobs}
    assert (
        editor.create({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "cron"}, "spec": cron}) == ""
    )
    asked = ("get", "events", "--field-selector", "reason=FailedCreate", "-o", "jsonpath={.items[*].message}")
    bench.until(lambda: "only the operator does" in bench.kubectl(*asked), "the Job is refused", timeout=90)


def test_an_editor_still_stops_a_conversion_by_its_job(bench: Workbench, editor: Person, victim: Object) -> None:
    """What they may do to their own conversion is theirs: deleting a Job costs an attempt."""
    assert editor.refusal("delete", "job", victim["status"]["job"]["name"]) == ""
    again = bench.wait("victim", lambda seen: seen["status"].get("job", {}).get("attempt") == 2)
    assert condition(again, "Reconciling")["status"] == "True"
