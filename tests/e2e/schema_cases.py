"""Specs that keep or break each rule of the schema."""

import copy
from typing import Any

Object = dict[str, Any]

LEAST: Object = {
    "model": {"handle": "https://tfhub.dev/google/model/1"},
    "destination": {"s3": {"bucket": "models", "key": "a/b.tflite", "secretRef": {"name": "s3"}}},
}


def changed(path: str, value: object) -> Object:
    """The least spec with the field at a dotted path set."""
    spec = copy.deepcopy(LEAST)
    *parents, last = path.split(".")
    node = spec
    for parent in parents:
        node = node.setdefault(parent, {})
    node[last] = value
    return spec


def bucket_model(**where: object) -> Object:
    return changed("model", {"s3": {"bucket": "models", **where}})


def kaggle_model(handle: str) -> Object:
    return changed("model", {"kaggle": {"handle": handle, "secretRef": {"name": "kaggle"}}})


def volume_model(**where: object) -> Object:
    return changed("model", {"volume": {"claimName": "models", **where}})


def shape(*dimensions: object) -> Object:
    return changed("signature.inputs", [{"name": "x", "shape": list(dimensions)}])


def resources(name: str, request: object, limit: object) -> Object:
    return changed("resources", {"requests": {name: request}, "limits": {name: limit}})


def quantized(kind: str, **settings: object) -> Object:
    return changed("quantization", {"type": kind, **settings})


def dataset(address: str, **settings: object) -> Object:
    return quantized("Int8", calibration={"dataset": address, **settings})


def compared(**settings: object) -> Object:
    return changed("verification.samples", {"dataset": "s3://abc/d.zip", **settings})


def described_input(**said: object) -> Object:
    return changed("metadata.inputs", [{"name": "x", **said}])


def normalized(mean: list[object], std: list[object]) -> Object:
    return described_input(normalization={"mean": mean, "std": std})


def labelled(*labels: object) -> Object:
    return changed("metadata.outputs", [{"name": "y", "labels": list(labels)}])


