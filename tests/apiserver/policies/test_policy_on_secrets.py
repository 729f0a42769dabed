"""Nobody has a conversion use a Secret that they may not read, whatever field of it names the Secret."""

import copy
from collections.abc import Iterator

import pytest

from tests.apiserver.fixtures.admin import Object
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.people import Person, grant_rules, policies, somebody
from tests.apiserver.fixtures.workbench import Workbench
from tests.secret_references import secret_references
from tflite_api import names

LEAST: Object = {
    "model": {"handle": "https://tfhub.dev/google/model/1"},
    "destination": {"s3": {"bucket": "models", "key": "a.tflite"}},
    "serviceAccountName": "default",
}
"""Names no Secret."""
AROUND: dict[str, Object] = {
    "spec.destination.s3.secretRef": {"destination": LEAST["destination"]},
    "spec.attestation.secretRef": {"attestation": {}},
    "spec.model.s3.secretRef": {"model": {"s3": {"bucket": "models", "key": "a.zip"}}},
    "spec.model.kaggle.secretRef": {"model": {"kaggle": {"handle": "a/b/tensorFlow2/c/1"}}},
}
"""What a spec has around each reference."""


@pytest.fixture
def author(plane: ControlPlane, bench: Workbench) -> Iterator[Person]:
    """May write conversions, act as a ServiceAccount and read the Secret `theirs`; the policies are in force."""
    person = somebody(plane, "author", bench.namespace)
    grant_rules(
        plane.admin,
        person,
        {"apiGroups": [names.GROUP], "resources": [names.PLURAL], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["theirs"], "verbs": ["get"]},
    )
    with policies(plane.admin, bench.namespace):
        yield person
    person.close()


def with_secret(path: str, secret: str) -> Object:
    spec = copy.deepcopy(LEAST | AROUND[path])
    node = spec
    *parents, last = path.split(".")[1:]
    for parent in parents:
        node = node[parent]
    node[last] = {"name": secret}
    return spec


def refusal(person: Person, bench: Workbench, spec: Object) -> str:
    wanted = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": "mine"}, "spec": spec}
    return person.create(bench.conversions, wanted, dry=True)


def test_every_reference_is_tried_here() -> None:
    assert set(AROUND) == set(secret_references())


def test_a_secret_is_for_those_who_may_read_it(author: Person, bench: Workbench) -> None:
    assert refusal(author, bench, LEAST) == ""
    for path in AROUND:
        assert refusal(author, bench, with_secret(path, "theirs")) == ""
        words = refusal(author, bench, with_secret(path, "other"))
        for part in (f"{path}.name", 'user "author"', 'Secret "other"', bench.namespace, "verb get"):
            assert part in words, words
