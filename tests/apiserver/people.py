"""People of a test's own namespace, who have exactly the rights that they are given."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from tests.apiserver.admin import Admin, Object, path_of
from tests.apiserver.control_plane import ControlPlane
from tests.apiserver.waiting import until
from tflite_api import names

EDIT: Final = ("system:aggregate-to-edit", "tfliteconversions-edit")
"""What the cluster's role edit is made of: no controller runs here that would put it together."""
JOB_CONTROLLER: Final = "system:serviceaccount:kube-system:job-controller"
POLICIES: Final = {
    "": "admission_policy",
    "exec.": "exec_policy",
    "jobs.": "job_policy",
    "operator.": "operator_policy",
    "placement.": "placement_policy",
    "pods.": "pod_policy",
}
"""The file of deploy/base by what the policy's name begins with. The pods' comes last: the API server learns of them in
order, so where that one is in force all are."""
_RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


@dataclass
class Person:
    """Somebody, and what they may do in the test's namespace."""

    name: str
    namespace: str
    _asks: Admin

    @property
    def jobs(self) -> str:
        """Where the Jobs of the namespace are."""
        return f"/apis/batch/v1/namespaces/{self.namespace}/jobs"

    @property
    def pods(self) -> str:
        """Where the pods of the namespace are."""
        return f"/api/v1/namespaces/{self.namespace}/pods"

    def create(self, path: str, wanted: Object, *, dry: bool = False) -> str:
        """Create an object; return the refusal, or nothing."""
        return self._asks.refusal("POST", f"{path}?dryRun=All" if dry else path, wanted)

    def read(self, path: str) -> str:
        """Read; return the refusal, or nothing."""
        return self._asks.refusal("GET", path, None)

    def patch(self, path: str, changes: Object) -> str:
        """Change an object; return the refusal, or nothing."""
        return self._asks.refusal("PATCH", path, changes)

    def delete(self, path: str) -> str:
        """Delete an object; return the refusal, or nothing."""
        return self._asks.refusal("DELETE", path, {"propagationPolicy": "Background"})

    def has(self, rules: Iterable[Mapping[str, object]]) -> bool:
        """Return whether the API server knows already that they have these rights."""
        known = self._asks.create(_REVIEWS, {"spec": {"namespace": self.namespace}})["status"]["resourceRules"]
        return all(dict(rule) in known for rule in rules)

    def close(self) -> None:
        """Close the connections."""
        self._asks.close()


def somebody(plane: ControlPlane, name: str, namespace: str) -> Person:
    """Return somebody who has what rights they have."""
    return Person(name, namespace, Admin(plane.address, plane.pki, acting_as=name))


def grant(admin: Admin, person: Person, *roles: str) -> None:
    """Give somebody roles of the cluster's in their namespace."""
    rules: list[Object] = []
    for role in roles:
        wanted = _binding("ClusterRole", role, person)
        wanted["metadata"]["name"] = f"{person.name}-{role}".replace(":", ".")
        admin.create(f"{_RBAC}/namespaces/{person.namespace}/rolebindings", wanted)
        rules += admin.get(f"{_RBAC}/clusterroles/{role}")["rules"]
    _wait_for(person, rules)


def grant_rules(admin: Admin, person: Person, *rules: Mapping[str, object], name: str = "") -> None:
    """Give somebody rights in their namespace."""
    path, role = f"{_RBAC}/namespaces/{person.namespace}", f"{person.name}-{name}".replace(":", ".")
    admin.create(f"{path}/roles", {"metadata": {"name": role}, "rules": [dict(rule) for rule in rules]})
    admin.create(f"{path}/rolebindings", _binding("Role", role, person))
    _wait_for(person, rules)


def grant_everywhere(admin: Admin, person: Person, *rules: Mapping[str, object]) -> None:
    """Give somebody rights in the whole cluster."""
    role = f"{person.name}-{person.namespace}"
    admin.create(f"{_RBAC}/clusterroles", {"metadata": {"name": role}, "rules": [dict(rule) for rule in rules]})
    admin.create(f"{_RBAC}/clusterrolebindings", _binding("ClusterRole", role, person))
    _wait_for(person, rules)


def _wait_for(person: Person, rules: Iterable[Mapping[str, object]]) -> None:
    """Wait until the API server's authorizer, which watches roles and bindings, has seen them."""
    granted = list(rules)
    until(f"{person.name} has the rights that were granted", lambda: person.has(granted))


def _binding(kind: str, role: str, person: Person) -> Object:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": person.name}
    return {"metadata": {"name": role}, "roleRef": reference, "subjects": [subject]}


@contextmanager
def policies(admin: Admin, namespace: str, objects: Iterable[Object] = ()) -> Iterator[None]:
    """Install the admission policies for the time of the block, and wait until they are in force.

    Args:
        admin: who may.
        namespace: where it is tried.
        objects: those that a chart makes, for its policies; deploy/base's where there are none.
    """
    forged = {"metadata": {"name": "probe", "labels": {"tflite-operator.dev/conversion": "probe"}}}
    container = {"name": "probe", "image": "example.com/probe:1"}
    wanted = forged | {"spec": {"containers": [container]}}
    path = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
    try:
        chosen = [one for one in objects if one["kind"].startswith("ValidatingAdmissionPolicy")]
        for prefix, file in POLICIES.items():
            for one in chosen:
                if one["metadata"]["name"] == f"{prefix}{names.GROUP}":
                    admin.apply(path_of(one), one)
            if not chosen:
                admin.apply_manifest(f"deploy/base/{file}.yaml")
        until("the policies are in force", lambda: "only the Job controller" in admin.refusal("POST", path, wanted))
        yield
    finally:
        for kind in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
            at = f"/apis/admissionregistration.k8s.io/v1/{kind}"
            for prefix in POLICIES:
                if admin.find(f"{at}/{prefix}{names.GROUP}") is not None:
                    admin.delete(f"{at}/{prefix}{names.GROUP}")
        until("the policies are gone", lambda: admin.refusal("POST", path, wanted) == "")
