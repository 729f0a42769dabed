"""Acts as somebody else: a user or ServiceAccount who has no more than what a test grants."""

import json
import subprocess
from dataclasses import dataclass
from functools import partial

from tests.e2e.conversions import Object, Workbench, is_finished
from tflite_api import names

WRITER = {
    "apiGroups": [names.GROUP],
    "resources": [names.PLURAL],
    "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
}


@dataclass(frozen=True)
class Person:
    """Somebody who writes conversions in the bench's namespace."""

    bench: Workbench
    user: str

    def grant(self, *rules: Object, namespace: str = "") -> None:
        """Grant them permissions in a namespace (the bench's if none is named), and wait until the API server knows."""
        namespace = namespace or self.bench.namespace
        role = self.user.replace(":", ".")
        where = {"name": role, "namespace": namespace}
        # RBAC knows a ServiceAccount by its user name as well.
        subject = {"kind": "User", "name": self.user}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role}
        for made in (
            {"kind": "Role", "metadata": where, "rules": list(rules)},
            {"kind": "RoleBinding", "metadata": where, "roleRef": reference, "subjects": [subject]},
        ):
            manifest = {"apiVersion": "rbac.authorization.k8s.io/v1"} | made
            self.bench.apply(manifest)
        for rule in rules:
            group, resource, verb = rule["apiGroups"][-1], rule["resources"][-1], rule["verbs"][-1]
            kind = f"{resource}.{group}" if group else resource
            thing = f"{kind}/{rule['resourceNames'][-1]}" if "resourceNames" in rule else kind
            self.bench.until(partial(self.may, verb, thing, namespace), f"{self.user} may {verb} {thing}")

    def may(self, verb: str, thing: str, namespace: str, part: str = "") -> bool:
        """Ask the API server whether they may; `part` is a subresource."""
        asked = (verb, thing, *(("--subresource", part) if part else ()))
        return self._kubectl("auth", "can-i", *asked, "--quiet", "--namespace", namespace).returncode == 0

    def apply(self, conversion: Object, *options: str) -> str:
        """Apply a conversion; give the API server's refusal, or nothing."""
        done = self._kubectl("apply", "-f", "-", *options, given=json.dumps(conversion))
        return done.stderr if done.returncode != 0 else ""

    def run(self, conversion: Object) -> Object:
        """Apply a conversion, which nothing may refuse, and wait until it is Ready or Stalled."""
        assert self.apply(conversion) == ""
        return self.bench.wait(conversion["metadata"]["name"], is_finished)

    def patch(self, name: str, body: Object) -> str:
        """Merge a patch into a conversion; give the API server's refusal, or nothing."""
        done = self._kubectl("patch", "tflc", name, "--type=merge", "--patch", json.dumps(body))
        return done.stderr if done.returncode != 0 else ""

    def create(self, wanted: Object, *options: str, namespace: str = "") -> str:
        """Create any object; return the API server's refusal, or nothing."""
        where = ("--namespace", namespace) if namespace else ("--namespace", self.bench.namespace)
        done = self._kubectl("create", "-f", "-", *where, *options, given=json.dumps(wanted))
        return done.stderr if done.returncode != 0 else ""

    def change(self, kind: str, name: str, changes: Object) -> str:
        """Merge changes into any object; return the API server's refusal, or nothing."""
        how = "merge" if kind == "tflc" else "strategic"
        return self.refusal("patch", kind, name, "--type", how, "--patch", json.dumps(changes))

    def refusal(self, *arguments: str) -> str:
        """Run kubectl; return what it says where it fails, or nothing."""
        done = self._kubectl(*arguments)
        return done.stderr if done.returncode != 0 else ""

    def _kubectl(self, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        where = () if "--namespace" in arguments else ("--namespace", self.bench.namespace)
        who = ("--as", self.user, *where)
        return subprocess.run(
            [*self.bench.env.kubectl, *who, *arguments], input=given, capture_output=True, text=True, check=False
        )
