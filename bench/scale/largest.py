"""The largest conversion that the schema accepts: each text at the end of its bound, of what is longest as JSON."""

from typing import Any, Final

from tflite_api import names
from tflite_api.resource.metadata import OTHERS_BYTES, OUTPUTS_BYTES
from tflite_api.resource.metrics import METRICS_BYTES, MOST_METRICS
from tflite_api.resource.pods.affinity import TERMS_BYTES
from tflite_api.resource.quantization import LAYERS_BYTES
from tflite_api.resource.spec import SIGNATURE_BYTES

Object = dict[str, Any]

_QUOTED: Final = 3
"""Bytes of a text beside its own: quotes and a comma."""
_NAME: Final = 256
_LABEL: Final = 128
_WIDE: Final = "\U0001f916"
"""Four bytes, one character."""
_LABEL_NAME: Final = "a" * 253 + "/" + "b" * 63
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_PODS: Final = ("podAffinity", "podAntiAffinity")
_CONDITION: Final = 65
"""Bytes that a condition counts, beside its values, where its key is one letter."""
_DECIMAL: Final = "123456789.123456789"


def largest_conversion(name: str = "largest", seed: int = 0) -> Object:
    """Return a conversion to create; `seed` tells two of them apart."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": name},
        "spec": largest_spec(seed),
    }


def largest_spec(seed: int = 0) -> Object:
    """Return the spec that has the most bytes as the steps are told it."""
    mark = f"{seed:08}"
    return {
        "model": {
            "volume": {"claimName": "c" * 253, "path": _WIDE * 1024},
            "sha256": "a" * 64,
            "tags": [f"{number}{_WIDE * 63}" for number in range(8)],
        },
        "signature": {
            "keys": _names(16, SIGNATURE_BYTES // 3),
            "inputs": _pins(SIGNATURE_BYTES - SIGNATURE_BYTES // 3),
        },
        "quantization": {
            "type": "Int8",
            "io": "Float32",
            "granularity": "PerChannel",
            "calibration": {**_dataset(), "synthetic": False},
            "keepFloat": {
                "operations": [f"A{number:02}".ljust(64, "_") for number in range(32)],
                "tensors": _names(64, LAYERS_BYTES, mark),
            },
        },
        "ops": {"selectTF": False},
        "metadata": {
            "inputs": [{**one, "colorSpace": "Grayscale"} for one in _described(32, OTHERS_BYTES, mark)],
            "outputs": _labelled(OUTPUTS_BYTES, mark),
        },
        "verification": {
            "minSNRDecibels": 100,
            "samples": {**_dataset(), "classes": {"labelFile": "l" * 128}},
            "metrics": _metrics(),
        },
        "budget": {
            **dict.fromkeys(("maxSizeBytes", "maxArenaBytes"), "123456789012.123Ti"),
            **dict.fromkeys(("maxLatencyMilliseconds", "maxRelativeLatency"), "123456789.123"),
            "threads": 256,
        },
        # The other targets are for a file of one signature.
        "targets": [{"name": "GPU", "minGPUOperators": "0.123456789"}],
        "destination": {
            "s3": {
                "bucket": "b" * 63,
                "key": "k" * 1011,
                "endpoint": "https://" + "h" * 504,
                "region": "r" * 64,
                "caConfigMapRef": {"name": "c" * 253, "key": "k" * 253},
                "roleARN": "arn:aws:iam::1:role/".ljust(2048, "r"),
                "encryption": {"type": "SSE-KMS", "keyID": "k" * 2048},
                "adoptFrom": {"clusterID": "c" * 63, "namespace": "n" * 253, "name": "n" * 253},
                "addressingStyle": "Virtual",
                "checksums": "Never",
                "writers": "Many",
            }
        },
        "attestation": {"secretRef": {"name": "s" * 253, "key": "k" * 253}},
        "resources": {kind: _amounts() for kind in ("requests", "limits")},
        "stepResources": {
            step: {kind: _amounts() for kind in ("requests", "limits")} for step in ("prepare", "publish", "cleanup")
        },
        "nodeSelector": {f"{number:02}{_LABEL_NAME[2:]}": "v" * 63 for number in range(16)},
        "tolerations": [
            {
                "key": _LABEL_NAME,
                "operator": "Equal",
                "value": "v" * 63,
                "effect": "NoExecute",
                "tolerationSeconds": 2**63 - 1,
            }
        ]
        * 16,
        "affinity": {
            "nodeAffinity": {
                _REQUIRED: {"nodeSelectorTerms": [_nodes()]},
                _PREFERRED: [_weighed("preference", _nodes())],
            },
            **{part: {_REQUIRED: [_pods()], _PREFERRED: [_weighed("podAffinityTerm", _pods())]} for part in _PODS},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 2**31 - 1,
                "topologyKey": "t",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": _filled("matchExpressions", 65),
                "minDomains": 2**31 - 1,
                "nodeAffinityPolicy": "Ignore",
                "nodeTaintsPolicy": "Ignore",
            }
        ],
        "priorityClassName": "p" * 253,
        "runtimeClassName": "r" * 253,
        "podMetadata": {
            "labels": {f"{number:02}{_LABEL_NAME[2:]}": "v" * 63 for number in range(16)},
            "annotations": {f"{number}": '"' * 4095 for number in range(2)},
        },
        "serviceAccountName": "s" * 253,
        "activeDeadlineSeconds": 86400,
        "deletionPolicy": "Retain",
        "report": False,
    }


def _metrics() -> list[Object]:
    asked = {"name": "IntersectionOverUnion", "threshold": _DECIMAL, "ignoreLabel": -(2**31)}
    gates = {**dict.fromkeys(("min", "max", "maxDrop"), _DECIMAL), "baseline": "Published"}
    labels = "l" * 200
    outputs = _names(MOST_METRICS, METRICS_BYTES - MOST_METRICS * (len(labels) + _QUOTED))
    return [{**asked, **gates, "output": output, "labels": labels} for output in outputs]


def _dataset() -> Object:
    numbers = {"mean": [_DECIMAL] * 4, "std": [_DECIMAL] * 4}
    images = {"colorSpace": "Grayscale", "fit": "CenterCrop", **numbers}
    return {
        "dataset": "https://h/".ljust(2048, "$"),
        "sha256": "a" * 64,
        "maxSamples": 10_000,
        "images": images,
    }


def _amounts() -> Object:
    return dict.fromkeys(("cpu", "memory", "ephemeral-storage"), "123456789012.123Mi")


def _nodes() -> Object:
    return _filled("matchExpressions", 0)


def _pods() -> Object:
    return {"topologyKey": "t", "labelSelector": _filled("matchExpressions", 65)}


def _weighed(name: str, term: Object) -> Object:
    return {"weight": 100, name: term}


def _filled(name: str, taken: int) -> Object:
    """Return conditions on labels that take what is allowed for a list of terms, of which some is taken already."""
    short = {"key": "k", "operator": "In"}
    left = (TERMS_BYTES - taken - 2 * _CONDITION) // 2 // (63 + _QUOTED)
    return {name: [short | {"values": ["v" * 63] * left}] * 2}


def _names(count: int, total: int, mark: str = "") -> list[str]:
    each = total // count - _QUOTED
    return [f"{number:02}{mark}".ljust(each, "n") for number in range(count)]


def _pins(total: int) -> list[Object]:
    shape = [2**31 - 1] * 8
    return [{"name": name, "shape": shape} for name in _names(32, total)]


def _described(count: int, total: int, mark: str) -> list[Object]:
    """Describe tensors by a name and numbers each, which together take all that is allowed."""
    return [
        {"name": name, "normalization": {"mean": ["1"] * 40, "std": ["1"] * 40}}
        for name in _names(count, total - count * 80 * (_QUOTED + 1), mark)
    ]


def _labelled(total: int, mark: str) -> list[Object]:
    """Describe outputs by short labels: of each the quotes and the comma count as well."""
    named = [{"name": f"{number:02}{mark}"} for number in range(20)]
    left = total - sum(len(one["name"]) + _QUOTED for one in named)
    labels = ["ab"] * (left // (2 + _QUOTED))
    parts = [labels[at : at + 2000] for at in range(0, len(labels), 2000)]
    return [one | ({"labels": part} if part else {}) for one, part in zip(named, [*parts, *[[]] * 20], strict=False)]
