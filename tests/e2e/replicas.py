"""The operator's replicas: which one leads, and its processes, where the node is this machine."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from dev.host.processes import PROC, Process, all_pids, arguments
from tests.e2e.conftest import kubectl
from tests.e2e.environment import Environment
from tests.e2e.operator_http import SYSTEM
from tflite_operator.settings import Settings

LEASE = str(Settings.model_fields["lease_name"].default)
SELECTOR = "app.kubernetes.io/name=tflite-operator"
CONTAINER = "operator"


@dataclass(frozen=True)
class Holder:
    """What the Lease says."""

    identity: str
    acquired: datetime
    renewed: datetime

    @property
    def pod(self) -> str:
        return self.identity.partition("_")[0]


class Replicas:
    """The operator's pods."""

    def __init__(self, env: Environment, api: client.ApiClient) -> None:
        self._env = env
        self._leases = client.CoordinationV1Api(api)
        self._core = client.CoreV1Api(api)

    def holder(self) -> Holder:
        """Read the Lease; nobody's when it was released."""
        spec = self._leases.read_namespaced_lease(LEASE, SYSTEM).spec
        return Holder(spec.holder_identity or "", spec.acquire_time, spec.renew_time)

    def next_holder(self, after: Holder, timeout: float = 60) -> Holder:
        """Wait until another process holds the lease."""
        end = time.monotonic() + timeout
        while (found := self.holder()).identity in {"", after.identity}:
            assert time.monotonic() < end, f"nobody took over from {after} within {timeout} s"
            time.sleep(0.1)
        return found

    def wait_for_both(self, timeout: float = 120) -> Holder:
        """Wait until two replicas are ready, and give who leads."""
        kubectl(self._env, "-n", SYSTEM, "rollout", "status", "deployment/tflite-operator", f"--timeout={timeout}s")
        names = {pod.metadata.name for pod in self.pods()}
        end = time.monotonic() + timeout
        while (found := self.holder()).pod not in names:
            assert time.monotonic() < end, f"the lease is held by {found}, none of {names}"
            time.sleep(0.1)
        return found

    def pods(self) -> list[Any]:
        return [
            pod
            for pod in self._core.list_namespaced_pod(SYSTEM, label_selector=SELECTOR).items
            if pod.metadata.deletion_timestamp is None
        ]

    def pod(self, name: str) -> Any:
        return self._core.read_namespaced_pod(name, SYSTEM)

    def process(self, pod: str) -> Process:
        """Return the operator's process of a pod, found among those of this machine."""
        uid = self.pod(pod).metadata.uid
        found = [process for process in _of_pod(uid) if "tflite" in " ".join(arguments(process.pid))]
        if not found:
            pytest.skip("the operator does not run on this machine, so its process cannot be stopped")
        assert len(found) == 1, found
        return found[0]

    def end(self, pod: str, known: Process, since: datetime, timeout: float = 60) -> Any:
        """Wait until a process of a pod's container that was alive at some time is known to have ended; give how."""
        assert known.wait_gone(timeout), f"{known} still runs"
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            [status] = self.pod(pod).status.container_statuses
            ended = status.last_state.terminated
            # The end of an earlier one is shown until the kubelet has seen this one's. Its times are whole seconds.
            if ended is not None and ended.finished_at >= since.replace(microsecond=0):
                return ended
            time.sleep(0.1)
        raise AssertionError(f"the kubelet does not know that the process of {pod} ended: {status}")

    def log(self, pod: str, *, previous: bool) -> str:
        return str(self._core.read_namespaced_pod_log(pod, SYSTEM, container=CONTAINER, previous=previous))

    @contextmanager
    def cut_off(self, pod: str) -> Iterator[None]:
        """Drop what a pod sends to the API server, as a broken network would: nothing is refused, nothing answers."""
        process = self.process(pod)
        address = _environment(process.pid)["KUBERNETES_SERVICE_HOST"]
        # The namespace is the pod's; its first process outlives the container's.
        [pause] = [one for one in _of_pod(self.pod(pod).metadata.uid) if arguments(one.pid)[0].endswith("pause")]
        rule = ["OUTPUT", "--destination", address, "--jump", "DROP"]
        _within(pause, "iptables", "--wait", "--insert", *rule)
        try:
            yield
        finally:
            if pause.is_alive():
                _within(pause, "iptables", "--wait", "--delete", *rule)


@contextmanager
def frozen(process: Process) -> Iterator[None]:
    """Stop a process, and let it go on afterwards."""
    process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.signal(signal.SIGCONT)


def _of_pod(uid: str) -> list[Process]:
    pids = [pid for pid in all_pids() if uid in _cgroup(pid)]
    return [process for pid in pids if (process := Process.of(pid)) is not None]


def _cgroup(pid: int) -> str:
    try:
        return (PROC / str(pid) / "cgroup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _environment(pid: int) -> dict[str, str]:
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def _within(process: Process, *command: str) -> None:
    done = subprocess.run(
        ["nsenter", f"--target={process.pid}", "--net", "--", *command], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
