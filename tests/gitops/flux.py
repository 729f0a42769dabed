"""Flux's resources in one namespace: applying them, having them looked at now, and waiting for what they say."""

import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from dev.testing import flux as installation
from dev.testing.kubectl import Kubectl
from tests.e2e.fixtures.conversions import condition
from tests.gitops.repository import Repository

Object = dict[str, Any]
Predicate = Callable[[Object], bool]

SOURCE: Final = "source.toolkit.fluxcd.io/v1"
KUSTOMIZE: Final = "kustomize.toolkit.fluxcd.io/v1"
# In the order in which they go: what was applied from a source goes before the source.
_KINDS: Final = (
    "kustomizations.kustomize.toolkit.fluxcd.io",
    "helmreleases.helm.toolkit.fluxcd.io",
    "gitrepositories.source.toolkit.fluxcd.io",
)
_NOW: Final = "reconcile.fluxcd.io/requestedAt"


class Flux:
    """What a team has in its namespace of Flux, with one repository."""

    def __init__(self, kubectl: Kubectl, repository: Repository) -> None:
        self._kubectl, self._repository = kubectl, repository

    @property
    def namespace(self) -> str:
        assert self._kubectl.namespace is not None
        return self._kubectl.namespace

    def source(self) -> Object:
        """Return the repository's object; Flux looks again only when it is told to."""
        spec = {"url": self._repository.url, "ref": {"branch": "main"}, "interval": "1h"}
        return {"apiVersion": SOURCE, "kind": "GitRepository", "metadata": {"name": "models"}, "spec": spec}

    def kustomization(self, name: str = "models", **spec: Any) -> Object:
        """Return a Kustomization that waits for what it applies from the folder conversions/."""
        common = {
            "sourceRef": {"kind": "GitRepository", "name": "models"},
            "path": "./conversions",
            "targetNamespace": self.namespace,
            "prune": True,
            "wait": True,
            "interval": "1h",
            "timeout": "5m",
        }
        return {"apiVersion": KUSTOMIZE, "kind": "Kustomization", "metadata": {"name": name}, "spec": common | spec}

    def apply(self, *objects: Object) -> None:
        self._kubectl.apply(*objects)

    def get(self, kind: str, name: str = "models") -> Object:
        return self._kubectl.get(kind, name)

    def suspend(self, name: str = "models", *, suspended: bool) -> None:
        """Do as `flux suspend` and `flux resume` do."""
        change = f'{{"spec": {{"suspend": {"true" if suspended else "false"}}}}}'
        self._kubectl("patch", "kustomization", name, "--type=merge", "--patch", change)

    def fetch(self, revision: str, name: str = "models") -> None:
        """Have the repository looked at now, and wait until this revision was fetched."""
        self._ask("gitrepository", name)
        self._wait("gitrepository", name, lambda seen: _artifact(seen) == revision, 60)

    def reconcile(self, kind: str = "kustomization", name: str = "models", timeout: float = 900) -> Object:
        """Have it looked at now, and wait until it was and is Ready."""
        token = self._ask(kind, name)
        return self._wait(
            kind,
            name,
            lambda seen: seen.get("status", {}).get("lastHandledReconcileAt") == token and _is_ready(seen),
            timeout,
        )

    def wait_ready(self, revision: str, name: str = "models", timeout: float = 900) -> Object:
        """Wait until a Kustomization is Ready with what this revision has."""
        return self._wait(
            "kustomization",
            name,
            lambda seen: _is_ready(seen) and seen["status"].get("lastAppliedRevision") == revision,
            timeout,
        )

    def wait_failed(self, revision: str, name: str = "models", timeout: float = 900) -> Object:
        """Wait until a Kustomization has failed with what this revision has."""

        def has_failed(seen: Object) -> bool:
            attempted = seen.get("status", {}).get("lastAttemptedRevision") == revision
            return attempted and condition(seen, "Ready").get("status") == "False"

        return self._wait("kustomization", name, has_failed, timeout)

    def wait(self, kind: str, name: str, predicate: Predicate, timeout: float = 900) -> Object:
        """Wait until an object fits."""
        return self._wait(kind, name, predicate, timeout)

    def events(self, kind: str, name: str = "models") -> list[str]:
        """Return what Events say of an object, in no order."""
        selector = f"involvedObject.kind={kind},involvedObject.name={name}"
        return [one["message"] for one in self._kubectl.get("events", "--field-selector", selector)["items"]]

    def delete(self, kind: str, name: str = "models") -> None:
        self._kubectl("delete", kind, name, "--timeout=180s")

    def clear(self) -> None:
        """Delete all of Flux in the namespace, and wait until it is gone, with whatever it takes along."""
        for kind in _KINDS:
            self._kubectl("delete", kind, "--all", "--timeout=180s")

    def explain(self) -> str:
        """Return what a person needs to see why a test failed."""
        parts = [self._kubectl("describe", kind, check=False) for kind in _KINDS]
        system = self._kubectl.within(installation.NAMESPACE)
        logs = [
            f"--- {name}\n{system('logs', f'deployment/{name}', '--tail=40', check=False)}"
            for name in installation.CONTROLLERS
        ]
        return "\n".join([*parts, *logs])

    def _ask(self, kind: str, name: str) -> str:
        token = secrets.token_hex(8)
        self._kubectl("annotate", "--overwrite", kind, name, f"{_NOW}={token}")
        return token

    def _wait(self, kind: str, name: str, predicate: Predicate, timeout: float) -> Object:
        end = time.monotonic() + timeout
        while not predicate(seen := self.get(kind, name)):
            assert time.monotonic() < end, f"{kind} {name} did not become as expected: {seen.get('status')}"
            time.sleep(0.3)
        return seen


def _artifact(source: Object) -> str | None:
    revision: str | None = source.get("status", {}).get("artifact", {}).get("revision")
    return revision


def _is_ready(seen: Object) -> bool:
    ready = condition(seen, "Ready")
    return ready.get("status") == "True" and ready.get("observedGeneration") == seen["metadata"]["generation"]
