"""Starts and stops the cluster: what happens in which order, and what is waited for."""

import functools
import http.client
import inspect
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dev.building import binaries
from dev.cluster import record
from dev.cluster.record import Need, Record
from dev.daemons import components, configuration, pki, storage
from dev.daemons import hub as hub_server
from dev.daemons.apiserver import ApiServer
from dev.daemons.configuration import PAUSE_IMAGE
from dev.daemons.node import Node, wait_until
from dev.host import cleaning, files, lock
from dev.host.checkout import Checkout
from dev.host.commands import tail
from dev.host.errors import DevError
from dev.host.progress import say, step
from dev.isolation import cgroups, leftovers, namespaces, network
from dev.isolation.namespaces import Namespaces
from dev.isolation.network import Addresses

# In the order in which they are started, and started again.
DAEMONS = (
    "etcd",
    "containerd",
    "s3",
    "hub",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
)


class Cluster:
    """The cluster of one checkout."""

    def __init__(self, checkout: Checkout) -> None:
        """Make it for a checkout; nothing is started."""
        self.checkout = checkout
        self._configuration = checkout.run / "configuration"
        self._pki = checkout.run / "pki"
        self._folders = components.Folders(
            checkout.bin, self._configuration, self._pki, checkout.run, checkout.audit_log
        )

    def up(self) -> None:
        """Make the cluster run: start what is missing, or make it again where that cannot be trusted.

        Raises:
            BrokenStoreError: the node takes no image.
        """
        now, inside = record.read(self.checkout.run), namespaces.find(self.checkout)
        made_from = self._made_from()
        dead = self.dead(now)
        match record.need(now, made_from, inside is not None, dead):
            case Need.MAKE:
                self._make(made_from)
            case Need.RESTART if now is not None and inside is not None:
                say(f"starting again: {', '.join(sorted(dead))}")
                self._start(now, inside, dead)
            case _:
                pass

    def forget_images(self) -> None:
        """Stop everything and empty the node's image store."""
        self.down()
        cleaning.remove(self.checkout.containerd)

    def down(self) -> bool:
        """Stop everything; return whether anything ran."""
        ran = leftovers.clear(self.checkout)
        cleaning.remove(self.checkout.run)
        return ran

    def dead(self, now: Record | None) -> set[str]:
        """Return the daemons that do not run."""
        processes = {} if now is None else now.processes
        return {n for n in DAEMONS if n not in processes or not processes[n].is_alive()}

    def running(self) -> tuple[Record, Namespaces]:
        """Return the running cluster.

        Raises:
            DevError: none runs; the message says how to start one.
        """
        now, inside = record.read(self.checkout.run), namespaces.find(self.checkout)
        if now is None or not now.complete or inside is None:
            raise DevError("no cluster runs here; run make up first")
        return now, inside

    def stop(self, name: str) -> None:
        """Stop one daemon, until `start` or `up`."""
        now, _ = self.running()
        if name in now.processes:
            now.processes[name].stop(grace=5)
            record.write(self.checkout.run, now.without_process(name))

    def start(self, name: str) -> None:
        """Start one daemon again."""
        now, inside = self.running()
        if name in self.dead(now):
            self._start(now, inside, {name})

    def _made_from(self) -> str:
        modules = (components, configuration, network, namespaces, pki, storage)
        sources = [Path(inspect.getfile(module)) for module in modules]
        return files.fingerprint(Path(__file__).parents[1], sources, binaries.fingerprint(self.checkout))

    def _make(self, made_from: str) -> None:
        with step("clearing away what an earlier cluster left"):
            self.down()
        self._make_folders()
        with step("starting the cluster"):
            with lock.of_machine():
                leftovers.sweep(self.checkout)
                leftovers.register(self.checkout)
                addresses = network.find_free()
                cgroups.make(self.checkout)
                inside = namespaces.start(self.checkout)
                network.connect(self.checkout, inside, addresses)
                self._open_way_out(addresses)
            storage.draw_keys(self.checkout)
            self._configure(addresses)
            now = Record(made_from, addresses)
            record.write(self.checkout.run, now)
            self._start(now, inside, set(DAEMONS))

    def _make_folders(self) -> None:
        # A cluster starts with empty buckets; what the Hub serves and the node's images outlive it.
        cleaning.remove(self.checkout.s3)
        for folder in ("configuration/cni", "kubelet", "log/pods", "log/containers", "cni"):
            (self.checkout.run / folder).mkdir(parents=True)
        for path in (self.checkout.containerd, self.checkout.hub, self.checkout.s3):
            path.mkdir(parents=True, exist_ok=True)

    def _open_way_out(self, addresses: Addresses) -> None:
        try:
            if network.open_way_out(self.checkout, addresses):
                leftovers.note_forwarding(self.checkout)
        except (DevError, OSError) as error:
            say(f"pods will not reach beyond this machine: {error}")

    def _configure(self, addresses: Addresses) -> None:
        at, pki_folder = self._configuration, self._pki
        pki.make(pki_folder, addresses)
        for user in ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"):
            content = configuration.kubeconfig(addresses, pki_folder, user)
            files.write(at / f"{user}.kubeconfig", content, mode=0o600)
        files.write(at / "containerd.toml", configuration.containerd())
        files.write(at / "cni" / "10-cluster.conflist", configuration.cni(addresses))
        files.write(at / "resolv.conf", _resolv_conf())
        kubelet = configuration.kubelet(pki_folder, addresses, self.checkout.cgroup, at / "resolv.conf")
        files.write(at / "kubelet.yaml", kubelet)
        proxy = configuration.kube_proxy(addresses, at / "kube-proxy.kubeconfig")
        files.write(at / "kube-proxy.yaml", proxy)
        files.write(at / "audit-policy.yaml", configuration.audit_policy())
        admin = configuration.kubeconfig(addresses, pki_folder, "admin")
        files.write(self.checkout.kubeconfig, admin, mode=0o600)

    def _start(self, now: Record, inside: Namespaces, wanted: set[str]) -> None:
        """Start daemons in their order and wait until the cluster as a whole is ready."""
        node, api, addresses = Node(inside), ApiServer(now.addresses, self._pki), now.addresses
        spawn = functools.partial(self._spawn, inside)
        log = self._log

        for name in [n for n in DAEMONS[:5] if n in wanted]:
            now = spawn(now, name)
        # containerd gets its node ready while the API server starts: each takes seconds of its own.
        with ThreadPoolExecutor() as pool:
            ready = pool.submit(wait_until, "API server ready", api.is_ready, log("kube-apiserver"))
            now = self._prepare_node(now, inside, node, fresh="containerd" in wanted and not now.complete)
            ready.result()
        for name in [n for n in DAEMONS[5:] if n in wanted]:
            now = spawn(now, name)
        wait_until("controllers ready", api.has_namespace_basics, log("kube-controller-manager"))
        wait_until("node ready", api.has_ready_node, log("kubelet"))
        wait_until("S3 ready", lambda: _answers(addresses, storage.PORT, "/health", {200}), log("s3"))
        wait_until("Hub ready", lambda: _answers(addresses, hub_server.PORT, "/", {404}), log("hub"))
        self._check_alive(now)
        record.write(self.checkout.run, Record(now.made_from, addresses, True, now.processes))

    def _prepare_node(self, now: Record, inside: Namespaces, node: Node, *, fresh: bool) -> Record:
        wait_until("containerd ready", node.is_ready, self._log("containerd"))
        if fresh and node.remove_containers():
            # It read them when it started, and would present them to the kubelet as pods.
            now.processes["containerd"].stop(grace=5)
            now = self._spawn(inside, now, "containerd")
            wait_until("containerd ready", node.is_ready, self._log("containerd"))
        if PAUSE_IMAGE not in node.image_digests():
            node.import_pause(self.checkout.bin / "pause")
        return now

    def _spawn(self, inside: Namespaces, now: Record, name: str) -> Record:
        process = inside.spawn(self._argv(name, now.addresses), self._log(name), self._environment(name))
        now = now.with_process(name, process)
        record.write(self.checkout.run, now)
        return now

    def _argv(self, name: str, addresses: Addresses) -> list[str]:
        at, checkout = self._folders, self.checkout
        if name == "s3":
            return storage.command(checkout, addresses)
        if name == "hub":
            return [sys.executable, "-m", "dev.daemons.hub", str(checkout.hub), str(addresses.node)]
        commands = {
            "etcd": lambda: components.etcd(at),
            "containerd": lambda: components.containerd(at),
            "kube-apiserver": lambda: components.kube_apiserver(at, addresses),
            "kube-controller-manager": lambda: components.kube_controller_manager(at),
            "kube-scheduler": lambda: components.kube_scheduler(at),
            "kubelet": lambda: components.kubelet(at, addresses),
            "kube-proxy": lambda: components.kube_proxy(at),
        }
        return commands[name]()

    def _environment(self, name: str) -> dict[str, str]:
        if name == "s3":
            return storage.environment(storage.read_keys(self.checkout))
        if name == "kube-apiserver":
            return dict(components.RARELY_COLLECTING)
        return {"PYTHONPATH": str(self.checkout.root)} if name == "hub" else {}

    def _check_alive(self, now: Record) -> None:
        for name in sorted(self.dead(now)):
            raise DevError(f"{name} has ended. The end of {self._log(name)}:\n{tail(self._log(name))}")

    def _log(self, name: str) -> Path:
        return self.checkout.logs / f"{name}.log"


def _answers(addresses: Addresses, port: int, path: str, statuses: set[int]) -> bool:
    connection = http.client.HTTPConnection(str(addresses.node), port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status in statuses
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _resolv_conf() -> str:
    """Return the machine's real name servers; a pod cannot reach a resolver on loopback."""
    behind_stub = Path("/run/systemd/resolve/resolv.conf")
    return (behind_stub if behind_stub.exists() else Path("/etc/resolv.conf")).read_text()
