"""Contents of the components' configuration files. Pure: what is written follows from the arguments alone."""

import base64
import json
from pathlib import Path
from typing import Any

from dev.isolation.network import BRIDGE, Addresses

PAUSE_IMAGE = "localhost/pause:dev"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"


def kubeconfig(addresses: Addresses, pki: Path, user: str) -> str:
    """Return the credentials of one user, complete in one file."""

    def embedded(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    name = "tflite-operator-dev"
    cluster = {
        "server": f"https://{addresses.node}:6443",
        "certificate-authority-data": embedded("ca.crt"),
    }
    credentials = {
        "client-certificate-data": embedded(f"{user}.crt"),
        "client-key-data": embedded(f"{user}.key"),
    }
    return as_yaml(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
            "current-context": name,
        }
    )


def containerd() -> str:
    """Return containerd's configuration: only what differs from its defaults."""
    return f"""\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
# Without CAP_SYS_RESOURCE (a container, a small VM) every sandbox would die at birth:
# "can't get final child's PID from pipe: EOF".
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "/run/cni"
"""


def cni(addresses: Addresses) -> str:
    """Return the configuration of the pods' network, a bridge. Both ends of the range of addresses stay ours."""
    addresses_from = {
        "subnet": str(addresses.pods),
        "rangeStart": str(addresses.pods[16]),
        "rangeEnd": str(addresses.pods[32767]),
        "gateway": str(addresses.node),
    }
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[addresses_from]], "routes": [{"dst": "0.0.0.0/0"}]},
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": "cluster", "plugins": [bridge, ports]}, indent=1)


def kubelet(pki: Path, addresses: Addresses, cgroup: str, resolv_conf: Path) -> str:
    """Return the kubelet's configuration."""
    return as_yaml(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": str(addresses.node),
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(pki / "kubelet-server.crt"),
            "tlsPrivateKeyFile": str(pki / "kubelet-server.key"),
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{cgroup}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "resolvConf": str(resolv_conf),
            "volumePluginDir": "/run/kubelet-volume-plugins",
            # A developer's disk is often nearly full; and the images cannot be pulled again, so never delete one.
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1Gi", "imagefs.available": "1Gi"},
            "imageGCHighThresholdPercent": 100,
            # How often volumes are measured. With the default of a minute, a test of a full one would take two.
            "volumeStatsAggPeriod": "5s",
        }
    )


def kube_proxy(addresses: Addresses, kubeconfig_file: Path) -> str:
    """Return kube-proxy's configuration."""
    return as_yaml(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "clusterCIDR": str(addresses.pods),
            "clientConnection": {"kubeconfig": str(kubeconfig_file)},
            # These are the whole machine's settings, and read-only inside a network namespace.
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
        }
    )


def audit_policy() -> str:
    """Return the API server's audit policy: every change of conversions and of Jobs, with request and response."""
    changes = ["create", "update", "patch", "delete", "deletecollection"]
    resources = [
        {"group": "tflite-operator.dev", "resources": ["tfliteconversions", "tfliteconversions/status"]},
        {"group": "batch", "resources": ["jobs", "jobs/status"]},
    ]
    return as_yaml(
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "omitManagedFields": True,
            "rules": [{"level": "RequestResponse", "verbs": changes, "resources": resources}, {"level": "None"}],
        }
    )


def as_yaml(document: dict[str, Any]) -> str:
    """Return a document as YAML; JSON is YAML."""
    return json.dumps(document, indent=1) + "\n"
