"""Asks the API server as its administrator."""

import ssl
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from dev.host.checkout import Checkout
from tests.apiserver.waiting import until
from tflite_api import names

Object = dict[str, Any]

CRD: Final = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{names.PLURAL}.{names.GROUP}"
CONVERSIONS: Final = f"/apis/{names.GROUP}/{names.VERSION}"
MANAGER: Final = "somebody"
"""Whose changes are not the operator's."""
_ROOT: Final = Checkout.here().root
_DELETED_SECONDS: Final = 30


class Admin:
    """The administrator, who may do everything."""

    def __init__(self, address: str, pki: Path, acting_as: str = "") -> None:
        """Take where the API server is, the folder of keys, and in whose place the administrator asks."""
        trusted = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        trusted.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        # An HTTP proxy in the environment knows nothing of an address that only this machine has.
        who = {"Impersonate-User": acting_as} if acting_as else {}
        self._http = httpx.Client(base_url=address, verify=trusted, trust_env=False, timeout=30, headers=who)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def is_ready(self) -> bool:
        """Return whether the API server says that it is ready."""
        try:
            return self._http.get("/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def refusal(self, method: str, path: str, body: Object | None) -> str:
        """Return the API server's words where it refuses a request; nothing where it does not."""
        # Of what is no type of Kubernetes' own it knows no strategy.
        way = "merge-patch" if names.GROUP in path else "strategic-merge-patch"
        kind = f"application/{way}+json" if method == "PATCH" else "application/json"
        answer = self._http.request(method, path, json=body, headers={"Content-Type": kind})
        return "" if answer.is_success else str(answer.json()["message"])

    def get(self, path: str) -> Object:
        """Read."""
        return self._ask("GET", path)

    def find(self, path: str) -> Object | None:
        """Read; None where there is nothing."""
        answer = self._http.get(path)
        return None if answer.status_code == 404 else _content(answer)

    def create(self, path: str, wanted: Object) -> Object:
        """Create."""
        return self._ask("POST", path, wanted)

    def patch(self, path: str, changes: Object) -> Object:
        """Merge changes into an object."""
        return self._ask("PATCH", path, changes, kind="application/merge-patch+json")

    def apply(self, path: str, wanted: Object) -> Object:
        """Make an object like this, whether it exists or not."""
        return self._ask("PATCH", path, wanted, kind="application/apply-patch+yaml", more={"force": "true"})

    def delete(self, path: str) -> None:
        """Delete one object, or all of a list."""
        self._ask("DELETE", path, {"propagationPolicy": "Background"})

    def apply_manifest(self, name: str) -> None:
        """Apply all objects of a file of the repository."""
        for wanted in yaml.safe_load_all((_ROOT / name).read_text()):
            self.apply(path_of(wanted), wanted)

    def apply_crd(self) -> None:
        """Install the CRD, and wait until the API server serves it."""
        self.apply_manifest("crds/tfliteconversions.yaml")
        until("the API server serves conversions", self._serves_conversions)

    def delete_crd(self) -> None:
        """Delete the CRD, and wait until it is gone with all conversions."""
        self.delete(CRD)
        until("the CRD is gone", lambda: self.find(CRD) is None, _DELETED_SECONDS)

    def token(self, namespace: str, account: str) -> str:
        """Return a token of a service account."""
        wanted = {"spec": {"expirationSeconds": 86400}}
        made = self.create(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", wanted)
        return str(made["status"]["token"])

    def _serves_conversions(self) -> bool:
        # At first it answers 404, then 429: "storage is (re)initializing".
        return self._http.get(f"{CONVERSIONS}/{names.PLURAL}").status_code == 200

    def _ask(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        kind: str = "application/json",
        more: Object | None = None,
    ) -> Object:
        query = {"fieldManager": MANAGER, **(more or {})} if method in {"POST", "PATCH"} else {}
        return _content(self._http.request(method, path, params=query, json=body, headers={"Content-Type": kind}))


def path_of(wanted: Object) -> str:
    """Return the path of an object, by its kind and name."""
    root = f"/apis/{wanted['apiVersion']}" if "/" in wanted["apiVersion"] else f"/api/{wanted['apiVersion']}"
    namespace = wanted["metadata"].get("namespace")
    where = f"/namespaces/{namespace}" if namespace else ""
    kind = wanted["kind"].lower()
    plural = f"{kind.removesuffix('y')}ies" if kind.endswith("y") else f"{kind}s"
    return f"{root}{where}/{plural}/{wanted['metadata']['name']}"


def _content(answer: httpx.Response) -> Object:
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    content: Object = answer.json()
    return content
