"""What is planned when memory, disk, nodes, images, quotas or other people's Jobs stand in the way."""

import pytest

from tests.unit.operator.builders import (
    COMPLETE,
    RUNNING,
    SETTINGS,
    after,
    at,
    condition,
    conditions,
    conversion,
    ended,
    failed,
    failing_pod,
    is_at_rest,
    job,
    message,
    planned,
    pod,
    report,
    running,
    stalled,
    started,
    waiting,
)
from tflite_api.explanations import asking_again
from tflite_api.names import CONVERT, PREPARE, PUBLISH
from tflite_api.reasons import Reason
from tflite_operator.core.fields import timestamp
from tflite_operator.decide.decision import CreateJob
from tflite_operator.jobs.attempt import Attempt


@pytest.mark.parametrize("step", [PREPARE, CONVERT, PUBLISH])
def test_out_of_memory_names_the_container_and_its_limit(step: str) -> None:
    owner, _ = started(resources={"limits": {"memory": "300Mi"}})
    over = job(owner, end=failed())
    made = planned(owner, over, pods=[failing_pod(over, step, 137, reason="OOMKilled")])
    assert conditions(made) == stalled(Reason.OUT_OF_MEMORY)
    assert f"container {step}" in message(made).lower()
    # The kernel kills for the node's want of memory as well, and the kubelet says the same of both.
    assert "it reached its limit" in message(made)
    assert "or its node had none left" in message(made)
    field = "resources" if step == CONVERT else f"stepResources.{step}"
    assert f"aise spec.{field}.limits.memory, or, if it was the node (SystemOOM in" in message(made)
    assert message(made).endswith(f"spec.{field}.requests.memory.")
    assert ("300Mi" if step == CONVERT else "256Mi") in message(made)
    # It is about the container that converts: no other has its limit from there.
    assert ("spec.resources.limits.memory" in message(made)) is (step == CONVERT)


def test_what_a_step_says_to_change_stands_alone() -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    words = "The ServiceAccount stands for no role: set destination.s3.roleARN, or annotate the ServiceAccount"
    said = report(Reason.CREDENTIALS_REFUSED, words, cureGiven=True)
    shown = message(planned(owner, over, pods=[failing_pod(over, PREPARE, 3, said)]))
    # An annotated ServiceAccount leaves the spec as it is.
    assert shown == asking_again(Reason.CREDENTIALS_REFUSED, f"{words}.")
    assert "Correct the Secret" not in shown


def test_a_step_that_says_out_of_memory_is_given_the_limit() -> None:
    owner, _ = started(resources={"limits": {"memory": "300Mi"}})
    over = job(owner, end=failed())
    made = planned(owner, over, pods=[failing_pod(over, CONVERT, 3, report(Reason.OUT_OF_MEMORY, "no room"))])
    assert "300Mi" in message(made)


@pytest.mark.parametrize("step", [PREPARE, CONVERT, PUBLISH])
def test_an_internal_error_says_whose_log_has_the_traceback(step: str) -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    words = "Unexpected KeyError: the traceback is in the log"
    made = planned(owner, over, pods=[failing_pod(over, step, 3, report(Reason.INTERNAL_ERROR, words))])
    assert conditions(made) == stalled(Reason.INTERNAL_ERROR)
    assert message(made).startswith(f"{words} (container {step}).")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ('Usage of EmptyDir volume "output" exceeds the limit "8Gi".', stalled(Reason.OUT_OF_DISK)),
        ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.", stalled(Reason.OUT_OF_DISK)),
        ("The node was low on resource: memory.", running(Reason.POD_DISRUPTED)),
        (
            "The node was low on resource: ephemeral-storage. Container convert used 3Gi, which exceeds its request 0.",
            running(Reason.POD_DISRUPTED),
        ),
    ],
)
def test_an_eviction_is_the_pods_fault_or_the_nodes(words: str, expected: object) -> None:
    owner, _ = started()
    over = job(owner, end=failed("BackoffLimitExceeded"))
    evicted = pod(over, ended(0), ended(137), phase="Failed", reason="Evicted", message=words)
    assert conditions(planned(owner, over, pods=[evicted])) == expected


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        ('Usage of EmptyDir volume "output" exceeds the limit "8Gi". ', "have the administrator give it more room"),
        (
            "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
            "or give it more room with spec.resources.limits.ephemeral-storage",
        ),
        (
            'Container convert exceeded its local ephemeral storage limit "1Gi". ',
            "or give it more room with spec.resources.limits.ephemeral-storage",
        ),
        (
            'Container prepare exceeded its local ephemeral storage limit "1Gi". ',
            "or give it more room with spec.stepResources.prepare.limits.ephemeral-storage",
        ),
    ],
)
def test_a_full_disk_says_who_can_raise_which_limit(words: str, cure: str) -> None:
    owner, _ = started()
    over = job(owner, end=failed("PodFailurePolicy"))
    evicted = pod(over, ended(0), ended(137), phase="Failed", reason="Evicted", message=words)
    said = message(planned(owner, over, pods=[evicted]))
    assert cure in said
    assert said.count("smaller model") == 1


