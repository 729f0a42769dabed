"""Two replicas, one of which works: what its end costs in the middle of fifty conversions, and what it does not."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from kubernetes import client

from dev.host.processes import Process
from tests.e2e.conftest import kubectl
from tests.e2e.fixtures.audit import jobs_made, writes_of
from tests.e2e.fixtures.conversions import Object, Workbench, condition, is_finished
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.operator_http import SYSTEM, ask, measured
from tests.e2e.fixtures.replicas import Holder, Replicas, frozen
from tflite_operator.settings import Settings

pytestmark = pytest.mark.xdist_group("operator")

NAMES = [f"one-of-fifty-{number:02}" for number in range(50)]
TAKE_OVER_SECONDS = 20
LEASE_SECONDS = Settings.model_fields["lease_duration_seconds"].default


@pytest.fixture
def replicas(env: Environment, api: client.ApiClient, operator: None) -> Iterator[Replicas]:
    found = Replicas(env, api)
    found.wait_for_both()
    yield found
    # What comes next finds two replicas again.
    found.wait_for_both()


@contextmanager
def killed(replicas: Replicas, holder: Holder) -> Iterator[Process]:
    process = replicas.process(holder.pod)
    process.signal(signal.SIGKILL)
    yield process


@contextmanager
def stopped(replicas: Replicas, holder: Holder) -> Iterator[Process]:
    process = replicas.process(holder.pod)
    with frozen(process):
        yield process


@contextmanager
def without_network(replicas: Replicas, holder: Holder) -> Iterator[Process]:
    process = replicas.process(holder.pod)
    with replicas.cut_off(holder.pod):
        yield process


Fault = Callable[[Replicas, Holder], AbstractContextManager[Process]]
FAULTS: dict[str, tuple[Fault, int, str]] = {
    "killed": (killed, 128 + signal.SIGKILL, ""),
    "frozen": (stopped, 1, "the lease was not renewed in time: this process was held up"),
    "cut off": (without_network, 1, "the lease was not renewed in time: the API server does not answer"),
}
"""What happens to the holder, with what its process ends, and what it says."""


def one_of_fifty(bench: Workbench, env: Environment, name: str) -> Object:
    """A conversion that costs little: its model does not exist, which a pod of its own finds out, or its pod waits."""
    small = {"requests": {"cpu": "10m", "memory": "64Mi"}}
    nowhere = {} if ends(name) else {"nodeSelector": {"tflite-operator.dev/e2e-place": "nowhere"}}
    return bench.conversion(name, f"{env.hub_url}/nowhere/1", resources=small, **nowhere)


def ends(name: str) -> bool:
    """Return whether the conversion ends: one in five does."""
    return name[-1] in "05"


def is_known(conversion: Object) -> bool:
    """Return whether the status speaks of the conversion's Job."""
    return bool(conversion.get("status", {}).get("job")) and (
        condition(conversion, "Reconciling").get("status") == "True"
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_holder_that_fails_in_the_middle_of_fifty_conversions_loses_and_doubles_none(
    replicas: Replicas, bench: Workbench, env: Environment, api: client.ApiClient, fault: str
) -> None:
    strike, code, words = FAULTS[fault]
    batch = client.BatchV1Api(api)
    before = replicas.holder()
    for name in NAMES[:25]:
        bench.create(one_of_fifty(bench, env, name))
    bench.until(lambda: bool(batch.list_namespaced_job(bench.namespace).items), "the first Job is there")
    with strike(replicas, before) as process:
        last = replicas.holder()
        # Nobody sees these come; whoever takes over finds them.
        for name in NAMES[25:]:
            bench.create(one_of_fifty(bench, env, name))
        after = replicas.next_holder(before)
    seconds = (after.acquired - last.renewed).total_seconds()
    print(f"{fault}: {after.pod} took over {seconds:.1f} s after the last renewal")
    ended = replicas.end(before.pod, process, last.renewed)
    assert ended.exit_code == code
    assert words in replicas.log(before.pod, previous=True)
    assert writes_of(env, before.pod, after.acquired) == []
    for name in NAMES:
        seen = bench.wait(name, is_finished if ends(name) else is_known, timeout=240)
        assert condition(seen, "Ready")["reason"] == ("ModelNotFound" if ends(name) else "Pending")
        assert seen["status"]["job"]["attempt"] == 1
    made = jobs_made(env, bench.namespace)
    assert sorted(name.rpartition("-")[0] for name in made) == NAMES, made
    assert len(batch.list_namespaced_job(bench.namespace).items) == len(NAMES)
    assert seconds < TAKE_OVER_SECONDS


def test_a_holder_that_is_shut_down_gives_the_lease_back(replicas: Replicas, env: Environment) -> None:
    before = replicas.holder()
    process = replicas.process(before.pod)
    kubectl(env, "-n", SYSTEM, "delete", "pod", before.pod, "--wait=false")
    after = replicas.next_holder(before)
    seconds = (after.acquired - before.renewed).total_seconds()
    print(f"shut down: {after.pod} took over {seconds:.1f} s after the last renewal that was seen")
    assert process.wait_gone(30)
    # Else the next one would have had to wait for the end of the lease.
    assert seconds < LEASE_SECONDS


def test_both_are_ready_and_one_leads(replicas: Replicas, env: Environment) -> None:
    leads = [measured([answer], "tflite_operator_leader") for answer in ask(env, "/metrics")]
    assert sorted(leads, key=str) == [0.0, 1.0]


def test_of_two_replicas_one_may_be_evicted_at_a_time(replicas: Replicas, api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    holder = replicas.holder().pod
    [other] = [pod.metadata.name for pod in replicas.pods() if pod.metadata.name != holder]

    def evict(pod: str) -> None:
        core.create_namespaced_pod_eviction(pod, SYSTEM, {"metadata": {"name": pod, "namespace": SYSTEM}})

    evict(other)
    with pytest.raises(client.ApiException) as refused:
        evict(holder)
    assert refused.value.status == 429
    assert "disruption budget" in str(refused.value.body)
