"""What is planned when a pod does not start, or a container of it does not."""

import pytest

from tests.unit.operator.builders import (
    RUNNING,
    Object,
    after,
    at,
    condition,
    conditions,
    ended,
    failed,
    failing_pod,
    job,
    message,
    planned,
    pod,
    running,
    stalled,
    started,
    told,
    waiting,
)
from tflite_api.names import CONVERT, PREPARE
from tflite_api.reasons import Reason
from tflite_operator.decide.decision import CreateJob
from tflite_operator.jobs.attempt import Attempt

SANDBOX = "FailedCreatePodSandBox: Failed to create pod sandbox: plugin type calico failed (add)"


def before_the_kubelet(made: Object) -> Object:
    """A pod that has a node, and whose containers the kubelet has told nothing of."""
    shown = pod(made)
    del shown["status"]["initContainerStatuses"], shown["status"]["containerStatuses"]
    return shown


@pytest.mark.parametrize("states", [None, [], [waiting("ContainerCreating")]])
def test_after_half_a_minute_the_clusters_warning_is_quoted(states: list[Object] | None) -> None:
    owner, made = started()
    waits = before_the_kubelet(made) if states is None else pod(made, *states)
    soon = planned(owner, made, pods=[waits], now=at(29))
    assert soon.status is None
    assert soon.look_again is not None
    assert soon.look_again.total_seconds() == 1
    late = planned(owner, made, pods=[waits], now=at(30), pod_warning=SANDBOX)
    assert conditions(late) == running(Reason.POD_NOT_STARTING)
    assert f"does not start: {SANDBOX}." in message(late)
    assert Reason.POD_NOT_STARTING in told(late)
    owner = after(owner, late)
    assert planned(owner, made, pods=[waits], now=at(40)).status is None, "not asked is not answered"
    gone = planned(owner, made, pods=[waits], now=at(60), pod_warning="")
    assert conditions(gone) == running(Reason.PENDING)
    assert conditions(planned(owner, made, pods=[pod(made, RUNNING)], now=at(70))) == running(Reason.PREPARING)


def test_nothing_is_said_where_the_cluster_says_nothing() -> None:
    owner, made = started()
    slow = planned(owner, made, pods=[pod(made)], now=at(100), pod_warning="")
    assert slow.status is None
    assert slow.look_again is not None
    assert slow.look_again.total_seconds() == 60, "ever more rarely"


def test_a_node_that_does_not_report_on_its_pod_is_named() -> None:
    owner, made = started()
    waits = before_the_kubelet(made)
    waits["spec"]["nodeName"] = "worker-3"
    assert planned(owner, made, pods=[waits], now=at(30)).status is None, "not asked is not answered"
    late = planned(owner, made, pods=[waits], now=at(30), pod_warning="")
    assert conditions(late) == running(Reason.POD_NOT_STARTING)
    assert "assigned to node worker-3 at 2026-" in message(late)
    owner = after(owner, late)
    assert planned(owner, made, pods=[waits], now=at(40)).status is None
    quoted = planned(owner, made, pods=[waits], now=at(60), pod_warning=SANDBOX)
    assert SANDBOX in message(quoted), "what the cluster says goes before"
    reported = pod(made)
    reported["spec"]["nodeName"] = "worker-3"
    assert conditions(planned(owner, made, pods=[reported], now=at(60), pod_warning="")) == running(Reason.PENDING)


def test_a_container_that_the_kubelet_cannot_create_is_quoted_from_the_pod() -> None:
    owner, made = started()
    words = "container has runAsNonRoot and image will run as root"
    waits = pod(made, ended(0), waiting("CreateContainerConfigError", words))
    assert conditions(planned(owner, made, pods=[waits], now=at(32))) == running(Reason.CONVERTING)
    late = planned(owner, made, pods=[waits], now=at(61))
    assert conditions(late) == running(Reason.POD_NOT_STARTING)
    assert (
        f"Container convert of pod mobile-net-0742e562ad-x7x7x does not start: CreateContainerConfigError: {words}."
        in (message(late))
    )


def test_a_pod_that_is_held_by_a_gate_is_waited_for() -> None:
    owner, made = started()
    words = "Scheduling is blocked due to non-empty scheduling gates"
    gate = condition("PodScheduled", "SchedulingGated", message=words) | {"status": "False"}
    held = pod(made) | {"status": {"phase": "Pending", "conditions": [gate]}}
    assert planned(owner, made, pods=[held], now=at(29)).status is None
    assert words in message(planned(owner, made, pods=[held], now=at(30)))


def test_a_deadline_repeats_what_was_waited_for() -> None:
    owner, made = started()
    owner = after(owner, planned(owner, made, pods=[pod(made)], now=at(30), pod_warning=SANDBOX))
    over = job(owner, end=failed("DeadlineExceeded", seconds=3600))
    seen = planned(owner, over, now=at(3601))
    assert conditions(seen) == running(Reason.POD_NOT_STARTING)
    assert SANDBOX in message(seen)
    assert "activeDeadlineSeconds" not in message(seen)
    assert planned(after(owner, seen), over, now=at(3611)).actions == (CreateJob(Attempt(2, failures=0)),)


