"""People of a test's own namespace, who have exactly the rights that they are given."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from tests.apiserver.admin import Admin, Object, path_of
from tests.apiserver.control_plane import ControlPlane
from tests.apiserver.waiting import until

EDIT: Final = ("system:aggregate-to-edit", "tfliteconversions-edit")
"""What the cluster's role edit is made of: no controller runs here that would put it together."""
JOB_CONTROLLER: Final = "system:serviceaccount:kube-system:job-controller"
POLICIES: Final = ("admission_policy", "job_policy", "pod_policy", "operator_policy", "placement_policy")
"""Files of deploy/base."""
_RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"


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

    def patch(self, path: str, changes: Object) -> str:
        """Change an object; return the refusal, or nothing."""
        return self._asks.refusal("PATCH", path, changes)

    def delete(self, path: str) -> str:
        """Delete an object; return the refusal, or nothing."""
        return self._asks.refusal("DELETE", path, {"propagationPolicy": "Background"})

    def close(self) -> None:
        """Close the connections."""
        self._asks.close()


def somebody(plane: ControlPlane, name: str, namespace: str) -> Person:
    """Return somebody who has what rights they have."""
    return Person(name, namespace, Admin(plane.address, plane.pki, acting_as=name))


def grant(admin: Admin, person: Person, *roles: str) -> None:
    """Give somebody roles of the cluster's in their namespace."""
    for role in roles:
        wanted = _binding("ClusterRole", role, person)
        wanted["metadata"]["name"] = f"{person.name}-{role}".replace(":", ".")
        admin.create(f"{_RBAC}/namespaces/{person.namespace}/rolebindings", wanted)


def grant_rules(admin: Admin, person: Person, *rules: Mapping[str, object], name: str = "") -> None:
    """Give somebody rights in their namespace."""
    path, role = f"{_RBAC}/namespaces/{person.namespace}", f"{person.name}-{name}".replace(":", ".")
    admin.create(f"{path}/roles", {"metadata": {"name": role}, "rules": [dict(rule) for rule in rules]})
    admin.create(f"{path}/rolebindings", _binding("Role", role, person))


def grant_everywhere(admin: Admin, person: Person, *rules: Mapping[str, object]) -> None:
    """Give somebody rights in the whole cluster."""
    role = f"{person.name}-{person.namespace}"
    admin.create(f"{_RBAC}/clusterroles", {"metadata": {"name": role}, "rules": [dict(rule) for rule in rules]})
    admin.create(f"{_RBAC}/clusterrolebindings", _binding("ClusterRole", role, person))


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
        for one in chosen:
            admin.apply(path_of(one), one)
        for name in () if chosen else POLICIES:
            admin.apply_manifest(f"deploy/base/{name}.yaml")
        until("the policies are in force", lambda: "only the Job controller" in admin.refusal("POST", path, wanted))
        yield
    finally:
        for kind in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
            at = f"/apis/admissionregistration.k8s.io/v1/{kind}"
            for name in ("", "jobs.", "pods.", "operator.", "placement."):
                if admin.find(f"{at}/{name}tflite-operator.dev") is not None:
                    admin.delete(f"{at}/{name}tflite-operator.dev")
        until("the policies are gone", lambda: admin.refusal("POST", path, wanted) == "")
