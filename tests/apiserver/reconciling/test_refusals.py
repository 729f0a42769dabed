"""What an API server refuses a converter's pod for is recognised by its own words, and has the cure that fits."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.apiserver.fixtures.admin import Object
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.waiting import until
from tests.apiserver.fixtures.workbench import SPEC, Workbench
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.core.identity import Identity
from tflite_operator.decide.refusals import with_cure
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import build_job
from tflite_operator.settings import Settings

_SETTINGS: Final = Settings(converter_image="converter:1", cluster_id="tests")
_ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1"
_OF_PODS: Final = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
_OPENSHIFT: Final = (
    "unable to validate against any security context constraint: [provider restricted-v2: .spec.securityContext"
    ".fsGroup: Invalid value: [65532]: 65532 is not an allowed group]"
)


def pod_of(bench: Workbench, **spec: Any) -> Object:
    """The pod that the Job controller makes of a conversion's Job."""
    identity = Identity(bench.namespace, "made", "11111111-2222-3333-4444-555555555555", 1)
    job = build_job(identity, ConversionSpec.from_object(SPEC | spec), Attempt(1), _SETTINGS)
    template = job["spec"]["template"]
    return {"metadata": template["metadata"] | {"name": "made"}, "spec": template["spec"]}


def refusal(bench: Workbench, pod: Object) -> str:
    return bench.admin.refusal("POST", f"{bench.pod_path}?dryRun=All", pod)


@dataclass(frozen=True)
class Case:
    """What is in the namespace, what the spec says, and what the refusal and its cure say."""

    words: str
    cure: str
    limits: Object = field(default_factory=dict)
    """Of a LimitRange."""
    hard: dict[str, str] = field(default_factory=dict)
    """Of a ResourceQuota; a controller, which does not run here, would count what is used."""
    used: dict[str, str] = field(default_factory=dict)
    spec: Object = field(default_factory=dict)


def container(**amounts: object) -> Object:
    return {"type": "Container", **amounts}


CASES: Final = {
    "the minimum of a LimitRange": Case(
        "minimum cpu usage per Container is 200m", "raise the amounts", container(min={"cpu": "200m"})
    ),
    "the maximum of a LimitRange": Case(
        "maximum memory usage per Container is 2Gi", "lower the amounts", container(max={"memory": "2Gi"})
    ),
    "the maximum of a pod, without limits": Case(
        "No limit is specified", "give the containers", {"type": "Pod", "max": {"cpu": "2"}}
    ),
    "the ratio of a LimitRange": Case(
        "max limit to request ratio per Container is 1", "closer", container(maxLimitRequestRatio={"memory": "1"})
    ),
    "a default of a LimitRange below the request": Case(
        "must be less than or equal to cpu limit", "as large as its request", container(default={"cpu": "50m"})
    ),
    "a quota on a resource": Case(
        "must specify limits.cpu", "give the containers", hard={"limits.cpu": "9"}, used={"limits.cpu": "0"}
    ),
    "a quota that is used up": Case(
        "exceeded quota", "or lower spec.resources", hard={"limits.memory": "1Gi"}, used={"limits.memory": "0"}
    ),
    "a quota on pods": Case("exceeded quota", "it counts objects", hard={"pods": "1"}, used={"pods": "1"}),
    "a PriorityClass": Case("PriorityClass", "spec.priorityClassName", spec={"priorityClassName": "urgent"}),
    "a ServiceAccount": Case("service account", "spec.serviceAccountName", spec={"serviceAccountName": "nobody"}),
    "a RuntimeClass": Case("RuntimeClass", "spec.runtimeClassName", spec={"runtimeClassName": "kata"}),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_namespace_or_a_spec_keeps_out(bench: Workbench, name: str) -> None:
    case = CASES[name]
    here = f"/api/v1/namespaces/{bench.namespace}"
    if case.limits:
        bench.admin.create(f"{here}/limitranges", {"metadata": {"name": "team"}, "spec": {"limits": [case.limits]}})
    if case.hard:
        bench.admin.create(f"{here}/resourcequotas", {"metadata": {"name": "team"}, "spec": {"hard": case.hard}})
        counted = {"status": {"hard": case.hard, "used": case.used}}
        bench.admin.patch(f"{here}/resourcequotas/team/status", counted)
    pod = pod_of(bench, **case.spec)
    # Its admission plug-ins hear of both by watches.
    until("the pod is refused for it", lambda: case.words in refusal(bench, pod))
    said, has_cure = with_cure(refusal(bench, pod))
    assert has_cure
    assert case.cure in said, said


def test_what_a_mesh_puts_into_a_pod_under_pod_security(bench: Workbench) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    bench.admin.patch(f"/api/v1/namespaces/{bench.namespace}", {"metadata": {"labels": labels}})
    pod = pod_of(bench)
    privileged = {"capabilities": {"add": ["NET_ADMIN"]}, "runAsUser": 0, "runAsNonRoot": False}
    init = {"name": "istio-init", "image": "istio/proxyv2", "securityContext": privileged}
    meshed = pod | {"spec": pod["spec"] | {"initContainers": [*pod["spec"]["initContainers"], init]}}
    until("the level holds", lambda: refusal(bench, meshed) != "")
    assert refusal(bench, pod) == "", "of itself it needs nothing that is restricted"
    assert "such as a service mesh" in with_cure(refusal(bench, meshed))[0]


@contextmanager
def standing(bench: Workbench, kind: str, wanted: Object) -> Iterator[str]:
    """Have something stand in the cluster for as long as the block runs; its name is given."""
    name = f"test-{secrets.token_hex(4)}"
    bench.admin.create(f"{_ADMISSION}/{kind}", {"metadata": {"name": name}, **wanted})
    try:
        yield name
    finally:
        bench.admin.delete(f"{_ADMISSION}/{kind}/{name}")


@pytest.mark.parametrize(
    ("told", "cure"),
    [
        (_OPENSHIFT, "FIXED_USER to false"),
        ("you must provide labels: owner", "spec.podMetadata"),
        ("images come from our registry", "do what that policy asks for"),
    ],
)
def test_what_a_policy_says(plane: ControlPlane, bench: Workbench, told: str, cure: str) -> None:
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": bench.namespace}}}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [_OF_PODS]},
        "validations": [{"expression": "false", "message": told}],
    }
    with standing(bench, "validatingadmissionpolicies", {"spec": policy}) as name:
        binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": here}
        with standing(bench, "validatingadmissionpolicybindings", {"spec": binding}):
            assert cure in _cured(bench, lambda said: told in said)


def test_a_webhook_that_does_not_answer(bench: Workbench) -> None:
    here = {"matchLabels": {"kubernetes.io/metadata.name": bench.namespace}}
    hook = {
        "name": "silent.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [_OF_PODS],
        "namespaceSelector": here,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
    }
    with standing(bench, "validatingwebhookconfigurations", {"webhooks": [hook]}):
        assert "the service behind that admission webhook" in _cured(bench, lambda said: "webhook" in said)


def _cured(bench: Workbench, is_it: Callable[[str], bool]) -> str:
    pod = pod_of(bench)
    until("the pod is refused for it", lambda: is_it(refusal(bench, pod)))
    return with_cure(refusal(bench, pod))[0]
