"""The command line of every daemon of the cluster. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from dev.daemons.pki import NODE
from dev.isolation.network import Addresses

ETCD = "http://127.0.0.1:2379"
RARELY_COLLECTING: Final[Mapping[str, str]] = MappingProxyType({"GOGC": "400", "GOMEMLIMIT": "2GiB"})
"""Environment of an API server: by default a quarter of what it computes is looking for garbage (own profile of the
tests), and below this limit memory is there for the taking."""


@dataclass(frozen=True)
class Folders:
    """Where the components' programs, files and data are."""

    bin: Path
    configuration: Path
    pki: Path
    run: Path
    audit_log: Path


def etcd(at: Folders, address: str = ETCD, peers: str = "http://127.0.0.1:2380") -> list[str]:
    """Return etcd's command line. Its data is thrown away with the cluster, so nothing waits for the disk."""
    return [
        str(at.bin / "etcd"),
        f"--data-dir={at.run / 'etcd'}",
        f"--listen-client-urls={address}",
        f"--advertise-client-urls={address}",
        f"--listen-peer-urls={peers}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def kube_apiserver(at: Folders, addresses: Addresses, storage: str = ETCD) -> list[str]:
    """Return the API server's command line; `storage` is etcd's address."""
    pki = at.pki
    return [
        str(at.bin / "kube-apiserver"),
        f"--etcd-servers={storage}",
        f"--bind-address={addresses.node}",
        f"--advertise-address={addresses.node}",
        "--secure-port=6443",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-cluster-ip-range={addresses.services}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        # Puts a container beside those of a pod, as a service mesh does; on by default from Kubernetes 1.36.
        "--feature-gates=MutatingAdmissionPolicy=true",
        "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
        "--allow-privileged=true",
        f"--audit-policy-file={at.configuration / 'audit-policy.yaml'}",
        f"--audit-log-path={at.audit_log}",
        "--audit-log-maxsize=200",  # MB; the older ones have their time in their name
        "--audit-log-maxbackup=3",
    ]


def kube_controller_manager(at: Folders) -> list[str]:
    """Return the controller manager's command line. Each controller acts as its own service account."""
    pki = at.pki
    return [
        str(at.bin / "kube-controller-manager"),
        f"--kubeconfig={at.configuration / 'kube-controller-manager.kubeconfig'}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        # As hosted clusters have it. With the default of 20 a second, starting all controllers takes 3 s longer.
        "--kube-api-qps=100",
        "--kube-api-burst=200",
        f"--service-account-private-key-file={pki / 'sa.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
    ]


def kube_scheduler(at: Folders) -> list[str]:
    """Return the scheduler's command line."""
    return [
        str(at.bin / "kube-scheduler"),
        f"--kubeconfig={at.configuration / 'kube-scheduler.kubeconfig'}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    ]


def containerd(at: Folders) -> list[str]:
    """Return containerd's command line."""
    return ["containerd", "--config", str(at.configuration / "containerd.toml")]


def kubelet(at: Folders, addresses: Addresses) -> list[str]:
    """Return the kubelet's command line."""
    return [
        str(at.bin / "kubelet"),
        f"--kubeconfig={at.configuration / 'kubelet.kubeconfig'}",
        f"--config={at.configuration / 'kubelet.yaml'}",
        f"--hostname-override={NODE}",
        f"--node-ip={addresses.node}",
    ]


def kube_proxy(at: Folders) -> list[str]:
    """Return kube-proxy's command line."""
    return [
        str(at.bin / "kube-proxy"),
        f"--config={at.configuration / 'kube-proxy.yaml'}",
        f"--hostname-override={NODE}",
    ]
