"""Who attacks: people with exactly the rights that a test names."""

import pytest

from tests.e2e.fixtures.conversions import Workbench
from tests.e2e.fixtures.impersonation import Person


@pytest.fixture
def editor(bench: Workbench) -> Person:
    """Has the cluster's role edit in the namespace, which holds no right to write a status."""
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "editor"}}
    bench.apply(binding | {"roleRef": reference, "subjects": [{"kind": "User", "name": "editor"}]})
    person = Person(bench, "editor")
    bench.until(lambda: person.may("create", "jobs.batch", bench.namespace), "the editor may edit")
    assert not person.may("patch", "tfliteconversions.tflite-operator.dev", bench.namespace, "status")
    return person
