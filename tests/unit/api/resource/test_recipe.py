"""A recipe's hash changes with what shapes the artifact, and with nothing else."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tflite_api.resource.recipe import recipe_hash
from tflite_api.resource.spec import ConversionSpec

SPEC: dict[str, Any] = {
    "model": {"handle": "https://tfhub.dev/google/model/1", "tags": ["serve", "gpu"]},
    "signature": {"key": "run", "inputs": [{"name": "x", "shape": [1, 2]}, {"name": "y", "shape": [-1]}]},
    "destination": {"s3": {"bucket": "models", "key": "a/b.tflite", "secretRef": {"name": "s3"}}},
}


def hash_after(change: Callable[[dict[str, Any]], object]) -> str:
    changed = copy.deepcopy(SPEC)
    change(changed)
    return recipe_hash(ConversionSpec.from_object(changed))


ORIGINAL = hash_after(lambda spec: None)


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec["model"].update(handle="https://tfhub.dev/google/model/2"),
        lambda spec: spec["model"].update(sha256="0" * 64),
        lambda spec: spec["model"].update(tags=[]),
        lambda spec: spec["signature"].update(key="walk"),
        lambda spec: spec["signature"]["inputs"][0].update(shape=[1, 3]),
        lambda spec: spec.update(quantization={"type": "Float16"}),
        lambda spec: spec.update(verification={"minSNRDecibels": 61}),
        lambda spec: spec.update(quantization={"type": "Int8", "calibration": {"synthetic": True}}),
        lambda spec: spec.update(ops={"selectTF": True}),
        lambda spec: spec.update(verification={"samples": {"dataset": "s3://abc/d.npz"}}),
        lambda spec: spec.update(budget={"maxSizeBytes": "4Mi"}),
        lambda spec: spec.update(budget={"maxLatencyMilliseconds": "12"}),
        lambda spec: spec.update(budget={"maxArenaBytes": "4Mi"}),
        lambda spec: spec.update(budget={"threads": 1}),
    ],
)
def test_what_shapes_the_artifact_changes_the_hash(change: Callable[[dict[str, Any]], object]) -> None:
    assert hash_after(change) != ORIGINAL


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec["destination"]["s3"].update(bucket="others", key="c", region="eu-west-1"),
        lambda spec: spec["destination"]["s3"].update(caConfigMapRef={"name": "ca"}),
        lambda spec: spec.update(resources={"limits": {"memory": "4Gi"}}),
        lambda spec: spec.update(activeDeadlineSeconds=60),
        lambda spec: spec["signature"]["inputs"].reverse(),
        lambda spec: spec["model"]["tags"].reverse(),
        lambda spec: spec.update(quantization={"type": "None"}),
        lambda spec: spec.update(ops={"selectTF": False}),
        lambda spec: spec.update(verification={"minSNRDecibels": 60}),
        lambda spec: spec.update(report=True),
    ],
)
def test_what_does_not_shape_it_leaves_the_hash(change: Callable[[dict[str, Any]], object]) -> None:
    assert hash_after(change) == ORIGINAL


def test_a_budget_counts_as_its_bytes_however_they_are_written() -> None:
    hashes = {
        hash_after(lambda spec, size=size: spec.update(budget={"maxSizeBytes": size}))  # type: ignore[misc]
        for size in ("4Mi", "4096Ki", 4194304)
    }
    assert len(hashes) == 1


def test_a_budget_of_time_counts_as_its_amount_and_each_part_for_itself() -> None:
    def one(**budget: Any) -> str:
        return hash_after(lambda spec: spec.update(budget=budget, quantization={"type": "Float16"}))

    assert one(maxLatencyMilliseconds="12") == one(maxLatencyMilliseconds="12.00")
    assert one(maxLatencyMilliseconds="12") == one(maxLatencyMilliseconds="12", threads=1)
    several = [
        one(threads=1),
        one(threads=2),
        one(maxLatencyMilliseconds="2"),
        one(maxRelativeLatency="2"),
        one(maxArenaBytes="2"),
        one(maxSizeBytes="2"),
        one(maxLatencyMilliseconds="2", threads=2),
    ]
    assert len(set(several)) == len(several)


PIN = "0" * 64
SOURCES: list[dict[str, Any]] = [
    {"handle": "https://tfhub.dev/google/model/1"},
    {"archive": {"url": "https://example.com/model.zip"}},
    {"s3": {"bucket": "models", "key": "a.zip"}},
    {"s3": {"bucket": "models", "prefix": "a.zip"}},
    {"volume": {"claimName": "models", "path": "a.zip"}},
    {"kaggle": {"handle": "google/mobilenet-v2/tensorFlow2/classification/1"}},
]


def of_model(source: dict[str, Any]) -> str:
    return recipe_hash(ConversionSpec.from_object(SPEC | {"model": source}))


def test_every_source_has_its_own_hash_until_its_content_is_pinned() -> None:
    assert len({of_model(source) for source in SOURCES}) == len(SOURCES)
    assert len({of_model(source | {"sha256": PIN}) for source in SOURCES}) == 1
    assert of_model(SOURCES[0] | {"sha256": PIN}) != of_model(SOURCES[0] | {"sha256": "1" * 64})


def test_credentials_and_what_is_left_out_are_no_part_of_a_source() -> None:
    least = {"bucket": "models", "key": "a.zip"}
    assert of_model({"s3": least | {"secretRef": {"name": "s3"}, "region": "us-east-1"}}) == of_model({"s3": least})
    assert of_model({"s3": least | {"addressingStyle": "Virtual"}}) == of_model({"s3": least})
    assert of_model({"s3": least | {"caConfigMapRef": {"name": "ca"}}}) == of_model({"s3": least})
    assert of_model({"s3": least | {"endpoint": "https://s3.example.com"}}) != of_model({"s3": least})


def test_the_hash_is_the_same_in_every_release() -> None:
    # Artifacts in buckets carry it: a change here converts everybody's models anew.
    assert ORIGINAL == "7a5510251f68c4c12bc463c2c25894d70e2c36a31182ddd49ca37514e3707714"


def of_auto(**auto: Any) -> str:
    return hash_after(lambda spec: spec.update(quantization={"type": "Auto", **({"auto": auto} if auto else {})}))


def test_what_auto_tries_is_part_of_the_hash_and_whether_a_default_says_so_is_not() -> None:
    candidates = ["None", "Float16", "DynamicRange", "WeightOnlyInt8", "WeightOnlyInt4"]
    assert of_auto() == of_auto(maxTrials=12) == of_auto(candidates=candidates) == of_auto(objective="Size")
    assert of_auto() != of_auto(objective="Latency")
    assert len({ORIGINAL, of_auto(), of_auto(maxTrials=11), of_auto(candidates=["None"])}) == 4
    # Of equals the first is taken.
    assert of_auto(candidates=candidates) != of_auto(candidates=[*reversed(candidates)])


def test_the_order_of_what_is_kept_leaves_the_hash() -> None:
    def hashed(*tensors: str) -> str:
        kept = {"tensors": list(tensors)}
        return hash_after(lambda spec: spec.update(quantization={"type": "WeightOnlyInt4", "keepInt8": kept}))

    assert hashed("a", "b") == hashed("b", "a") != hashed("a")