OF_DESTINATION = {
    "bucket": "models",
    "key": "a.tflite",
    "secretRef": {"name": "s3"},
    "caConfigMapRef": {"name": "storage-ca"},
}
OF_MODEL = {"s3": {"bucket": "training", "key": "a.zip", "caConfigMapRef": {"name": "training-ca", "key": "b.pem"}}}
UNMOUNTED = "FailedMount: MountVolume.SetUp failed for volume"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (
            f'{UNMOUNTED} "destination-authorities" : configmap "storage-ca" not found',
            "key ca.crt of ConfigMap storage-ca (destination.s3.caConfigMapRef)",
        ),
        (
            f'{UNMOUNTED} "model-authorities" : configmap references non-existent config key: b.pem',
            "key b.pem of ConfigMap training-ca (model.s3.caConfigMapRef)",
        ),
    ],
)
def test_a_config_map_or_a_key_that_is_missing_is_named_with_its_field(words: str, what: str) -> None:
    owner, made = started(model=OF_MODEL, destination={"s3": OF_DESTINATION})
    waits = before_the_kubelet(made)
    late = planned(owner, made, pods=[waits], now=at(30), pod_warning=words)
    assert conditions(late) == running(Reason.CONFIG_MAP_NOT_FOUND)
    assert f"Pod mobile-net-0742e562ad-x7x7x waits for {what}: {words}." in message(late)
    assert Reason.CONFIG_MAP_NOT_FOUND in told(late)
    owner = after(owner, late)
    assert planned(owner, made, pods=[waits], now=at(40)).status is None, "not asked is not answered"
    assert planned(owner, made, pods=[waits], now=at(60), pod_warning=words).status is None
    assert conditions(planned(owner, made, pods=[waits], now=at(60), pod_warning="")) == running(Reason.PENDING)
    assert conditions(planned(owner, made, pods=[pod(made, RUNNING)], now=at(70))) == running(Reason.PREPARING)
    over = job(owner, end=failed("DeadlineExceeded", seconds=3600))
    assert conditions(planned(owner, over, now=at(3601))) == running(Reason.CONFIG_MAP_NOT_FOUND)


@pytest.mark.parametrize(
    "words",
    [
        # The administrator's is optional; nothing that a spec names is called so.
        f'{UNMOUNTED} "authorities" : configmap "own" not found',
        f'{UNMOUNTED} "model-authorities" : configmap "training-ca" not found',
        f'{UNMOUNTED} "destination-authorities" : failed to sync configmap cache: timed out waiting for the condition',
    ],
)
def test_other_volumes_and_other_words_are_quoted(words: str) -> None:
    owner, made = started(destination={"s3": OF_DESTINATION})
    late = planned(owner, made, pods=[before_the_kubelet(made)], now=at(30), pod_warning=words)
    assert conditions(late) == running(Reason.POD_NOT_STARTING)
    assert f"does not start: {words}." in message(late)


@pytest.mark.parametrize(
    ("waits", "reason"),
    [
        ({"states": [waiting("ErrImagePull", "no such host")]}, Reason.IMAGE_PULL_FAILED),
        (
            {"conditions": [condition("PodScheduled", "Unschedulable", message="no GPU") | {"status": "False"}]},
            Reason.UNSCHEDULABLE,
        ),
    ],
)
def test_a_deadline_shorter_than_a_wait_repeats_it_too(waits: Object, reason: Reason) -> None:
    owner, made = started(activeDeadlineSeconds=60)
    states, more = waits.get("states", []), {key: waits[key] for key in waits if key != "states"}
    owner = after(owner, planned(owner, made, pods=[pod(made, *states, **more)], now=at(30)))
    over = job(owner, end=failed("DeadlineExceeded", seconds=60))
    seen = planned(owner, over, now=at(61))
    assert conditions(seen) == stalled(reason)
    assert "no such host" in message(seen) or "no GPU" in message(seen)
    assert planned(after(owner, seen), over, now=at(62)).status is None


@pytest.mark.parametrize("pods", [[], [before_the_kubelet]])
def test_a_deadline_that_a_pod_never_ran_in_is_not_to_be_raised(pods: list[object]) -> None:
    owner, _ = started(activeDeadlineSeconds=60)
    over = job(owner, end=failed("DeadlineExceeded"))
    shown = [before_the_kubelet(over)] if pods else []
    seen = planned(owner, over, pods=shown, now=at(61))
    assert conditions(seen) == running(Reason.POD_NOT_STARTING)
    assert "(60 s); its pod had not started by then" in message(seen)
    assert "Raise" not in message(seen)