# Each rule of the schema: what it takes, what it refuses, and the words of the refusal.
RULES: list[tuple[str, list[Object], list[Object], str]] = [
    (
        "handle",
        [
            changed("model.handle", handle)
            for handle in (
                "http://h/1",
                "https://[::1]:80/a",
                "https://a.b-c:1/x@y",
                "gs://a_b.c/d/1",
                "gs://abc/d.tar.gz",
            )
        ],
        [
            changed("model.handle", handle)
            for handle in (
                "ftp://a/b",
                "https://h",
                "https://h/",
                "https://u@h/1",
                "https://h/1?a",
                "https://h/1#a",
                "h/1",
                "gs://abc",
                "gs://abc/d?e",
                "gs://Abc/d",
            )
        ],
        "must be an http://, https:// or gs:// address with a path",
    ),
    (
        "one source",
        [changed("model", {"handle": "https://h/1"}), changed("model", {"archive": {"url": "https://h/1.zip"}})],
        [
            changed("model", {}),
            changed("model", {"sha256": "0" * 64}),
            changed("model", {"handle": "https://h/1", "archive": {"url": "https://h/1.zip"}}),
        ],
        "set exactly one source of the model",
    ),
    (
        "s3 key or prefix",
        [bucket_model(key="a.zip"), bucket_model(prefix="a/1"), bucket_model(prefix="a/1/")],
        [bucket_model(), bucket_model(key="a.zip", prefix="a")],
        "set key for an archive or prefix for a folder",
    ),
    (
        "s3 prefix",
        [bucket_model(prefix="...")],
        [bucket_model(prefix=prefix) for prefix in ("/", "/a", "a//b", "a//", "../a", "a/..", "a/../", ".")],
        "must be relative, without empty, '.' or '..' segments: write for example models/mobilenet/1",
    ),
    (
        "characters of an s3 prefix",
        [bucket_model(prefix="A!_.*'()=+@-/b")],
        [bucket_model(prefix=prefix) for prefix in ("a b", "a?", "\u00e9")],
        "must hold only letters, digits and the characters",
    ),
    (
        "s3 key of a model",
        [bucket_model(key="a/b")],
        [bucket_model(key=key) for key in ("a/", "../a")],
        "must be relative, without empty, '.' or '..' segments: write for example models/a.tflite",
    ),
    (
        "kaggle",
        [kaggle_model(handle) for handle in ("google/mobilenet-v2/tensorFlow2/x/1", "a-b_c/d/Keras/v1.0_x")],
        [
            kaggle_model(handle)
            for handle in ("google/mobilenet-v2", "a/b/c/d/e", "a/b/c/d/0", "/a/b/c/d", "a/../c/d", "a/b/c/d/1/2", "")
        ],
        "must be owner/model/framework/variation",
    ),
    (
        "claimName",
        [volume_model(claimName="a.b-c")],
        [volume_model(claimName=name) for name in ("A", "-a", "a/b", "")],
        "must be the name of an object",
    ),
    (
        "volume path",
        [volume_model(), volume_model(path="a b/\u00e9:~"), volume_model(path="a/")],
        [volume_model(path=path) for path in ("/a", "../a", "a/..", "a/./b", "..", "/")],
        "must be relative, without empty, '.' or '..' segments: write for example models/mobilenet/1",
    ),
    (
        "characters of a volume path",
        [volume_model(path="a")],
        [volume_model(path=path) for path in ("a\nb", "a\x7f")],
        "must hold no control characters",
    ),
    (
        "archive",
        [
            changed("model", {"archive": {"url": url}})
            for url in ("https://h/a.tar.gz", "http://[::1]:80/a", "https://h/a?b=c&d=e%20f", "https://h/download/")
        ],
        [
            changed("model", {"archive": {"url": url}})
            for url in ("s3://h/a", "https://h", "https://u@h/1", "https://h/1#a", "https://h/1?", "h/1.zip", "")
        ],
        "must be an https:// or http:// address of a tar",
    ),
    (
        "sha256",
        [changed("model.sha256", "0" * 64)],
        [changed("model.sha256", digest) for digest in ("0" * 63, "A" * 64, "")],
        "must be 64 lower-case hexadecimal digits",
    ),
    ("dimension", [shape(-1, 1), shape()], [shape(0), shape(1, 0)], "must be -1 (flexible) or at least 1"),
    ("dimension is not less than -1", [shape(-1)], [shape(-2)], "greater than or equal to -1"),
    (
        "type",
        [changed("quantization.type", kind) for kind in ("None", "Float16", "DynamicRange")],
        [changed("quantization.type", kind) for kind in ("Int9", "none", "")],
        'supported values: "None", "Float16", "DynamicRange"',
    ),
    (
        "calibration is needed",
        [quantized("Int8", calibration={"synthetic": True}), quantized("Int16x8", calibration={"synthetic": True})],
        [quantized("Int8"), quantized("Int16x8")],
        "this type measures activations",
    ),
    (
        "calibration is of no use",
        [quantized("WeightOnlyInt4")],
        [quantized("WeightOnlyInt4", calibration={"synthetic": True})],
        "calibration is for the types Int8 and Int16x8",
    ),
    (
        "calibration has one source",
        [dataset("s3://abc/d.npz"), dataset("s3://abc/images/"), dataset("https://h/d.zip", maxSamples=1)],
        [
            quantized("Int8", calibration={}),
            quantized("Int8", calibration={"synthetic": False}),
            dataset("s3://abc/d.npz", synthetic=True),
        ],
        "needs either a dataset or synthetic: true",
    ),
    (
        "calibration describes a dataset",
        [dataset("s3://abc/d.npz", sha256="0" * 64, images={"mean": ["-1.5", "0", "3"], "std": ["127.5"]})],
        [quantized("Int8", calibration={"synthetic": True, "images": {}})],
        "sha256 and images describe a dataset",
    ),
    (
        "dataset",
        [dataset("http://h:1/a"), dataset("s3://abc/d")],
        [dataset(address) for address in ("s3://a/d", "s3://abc", "s3://abc/", "gs://abc/d", "https://h/d?x", "d.npz")],
        "must be an s3://, https:// or http:// address of",
    ),
    (
        "dataset's digest",
        [dataset("s3://abc/d", sha256="0" * 64)],
        [dataset("s3://abc/d", sha256="A" * 64)],
        "must be 64 lower-case hexadecimal digits",
    ),
    (
        "mean",
        [dataset("s3://abc/d.zip", images={"mean": ["0", "-12.25"]})],
        [dataset("s3://abc/d.zip", images={"mean": [text]}) for text in ("1e3", "", "--1", "1.")],
        "must be a decimal number as text",
    ),
    (
        "std",
        [dataset("s3://abc/d.zip", images={"std": ["0.5", "12"]})],
        [dataset("s3://abc/d.zip", images={"std": [text]}) for text in ("0", "0.00", "-1", "x")],
        "above zero",
    ),
    (
        "io",
        [quantized("Int8", io="UInt8", calibration={"synthetic": True}), quantized("Float16", io="Float32")],
        [quantized("Float16", io="Int8"), quantized("Int16x8", io="Int8", calibration={"synthetic": True})],
        "io Int8 and UInt8 are for the type Int8",
    ),
    (
        "kind of io",
        [quantized("Int8", io=kind, calibration={"synthetic": True}) for kind in ("Float32", "Int8", "UInt8")],
        [quantized("Int8", io="int8", calibration={"synthetic": True})],
        'supported values: "Float32", "Int8", "UInt8"',
    ),
    (
        "colorSpace",
        [dataset("s3://abc/d.zip", images={"colorSpace": kind}) for kind in ("RGB", "BGR", "Grayscale")],
        [dataset("s3://abc/d.zip", images={"colorSpace": "rgb"})],
        'supported values: "RGB", "BGR", "Grayscale"',
    ),
    (
        "fit",
        [dataset("s3://abc/d.zip", images={"fit": kind}) for kind in ("Stretch", "CenterCrop", "Pad")],
        [dataset("s3://abc/d.zip", images={"fit": "Crop"})],
        'supported values: "Stretch", "CenterCrop", "Pad"',
    ),
    (
        "colorSpace of verification samples",
        [compared(images={"colorSpace": kind}) for kind in ("RGB", "BGR", "Grayscale")],
        [compared(images={"colorSpace": "rgb"})],
        'supported values: "RGB", "BGR", "Grayscale"',
    ),
    (
        "fit of verification samples",
        [compared(images={"fit": kind}, maxSamples=1) for kind in ("Stretch", "CenterCrop", "Pad")],
        [compared(images={"fit": "Crop"})],
        'supported values: "Stretch", "CenterCrop", "Pad"',
    ),
    (
        "verification samples come from a dataset",
        [compared(), compared(sha256="0" * 64)],
        [changed("verification.samples", {}), changed("verification.samples", {"maxSamples": 5})],
        "Required value",
    ),
    (
        "keepFloat",
        [quantized("Int8", calibration={"synthetic": True}, keepFloat={"operations": ["SOFTMAX"], "tensors": ["a;b"]})],
        [quantized("DynamicRange", keepFloat={"operations": ["SOFTMAX"]})],
        "keepFloat is for the type Int8",
    ),
    (
        "kept operation",
        [quantized("Int8", calibration={"synthetic": True}, keepFloat={"operations": ["L2_NORMALIZATION"]})],
        [quantized("Int8", calibration={"synthetic": True}, keepFloat={"operations": ["softmax"]})],
        "must be a LiteRT operator",
    ),
    (
        "signature key or keys",
        [changed("signature", {"key": "a"}), changed("signature", {"keys": ["a", "b"]})],
        [changed("signature", {"key": "a", "keys": ["b"]})],
        "set key for one signature or keys for several",
    ),
    (
        "room for the report's key",
        [changed("destination.s3.key", "k" * 1024), changed("destination.s3.key", "k" * 1012) | {"report": True}],
        [changed("destination.s3.key", "k" * 1013) | {"report": True}],
        "must have at most 1012 characters with report: true",
    ),
    ("keys", [changed("signature.keys", ["a"])], [changed("signature.keys", [])], "at least 1 items"),
    (
        "keys are unique",
        [changed("signature.keys", ["a", "b"])],
        [changed("signature.keys", ["a", "a"])],
        "Duplicate value",
    ),
    (
        "metadata's mean",
        [normalized(["0", "-12.25"], ["1", "0.5"])],
        [normalized([text], ["1"]) for text in ("1e3", "", "--1", "1.", "1\n")],
        "must be a decimal number as text",
    ),
    (
        "metadata's std",
        [normalized(["0"], ["0.000000001"])],
        [normalized(["0"], [text]) for text in ("0", "0.00", "-1", "x")],
        "must be a decimal number above zero as text",
    ),
    (
        "mean and std",
        [normalized(["0"] * 256, ["1"] * 256)],
        [normalized(["0"], ["1", "1"]), normalized(["0", "0", "0"], ["1"])],
        "mean and std must have the same length",
    ),
    ("mean is not empty", [normalized(["0"], ["1"])], [normalized([], [])], "at least 1 items"),
    (
        "mean is text",
        [normalized(["127"], ["1"])],
        [normalized([127.5], ["1"]), normalized([1], ["1"])],
        "of type string",
    ),
    (
        "color space of an input",
        [described_input(colorSpace="Grayscale"), described_input(colorSpace="RGB"), described_input()],
        [described_input(colorSpace=name) for name in ("BGR", "rgb", "")],
        'supported values: "RGB", "Grayscale"',
    ),
    (
        "labels",
        [labelled("maillot", "maillot", " a\tb "), labelled(*["\u00e9" * 128] * 2000)],
        [labelled("a\n"), labelled("a", "b\rc")],
        "every label must be one line",
    ),
    ("labels are not empty", [labelled("a")], [labelled()], "at least 1 items"),
    ("a label is not empty", [labelled("a")], [labelled("a", "")], "at least 1 chars"),
    ("length of a label", [labelled("a" * 128)], [labelled("a" * 129)], "may not be more than 128 bytes"),
    ("number of labels", [labelled("a")], [labelled(*["a"] * 2001)], "must have at most 2000 items"),
    (
        "description",
        [changed("metadata.description", "a\n" * 2048), changed("metadata", {})],
        [changed("metadata.description", "a" * 4097), changed("metadata.name", "a" * 257)],
        "may not be more than",
    ),
    (
        "described inputs",
        [changed("metadata.inputs", [{"name": "x"}, {"name": "y"}])],
        [changed("metadata.inputs", [{"name": "x"}, {"name": "x"}])],
        "Duplicate value",
    ),
    (
        "described outputs",
        [changed("metadata.outputs", [])],
        [changed("metadata.outputs", [{"name": "x"}, {"name": "x"}])],
        "Duplicate value",
    ),
    (
        "bucket",
        [changed("destination.s3.bucket", bucket) for bucket in ("abc", "a.b-c", "0" * 63)],
        [changed("destination.s3.bucket", bucket) for bucket in ("ab", "Abc", "-abc", "abc.", "a_b", "0" * 64)],
        "must be 3 to 63 lower-case letters",
    ),
    (
        "bucket without two dots",
        [changed("destination.s3.bucket", "a.b")],
        [changed("destination.s3.bucket", "a..b")],
        "must not hold two dots in a row",
    ),
    (
        "characters of a key",
        [changed("destination.s3.key", key) for key in ("a", "A!_.*'()=+@-/b")],
        [changed("destination.s3.key", key) for key in ("a b", "a\\b", "a\n", "a?", "a#b", "a%2e", "\u00e9")],
        "must hold only letters, digits and the characters",
    ),
    (
        "segments of a key",
        [changed("destination.s3.key", key) for key in ("a/b", "...", "..a", "a../b")],
        [changed("destination.s3.key", key) for key in ("/a", "a/", "a//b", "..", "../a", "a/../b", "./a", "a/.")],
        "must be relative, without empty, '.' or '..' segments",
    ),
    (
        "endpoint",
        [
            changed("destination.s3.endpoint", endpoint)
            for endpoint in ("https://s3.example.com", "http://10.0.0.1:7070/")
        ],
        [
            changed("destination.s3.endpoint", endpoint)
            for endpoint in ("s3.example.com", "https://a/b", "https://u@a", "")
        ],
        "must be http:// or https:// with a host",
    ),
    (
        "region",
        [changed("destination.s3.region", "eu-west-1")],
        [changed("destination.s3.region", region) for region in ("EU", "a b")],
        "must hold only lower-case letters, digits and hyphens",
    ),
    (
        "secretRef",
        [changed("destination.s3.secretRef.name", "a.b-c")],
        [changed("destination.s3.secretRef.name", name) for name in ("A", "-a", "a/b", "../a")],
        "must be the name of a Secret in the same namespace",
    ),
    (
        "room for the attestation's key",
        [changed("destination.s3.key", "k" * 1011) | {"attestation": {}}],
        [changed("destination.s3.key", "k" * 1012) | {"attestation": {}}],
        "destination.s3.key must have at most 1011 characters with attestation",
    ),
    (
        "signing key's secret",
        [changed("attestation", {}), changed("attestation.secretRef.name", "a.b-c")],
        [changed("attestation.secretRef.name", name) for name in ("A", "-a", "../a")],
        "must be the name of a Secret in the same namespace",
    ),
    (
        "signing key's entry",
        [changed("attestation.secretRef", {"name": "a", "key": key}) for key in ("cosign.key", "x509.pem", "A_1-b")],
        [changed("attestation.secretRef", {"name": "a", "key": key}) for key in ("a/b", "a b", "$(HOME)")],
        "must be the name of an entry of the Secret",
    ),
    (
        "quantity",
        [resources(name, 1, "2") for name in ("cpu", "memory", "ephemeral-storage")],
        [changed("resources.limits", {"memory": amount}) for amount in ("much", "-1", "1e3", "1 Gi", -1)],
        "must be a resource quantity",
    ),
    (
        "cpu",
        [resources("cpu", "500m", 1)],
        [resources("cpu", "1500m", 1)],
        "requests.cpu must not exceed limits.cpu",
    ),
    (
        "memory",
        [resources("memory", "1Gi", "1024Mi")],
        [resources("memory", "1025Mi", "1Gi")],
        "requests.memory must not exceed limits.memory",
    ),
    (
        "ephemeral-storage",
        [resources("ephemeral-storage", "1k", "1Ki")],
        [resources("ephemeral-storage", "1Ki", "1k")],
        "requests.ephemeral-storage must not exceed limits.ephemeral-storage",
    ),
]
