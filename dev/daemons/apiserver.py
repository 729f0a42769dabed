"""What `up` asks the API server. Read only; everything else is done with kubectl."""

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.isolation.network import Addresses


@dataclass(frozen=True)
class ApiServer:
    """The cluster's API server, seen from the machine."""

    addresses: Addresses
    pki: Path

    def get(self, path: str) -> bytes | None:
        """Fetch a path as the administrator; return None when that fails."""
        url = f"https://{self.addresses.node}:6443{path}"
        try:
            context = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
            context.load_cert_chain(self.pki / "admin.crt", self.pki / "admin.key")
            with _direct(context).open(url, timeout=2) as answer:
                content: bytes = answer.read()
                return content
        except (urllib.error.URLError, OSError):
            return None

    def is_ready(self) -> bool:
        """Return whether the API server says that it is ready."""
        return self.get("/readyz") == b"ok"

    def has_ready_node(self) -> bool:
        """Return whether the node is Ready and pods may be placed on it."""
        nodes = json.loads(self.get("/api/v1/nodes") or '{"items": []}')["items"]
        return any(is_schedulable(node) for node in nodes)

    def has_namespace_basics(self) -> bool:
        """Return whether the controllers have given the default namespace what every pod needs."""
        base = "/api/v1/namespaces/default"
        wanted = (f"{base}/serviceaccounts/default", f"{base}/configmaps/kube-root-ca.crt")
        return all(self.get(path) is not None for path in wanted)


def is_schedulable(node: dict[str, Any]) -> bool:
    """Return whether pods can be placed on a node."""
    conditions = node.get("status", {}).get("conditions") or []
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and not node.get("spec", {}).get("taints")


def _direct(context: ssl.SSLContext) -> urllib.request.OpenerDirector:
    # An HTTP proxy in the environment knows nothing of an address that only this machine has.
    no_proxy = urllib.request.ProxyHandler({})
    return urllib.request.build_opener(no_proxy, urllib.request.HTTPSHandler(context=context))