def test_a_disrupted_pod_costs_no_attempt() -> None:
    owner, _ = started()
    over = job(owner, attempt=7, end=failed("BackoffLimitExceeded"))
    drained = failing_pod(over, CONVERT, 143)
    drained["status"]["conditions"].append(condition("DisruptionTarget", "EvictionByEvictionAPI"))
    for pods in ([drained], []):
        made = planned(owner, over, pods=pods, now=at(10**4))
        assert made.actions == (CreateJob(Attempt(8, failures=0)),)


def test_a_success_whose_pod_is_gone_is_run_again() -> None:
    owner, _ = started()
    made = planned(owner, job(owner, end=COMPLETE), now=at(10**4))
    assert made.actions == (CreateJob(Attempt(2, failures=1)),)


def test_the_deadline_stalls() -> None:
    owner, made = started()
    owner = after(owner, planned(owner, made, pods=[pod(made, RUNNING)]))
    late = planned(owner, job(owner, end=failed("DeadlineExceeded")))
    assert conditions(late) == stalled(Reason.DEADLINE_EXCEEDED)
    assert "3600 s" in message(late)


def test_a_deadline_that_passed_waiting_for_the_secret_is_no_failure() -> None:
    owner, made = started()
    waits = pod(made, waiting("CreateContainerConfigError", 'secret "s3" not found'))
    owner = after(owner, planned(owner, made, pods=[waits]))
    over = job(owner, end=failed("DeadlineExceeded", seconds=3600))
    seen = planned(owner, over, now=at(3601))
    assert conditions(seen) == running(Reason.SECRET_NOT_FOUND)
    owner = after(owner, seen)
    assert planned(owner, over, now=at(3602)).status is None
    assert planned(owner, over, now=at(3611)).actions == (CreateJob(Attempt(2, failures=0)),)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("no such host", "no such host"),
        ('Back-off pulling image "example.com/converter:1": ErrImagePull: no such host', "no such host"),
    ],
)
def test_an_image_that_cannot_be_pulled_stalls_after_a_while_and_goes_on_if_it_can(words: str, shown: str) -> None:
    owner, made = started()
    waits = pod(made, waiting("ImagePullBackOff", words))
    soon = planned(owner, made, pods=[waits], now=at(299))
    assert conditions(soon) == running(Reason.PENDING)
    assert soon.look_again is not None
    assert soon.look_again.total_seconds() == 1
    late = planned(owner, made, pods=[waits], now=at(300))
    assert conditions(late) == stalled(Reason.IMAGE_PULL_FAILED)
    assert f"image example.com/converter:1 cannot be pulled: {shown}." in message(late)
    owner = after(owner, late)
    assert planned(owner, made, pods=[waits], now=at(310)).status is None
    assert conditions(planned(owner, made, pods=[pod(made, RUNNING)], now=at(320))) == running(Reason.PREPARING)
    at_last = planned(owner, job(owner, end=failed("DeadlineExceeded", seconds=3600)), now=at(3601))
    assert conditions(at_last) == stalled(Reason.IMAGE_PULL_FAILED)
    assert is_at_rest(planned(after(owner, at_last), now=at(7300))), "its Job went by its time to live"


def test_an_image_that_a_later_step_cannot_pull_has_as_long() -> None:
    owner, made = started()
    waits = pod(made, ended(0, finishedAt=timestamp(at(1000))), waiting("ImagePullBackOff", "503"))
    assert conditions(planned(owner, made, pods=[waits], now=at(1299))) == running(Reason.PENDING)
    assert conditions(planned(owner, made, pods=[waits], now=at(1300))) == stalled(Reason.IMAGE_PULL_FAILED)


def test_a_pod_that_finds_no_node_stalls_after_a_while() -> None:
    owner, made = started()
    unschedulable = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient memory.",
    }
    waits = pod(made) | {"status": {"phase": "Pending", "conditions": [unschedulable]}}
    at_first = planned(owner, made, pods=[waits], now=at(9))
    assert at_first.status is None
    assert at_first.look_again is not None
    assert at_first.look_again.total_seconds() == 1
    soon = planned(owner, made, pods=[waits], now=at(299))
    assert conditions(soon) == running(Reason.PENDING)
    assert "Insufficient memory" in message(soon)
    assert conditions(planned(owner, made, pods=[waits], now=at(300))) == stalled(Reason.UNSCHEDULABLE)


