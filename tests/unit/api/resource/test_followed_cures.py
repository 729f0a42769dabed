"""How an artifact is made and measured is taken once it is changed as its refusal says."""

from typing import Any

import pytest

from tests.unit.api.resource.followed_specs import Case, case, follow, single
from tflite_api.resource.quantization_types import CALIBRATED

INT8: dict[str, Any] = {"type": "Int8", "calibration": {"synthetic": True}}
INT4: dict[str, Any] = {"type": "WeightOnlyInt4"}
HALVES: dict[str, Any] = {"type": "Float16"}
METRIC: dict[str, Any] = {"name": "MeanAbsoluteError", "output": "y", "labels": "label"}
SAMPLES = {"dataset": "s3://datasets/test.npz"}
NPU: dict[str, Any] = {"name": "EthosU", "config": "ethos-u55-128"}
BUDGET_OF_NPU = {"quantization": INT8, "targets": [{**NPU, "publishCompiled": True}]}


def metric(words: str, wrong: dict[str, Any], *right: dict[str, Any]) -> Case:
    whole: dict[str, Any] = {"verification.samples": SAMPLES}
    return case(
        words,
        {**whole, "verification.metrics": [METRIC | wrong]},
        *({**whole, "verification.metrics": [METRIC | each]} for each in right),
    )


QUANTIZATION = [
    single("quantization", "auto is for the type Auto: leave it out", {**HALVES, "auto": {}}, HALVES, {"type": "Auto"}),
    single(
        "quantization",
        "measures activations: set calibration.dataset, or calibration.synthetic: true",
        {"type": "Int8"},
        {"type": "Int8", "calibration": {"dataset": "s3://datasets/a.npz"}},
        INT8,
    ),
    single(
        "quantization",
        "calibration is for the types Int8 and Int16x8: leave it out",
        {**HALVES, **INT8, "type": "Float16"},
        HALVES,
    ),
    single("quantization", "io Int8 and UInt8 are for the type Int8: leave it out", {**HALVES, "io": "Int8"}, HALVES),
    single("quantization", "keepFloat is for", {**HALVES, "keepFloat": {"operations": ["ADD"]}}, HALVES),
    single("quantization", "granularity PerTensor is for", {**HALVES, "granularity": "PerTensor"}, HALVES),
    single("quantization", "keepInt8 is for", {**HALVES, "keepInt8": {"tensors": ["a"]}}, HALVES),
    single("quantization", "unquantizedUpTo is for", {"unquantizedUpTo": 100}, {}),
    single(
        "quantization",
        "set calibration.dataset, or calibration.synthetic: true, or leave them out of auto.candidates",
        {"type": "Auto", "auto": {"candidates": ["Int8", "Float16"]}},
        {"type": "Auto", "auto": {"candidates": ["Int8", "Float16"]}, "calibration": {"dataset": "s3://abc/a.npz"}},
        {"type": "Auto", "auto": {"candidates": ["Int8", "Float16"]}, "calibration": {"synthetic": True}},
        {"type": "Auto", "auto": {"candidates": ["Float16"]}},
    ),
    single(
        "quantization",
        "auto.candidates has neither: leave it out",
        {"type": "Auto", "auto": {"candidates": ["Float16"]}, "calibration": {"synthetic": True}},
        {"type": "Auto", "auto": {"candidates": ["Float16"]}},
    ),
    single(
        "quantization.calibration",
        "needs either a dataset or synthetic: true",
        {"maxSamples": 3},
        {"dataset": "s3://abc/a.npz"},
        {"synthetic": True},
        quantization__type="Int8",
    ),
    single(
        "quantization.calibration",
        "sha256 and images describe a dataset: set dataset",
        {"synthetic": True, "images": {}},
        {"dataset": "s3://abc/a.zip", "images": {}},
        quantization__type="Int8",
    ),
    single(
        "quantization.auto.candidates",
        "must be one of None, Float16, DynamicRange, Int8, Int16x8, WeightOnlyInt8, WeightOnlyInt4",
        ["Auto"],
        ["None", "Float16", "DynamicRange", "Int8", "Int16x8", "WeightOnlyInt8", "WeightOnlyInt4"],
        quantization__type="Auto",
        quantization__calibration={"synthetic": True},
    ),
    single(
        "quantization.keepFloat.operations",
        "names something twice: write each once",
        ["ADD", "ADD"],
        ["ADD"],
        quantization=INT8,
    ),
    single(
        "quantization.keepFloat.operations",
        "must be a LiteRT operator: write for example SOFTMAX",
        ["softmax"],
        ["SOFTMAX"],
        quantization=INT8,
    ),
    single(
        "quantization.keepFloat.tensors",
        "keep fewer in floats",
        [f"{number}{'x' * 500}" for number in range(40)],
        ["x" * 500],
        quantization=INT8,
    ),
    single(
        "quantization.keepInt8.tensors",
        "store fewer in 8 bits",
        [f"{number}{'x' * 500}" for number in range(40)],
        ["x" * 500],
        quantization=INT4,
    ),
    single(
        "quantization.calibration.dataset",
        "must be an s3://, https:// or http:// address of a .npz, .npy or TFRecord file, an archive or a folder of",
        "datasets/a.npz",
        *(
            "s3://abc/a.npz",
            "https://example.com/a.npy",
            "http://example.com/a.tfrecord",
            "s3://abc/a.zip",
            "s3://abc/images/",
        ),
        quantization__type="Int8",
    ),
    single(
        "quantization.calibration.images.std",
        "must be above zero",
        ["0"],
        ["1"],
        quantization=INT8 | {"calibration": {"dataset": "s3://abc/a.zip"}},
    ),
    single(
        "quantization.unquantizedUpTo",
        "write for example 500m, 2 or 4Gi",
        "many",
        "500m",
        "2",
        "4Gi",
        quantization__type="DynamicRange",
    ),
]

