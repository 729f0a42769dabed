"""A control plane of its own, with kwok in place of kubelets: the cluster's own programs and settings from dev/.

It lives in namespaces that end with the benchmark (`__main__`), so addresses and ports clash with nobody's.
"""

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final, Self

from bench.scale import stages
from dev.daemons import components, configuration, pki
from dev.daemons.apiserver import ApiServer
from dev.daemons.components import Folders
from dev.daemons.node import wait_until
from dev.host import files
from dev.host.checkout import Checkout
from dev.host.commands import tail
from dev.host.errors import DevError
from dev.isolation.network import Addresses
from dev.testing.installation import NAMESPACE, apply_crd
from dev.testing.kubectl import Kubectl

ADDRESSES: Final = Addresses(IPv4Network("10.212.0.0/16"), IPv4Network("10.213.0.0/16"))
ACCOUNT: Final = f"system:serviceaccount:{NAMESPACE}:tflite-operator"
MANIFESTS: Final = tuple(
    f"deploy/base/{name}.yaml"
    for name in ("namespace", "service_account", "operator_role", "cluster_id_role", "job_policy", "pod_policy")
)
"""Without the policies, the operator reads each Job that succeeded from the API server; see docs/security.md."""
_POLICIES_HOLD_SECONDS: Final = 31.0
"""After so long, the operator counts on them."""
NODES: Final = 20
# With the default of 20 to 50 requests a second, these would be what is measured.
_UNTHROTTLED: Final = ("--kube-api-qps=2000", "--kube-api-burst=4000")
_WITHOUT_JOBS: Final = "--controllers=*,-job-controller"


@dataclass
class ControlPlane:
    """etcd, the API server, its controllers, the scheduler and kwok."""

    checkout: Checkout
    folder: Path
    job_controller: bool = True
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Start everything; return when pods could be placed."""
        for part in ("configuration", "log"):
            (self.folder / part).mkdir(parents=True)
        self._configure()
        at, unthrottled = self._folders, _UNTHROTTLED
        api = ApiServer(ADDRESSES, self.pki)
        self._spawn("etcd", components.etcd(at))
        # Batched, so that writing the log down does not hold requests up.
        self._spawn("kube-apiserver", [*components.kube_apiserver(at, ADDRESSES), "--audit-log-mode=batch"])
        wait_until("API server ready", api.is_ready, self._log("kube-apiserver"))
        controllers = () if self.job_controller else (_WITHOUT_JOBS,)
        self._spawn("kube-controller-manager", [*components.kube_controller_manager(at), *unthrottled, *controllers])
        self._spawn("kube-scheduler", [*components.kube_scheduler(at), *unthrottled])
        self._spawn("kwok", self._kwok())
        self._install()
        wait_until("controllers ready", api.has_namespace_basics, self._log("kube-controller-manager"))
        wait_until("nodes ready", api.has_ready_node, self._log("kwok"))
        return self

    def __exit__(self, *_: object) -> None:
        """End everything."""
        for process in reversed(self._processes.values()):
            process.kill()
        for process in self._processes.values():
            process.wait()

    @property
    def pki(self) -> Path:
        """Folder of keys and certificates."""
        return self.folder / "pki"

    @property
    def operators_kubeconfig(self) -> Path:
        """Credentials of the operator: its service account's, with the role of deploy/."""
        return self.folder / "operator.kubeconfig"

    @property
    def audit_log(self) -> Path:
        """What the operator asked of the API server, written down by the API server."""
        return self.folder / "log" / "audit.log"

    @property
    def seconds(self) -> dict[str, float]:
        """CPU time of each part so far."""
        return {name: cpu_seconds(process.pid) for name, process in self._processes.items()}

    def check(self) -> None:
        """Make sure that every part still runs.

        Raises:
            DevError: one has ended; the message shows its last words.
        """
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise DevError(f"{name} has ended. The end of {self._log(name)}:\n{tail(self._log(name))}")

    @property
    def _folders(self) -> Folders:
        return Folders(self.checkout.bin, self.folder / "configuration", self.pki, self.folder, self.audit_log)

    def _kubectl(self) -> Kubectl:
        return Kubectl((str(self.checkout.bin / "kubectl"), "--kubeconfig", str(self.folder / "kubeconfig")))

    def _configure(self) -> None:
        pki.make(self.pki, ADDRESSES)
        at = self.folder / "configuration"
        for user in ("kube-controller-manager", "kube-scheduler"):
            files.write(at / f"{user}.kubeconfig", configuration.kubeconfig(ADDRESSES, self.pki, user), mode=0o600)
        files.write(self.folder / "kubeconfig", configuration.kubeconfig(ADDRESSES, self.pki, "admin"), mode=0o600)
        files.write(at / "audit-policy.yaml", _audit_policy())
        documents = (configuration.as_yaml(stage) for stage in stages.stages())
        files.write(at / "kwok.yaml", "---\n".join(documents))

    def _kwok(self) -> list[str]:
        return [
            str(self.checkout.bin / "kwok"),
            f"--kubeconfig={self.folder / 'kubeconfig'}",
            f"--config={self.folder / 'configuration' / 'kwok.yaml'}",
            "--manage-all-nodes",
            "--node-lease-duration-seconds=40",
            "--v=WARN",
        ]

    def _install(self) -> None:
        kubectl = self._kubectl()
        apply_crd(kubectl.prefix)
        for manifest in MANIFESTS:
            kubectl("apply", "--namespace", NAMESPACE, "-f", str(self.checkout.root / manifest))
        kubectl.apply(*stages.nodes(NODES))
        token = kubectl("create", "token", "tflite-operator", "--namespace", NAMESPACE, "--duration=24h").strip()
        document = json.loads(configuration.kubeconfig(ADDRESSES, self.pki, "admin"))
        document["users"][0]["user"] = {"token": token}
        files.write(self.operators_kubeconfig, configuration.as_yaml(document), mode=0o600)
        time.sleep(_POLICIES_HOLD_SECONDS)

    def _spawn(self, name: str, argv: Sequence[str]) -> None:
        with self._log(name).open("ab") as output:
            self._processes[name] = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def _log(self, name: str) -> Path:
        return self.folder / "log" / f"{name}.log"


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, user and system."""
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text[text.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def machine_cpu_seconds() -> float:
    """Return the CPU time that everything on the machine has used; idle time and waiting are none."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _, _, irq, softirq, steal = map(int, words[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _audit_policy() -> str:
    rules = [{"level": "Metadata", "users": [ACCOUNT]}, {"level": "None"}]
    document = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
    return configuration.as_yaml(document)