UNTOLERATED = "0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 3"


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        ("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.", "CONVERTER_NODE_SELECTOR"),
        ("0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}.", "with spec.tolerations"),
        ("0/1 nodes are available: 1 node(s) had untolerated taint(s).", "with spec.tolerations"),
        (f"{UNTOLERATED} node(s) had untolerated taint {{node.kubernetes.io/not-ready: }}.", "not ready (kubectl"),
        ("0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.", "loosen spec.affinity"),
        (
            "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints.",
            "loosen spec.topologySpreadConstraints",
        ),
        ("0/3 nodes are available: 3 node(s) were unschedulable.", "have a node uncordoned"),
        ("0/3 nodes are available: 3 node(s) had volume node affinity conflict.", "where the model's volume can be"),
    ],
)
def test_a_pod_that_no_node_takes_has_the_cure_that_fits(words: str, cure: str) -> None:
    owner, made = started(activeDeadlineSeconds=60)
    told = condition("PodScheduled", "Unschedulable", message=words) | {"status": "False"}
    waits = pod(made) | {"status": {"phase": "Pending", "conditions": [told]}}
    soon = planned(owner, made, pods=[waits], now=at(20))
    late = planned(owner, made, pods=[waits], now=at(300))
    over = planned(after(owner, soon), job(owner, end=failed("DeadlineExceeded")), now=at(61))
    for seen in (soon, late, over):
        assert cure in message(seen)
        assert "resources.requests" not in message(seen)
        assert "Raise" not in message(seen)


@pytest.mark.parametrize(
    "words", [f"{UNTOLERATED} Insufficient cpu. preemption: 0/4 nodes are available: 4 node(s) were unschedulable."]
)
def test_where_there_is_no_room_it_is_the_requests(words: str) -> None:
    owner, made = started()
    told = condition("PodScheduled", "Unschedulable", message=words) | {"status": "False"}
    waits = pod(made) | {"status": {"phase": "Pending", "conditions": [told]}}
    said = message(planned(owner, made, pods=[waits], now=at(300)))
    assert ". Lower spec.resources.requests, or add a node that fits." in said


def test_a_refused_job_is_shown_in_the_servers_words() -> None:
    owner = conversion()
    made = planned(owner, refusal="exceeded quota: none")
    assert conditions(made) == running(Reason.JOB_REFUSED)
    assert "exceeded quota: none" in message(made)
    assert is_at_rest(planned(after(owner, made), refusal="exceeded quota: none"))
    assert planned(after(owner, made)).actions == (CreateJob(Attempt(1, failures=0)),)


def test_a_job_whose_pod_is_refused_says_why() -> None:
    owner, made = started()
    seen = planned(owner, made, pod_refusal='pods "x" is forbidden: exceeded quota')
    assert conditions(seen) == running(Reason.JOB_REFUSED)
    assert "exceeded quota" in message(seen)


@pytest.mark.parametrize(("age", "wait"), [(0, 2), (3, 3), (20, 20), (3000, SETTINGS.recheck_seconds)])
def test_a_job_without_a_pod_is_asked_why_ever_more_rarely(age: float, wait: float) -> None:
    owner, made = started()
    seen = planned(owner, made, now=at(age))
    assert seen.look_again is not None
    assert seen.look_again.total_seconds() == wait


def test_a_job_whose_controller_neither_makes_a_pod_nor_says_why_is_told_of() -> None:
    """It is down, or the Job is another controller's."""
    owner, made = started()
    assert planned(owner, made, now=at(119), pod_refusal="").status is None
    assert planned(owner, made, now=at(120)).status is None, "not asked is not answered"
    seen = planned(owner, made, now=at(120), pod_refusal="")
    assert conditions(seen) == running(Reason.POD_NOT_STARTING)
    assert "has no pod since 2026-11-22T12:00:00Z, and the Job controller does not say why" in message(seen)
    owner = after(owner, seen)
    assert planned(owner, made, now=at(300), pod_refusal="").status is None, "said once"
    assert conditions(planned(owner, made, pods=[pod(made, RUNNING)], now=at(310))) == running(Reason.PREPARING)


def test_a_foreign_job_with_our_name_is_never_adopted() -> None:
    owner = conversion()
    foreign = job(owner)
    foreign["metadata"]["ownerReferences"] = []
    made = planned(owner, foreign)
    assert conditions(made) == stalled(Reason.NAME_COLLISION)
    assert foreign["metadata"]["name"] in message(made)
    assert planned(after(owner, made)).actions == (CreateJob(Attempt(1, failures=0)),)


def test_a_job_that_lost_its_owner_is_no_longer_ours() -> None:
    owner, made = started()
    made["metadata"]["ownerReferences"] = []
    assert conditions(planned(owner, made)) == stalled(Reason.NAME_COLLISION)
