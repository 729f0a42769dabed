"""What helps when the API server, or the Job controller in its place, refuses a Job or its pod."""

import re
from collections.abc import Sequence
from typing import Final

_FIELDS: Final = "spec.resources (of convert) or spec.stepResources"
_GOES_ON: Final = "the operator tries again by itself"

_CURES: Final[Sequence[tuple[str, str]]] = (
    # A quota on a resource admits only pods whose every container has an amount (k8s.io/apiserver, resourcequota).
    (
        r"must specify ",
        f"give the containers that it names these amounts, in {_FIELDS}, or as the defaults of a LimitRange",
    ),
    # A LimitRange (plugin/pkg/admission/limitranger).
    (
        r"(minimum \S+ usage per|lower than the minimum)",
        f"raise the amounts that it names in {_FIELDS}, or have the namespace's LimitRange allow less",
    ),
    (
        r"(maximum \S+ usage per|limit to request ratio per)",
        f"lower the amounts that it names in {_FIELDS}, or have the namespace's LimitRange allow more",
    ),
    (
        r"exceeded quota|insufficient quota",
        "free or raise the quota, or lower spec.resources",
    ),
    (
        r"unable to validate against any security context constraint",
        "have the administrator set the operator's FIXED_USER to false, so that OpenShift chooses the user",
    ),
    (
        r"violates PodSecurity",
        "have whoever puts something into the pods, such as a service mesh, stay within the level restricted",
    ),
    (r"(?i)PriorityClass", "create that PriorityClass, or correct spec.priorityClassName"),
    (
        r"(?i)serviceaccount \S+ not found|error looking up service account",
        "create that ServiceAccount, or correct spec.serviceAccountName",
    ),
    (r"(?i)RuntimeClass", "have the administrator create that RuntimeClass, or leave it out"),
    (
        r"failed calling webhook|failed to call webhook",
        "have the administrator see to the service behind that admission webhook",
    ),
    (
        r'cannot (create|patch|get|list) resource "',
        "have the administrator give the operator the rights of this version: apply its ClusterRole again",
    ),
    (
        r"(?i)(admission webhook .*denied|denied the request|ValidatingAdmissionPolicy).*\b(label|annotation)",
        "have the pods carry what it asks for, or have its administrator except the pods of conversions",
    ),
    (
        r"(?i)admission webhook .*denied|denied the request|ValidatingAdmissionPolicy",
        "do what that policy asks for, or have its administrator except the pods of conversions",
    ),
)
"""Patterns of refusals, in the words of what refuses, each with its cure; the first that fits counts."""
_KNOWN: Final = tuple((re.compile(pattern), cure) for pattern, cure in _CURES)


def with_cure(words: str) -> tuple[str, bool]:
    """Return what a refusal's words and its cure make together, and whether there is a cure that fits."""
    cure = next((cure for pattern, cure in _KNOWN if pattern.search(words)), "")
    return (f"{words.rstrip(' .')}: {cure}; {_GOES_ON}", True) if cure else (words, False)
