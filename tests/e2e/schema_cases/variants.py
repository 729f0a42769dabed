"""Specs that keep or break each rule of the schema about variants, and about the key that tells them apart."""

from tests.e2e.schema_cases.least import LEAST, Object, Rule, changed

_HALVES: Object = {"name": "gpu", "quantization": {"type": "Float16"}}
_NPU = {"name": "EthosU", "config": "ethos-u55-128"}
_INTEGERS = {"type": "Int8", "calibration": {"synthetic": True}}
_COMPILED: Object = {"name": "npu", "targets": [{**_NPU, "publishCompiled": True}]}
_S3 = LEAST["destination"]["s3"]


def of(*variants: Object, key: str = "a/{variant}.tflite", **changes: object) -> Object:
    return {**LEAST, "destination": {"s3": {**_S3, "key": key}}, "variants": list(variants), **changes}


def typed(**quantization: object) -> Object:
    return {"name": "one", "quantization": quantization}


def named(name: str) -> Object:
    return {"name": name}


RULES: list[Rule] = [
    ("none or some", [LEAST, of(_HALVES)], [of()], "should have at least 1 items"),
    ("at most", [of(*(named(f"v{number}") for number in range(8)))], [], ""),
    ("more", [], [of(*(named(f"v{number}") for number in range(9)))], "must have at most 8 items"),
    ("each once", [of(_HALVES, named("cpu"))], [of(_HALVES, named("gpu"))], "Duplicate value"),
    (
        "names",
        [of(named(name)) for name in ("a", "gpu-1", "0", "v" * 32)],
        [of(named(name)) for name in ("", "GPU", "a.b", "-a", "a-", "a/b", "a_b", "a\n")],
        "must be lower-case letters, digits and hyphens, with a letter or digit at both ends",
    ),
    ("long names", [], [of(named("v" * 33))], "Too long"),
    (
        "types",
        [of(typed(type=kind)) for kind in ("None", "Float16", "DynamicRange", "WeightOnlyInt8", "WeightOnlyInt4")],
        [of(typed(type=kind)) for kind in ("Auto", "Int4", "")],
        'supported values: "None", "Float16", "DynamicRange", "Int8", "Int16x8", "WeightOnlyInt8", "WeightOnlyInt4"',
    ),
    ("a type", [], [of(typed(io="Float32"))], "Required value"),
    (
        "what is measured",
        [of(typed(type=kind), quantization=_INTEGERS) for kind in ("Int8", "Int16x8", "Float16")],
        [of(typed(type=kind)) for kind in ("Int8", "Int16x8")],
        "a variant is of a type that measures activations: set quantization.calibration",
    ),
    (
        "integers at the ends",
        [of(typed(type="Int8", io="UInt8"), quantization=_INTEGERS), of(typed(type="Float16", io="Float32"))],
        [of(typed(type="Int16x8", io="Int8"), quantization=_INTEGERS), of(typed(type="Float16", io="UInt8"))],
        "io Int8 and UInt8 are for the type Int8: leave it out",
    ),
    (
        "one scale",
        [
            of(typed(type="Int16x8", granularity="PerTensor"), quantization=_INTEGERS),
            of(typed(type="Float16", granularity="PerChannel")),
        ],
        [of(typed(type="Float16", granularity="PerTensor"))],
        "granularity PerTensor is for the types DynamicRange, Int8, Int16x8, WeightOnlyInt8 and WeightOnlyInt4",
    ),
    (
        "no search",
        [],
        [of(named("a"), quantization={"type": "Auto"}), of(_HALVES, quantization={"type": "Auto"})],
        "variants have types that are known: write another quantization.type than Auto",
    ),
    (
        "gates",
        [of({**_HALVES, "minSNRDecibels": gate}) for gate in (0, 200)],
        [of({**_HALVES, "minSNRDecibels": gate}) for gate in (-1, 201)],
        "should be",
    ),
    (
        "NPUs",
        [
            of({**_HALVES, "targets": []}, targets=[_NPU]),
            of({**named("npu"), "targets": [_NPU]}, quantization=_INTEGERS),
            of({**named("npu"), "targets": [_NPU]}),
            of({**_HALVES, "targets": []}, {**typed(type="Int8"), "targets": [_NPU]}, quantization=_INTEGERS),
        ],
        [
            of({**_HALVES, "targets": [_NPU]}),
            of(_HALVES, targets=[_NPU]),
            of(named("npu"), targets=[_NPU], quantization={"type": "DynamicRange"}),
            of(_HALVES, targets=[_NPU], quantization=_INTEGERS),
        ],
        "variants: target EthosU computes with integers, and the type of a variant with floats: set Int8 or Int16x8",
    ),
    (
        "signatures",
        [of({**named("a"), "targets": [{"name": "GPU"}]}, signature={"keys": ["a", "b"]})],
        [
            of({**named("a"), "targets": [{"name": "Microcontroller"}]}, signature={"keys": ["a", "b"]}),
            of(named("a"), targets=[_NPU], signature={"keys": ["a", "b"]}),
        ],
        "variants: targets EthosU and Microcontroller are for a file of one signature: set signature.key",
    ),
    (
        "floats against floats",
        [
            of({**_HALVES, "budget": {"maxRelativeLatency": "0.8"}}, named("plain")),
            of(_HALVES, {**named("plain"), "budget": {"maxSizeBytes": 1}}, budget={"maxRelativeLatency": "1"}),
        ],
        [
            of({**named("plain"), "budget": {"maxRelativeLatency": "0.8"}}),
            of(_HALVES, named("plain"), budget={"maxRelativeLatency": "0.8"}),
        ],
        "variants: budget.maxRelativeLatency compares with the artifact in floats, which is what a variant of type",
    ),
    (
        "what runs elsewhere",
        [
            of({**_COMPILED, "budget": {"maxSizeBytes": "1Mi"}}, budget={"threads": 1}, quantization=_INTEGERS),
            of({**_COMPILED, "targets": []}, budget={"maxArenaBytes": 1}, targets=_COMPILED["targets"]),
        ],
        [
            of(_COMPILED, budget={"threads": 1}, quantization=_INTEGERS),
            of({**_COMPILED, "budget": {"maxArenaBytes": "1Mi"}}, quantization=_INTEGERS),
            of(named("npu"), targets=_COMPILED["targets"], budget={"maxLatencyMilliseconds": "1"}),
        ],
        "variants: what publishCompiled publishes runs on the NPU alone, where LiteRT cannot measure it",
    ),
    (
        "threads",
        [
            of({**_HALVES, "budget": {"threads": threads}}, resources={"limits": {"cpu": cpu}})
            for threads, cpu in ((1, "500m"), (2, "2"))
        ],
        [of(named("a"), {**_HALVES, "budget": {"threads": 3}}, resources={"limits": {"cpu": "2"}})],
        "variants: budget.threads must not exceed resources.limits.cpu",
    ),
    (
        "a key for each",
        [of(_HALVES, key=key) for key in ("{variant}", "a-{variant}/{variant}.tflite")],
        [of(_HALVES, key=key) for key in ("a.tflite", "variant/a")],
        "destination.s3.key does not tell the variants apart: put {variant} where their names are to be",
    ),
    (
        "a place for none",
        [],
        [changed("destination.s3.key", "a/{variant}.tflite")],
        "destination.s3.key holds {variant}, which is for variants: set them, or a key",
    ),
    (
        "other places",
        [],
        [of(_HALVES, key=key) for key in ("a/{name}", "{variant}}", "{ variant }", "{}")],
        "and {variant} for the name of each of spec.variants",
    ),
    (
        "long keys",
        [of(named("ab"), key="{variant}" + "a" * 1009, report=True, attestation={})],
        [of(named("abc"), key="{variant}" + "a" * 1009), of(named("a"), named("abc"), key="{variant}" + "a" * 1009)],
        "destination.s3.key must have at most 1011 characters with the name of each variant",
    ),
]
