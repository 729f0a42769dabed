"""Where no admission policy is installed, the operator finds out for itself who made a Job and a pod.

Nothing runs here: what a kubelet would say of a pod is written by the test.
"""

import signal
from collections.abc import Callable

import pytest

from tests.apiserver.conftest import Start
from tests.apiserver.fixtures import reported_pods
from tests.apiserver.fixtures.admin import Object
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.operator_process import OperatorProcess
from tests.apiserver.fixtures.people import policies
from tests.apiserver.fixtures.workbench import Workbench
from tests.attacks import forgery

IMAGE = "ghcr.io/tflite-operator/converter:0.1.0"
MADE = "a" * 64
"""Of the artifact that the operator's own Job makes."""


@pytest.fixture
def operator(start: Start) -> OperatorProcess:
    running = start(CONVERTER_IMAGE=IMAGE, RECHECK_SECONDS="600", RETRY_BASE_SECONDS="60", RETRY_MAX_SECONDS="60")
    running.until_ready()
    return running


def begun(bench: Workbench, operator: OperatorProcess) -> tuple[Object, Object]:
    """A conversion with its first Job."""
    made = bench.create("victim")
    operator.until("it has a Job", lambda: bench.has_job(made))
    [job] = bench.jobs_of(made)
    return bench.get("victim"), job


def tells_of(bench: Workbench, sha256: str) -> Callable[[], bool]:
    return lambda: bench.get("victim").get("status", {}).get("artifact", {}).get("sha256") == sha256


def success(conversion: Object, sha256: str) -> Object:
    told = forgery.report(conversion)
    return told | {"artifact": told["artifact"] | {"sha256": sha256}}


def has_heard(bench: Workbench, operator: OperatorProcess) -> None:
    """Wait until the operator has looked at the conversion again."""
    before = operator.metric("tflite_operator_reconciles_total")
    bench.patch("victim", {"metadata": {"labels": {"touched": "yes"}}})
    bench.patch("victim", {"spec": {"model": {"handle": bench.get("victim")["spec"]["model"]["handle"]}}})
    operator.until("it has looked", lambda: operator.metric("tflite_operator_reconciles_total") > before)


def warnings(operator: OperatorProcess) -> list[Object]:
    return [one for one in operator.said if "admission policies are not in force" in one["message"]]


def test_a_forged_attempt_is_not_followed_and_goes(bench: Workbench, operator: OperatorProcess) -> None:
    victim, job = begun(bench, operator)
    forged = bench.admin.create(bench.job_path, forgery.job(victim, "example.com/forger:1", 2))
    # At once, or the operator would have nothing to believe.
    reported_pods.report(bench, forged, success(victim, forgery.SHA256))
    operator.until("the forged Job is gone", lambda: bench.jobs_of(victim) == [job])
    assert not tells_of(bench, forgery.SHA256)()
    assert bench.get("victim")["status"]["job"]["name"] == job["metadata"]["name"]
    reported_pods.report(bench, job, success(victim, MADE))
    operator.until("its own attempt is Ready", tells_of(bench, MADE))


def test_a_forged_first_attempt_is_replaced(bench: Workbench, operator: OperatorProcess) -> None:
    """Made in the instant between a conversion and its Job, under the name that the Job needs."""
    victim = bench.create("victim", spec={"suspend": True})
    reported_pods.report(
        bench,
        bench.admin.create(bench.job_path, forgery.job(victim, "example.com/forger:1")),
        success(victim, forgery.SHA256),
    )
    bench.patch("victim", {"spec": {"suspend": False}})
    operator.until("it has its own Job", lambda: bench.reason("victim") == "Pending" and bench.has_job(victim))
    [job] = bench.jobs_of(victim)
    assert {one["image"] for one in job["spec"]["template"]["spec"]["containers"]} == {IMAGE}
    assert not tells_of(bench, forgery.SHA256)()


def test_a_forged_pod_of_the_operator_s_job_is_not_believed(bench: Workbench, operator: OperatorProcess) -> None:
    victim, job = begun(bench, operator)
    template = forgery.job(victim, "example.com/forger:1")["spec"]["template"]
    reported_pods.report(bench, job | {"spec": {"template": template}}, success(victim, forgery.SHA256), name="forged")
    has_heard(bench, operator)
    reported_pods.report(bench, job, success(victim, MADE))
    operator.until("its own pod makes it Ready", tells_of(bench, MADE))


def test_another_image_in_the_real_pod_is_not_believed(bench: Workbench, operator: OperatorProcess) -> None:
    """The API server lets whoever may patch pods replace the image of one that runs."""
    victim, job = begun(bench, operator)
    reported_pods.report(bench, job, image="example.com/forger:1")
    reported_pods.report(bench, job, success(victim, forgery.SHA256))
    has_heard(bench, operator)
    assert not tells_of(bench, forgery.SHA256)()
    reported_pods.complete(bench, job)
    operator.until("it says why", lambda: "is not believed" in bench.message("victim"))
    assert "runs the image example.com/forger:1" in bench.message("victim")
    assert not tells_of(bench, forgery.SHA256)()


def test_an_attempt_of_an_earlier_version_is_taken_up(bench: Workbench, start: Start) -> None:
    """It was made with another image and another limit, before the operator was replaced."""
    before = start(CONVERTER_IMAGE="example.com/converter:0", MAX_FILES="7")
    before.until_ready()
    victim, job = begun(bench, before)
    before.send(signal.SIGTERM)
    assert before.wait() == 0
    after = start(CONVERTER_IMAGE=IMAGE)
    after.until_ready()
    reported_pods.report(bench, job, success(victim, MADE))
    after.until("it is Ready", tells_of(bench, MADE))
    assert [one["metadata"]["uid"] for one in bench.jobs_of(victim)] == [job["metadata"]["uid"]]


def test_it_says_in_its_log_when_policies_are_missing_and_when_they_are_there(
    plane: ControlPlane, bench: Workbench, operator: OperatorProcess
) -> None:
    operator.until("it says that they are missing", lambda: len(warnings(operator)) == 1)
    [said] = warnings(operator)
    assert said["level"] == "warning"
    assert set(said["missing"]) >= {"jobs.tflite-operator.dev", "pods.tflite-operator.dev"}
    with policies(plane.admin, bench.namespace):
        operator.until(
            "it says that they are there",
            lambda: any(one["message"] == "the admission policies are in force" for one in operator.said),
        )
        assert len(warnings(operator)) == 1
    operator.until("it says that they are gone", lambda: len(warnings(operator)) == 2)