VERIFICATION = [
    case(
        "metrics are measured on labelled samples: set samples.dataset",
        {"verification.metrics": [METRIC]},
        {"verification.metrics": [METRIC], "verification.samples": SAMPLES},
    ),
    metric(
        "k is for TopKAccuracy, which needs it: write for example k: 5",
        {"name": "TopKAccuracy"},
        {"name": "TopKAccuracy", "k": 5},
    ),
    metric("threshold is for IntersectionOverUnion: leave it out", {"threshold": "0.5"}, {}),
    metric("leave it out", {"ignoreLabel": 1}, {}, {"name": "Top1Accuracy", "ignoreLabel": 1}),
    metric("min must not exceed max", {"min": "2", "max": "1"}, {"min": "1", "max": "2"}),
    metric(
        'set maxDrop, for example "0" for no worse',
        {"baseline": "Published"},
        {"baseline": "Published", "maxDrop": "0"},
    ),
    metric('write for example "0.01"', {"maxDrop": "-1"}, {"maxDrop": "0.01"}),
    single(
        "verification.samples.classes",
        "needs either sorted: true or labelFile",
        {},
        {"sorted": True},
        {"labelFile": "labels.txt"},
        verification__samples__dataset="s3://abc/a.zip",
    ),
    single(
        "verification.samples.classes.labelFile",
        "must be the name of a file: write for example labels.txt",
        "../labels.txt",
        "labels.txt",
        verification__samples__dataset="s3://abc/a.zip",
    ),
]

TARGETS = [
    single("targets", "targets names a target twice: write each once", [{"name": "GPU"}] * 2, [{"name": "GPU"}]),
    single(
        "targets",
        "maxArenaBytes is for Microcontroller: leave it out",
        [{"name": "GPU", "maxArenaBytes": 1}],
        [{"name": "GPU"}],
    ),
    single("targets", "write for example config: ethos-u55-128", [{"name": "EthosU"}], [NPU], quantization=INT8),
    single(
        "targets",
        'write for example "0.9"',
        [{"name": "GPU", "minGPUOperators": "2"}],
        [{"name": "GPU", "minGPUOperators": "0.9"}],
    ),
    case(
        f"EthosU computes with integers, and this quantization.type with floats: set {' or '.join(CALIBRATED)}",
        {"targets": [NPU], "quantization": HALVES},
        *({"targets": [NPU], "quantization": INT8 | {"type": kind}} for kind in CALIBRATED),
    ),
    case(
        "are for a file of one signature: set signature.key",
        {"targets": [{"name": "Microcontroller"}], "signature.keys": ["a", "b"]},
        {"targets": [{"name": "Microcontroller"}], "signature.key": "a"},
    ),
    case(
        "leave out budget.maxLatencyMilliseconds, maxRelativeLatency, threads and maxArenaBytes",
        {**BUDGET_OF_NPU, "budget": {"maxArenaBytes": 1}},
        {"quantization": INT8, "targets": [{**NPU, "publishCompiled": True, "maxSRAMBytes": 1}]},
    ),
]

BUDGET = [
    case(
        "which is what quantization.type None makes: leave it out",
        {"budget": {"maxRelativeLatency": "1", "maxSizeBytes": 1}},
        {"budget": {"maxSizeBytes": 1}},
    ),
    case(
        "budget.threads must not exceed resources.limits.cpu",
        {"budget": {"threads": 4}, "resources.limits.cpu": "2"},
        {"budget": {"threads": 2}, "resources.limits.cpu": "2"},
        {"budget": {"threads": 4}, "resources.limits.cpu": "4"},
    ),
    single(
        "budget.maxSizeBytes", "write for example 512Ki, 4Mi or 4194304", "none", "512Ki", "4Mi", "4194304", 4194304
    ),
    single("budget.maxLatencyMilliseconds", 'write for example "12.5"', "0", "12.5"),
    single("budget", "names nothing: set", {}, {"maxSizeBytes": 1}),
]

CASES = [*QUANTIZATION, *VERIFICATION, *TARGETS, *BUDGET]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_a_refusal_says_is_enough(case: Case) -> None:
    follow(case)
