"""What the operator itself finds is said as docs/reasons.md shows it."""

from collections.abc import Callable

import pytest

from tests.examples import is_like_the_example
from tests.unit.operator.builders import (
    RUNNING,
    Object,
    at,
    conversion,
    ended,
    failed,
    failing_pod,
    job,
    message,
    planned,
    pod,
    report,
    started,
    waiting,
)
from tests.unit.operator.decide import test_deletion as deletion
from tflite_api.names import CONVERT
from tflite_api.reasons import Reason
from tflite_operator.core.fields import timestamp
from tflite_operator.decide.decision import EmitEvent
from tflite_operator.decide.plan import Plan


def followed(*states: Object, seconds: float = 0, warning: str | None = None, **status: object) -> Plan:
    """What is planned while containers are in these states, and the cluster has warned of something."""
    owner, made = started()
    return planned(owner, made, pods=[pod(made, *states) | status], now=at(seconds), pod_warning=warning)


def over(*states: Object, why: str = "PodFailurePolicy", node: str = "worker-1", **status: str) -> Plan:
    """What is planned when the Job is over and its containers have ended like this."""
    owner, _ = started()
    done = job(owner, end=failed(why))
    ended_pod = pod(done, *states, phase="Failed", **status) | {"spec": {"nodeName": node}}
    return planned(owner, done, pods=[ended_pod])


def stuck() -> Plan:
    owner, made = started()
    gone = pod(made, RUNNING, phase="Running") | {"spec": {"nodeName": "worker-3"}}
    gone["metadata"]["deletionTimestamp"] = timestamp(at(360))
    return planned(owner, made, pods=[gone], now=at(400))


def out_of_memory() -> Plan:
    owner, _ = started(resources={"limits": {"memory": "300Mi"}})
    done = job(owner, end=failed())
    killed = failing_pod(done, CONVERT, 137, reason="OOMKilled") | {"spec": {"nodeName": "worker-3"}}
    return planned(owner, done, pods=[killed])


def no_node() -> Plan:
    reason = "0/3 nodes are available: 3 Insufficient memory."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": reason}
    return followed(seconds=300, status={"phase": "Pending", "conditions": [condition]})


def no_claim() -> Plan:
    reason = '0/1 nodes are available: persistentvolumeclaim "models" not found.'
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": reason}
    return followed(seconds=1, status={"phase": "Pending", "conditions": [condition]})


def no_config_map() -> Plan:
    where = {"bucket": "models", "key": "a.tflite", "secretRef": {"name": "s3"}, "caConfigMapRef": {"name": "own"}}
    owner, made = started(destination={"s3": where})
    words = 'FailedMount: MountVolume.SetUp failed for volume "destination-authorities" : configmap "own" not found'
    return planned(owner, made, pods=[pod(made)], now=at(30), pod_warning=words)


def suspended() -> Plan:
    return planned(conversion(suspend=True))


def queued() -> Plan:
    owner, made = started()
    made["spec"]["suspend"] = True
    made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "team-a"
    return planned(owner, made)


def foreign_job() -> Plan:
    owner = conversion()
    foreign = job(owner)
    foreign["metadata"]["ownerReferences"] = []
    return planned(owner, foreign)


def deleted_job() -> Plan:
    owner = conversion()
    seen = planned(owner, job(owner, attempt=3, failures=2))
    assert seen.status is not None
    return planned(owner | {"status": seen.status.to_object()})


MOUNT = 'FailedMount: MountVolume.SetUp failed for volume "model": timed out waiting for the condition'
RUNTIME = "failed to create containerd task: failed to mount rootfs component: no such device"
EVICTED = 'Usage of EmptyDir volume "output" exceeds the limit "8Gi". '
QUOTA = (
    'jobs.batch "mobilenet-v2-1-1" is forbidden: exceeded quota: team, requested: count/jobs.batch=1, used:'
    " count/jobs.batch=20, limited: count/jobs.batch=20"
)


def failed_cleanup() -> Plan:
    owner = deletion.ready()
    said = report(Reason.BUCKET_NOT_FOUND, "bucket models does not exist: create it or correct its name")
    over, its_pod = deletion.cleanup(owner, ended(3, said), end=failed())
    return planned(owner, over, pods=[its_pod], now=at(110))


def told(made: Plan) -> tuple[set[str], str]:
    """The reason and the words: of the status, or of the Event where the conversion goes."""
    if made.status is not None:
        return {one.reason for one in made.status.conditions or ()}, message(made)
    event = next(action for action in made.everything if isinstance(action, EmitEvent))
    return {event.reason.value}, event.message


EXAMPLES: dict[Reason, Callable[[], Plan]] = {
    Reason.SUSPENDED: suspended,
    Reason.CLEANUP_FAILED: failed_cleanup,
    Reason.QUEUED: queued,
    Reason.PENDING: lambda: planned(conversion(), job(conversion())),
    Reason.PREPARING: lambda: followed(RUNNING),
    Reason.CONVERTING: lambda: followed(ended(0), RUNNING),
    Reason.PUBLISHING: lambda: followed(ended(0), ended(0), RUNNING),
    Reason.SECRET_NOT_FOUND: lambda: followed(waiting("CreateContainerConfigError", 'secret "s3" not found')),
    Reason.VOLUME_NOT_FOUND: no_claim,
    Reason.CONFIG_MAP_NOT_FOUND: no_config_map,
    Reason.JOB_REFUSED: lambda: planned(conversion(), refusal=QUOTA),
    Reason.POD_NOT_STARTING: lambda: followed(seconds=30, warning=MOUNT),
    Reason.POD_STUCK_TERMINATING: stuck,
    Reason.START_FAILED: lambda: over(ended(128, RUNTIME, reason="StartError"), node="worker-3"),
    Reason.OUT_OF_MEMORY: out_of_memory,
    Reason.OUT_OF_DISK: lambda: over(ended(0), ended(137), reason="Evicted", message=EVICTED),
    Reason.DEADLINE_EXCEEDED: lambda: over(ended(0), ended(137), why="DeadlineExceeded"),
    Reason.IMAGE_PULL_FAILED: lambda: followed(waiting("ImagePullBackOff", "no such host"), seconds=300),
    Reason.UNSCHEDULABLE: no_node,
    Reason.NAME_COLLISION: foreign_job,
    Reason.POD_DISRUPTED: lambda: over(
        ended(0), ended(137), reason="Evicted", message="The node was low on resource: memory."
    ),
    Reason.JOB_DELETED: deleted_job,
    Reason.STEP_CRASHED: lambda: over(ended(0), ended(139)),
}


@pytest.mark.parametrize("reason", EXAMPLES)
def test_the_message_is_as_the_example_shows_it(reason: Reason) -> None:
    reasons, words = told(EXAMPLES[reason]())
    assert reasons == {reason}
    # Its cure depends on whose limit was exceeded, or on who refused what.
    cure_given = reason in {Reason.OUT_OF_DISK, Reason.JOB_REFUSED}
    assert is_like_the_example(reason, words, cure_given=cure_given), words
