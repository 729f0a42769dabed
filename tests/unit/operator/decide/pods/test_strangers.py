"""What is planned where a webhook put containers of its own before those of the operator."""

from typing import Any

import pytest

from tests.unit.operator.builders import (
    RUNNING,
    Object,
    after,
    at,
    conditions,
    ended,
    failed,
    job,
    message,
    planned,
    pod,
    running,
    stalled,
    started,
    waiting,
)
from tflite_api.reasons import Reason
from tflite_operator.decide.decision import CreateJob
from tflite_operator.jobs.attempt import Attempt

SANDBOX = "FailedCreatePodSandBox: no network"


def injected(made: Object, name: str, state: Object, *states: Object, last: bool = False, **more: Any) -> Object:
    """A pod into which an init container was put, as the first or, as Istio does it, as the last."""
    rules = {"restartPolicy": more.pop("restarts")} if "restarts" in more else {}
    shown = pod(made, *states, **more)
    place = 2 if last else 0
    shown["spec"]["initContainers"].insert(place, {"name": name, **rules})
    shown["status"]["initContainerStatuses"].insert(place, {"name": name, "state": state, "image": "istio/proxyv2"})
    return shown


@pytest.mark.parametrize("last", [False, True])
def test_an_init_container_of_a_mesh_that_fails_is_named_and_not_tried_for_ever(last: bool) -> None:
    """What it says is quoted: the pod is over, and none of the operator's own steps has failed."""
    owner, _ = started()
    broken = ended(1, "iptables: Permission denied (you must be root)")
    for attempt, failures in ((1, 0), (2, 1), (3, 2)):
        over = job(owner, attempt, failures, end=failed())
        states = [ended(0), ended(0)] if last else []
        shown = injected(over, "istio-init", broken, *states, last=last, phase="Failed")
        seen = planned(owner, over, pods=[shown], now=at(61))
        assert "Container istio-init, which somebody else put into pod" in message(seen)
        assert "ended with exit code 1: iptables: Permission denied (you must be root); have whoever" in message(seen)
        assert "spec.podMetadata" in message(seen)
        assert conditions(seen) == (running if attempt < 3 else stalled)(Reason.STEP_CRASHED)
    first = job(owner, end=failed())
    shown = injected(first, "istio-init", broken, phase="Failed")
    assert planned(owner, first, pods=[shown], now=at(10**4)).actions == (CreateJob(Attempt(2, failures=1)),)


def test_one_that_could_not_be_started_quotes_the_runtime() -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    broken = ended(128, "exec: no such file", reason="StartError")
    said = message(planned(owner, over, pods=[injected(over, "linkerd-init", broken, phase="Failed")]))
    assert "Container linkerd-init" in said
    assert "exit code 128 (StartError): exec: no such file" in said


def test_a_step_that_failed_counts_more_than_a_sidecar_that_ended_with_it() -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    shown = injected(over, "istio-proxy", ended(137), ended(139), restarts="Always", phase="Failed")
    assert message(planned(owner, over, pods=[shown])).startswith("Container prepare ended with exit code 139")


def test_a_pod_that_was_taken_away_is_not_the_meshes_fault() -> None:
    owner, _ = started()
    over = job(owner, end=failed("BackoffLimitExceeded"))
    shown = injected(over, "istio-init", ended(143), phase="Failed")
    shown["status"]["conditions"].append({"type": "DisruptionTarget", "status": "True"})
    assert conditions(planned(owner, over, pods=[shown])) == running(Reason.POD_DISRUPTED)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RUNNING, "it has not ended"),
        (waiting("ImagePullBackOff", 'Back-off pulling image "istio/proxyv2"'), "ImagePullBackOff: Back-off pulling"),
        (waiting("PodInitializing"), "it has not started"),
    ],
)
def test_one_that_is_waited_for_is_named_where_no_event_says_more(state: Object, words: str) -> None:
    """Such as Vault's agent, which asks for a secret until it has it, and tells nobody but its log."""
    owner, made = started()
    shown = injected(made, "vault-agent-init", state)
    assert planned(owner, made, pods=[shown], now=at(30)).status is None, "not asked is not answered"
    quoted = planned(owner, made, pods=[shown], now=at(30), pod_warning=SANDBOX)
    assert SANDBOX in message(quoted)
    seen = planned(owner, made, pods=[shown], now=at(30), pod_warning="")
    assert conditions(seen) == running(Reason.POD_NOT_STARTING)
    assert f"container vault-agent-init, which somebody else put into it, goes before: {words}" in message(seen)
    goes_on = injected(made, "vault-agent-init", ended(0), RUNNING)
    assert conditions(planned(after(owner, seen), made, pods=[goes_on], now=at(40))) == running(Reason.PREPARING)


def test_a_native_sidecar_that_runs_is_in_nobodys_way() -> None:
    owner, made = started()
    shown = injected(made, "istio-proxy", RUNNING, waiting("PodInitializing"), restarts="Always")
    assert planned(owner, made, pods=[shown], now=at(30), pod_warning="").status is None
    crashes = injected(made, "istio-proxy", waiting("CrashLoopBackOff", "back-off 10s"), restarts="Always")
    seen = planned(owner, made, pods=[crashes], now=at(30), pod_warning="")
    assert "container istio-proxy, which somebody else put into it, goes before: CrashLoopBackOff" in message(seen)


def test_a_disk_that_a_sidecar_filled_is_not_the_models() -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    words = 'Container istio-proxy exceeded its local ephemeral storage limit "1Gi". '
    said = message(planned(owner, over, pods=[pod(over, ended(0), phase="Failed", reason="Evicted", message=words)]))
    assert said.endswith('storage limit "1Gi": have whoever put that container into the pod give it more room.')
