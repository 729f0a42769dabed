"""A refusal comes with the cure that fits it. The words are those of real API servers and admission controllers."""

import pytest

from tests.unit.operator.builders import conversion, message, planned, started
from tflite_api.reasons import Reason
from tflite_operator.decide.refusals import with_cure

REFUSALS = {
    'pods "x" is forbidden: failed quota: team: must specify limits.cpu for: convert,prepare,publish': "defaults of a",
    'pods "x" is forbidden: minimum cpu usage per Container is 200m, but request is 100m': "raise the amounts",
    'pods "x" is forbidden: maximum memory usage per Container is 2Gi, but limit is 4Gi': "lower the amounts",
    'pods "x" is forbidden: maximum cpu usage per Pod is 1, but limit is 3': "lower the amounts",
    'pods "x" is forbidden: memory max limit to request ratio per Container is 1, but provided ratio is 2': "closer",
    'jobs.batch "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=2, limited: 2': (
        "quota: it counts objects"
    ),
    'pods "x" is forbidden: exceeded quota: team, requested: limits.cpu=4,pods=1, used: limits.cpu=8,pods=2, limited: '
    "limits.cpu=10,pods=9": "free or raise the quota",
    'pods "x" is forbidden: exceeded quota: team, requested: limits.memory=4Gi, used: 8Gi, limited: 10Gi': (
        "free or raise the quota, or lower spec.resources"
    ),
    'pods "x" is forbidden: maximum cpu usage per Pod is 2.  No limit is specified': "give the containers",
    'pods "x" is forbidden: cpu max limit to request ratio per Pod is 2, but no limit is specified or limit is 0': (
        "give the containers"
    ),
    'Pod "x" is invalid: spec.initContainers[1].resources.requests: Invalid value: "2Gi": must be less than or equal to'
    " memory limit of 1Gi": "as large as its request",
    'pods "x" is forbidden: status unknown for quota: team, resources: pods': "has counted the quota",
    'pods "x" is forbidden: insufficient quota to match these scopes: [{PriorityClass In [high]}]': (
        "make a ResourceQuota for that scope"
    ),
    'pods "x" is forbidden: unable to validate against any security context constraint: [provider restricted-v2: '
    ".spec.securityContext.fsGroup: Invalid value: [65532]: 65532 is not an allowed group]": "FIXED_USER to false, so",
    'pods "x" is forbidden: unable to validate against any security context constraint: [provider restricted: '
    "pod.metadata.annotations[seccomp]: Forbidden: seccomp may not be set]": "let the pod's ServiceAccount use one",
    'pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true (container "istio-init")': (
        "service mesh"
    ),
    'pods "x" is forbidden: no PriorityClass with name urgent was found': "spec.priorityClassName",
    'pods "x" is forbidden: error looking up service account team/nobody: serviceaccount "nobody" not found': (
        "spec.serviceAccountName"
    ),
    'pods "x" is forbidden: pod rejected: RuntimeClass "kata" not found': "RuntimeClass",
    'pods "x" is forbidden: pod node label selector conflicts with its namespace node label selector': (
        "CONVERTER_NODE_SELECTOR"
    ),
    'pods "x" is forbidden: pod tolerations (possibly merged with namespace default tolerations) conflict with its '
    "namespace whitelist": "CONVERTER_TOLERATIONS",
    'pods "x" is forbidden: image policy webhook backend denied one or more images: no': "admit the converter's image",
    'Internal error occurred: failed calling webhook "v.example.com": connect: connection refused': "service behind",
    'jobs.batch is forbidden: User "system:serviceaccount:a:b" cannot create resource "jobs" in API group "batch"': (
        "ClusterRole"
    ),
    'admission webhook "validation.gatekeeper.sh" denied the request: [owner] you must provide labels: {"owner"}': (
        "have the pods carry"
    ),
    "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'team' with binding 'team' denied request: no label cost": (
        "have the pods carry"
    ),
    'admission webhook "validate.kyverno.svc-fail" denied the request: resource Pod/team/x was blocked due to the '
    "following policies require-labels: validation error: The label `team` is required": "with spec.podMetadata",
    'admission webhook "policy-validation" denied the request: GKE Warden rejected the request because it violates one '
    "or more constraints: Key 'x' is not allowed with node selector; Autopilot only allows labels with keys: y": (
        "spec.nodeSelector"
    ),
    'admission webhook "policy.sigstore.dev" denied the request: no matching signatures': "do what that policy asks",
}


@pytest.mark.parametrize("words", REFUSALS)
def test_a_refusal_has_the_cure_that_fits(words: str) -> None:
    said, has_cure = with_cure(words)
    assert has_cure
    assert said.startswith(words)
    assert REFUSALS[words] in said.removeprefix(words)
    assert said.endswith("; the operator tries again by itself")
    assert ("quota" in said.removeprefix(words)) is ("quota" in REFUSALS[words])


def test_of_the_job_and_of_its_pod() -> None:
    words = 'pods "x" is forbidden: no PriorityClass with name urgent was found'
    for made in (planned(conversion(), refusal=words), planned(*started(), pod_refusal=words)):
        assert message(made).endswith("correct spec.priorityClassName; the operator tries again by itself.")
        assert made.status is not None
        assert made.status.cause is not None
        assert (made.status.cause.reason, made.status.cause.cure_given) == (Reason.JOB_REFUSED, True)


def test_what_nobody_has_seen_yet_is_quoted_with_a_cure_that_fits_everything() -> None:
    made = planned(conversion(), refusal="the moon is in the way")
    assert message(made).endswith(
        "the moon is in the way. Put right what it names; the operator tries again by itself."
    )
