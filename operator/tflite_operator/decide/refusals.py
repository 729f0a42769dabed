"""What helps when the API server, or the Job controller in its place, refuses a Job or its pod, or no node takes it."""

import re
from collections.abc import Sequence
from typing import Final

_FIELDS: Final = "spec.resources (of convert) or spec.stepResources"
_GOES_ON: Final = "the operator tries again by itself"
_NEEDS: Final = "provide|required?s?|missing|lacks?|must|need|no|not found"
_DENIED: Final = "admission webhook .*denied|denied the request|ValidatingAdmissionPolicy"
_EXCEPT: Final = "or have its administrator except the pods of conversions"

_CURES: Final[Sequence[tuple[str, str]]] = (
    # A quota on a resource admits only pods whose every container has an amount (k8s.io/apiserver, resourcequota).
    (
        r"must specify |No (limit|request) is specified|but no (limit|request) is specified",
        f"give the containers that it names these amounts, in {_FIELDS}, or as the defaults of a LimitRange",
    ),
    # A LimitRange (plugin/pkg/admission/limitranger).
    (
        r"(minimum \S+ usage per|lower than the minimum)",
        f"raise the amounts that it names in {_FIELDS}, or have the namespace's LimitRange allow less",
    ),
    (
        r"maximum \S+ usage per",
        f"lower the amounts that it names in {_FIELDS}, or have the namespace's LimitRange allow more",
    ),
    (
        r"limit to request ratio per",
        f"bring requests and limits closer together in {_FIELDS}, or have the namespace's LimitRange allow more",
    ),
    # A default of the LimitRange became the limit (pkg/apis/core/validation).
    (
        r"must be less than or equal to \S+ limit",
        f"give that container a limit that is as large as its request, in {_FIELDS}",
    ),
    # A priority class, or another scope, that only a quota for it admits.
    (
        r"insufficient quota to match these scopes",
        "have the administrator make a ResourceQuota for that scope, or use another spec.priorityClassName",
    ),
    (
        r"status unknown for quota|quota evaluation timed out",
        "wait until the cluster has counted the quota, or have the administrator see why it does not",
    ),
    (
        r"exceeded quota: .*requested: [^:]*\b(pods|count/\S+)=",
        "free or raise the quota: it counts objects, of which others have to go",
    ),
    (
        r"exceeded quota",
        "free or raise the quota, or lower spec.resources",
    ),
    (
        r"unable to validate against any security context constraint.*(not an allowed group|must be in the ranges)",
        "have the administrator set the operator's FIXED_USER to false, so that OpenShift chooses the user",
    ),
    (
        r"unable to validate against any security context constraint",
        "have the administrator set FIXED_USER to false, or let the pod's ServiceAccount use one that admits it",
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
    (r"(?i)RuntimeClass", "have the administrator create that RuntimeClass, or correct spec.runtimeClassName"),
    (
        r"node label selector conflicts with its namespace",
        "correct spec.nodeSelector, or have the administrator correct CONVERTER_NODE_SELECTOR",
    ),
    (
        r"tolerations .*conflict with its namespace",
        "correct spec.tolerations, or have the administrator correct CONVERTER_TOLERATIONS",
    ),
    (r"image policy webhook", "have the administrator let that policy admit the converter's image"),
    (
        r"failed calling webhook|failed to call webhook",
        "have the administrator see to the service behind that admission webhook",
    ),
    (
        r'cannot (create|patch|get|list) resource "',
        "have the administrator give the operator the rights of this version: apply its ClusterRole again",
    ),
    # GKE Autopilot, which speaks of the labels of nodes.
    (
        r"GKE Warden",
        f"do what that policy asks for: spec.nodeSelector, spec.tolerations and {_FIELDS} say what the pods ask for",
    ),
    (
        rf"(?i)({_DENIED}).*\b({_NEEDS})\b.*\b(label|annotation)s?\b|({_DENIED}).*\b(label|annotation)s?\b.*\b({_NEEDS})\b",
        f"have the pods carry what it asks for, with spec.podMetadata or CONVERTER_POD_LABELS, {_EXCEPT}",
    ),
    (
        rf"(?i){_DENIED}",
        f"do what that policy asks for, {_EXCEPT}",
    ),
)
"""Patterns of refusals, in the words of what refuses, each with its cure; the first that fits counts."""
_KNOWN: Final = tuple((re.compile(pattern), cure) for pattern, cure in _CURES)

_MORE_ROOM: Final = "lower spec.resources.requests, or add a node with more room"
_PLACES: Final = tuple(
    (re.compile(pattern), cure)
    for pattern, cure in (
        (r"Insufficient |Too many pods", _MORE_ROOM),
        # Of a cluster's own nodes no conversion is meant for the control plane's.
        (r"taint(\(s\)| \{(?!node-role|node\.kubernetes))", "tolerate that taint with spec.tolerations"),
        (
            r"taint \{node\.kubernetes\.io/(not-ready|unreachable|disk|memory|pid|network)",
            "have the administrator see to the nodes that are not ready (kubectl describe node)",
        ),
        (
            r"node affinity/selector|node selector",
            "correct spec.nodeSelector or spec.affinity, or have the administrator correct CONVERTER_NODE_SELECTOR",
        ),
        (r"pod affinity rules|anti-affinity", "loosen spec.affinity"),
        (r"topology spread", "loosen spec.topologySpreadConstraints"),
        (r"unschedulable", "have a node uncordoned"),
        (
            r"volume node affinity|exceed max volume count|persistent volumes",
            "have pods run where the model's volume can be mounted (kubectl describe pv)",
        ),
    )
)
"""Patterns of the scheduler's words (pkg/scheduler/framework/plugins), each with what makes such nodes fit."""
_PREEMPTION: Final = re.compile(r"\bpreemption: .*", re.DOTALL)
"""What the scheduler says behind its reasons: that none of them goes away by taking others' pods off a node."""


def with_cure(words: str) -> tuple[str, bool]:
    """Return what a refusal's words and its cure make together, and whether there is a cure that fits."""
    cure = next((cure for pattern, cure in _KNOWN if pattern.search(words)), "")
    return (f"{words.rstrip(' .')}: {cure}; {_GOES_ON}", True) if cure else (words, False)


def with_place(words: str) -> tuple[str, bool]:
    """Return what the scheduler's words and what helps make together, and whether something does that they speak of."""
    reasons = _PREEMPTION.sub("", words)
    cures = [cure for pattern, cure in _PLACES if pattern.search(reasons)]
    # What helps where there is no room alone is what the reason itself says.
    if cures in ([], [_MORE_ROOM]):
        return words, False
    return f"{words.rstrip(' .')}: {', or '.join(cures)}", True
