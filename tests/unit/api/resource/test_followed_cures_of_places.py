"""What a spec says of models, buckets and pods is taken once it is changed as its refusal says."""

from typing import Any

import pytest

from tests.unit.api.resource.followed_specs import Case, Changes, case, follow, single
from tflite_api.resource.quantization_types import CALIBRATED

INT8: dict[str, Any] = {"type": "Int8", "calibration": {"synthetic": True}}
KEY, NAMED = "destination.s3.key", "model.handle"
LONG = "k" * 1021


def variants(*each: dict[str, Any]) -> Changes:
    return {KEY: "a/{variant}.tflite", "variants": list(each)}


WHERE = [
    single(
        "destination.s3.secretRef",
        "set destination.s3.secretRef, or serviceAccountName",
        None,
        {"name": "s3"},
    ),
    case(
        "destination.s3 needs credentials: set destination.s3.secretRef, or serviceAccountName",
        {"destination.s3.secretRef": None},
        {"destination.s3.secretRef": None, "serviceAccountName": "converter"},
    ),
    case(
        "destination.s3.roleARN is for serviceAccountName without a secretRef: leave it out",
        {"destination.s3.roleARN": "arn:aws:iam::123456789012:role/converter"},
        {},
        {
            "destination.s3.roleARN": "arn:aws:iam::123456789012:role/converter",
            "destination.s3.secretRef": None,
            "serviceAccountName": "converter",
        },
    ),
    single(
        "destination.s3.roleARN",
        "write for example arn:aws:iam::123456789012:role/converter",
        "converter",
        "arn:aws:iam::123456789012:role/converter",
        destination__s3__secretRef=None,
        serviceAccountName="converter",
    ),
    case(
        "must have at most 1012 characters with report: true",
        {KEY: LONG, "report": True},
        {KEY: "k" * 1012, "report": True},
        {KEY: LONG},
    ),
    single(KEY, "write for example models/a.tflite", "/models/a.tflite", "models/a.tflite"),
    single(
        "destination.s3.endpoint",
        "write for example https://s3.example.com",
        "s3.example.com",
        "https://s3.example.com",
    ),
    single(
        "destination.s3.encryption",
        "keyID is for type SSE-KMS: leave it out",
        {"type": "SSE-S3", "keyID": "a"},
        {"type": "SSE-S3"},
        {"type": "SSE-KMS", "keyID": "a"},
    ),
    case(
        "which is for variants: set them, or a key",
        {KEY: "a/{variant}.tflite"},
        variants({"name": "a"}),
        {KEY: "a/b.tflite"},
    ),
    case(
        "put {variant} where their names are to be, for example models/{variant}.tflite",
        {"variants": [{"name": "a"}]},
        {"variants": [{"name": "a"}], KEY: "models/{variant}.tflite"},
    ),
    case("variants names one twice: write each once", variants({"name": "a"}, {"name": "a"}), variants({"name": "a"})),
    case(
        "write another quantization.type than Auto",
        {**variants({"name": "a"}), "quantization.type": "Auto"},
        {**variants({"name": "a"}), "quantization.type": "Float16"},
    ),
    case(
        "set quantization.calibration, with quantization.type Int8 or Int16x8",
        variants({"name": "a", "quantization": {"type": "Int8"}}),
        *(
            {**variants({"name": "a", "quantization": {"type": "Int8"}}), "quantization": {**INT8, "type": kind}}
            for kind in CALIBRATED
        ),
    ),
    case("write for example gpu", variants({"name": "GPU"}), variants({"name": "gpu"})),
    single(
        "attestation",
        "write for example cosign.key",
        {"secretRef": {"name": "a", "key": "a/b"}},
        {"secretRef": {"name": "a", "key": "cosign.key"}},
    ),
]

