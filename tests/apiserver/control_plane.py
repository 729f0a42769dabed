"""etcd and the API server of this checkout, alone on loopback: the tests stop, compact and damage them at will.

No controller, no scheduler and no kubelet runs beside them: Jobs stay as they were made.
"""

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final, Self

import httpx

from dev.daemons import components, configuration, pki
from dev.daemons.components import Folders
from dev.host import files
from dev.host.checkout import Checkout
from dev.host.commands import TIED, tail
from dev.isolation.network import Addresses
from dev.testing.installation import NAMESPACE
from tests.apiserver.admin import Admin
from tests.apiserver.waiting import until

HOST: Final = "127.0.0.1"
ACCOUNT: Final = f"system:serviceaccount:{NAMESPACE}:tflite-operator"
_ADDRESSES: Final = Addresses(IPv4Network("127.0.0.0/8"), IPv4Network("10.213.0.0/16"))


@dataclass
class ControlPlane:
    """Started with the block, ended with it."""

    checkout: Checkout
    folder: Path
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Start both; return when the API server is ready."""
        for part in ("configuration", "log"):
            (self.folder / part).mkdir(parents=True)
        pki.make(self.pki, _ADDRESSES)
        files.write(self._at.configuration / "audit-policy.yaml", configuration.as_yaml(_audit_policy()))
        self._storage = f"http://{HOST}:{free_port()}"
        self.port = free_port()
        self.admin = Admin(self.address, self.pki)
        try:
            self._start_storage()
            self.start_api_server()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End both."""
        self.admin.close()
        self._end()

    @property
    def address(self) -> str:
        """Where the API server is."""
        return f"https://{HOST}:{self.port}"

    @property
    def pki(self) -> Path:
        """Folder of keys and certificates."""
        return self.folder / "pki"

    @property
    def audit_log(self) -> Path:
        """What the operator asked of the API server, written down by the API server before it answers."""
        return self.folder / "log" / "audit.log"

    def start_api_server(self) -> None:
        """Start the API server, and wait until it is ready."""
        argv = [
            *components.kube_apiserver(self._at, _ADDRESSES, self._storage),
            f"--secure-port={self.port}",
            # Nobody looks for the service `kubernetes`, which may not have a loopback address.
            "--endpoint-reconciler-type=none",
        ]
        self._spawn("kube-apiserver", argv)
        until("the API server is ready", self._is_ready, within=90)

    def stop_api_server(self) -> None:
        """End the API server at once: asked politely, it waits for open watches."""
        self._kill("kube-apiserver")

    @contextmanager
    def without_api_server(self) -> Iterator[None]:
        """Stop the API server for the time of the block."""
        self.stop_api_server()
        try:
            yield
        finally:
            self.start_api_server()

    def compact(self) -> None:
        """Have etcd forget every version but the last."""
        found = httpx.post(f"{self._storage}/v3/kv/range", json={"key": "AA=="}, trust_env=False)
        revision = found.raise_for_status().json()["header"]["revision"]
        wanted = {"revision": revision, "physical": True}
        httpx.post(f"{self._storage}/v3/kv/compaction", json=wanted, trust_env=False).raise_for_status()

    def back_up(self) -> None:
        """Keep what etcd holds."""
        storage = self._processes["etcd"]
        # What is on the disk at any moment is whole: etcd outlives being killed.
        storage.send_signal(signal.SIGSTOP)
        try:
            shutil.rmtree(self._backup, ignore_errors=True)
            shutil.copytree(self._data, self._backup)
        finally:
            storage.send_signal(signal.SIGCONT)

    def restore(self) -> None:
        """Go back to what was kept, and count versions on from there, as from a backup after a disaster."""
        self.stop_api_server()
        self._kill("etcd")
        shutil.rmtree(self._data)
        shutil.copytree(self._backup, self._data)
        self._start_storage()
        self.start_api_server()

    def kubeconfig(self, address: str, token: str) -> str:
        """Return what somebody with a token needs to reach the API server at an address."""
        document = json.loads(configuration.kubeconfig(_ADDRESSES, self.pki, "admin"))
        document["clusters"][0]["cluster"]["server"] = address
        document["users"][0]["user"] = {"token": token}
        return configuration.as_yaml(document)

    @property
    def _at(self) -> Folders:
        return Folders(self.checkout.bin, self.folder / "configuration", self.pki, self.folder, self.audit_log)

    @property
    def _data(self) -> Path:
        return self.folder / "etcd"

    @property
    def _backup(self) -> Path:
        return self.folder / "backup"

    def _start_storage(self) -> None:
        self._spawn("etcd", components.etcd(self._at, self._storage, f"http://{HOST}:0"))

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def _is_ready(self) -> bool:
        for name, process in self._processes.items():
            assert process.poll() is None, f"{name} has ended:\n{tail(self._log(name))}"
        return self.admin.is_ready()

    def _spawn(self, name: str, argv: Sequence[str]) -> None:
        with self._log(name).open("ab") as output:
            self._processes[name] = subprocess.Popen(
                [*TIED, *argv], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def _log(self, name: str) -> Path:
        return self.folder / "log" / f"{name}.log"

    def _end(self) -> None:
        for process in reversed(self._processes.values()):
            process.kill()
        for process in self._processes.values():
            process.wait()


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _audit_policy() -> dict[str, object]:
    rules = [{"level": "Metadata", "users": [ACCOUNT]}, {"level": "None"}]
    return {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
