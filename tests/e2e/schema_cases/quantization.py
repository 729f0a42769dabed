"""Specs that keep or break each rule of the schema about quantization, calibration and verification."""

from tests.e2e.schema_cases.least import Object, Rule, changed

SYNTHETIC: Object = {"synthetic": True}


def quantized(kind: str, **settings: object) -> Object:
    return changed("quantization", {"type": kind, **settings})


def dataset(address: str, **settings: object) -> Object:
    return quantized("Int8", calibration={"dataset": address, **settings})


def compared(**settings: object) -> Object:
    return changed("verification.samples", {"dataset": "s3://abc/d.zip", **settings})


def kept(*tensors: str) -> Object:
    return quantized("Int8", calibration={"synthetic": True}, keepFloat={"tensors": list(tensors)})


def searching(*candidates: str, calibration: Object | None = None, **auto: object) -> Object:
    settings = {"calibration": calibration} if calibration is not None else {}
    return quantized("Auto", auto={"candidates": list(candidates), **auto}, **settings)


RULES: list[Rule] = [
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
        "keepFloat",
        [quantized("Int8", calibration={"synthetic": True}, keepFloat={"operations": ["SOFTMAX"], "tensors": ["a;b"]})],
        [quantized("DynamicRange", keepFloat={"operations": ["SOFTMAX"]})],
        "keepFloat is for the type Int8",
    ),
    (
        "keepInt8",
        [quantized("WeightOnlyInt4", keepInt8={"tensors": ["a;b"]})],
        [quantized("WeightOnlyInt8", keepInt8={"tensors": ["a;b"]}), quantized("Auto", keepInt8={"tensors": ["a"]})],
        "keepInt8 is for the type WeightOnlyInt4",
    ),
    (
        "names in keepInt8",
        [quantized("WeightOnlyInt4", keepInt8={"tensors": [f"{n}".ljust(2045, "n") for n in range(8)]})],
        [quantized("WeightOnlyInt4", keepInt8={"tensors": [*(f"{n}".ljust(2045, "n") for n in range(7)), "n" * 2046]})],
        "the names must have at most 16384 bytes",
    ),
    ("an empty keepInt8", [], [quantized("WeightOnlyInt4", keepInt8={"tensors": []})], "should have at least 1 items"),
    (
        "auto",
        [quantized("Auto"), quantized("Auto", auto={}), searching("None", "Float16"), searching("None", maxTrials=1)],
        [quantized("Float16", auto={}), quantized("None", auto={"maxTrials": 3})],
        "auto is for the type Auto",
    ),
    (
        "candidates",
        [searching("None", "Float16", "DynamicRange", "WeightOnlyInt8", "WeightOnlyInt4", objective="Size")],
        [searching("Auto"), searching("Int9")],
        'supported values: "None", "Float16", "DynamicRange"',
    ),
    ("candidates are named once", [], [searching("None", "None")], "Duplicate value"),
    ("some candidate", [], [searching()], "should have at least 1 items"),
    (
        "calibrated candidates",
        [searching("Int8", calibration=SYNTHETIC), searching("None", "Int16x8", calibration=SYNTHETIC)],
        [searching("Int8"), searching("None", "Int16x8")],
        "the candidates Int8 and Int16x8 measure activations",
    ),
    (
        "calibration of candidates",
        [quantized("Auto", calibration=SYNTHETIC), quantized("Auto", auto={}, calibration=SYNTHETIC)],
        [searching("None", calibration=SYNTHETIC)],
        "auto.candidates has neither",
    ),
    (
        "objective",
        [searching("None", objective="Size"), searching("None", objective="Latency")],
        [searching("None", objective="Speed")],
        'supported values: "Size", "Latency"',
    ),
    ("maxTrials", [searching("None", maxTrials=32)], [searching("None", maxTrials=33)], "less than or equal to 32"),
    ("at least one trial", [], [searching("None", maxTrials=0)], "greater than or equal to 1"),
    (
        "what is found out by Auto",
        [],
        [quantized("Auto", keepFloat={"operations": ["SOFTMAX"]}), quantized("Auto", keepFloat={})],
        "keepFloat is for the type Int8",
    ),
    (
        "unquantizedUpTo",
        [quantized(kind, unquantizedUpTo="1Mi") for kind in ("DynamicRange", "WeightOnlyInt8", "WeightOnlyInt4")],
        [quantized("Float16", unquantizedUpTo="1Mi"), quantized("None", unquantizedUpTo=0)],
        "unquantizedUpTo is for the types DynamicRange, WeightOnlyInt8 and WeightOnlyInt4",
    ),
    (
        "quantity of unquantizedUpTo",
        [quantized("DynamicRange", unquantizedUpTo=amount) for amount in (0, "64Ki", "1.5M")],
        [quantized("DynamicRange", unquantizedUpTo=amount) for amount in ("much", "-1", -1)],
        "must be a resource quantity",
    ),
    (
        "kept operation",
        [quantized("Int8", calibration={"synthetic": True}, keepFloat={"operations": ["L2_NORMALIZATION"]})],
        [quantized("Int8", calibration={"synthetic": True}, keepFloat={"operations": ["softmax"]})],
        "must be a LiteRT operator",
    ),
    (
        "kept tensors",
        [kept(*(f"{n}".ljust(2045, "n") for n in range(8))), kept(*(f"{n}" + "\u00e9" * 1022 for n in range(8)))],
        [
            kept(*(f"{n}".ljust(2045, "n") for n in range(7)), "n" * 2046),
            kept(*("n" * (n + 1010) + '"' * 520 for n in range(8))),
        ],
        "the names must have at most 16384 bytes",
    ),
    ("control characters in kept tensors", [kept("a;b")], [kept("a\nb")], "must hold no control characters"),
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
]
