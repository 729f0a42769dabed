"""What kwok plays: nodes that are ready, and converter pods whose steps succeed one after the other. Pure.

A stage is a state of an object and the patch that kwok makes to it there. The report that publish leaves must be that
of its conversion, or the operator does not believe it. All conversions of the benchmark share a recipe, so its hash is
known beforehand; where the artifact goes follows from the conversion's name, which is on the pod.
"""

from typing import Any, Final

from tflite_api.names import CONVERT, PREPARE, PUBLISH
from tflite_api.resource.recipe import recipe_hash
from tflite_api.resource.spec import ConversionSpec
from tflite_api.steps.step import StepResult
from tflite_operator.core.identity import Identity
from tflite_operator.core.labels import CONVERSION_LABEL, NAME_ANNOTATION
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import build_job
from tflite_operator.settings import Settings

BUCKET: Final = "models"
_IMAGE: Final = "bench/converter:1"
_NAME: Final = "NAME-OF-THE-CONVERSION"

Object = dict[str, Any]


def spec(name: str) -> Object:
    """Return the spec of a conversion: all have the same recipe, and each has its own key."""
    return {
        "model": {"handle": "https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/classification/5"},
        "signature": {"inputs": [{"name": "inputs", "shape": [1, 224, 224, 3]}]},
        "quantization": {"type": "Float16"},
        "destination": {"s3": {"bucket": BUCKET, "key": f"{name}.tflite", "secretRef": {"name": "s3-credentials"}}},
    }


def job() -> Object:
    """Return a Job of the operator's for the peer to fill the names in, so that both ask for the same."""
    identity = Identity("default", _NAME, "", 1)
    settings = Settings(converter_image=_IMAGE, cluster_id="bench")
    return build_job(identity, ConversionSpec.from_object(spec(_NAME)), Attempt(1), settings)


def report() -> str:
    """Return publish's report as a Go template that fills the conversion's name in."""
    asked = ConversionSpec.from_object(spec(_NAME))
    result = StepResult.from_object(
        {
            "reason": "Converted",
            "message": "SNR 68.2 dB, at least 30 dB asked for",
            "verdict": "SNRSufficient",
            "artifact": {"uri": asked.destination.s3.uri, "sha256": "a" * 64, "sizeBytes": 7_012_345, "etag": '"e"'},
            "signature": {
                "key": "serving_default",
                "inputs": [{"name": "inputs", "dtype": "float32", "shape": [1, 224, 224, 3]}],
                "outputs": [{"name": "logits", "dtype": "float32", "shape": [1, 1001]}],
            },
            "verification": {
                "snrDecibels": "68.2",
                "maxAbsoluteError": "0.0021",
                "cosine": "0.9999999",
                "samples": 8,
                "source": "Generated",
            },
            "provenance": {
                "modelDigest": f"sha256:{'b' * 64}",
                "recipeHash": recipe_hash(asked),
                "tensorflow": "2.21.0",
                "strategy": "Plain",
            },
            "durationSeconds": 1.5,
            "peakMemoryBytes": 300_000_000,
        }
    )
    # Go's raw string, so that the report's own quotes need no escaping.
    before, after = (f"`{part}`" for part in result.to_json().split(_NAME))
    return f'{{{{ printf "%s%s%s" {before} (index .metadata.annotations "{NAME_ANNOTATION}") {after} | Quote }}}}'


def stages() -> list[Object]:
    """Return all of kwok's stages."""
    return [_node(), *_pod_stages(), _deletion()]


def nodes(number: int) -> list[Object]:
    """Return nodes for kwok to simulate."""
    labels = {"type": "kwok", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    return [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{index}", "labels": labels}}
        for index in range(number)
    ]


def _pod_stages() -> list[Object]:
    first = ".status.initContainerStatuses.[0].state.running"
    second = ".status.initContainerStatuses.[1].state.running"
    last = ".status.containerStatuses.[0].state.running"
    waits = "{waiting: {reason: PodInitializing}}"
    runs = "{running: {startedAt: {{ Now | Quote }}}}"
    return [
        _stage("prepare", (".status.podIP", "DoesNotExist"), _status("Pending", runs, waits, waits)),
        _stage("convert", (first, "Exists"), _status("Pending", _ended("prepare"), runs, waits)),
        _stage("publish", (second, "Exists"), _status("Running", _ended("prepare"), _ended("convert"), runs)),
        _stage(
            "end",
            (last, "Exists"),
            _status("Succeeded", _ended("prepare"), _ended("convert"), _ended("publish", report())),
        ),
    ]


def _ended(step: str, message: str = '""') -> str:
    return (
        "{terminated: {exitCode: 0, reason: Completed, startedAt: {{ Now | Quote }}, finishedAt: {{ Now | Quote }}, "
        f"containerID: 'kwok://{step}', message: {message}}}}}"
    )


def _status(phase: str, prepare: str, convert: str, publish: str) -> str:
    initialized = "True" if phase != "Pending" else "False"

    def container(name: str, state: str) -> str:
        return (
            f"- {{name: {name}, image: 'bench/converter:1', imageID: 'bench/converter@sha256:{'c' * 64}', "
            f"ready: {str('running' in state).lower()}, restartCount: 0, state: {state}}}"
        )

    return "\n".join(
        [
            f"phase: {phase}",
            "podIP: 10.0.0.1",
            "startTime: {{ .metadata.creationTimestamp | Quote }}",
            "conditions:",
            f"- {{type: Initialized, status: '{initialized}', lastTransitionTime: {{{{ Now | Quote }}}}}}",
            "initContainerStatuses:",
            container(PREPARE, prepare),
            container(CONVERT, convert),
            "containerStatuses:",
            container(PUBLISH, publish),
        ]
    )


def _stage(name: str, state: tuple[str, str], status: str) -> Object:
    key, operator = state
    return _of_kind("Pod", name) | {
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {
                "matchExpressions": [
                    {"key": f'.metadata.labels["{CONVERSION_LABEL}"]', "operator": "Exists"},
                    {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
                    {"key": key, "operator": operator},
                ]
            },
            "next": {"statusTemplate": status},
        }
    }


def _deletion() -> Object:
    return _of_kind("Pod", "deletion") | {
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": [{"key": ".metadata.deletionTimestamp", "operator": "Exists"}]},
            "next": {"delete": True},
        }
    }


def _node() -> Object:
    status = """\
conditions:
{{ range NodeConditions }}
- {type: {{ .type }}, status: {{ .status | Quote }}, reason: {{ .reason }}, message: {{ .message | Quote }},
   lastHeartbeatTime: {{ Now | Quote }}, lastTransitionTime: {{ Now | Quote }}}
{{ end }}
allocatable: {cpu: "10000", memory: 10Ti, pods: "10000"}
capacity: {cpu: "10000", memory: 10Ti, pods: "10000"}
"""
    return _of_kind("Node", "ready") | {
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Node"},
            "selector": {
                "matchExpressions": [
                    {
                        "key": '.status.conditions.[] | select( .type == "Ready" ) | .status',
                        "operator": "NotIn",
                        "values": ["True"],
                    }
                ]
            },
            "next": {"statusTemplate": status},
        }
    }


def _of_kind(kind: str, name: str) -> Object:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": f"{kind.lower()}-{name}"},
    }
