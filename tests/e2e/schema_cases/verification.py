"""Specs that keep or break each rule of the schema about metrics on labelled samples."""

from tests.e2e.schema_cases.least import Object, Rule, changed

_LABELLED: Object = {"output": "scores", "labels": "label"}
_NAMES = (
    *("Top1Accuracy", "MeanAbsoluteError", "RootMeanSquaredError", "R2", "CosineSimilarity"),
    *("IntersectionOverUnion", "WordErrorRate"),
)


def measured(*metrics: Object) -> Object:
    samples = {"dataset": "s3://abc/d.npz"}
    return changed("verification", {"samples": samples, "metrics": [{**_LABELLED, **one} for one in metrics]})


def classed(classes: Object) -> Object:
    return changed("verification", {"samples": {"dataset": "s3://abc/flowers/", "classes": classes}})


def metric(name: str = "Top1Accuracy", **settings: object) -> Object:
    return measured({"name": name, **settings})


RULES: list[Rule] = [
    (
        "metrics need samples",
        [metric(min="0.7", maxDrop="0.01"), changed("verification", {"samples": {"dataset": "s3://abc/d.npz"}})],
        [changed("verification", {"metrics": [{"name": "R2", **_LABELLED}]})],
        "metrics are measured on labelled samples: set samples.dataset",
    ),
    (
        "name",
        [metric(name) for name in _NAMES],
        [metric("Accuracy"), metric("F1")],
        'supported values: "Top1Accuracy", "TopKAccuracy"',
    ),
    (
        "k",
        [metric("TopKAccuracy", k=5), metric("TopKAccuracy", k=2)],
        [metric("TopKAccuracy"), metric(k=5)],
        "k is for TopKAccuracy, which needs it",
    ),
    (
        "threshold",
        [metric("IntersectionOverUnion", threshold="0.3")],
        [metric(threshold="0.5")],
        "threshold is for IntersectionOverUnion",
    ),
    (
        "ignoreLabel",
        [metric(name, ignoreLabel=-100) for name in ("Top1Accuracy", "IntersectionOverUnion", "WordErrorRate")],
        [metric("R2", ignoreLabel=0)],
        "ignoreLabel is for Top1Accuracy, TopKAccuracy, IntersectionOverUnion and WordErrorRate",
    ),
    (
        "min and max",
        [metric("R2", min="-0.5", max="1"), metric(min="0.7", max="0.7")],
        [metric(min="0.9", max="0.10")],
        "min must not exceed max",
    ),
    (
        "gates are decimal numbers",
        [metric(min="0.70"), metric("MeanAbsoluteError", max="12")],
        [metric(min="1e-2"), metric(max="x", min="0"), metric("IntersectionOverUnion", threshold="half")],
        "must be a decimal number as text",
    ),
    (
        "maxDrop",
        [metric(maxDrop="0"), metric(maxDrop="0.01")],
        [metric(maxDrop="-0.01"), metric(maxDrop=".1")],
        "must be a decimal number of 0 or more as text",
    ),
    (
        "classes",
        [classed({"sorted": True}), classed({"labelFile": "labels.txt"}), classed({"sorted": False, "labelFile": "a"})],
        [classed({}), classed({"sorted": False}), classed({"sorted": True, "labelFile": "labels.txt"})],
        "needs either sorted: true or labelFile",
    ),
    (
        "label file",
        [classed({"labelFile": "ImageNet_2012-classes.txt"})],
        [classed({"labelFile": "../labels.txt"}), classed({"labelFile": ".hidden"}), classed({"labelFile": "a/b"})],
        "must be the name of a file: write for example labels.txt",
    ),
    ("baselines", [], [metric(maxDrop="0", baseline="Newest")], 'supported values: "Model", "Published"'),
    (
        "baseline",
        [metric(maxDrop="0", baseline="Published"), metric(maxDrop="0.01", baseline="Model")],
        [metric(baseline="Published"), metric(min="0.5", baseline="Model")],
        "baseline is what maxDrop is measured from: set maxDrop",
    ),
    (
        "names of metrics",
        [measured(*[{"name": "R2", "output": "y" * 249, "labels": "l" * 256}] * 8)],
        [measured(*[{"name": "R2", "output": "y" * 512, "labels": "l" * 256}] * 8)],
        "the names of outputs and labels must have at most 4096 bytes together",
    ),
]
