"""Takes rights away from the operator, and gives them back."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from tests.apiserver.admin import Admin

_ROLE: Final = "/apis/rbac.authorization.k8s.io/v1/clusterroles/tflite-operator"


@contextmanager
def without(admin: Admin, resource: str, verbs: Iterable[str]) -> Iterator[None]:
    """Take verbs of a resource away for the time of the block."""
    rules = admin.get(_ROLE)["rules"]
    taken = set(verbs)
    fewer = [
        rule | {"verbs": [verb for verb in rule["verbs"] if verb not in taken] or ["none"]}
        if resource in rule["resources"]
        else rule
        for rule in rules
    ]
    admin.patch(_ROLE, {"rules": fewer})
    try:
        yield
    finally:
        admin.patch(_ROLE, {"rules": rules})
