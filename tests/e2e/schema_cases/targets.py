"""Specs that keep or break each rule of the schema about targets, and about the granularity that some want."""

from tests.e2e.schema_cases.least import Object, Rule, changed

_NPU = {"name": "EthosU", "config": "ethos-u55-128"}
_MICRO = {"name": "Microcontroller"}
_GPU = {"name": "GPU"}
_OF_WEIGHTS = ("DynamicRange", "WeightOnlyInt8", "WeightOnlyInt4")


def on(*targets: Object, **changes: object) -> Object:
    return {**changed("targets", list(targets)), **changes}


def integers(**settings: object) -> Object:
    return {"type": "Int8", "calibration": {"synthetic": True}, **settings}


RULES: list[Rule] = [
    (
        "names",
        [on(), on(_NPU, _MICRO, _GPU)],
        [on({"name": "NPU"})],
        'supported values: "EthosU", "Microcontroller", "GPU"',
    ),
    ("each once", [], [on(_GPU, _GPU), on(_NPU, {**_NPU, "config": "ethos-u65-256"})], "Duplicate value"),
    (
        "configurations",
        [on({**_NPU, "config": config}) for config in ("ethos-u55-32", "ethos-u65-512", "ethos-u85-2048")],
        [on({**_NPU, "config": config}) for config in ("ethos-u55-512", "u55", "")],
        'supported values: "ethos-u55-32", "ethos-u55-64", "ethos-u55-128"',
    ),
    ("a size", [], [on({"name": "EthosU"})], "EthosU comes in several sizes: write for example config: ethos-u55-128"),
    *(
        (f"{field} is for another", [on({**owner, field: value})], [on({**other, field: value})], f"{field} is for")
        for field, value, owner, other in (
            ("config", "ethos-u55-64", _NPU, _GPU),
            ("minNPUOperators", "0.9", _NPU, _MICRO),
            ("maxSRAMBytes", "512Ki", _NPU, _GPU),
            ("publishCompiled", False, _NPU, _MICRO),
            ("maxArenaBytes", 4096, _MICRO, _NPU),
            ("minGPUOperators", "1", _GPU, _NPU),
        )
    ),
    (
        "shares",
        [on({**_NPU, "minNPUOperators": share}) for share in ("0", "0.95", "1", "1.00")],
        [on({**_NPU, "minNPUOperators": share}) for share in ("1.1", "90", "-0.5", ".9", "0.", "")],
        "must be a share from 0 to 1 as text",
    ),
    (
        "sizes",
        [on({**_MICRO, "maxArenaBytes": size}) for size in ("256Ki", 1)],
        [on({**_MICRO, "maxArenaBytes": size}) for size in ("much", 0, "500m")],
        "must be a size of at least one byte",
    ),
    (
        "types of floats",
        [on(_NPU, quantization=integers()), on(_NPU), on(_GPU, quantization={"type": "Float16"})],
        [
            on(_NPU, quantization={"type": kind})
            for kind in ("Float16", "DynamicRange", "WeightOnlyInt8", "WeightOnlyInt4")
        ],
        "EthosU computes with integers, and this quantization.type with floats: set Int8 or Int16x8",
    ),
    (
        "one signature",
        [on(target, signature={"keys": ["a"]}) for target in (_NPU, _MICRO)]
        + [on(_GPU, signature={"keys": ["a", "b"]})],
        [on(target, signature={"keys": ["a", "b"]}) for target in (_NPU, _MICRO)],
        "EthosU and Microcontroller are for a file of one signature: set signature.key",
    ),
    (
        "granularities",
        [],
        [changed("quantization", integers(granularity="PerRow"))],
        'supported values: "PerChannel", "PerTensor"',
    ),
    (
        "granularity",
        [changed("quantization", integers(granularity=each)) for each in ("PerChannel", "PerTensor")]
        + [changed("quantization", {"type": "Float16", "granularity": "PerChannel"})]
        + [changed("quantization", {"type": kind, "granularity": "PerTensor"}) for kind in _OF_WEIGHTS],
        [changed("quantization", {"type": kind, "granularity": "PerTensor"}) for kind in ("None", "Float16", "Auto")],
        "granularity PerTensor is for the types DynamicRange, Int8, Int16x8, WeightOnlyInt8 and WeightOnlyInt4",
    ),
]
