"""Keys and certificates, new for every cluster.

The components prove who they are with client certificates, as in production, so Kubernetes' own roles for
them apply: the node may only see what its pods need, the controllers act as their service accounts.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from dev.host.errors import DevError
from dev.isolation.network import Addresses

NODE = "node"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Subject:
    """The identity in a certificate. Kubernetes reads the user from CN and the groups from O."""

    file: str
    user: str
    group: str = ""
    names: tuple[str, ...] = ()

    @property
    def distinguished_name(self) -> str:
        """Return the name as openssl wants it."""
        return (f"/O={self.group}" if self.group else "") + f"/CN={self.user}"


def subjects(addresses: Addresses) -> list[Subject]:
    """Return every identity of a cluster that has a certificate."""
    services = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    dns = [f"DNS:{name}" for name in [*services, "kubernetes.default.svc.cluster.local", "localhost"]]
    ips = [f"IP:{address}" for address in (addresses.node, addresses.api_service, "127.0.0.1")]
    return [
        Subject("apiserver", "kube-apiserver", names=(*dns, *ips)),
        Subject("apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
        Subject("kubelet-server", f"system:node:{NODE}", "system:nodes", (f"IP:{addresses.node}",)),
        Subject("kubelet", f"system:node:{NODE}", "system:nodes"),
        Subject("admin", "developer", "system:masters"),
        Subject("kube-controller-manager", "system:kube-controller-manager"),
        Subject("kube-scheduler", "system:kube-scheduler"),
        Subject("kube-proxy", "system:kube-proxy"),
    ]


def make(folder: Path, addresses: Addresses) -> None:
    """Write the authority, every certificate and the key that signs service account tokens."""
    folder.mkdir(parents=True, mode=0o700)
    ca = folder / "ca"
    _openssl(
        *("req", "-x509", *KEY, "-keyout", f"{ca}.key", "-out", f"{ca}.crt", "-days", "365"),
        *("-subj", "/CN=tflite-operator-dev", "-addext", "keyUsage=critical,keyCertSign,digitalSignature"),
    )
    for subject in subjects(addresses):
        path = folder / subject.file
        usage = "serverAuth,clientAuth" if subject.names else "clientAuth"
        extensions = ["basicConstraints=critical,CA:FALSE", f"extendedKeyUsage={usage}"]
        extensions += [f"subjectAltName={','.join(subject.names)}"] if subject.names else []
        _openssl(
            *("req", "-x509", *KEY, "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-days", "365"),
            *("-keyout", f"{path}.key", "-out", f"{path}.crt", "-subj", subject.distinguished_name),
            *(word for extension in extensions for word in ("-addext", extension)),
        )
    _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", f"{folder}/sa.key")
    _openssl("pkey", "-in", f"{folder}/sa.key", "-pubout", "-out", f"{folder}/sa.pub")


def _openssl(*argv: str) -> None:
    done = subprocess.run(["openssl", *argv], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise DevError(f"openssl {argv[0]}: {done.stderr.strip()}")