def test_a_program_for_another_architecture_names_the_node() -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    words = "failed to create containerd task: exec /usr/local/bin/tflite-convert: exec format error: unknown"
    broken = failing_pod(over, PREPARE, 128, words, reason="StartError") | {"spec": {"nodeName": "arm-1"}}
    made = planned(owner, over, pods=[broken], now=at(61))
    assert conditions(made) == running(Reason.START_FAILED)
    assert f"Container prepare could not be started on node arm-1: {words}; the image is not for" in message(made)
    assert "kubernetes.io/arch" in message(made)
    third = job(owner, attempt=3, failures=2, end=failed())
    again = failing_pod(third, PREPARE, 128, words, reason="StartError")
    assert conditions(planned(owner, third, pods=[again])) == stalled(Reason.START_FAILED)


ASKED = {"kubernetes.io/arch": "arm64"}
PROGRAM = "exec /usr/local/bin/tflite-convert: exec format error"


def test_an_image_that_is_not_for_what_the_pod_asked_for_says_so() -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    node = {"spec": {"nodeName": "arm-1", "nodeSelector": ASKED}}
    made = planned(owner, over, pods=[failing_pod(over, PREPARE, 128, PROGRAM, reason="StartError") | node])
    assert "the image is not for arm64, which the pod asks of its node (kubernetes.io/arch)" in message(made)
    assert message(made).endswith(
        "have the administrator give an image for this one. Attempt 2 follows at 2026-11-22T12:01:10Z."
    )
    guessed = planned(owner, over, pods=[failing_pod(over, PREPARE, 255) | node])
    assert "not for the architecture of its node arm-1 (arm64)" in message(guessed)


def test_a_runtime_that_says_so_in_the_log_alone_is_guessed_at() -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    broken = failing_pod(over, PREPARE, 255) | {"spec": {"nodeName": "arm-1"}}
    made = planned(owner, over, pods=[broken], now=at(61))
    assert conditions(made) == running(Reason.STEP_CRASHED)
    assert "not for the architecture of its node arm-1" in message(made)


def test_the_limit_that_a_webhook_set_is_the_one_that_was_exceeded() -> None:
    owner, _ = started(resources={"limits": {"memory": "300Mi"}})
    over = job(owner, end=failed())
    killed = failing_pod(over, CONVERT, 137, reason="OOMKilled")
    killed["spec"] = {"initContainers": [{"name": CONVERT, "resources": {"limits": {"memory": "200Mi"}}}]}
    assert "it reached its limit of 200Mi, or its node had none left" in message(planned(owner, over, pods=[killed]))


def test_a_limit_that_a_webhook_took_away_is_not_to_be_raised() -> None:
    owner, _ = started()
    over = job(owner, end=failed())
    del over["spec"]["template"]["spec"]["initContainers"][1]["resources"]["limits"]
    killed = failing_pod(over, CONVERT, 137, reason="OOMKilled")
    said = message(planned(owner, over, pods=[killed]))
    assert "Container convert has no memory limit of its own, and was killed as its node had none left" in said
    assert said.endswith("set spec.resources.requests.memory to what it needs, so that it gets a node with as much.")


def test_an_image_that_a_webhook_put_in_its_place_is_the_one_that_cannot_be_pulled() -> None:
    owner, made = started()
    waits = pod(made, waiting("ImagePullBackOff", 'Back-off pulling image "mirror/a:1": ErrImagePull: no such host'))
    waits["status"]["initContainerStatuses"][0]["image"] = "mirror/a:1"
    late = planned(owner, made, pods=[waits], now=at(300))
    assert "The converter image mirror/a:1 cannot be pulled: no such host." in message(late)


@pytest.mark.parametrize("words", ['configmap "settings" not found', "couldn't find key a in ConfigMap team/settings"])
def test_a_config_map_that_somebody_else_named_is_no_secret(words: str) -> None:
    owner, made = started()
    waits = pod(made, waiting("CreateContainerConfigError", words))
    seen = planned(owner, made, pods=[waits], now=at(30))
    assert conditions(seen) == running(Reason.POD_NOT_STARTING)
    assert words in message(seen)


def test_a_scheduler_that_gives_another_reason_is_quoted() -> None:
    """Such as that of Volcano, or the cluster's own where it trips over something."""
    owner, made = started()
    told = condition("PodScheduled", "SchedulerError", message="nodeinfo not found") | {"status": "False"}
    waits = pod(made) | {"status": {"phase": "Pending", "conditions": [told]}}
    assert "does not start: nodeinfo not found" in message(planned(owner, made, pods=[waits], now=at(30)))


def test_a_pod_at_which_no_scheduler_has_looked_says_so() -> None:
    owner, made = started()
    waits = pod(made) | {"status": {"phase": "Pending"}}
    assert planned(owner, made, pods=[waits], now=at(30)).status is None, "not asked is not answered"
    seen = planned(owner, made, pods=[waits], now=at(30), pod_warning="")
    assert "does not start: no scheduler has looked for a node for it" in message(seen)