MODEL = [
    single(
        NAMED,
        "write for example https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/classification/5",
        "mobilenet",
        "https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/classification/5",
    ),
    case(
        "set exactly one source of the model",
        {"model.archive": {"url": "https://example.com/a.tar.gz"}},
        {"model.archive": {"url": "https://example.com/a.tar.gz"}, NAMED: None},
        {},
    ),
    single(
        "model.archive.url",
        "write for example https://example.com/models/mobilenet-v2.tar.gz",
        "mobilenet.tar.gz",
        "https://example.com/models/mobilenet-v2.tar.gz",
        model__handle=None,
    ),
    single("model.tags", "names a tag twice: write each once", ["serve", "serve"], ["serve"]),
    single(
        "signature",
        "inputs names an input twice: write each once",
        {"inputs": [{"name": "x", "shape": [1]}] * 2},
        {"inputs": [{"name": "x", "shape": [1]}]},
    ),
    single(
        "signature",
        "set key for one signature or keys for several, not both",
        {"key": "a", "keys": ["b"]},
        {"key": "a"},
        {"keys": ["b"]},
    ),
    single("signature", "keys names a signature twice: write each once", {"keys": ["a", "a"]}, {"keys": ["a"]}),
    single(
        "signature",
        "pin fewer inputs, or name fewer keys",
        {
            "keys": [f"{number:02}{'x' * 250}" for number in range(16)],
            "inputs": [{"name": f"{n:02}{'x' * 250}", "shape": [1]} for n in range(20)],
        },
        {"keys": [f"{number:02}{'x' * 250}" for number in range(16)]},
        {"inputs": [{"name": f"{n:02}{'x' * 250}", "shape": [1]} for n in range(20)]},
    ),
    single(
        "signature.inputs",
        "must be -1 (flexible) or at least 1",
        [{"name": "x", "shape": [0]}],
        [{"name": "x", "shape": [-1]}],
        [{"name": "x", "shape": [1]}],
    ),
    single("sourse", "there is no such field: correct its name, or leave it out", "x", None),
    single("priorityClassName", 'must be text: write it in quotes, as in "12"', 12, "12"),
]

METADATA = [
    single(
        "metadata",
        'must be a decimal number as text: write for example "127.5"',
        {"inputs": [{"name": "x", "normalization": {"mean": ["a"], "std": ["1"]}}]},
        {"inputs": [{"name": "x", "normalization": {"mean": ["127.5"], "std": ["1"]}}]},
    ),
    single(
        "metadata",
        "mean and std must have the same length",
        {"inputs": [{"name": "x", "normalization": {"mean": ["1", "2"], "std": ["1"]}}]},
        {"inputs": [{"name": "x", "normalization": {"mean": ["1", "2"], "std": ["1", "1"]}}]},
    ),
    single(
        "metadata",
        "inputs names a tensor twice: write each once",
        {"inputs": [{"name": "x"}, {"name": "x"}]},
        {"inputs": [{"name": "x"}]},
    ),
]

PODS = [
    single(
        "resources",
        "requests.memory must not exceed limits.memory",
        {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}},
        {"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}},
    ),
    single(
        "podMetadata.labels",
        "leave it out, or write another key",
        {"app.kubernetes.io/name": "x"},
        {},
        {"example.com/name": "x"},
    ),
    single(
        "podMetadata.annotations",
        "shorten them",
        {f"a{n}": "x" * 4000 for n in range(3)},
        {f"a{n}": "x" * 400 for n in range(3)},
    ),
    single(
        "tolerations", "without a key the operator must be Exists", [{"operator": "Equal"}], [{"operator": "Exists"}]
    ),
    single(
        "tolerations",
        "the operator Exists takes no value: leave it out",
        [{"key": "a", "operator": "Exists", "value": "b"}],
        [{"key": "a", "operator": "Exists"}],
    ),
    single(
        "tolerations",
        "tolerationSeconds is for the effect NoExecute: leave it out",
        [{"key": "a", "operator": "Exists", "tolerationSeconds": 1}],
        [{"key": "a", "operator": "Exists"}],
    ),
    single("nodeSelector", "write for example kubernetes.io/arch", {"/arch": "amd64"}, {"kubernetes.io/arch": "amd64"}),
    single("nodeSelector", "write for example amd64", {"kubernetes.io/arch": "-"}, {"kubernetes.io/arch": "amd64"}),
]

CASES = [*WHERE, *MODEL, *METADATA, *PODS]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_a_refusal_says_is_enough(case: Case) -> None:
    follow(case)
