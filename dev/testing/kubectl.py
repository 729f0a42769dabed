"""kubectl as a person runs it: the demo shows its commands, so it uses them."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True)
class Kubectl:
    """kubectl with a cluster and a namespace chosen."""

    prefix: tuple[str, ...]
    namespace: str | None = None

    @classmethod
    def from_environment(cls) -> "Kubectl":
        """Take KUBECONFIG from the environment, and KUBE_CONTEXT where it is set."""
        context = os.environ.get("KUBE_CONTEXT")
        return cls((shutil.which("kubectl") or "kubectl", *(("--context", context) if context else ())))

    def within(self, namespace: str) -> "Kubectl":
        """Return the same kubectl with another namespace."""
        return Kubectl(self.prefix, namespace)

    def __call__(self, *arguments: str, given: str | None = None, check: bool = True) -> str:
        """Run it; return what it prints.

        Raises:
            RuntimeError: it failed; the message has the command and kubectl's output.
        """
        where = ("--namespace", self.namespace) if self.namespace else ()
        done = subprocess.run(
            [*self.prefix, *where, *arguments], input=given, capture_output=True, text=True, check=False
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout

    def apply(self, *objects: Object) -> None:
        """Apply objects."""
        self("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def get(self, *arguments: str) -> Object:
        """Get an object or a list as JSON."""
        found: Object = json.loads(self("get", *arguments, "-o", "json"))
        return found
