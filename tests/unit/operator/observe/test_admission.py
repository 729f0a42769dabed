"""Whether the admission policies are in force, and since when."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.operator.builders import NOW, Object, at
from tflite_operator.core.fields import timestamp
from tflite_operator.observe.admission import (
    JOBS_POLICY,
    PODS_POLICY,
    POLICIES,
    Admission,
    observe_binding,
    observe_policy,
    read_admission,
)

Found = dict[str, tuple[Object | None, Object | None]]

HOLDS = timedelta(seconds=30)


def made(changed: float = 0, by: str = "helm", **spec: Any) -> Object:
    notes = [
        {"manager": by, "time": timestamp(at(changed))},
        {"manager": "kube-controller-manager", "time": timestamp(at(9999)), "subresource": "status"},
    ]
    return {"metadata": {"creationTimestamp": timestamp(NOW), "managedFields": notes}, "spec": spec}


def installed() -> Found:
    return {name: (made(failurePolicy="Fail"), made(validationActions=["Deny"])) for name in POLICIES}


def read(found: Found) -> Admission:
    policies = {name: observe_policy(one) for name, (one, _) in found.items() if one is not None}
    bindings = {name: observe_binding(one) for name, (_, one) in found.items() if one is not None}
    return read_admission(policies, bindings)


def test_all_are_in_force_some_time_after_they_were_made() -> None:
    admission = read(installed())
    assert admission.missing == ()
    assert admission.guarded_since == NOW + HOLDS


@pytest.mark.parametrize("name", [JOBS_POLICY, PODS_POLICY])
def test_a_change_of_what_a_policy_says_begins_anew(name: str) -> None:
    found = installed()
    found[name] = (made(60, failurePolicy="Fail"), made(120, by="somebody", validationActions=["Deny"]))
    assert read(found).guarded_since == at(120) + HOLDS


WEAK: dict[str, tuple[Object | None, Object | None]] = {
    "no policy": (None, made(validationActions=["Deny"])),
    "no binding": (made(failurePolicy="Fail"), None),
    "only warns": (made(failurePolicy="Fail"), made(validationActions=["Warn", "Audit"])),
    "some namespaces": (
        made(failurePolicy="Fail"),
        made(validationActions=["Deny"], matchResources={"namespaceSelector": {"matchLabels": {"a": "b"}}}),
    ),
    "lets errors pass": (made(failurePolicy="Ignore"), made(validationActions=["Deny"])),
    "without a time": ({"spec": {}}, {"spec": {"validationActions": ["Deny"]}}),
}


@pytest.mark.parametrize("case", WEAK)
@pytest.mark.parametrize("name", POLICIES)
def test_what_does_not_deny_is_missing(case: str, name: str) -> None:
    admission = read(installed() | {name: WEAK[case]})
    assert admission.missing == (name,)
    assert (admission.guarded_since is None) == (name in {JOBS_POLICY, PODS_POLICY})
