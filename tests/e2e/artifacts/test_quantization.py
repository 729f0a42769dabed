"""Every quantization type ends in the cluster as a file that has it, calibrated on data from S3 and from the web."""

import io
import zipfile
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from mypy_boto3_s3 import S3Client
from PIL import Image

from tests.e2e.fixtures import models
from tests.e2e.fixtures.conversions import Object, Workbench, condition
from tests.e2e.fixtures.environment import Environment
from tests.e2e.spec.test_bad_input import assert_bucket_is_empty, assert_stalled

pytestmark = pytest.mark.tensorflow

GENERATOR_SEED = 11


@pytest.fixture(scope="module")
def classifier(env: Environment) -> str:
    """Handle of a small convolutional image classifier: image [-1, 8, 8, 3] float32."""
    return models.serve_classifier(env)


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def tiny_samples(count: int = 50) -> Any:
    return np.random.default_rng(GENERATOR_SEED).standard_normal((count, 8)).astype(np.float32)


def images(count: int) -> bytes:
    generator = np.random.default_rng(GENERATOR_SEED)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(count):
            picture = io.BytesIO()
            Image.fromarray(generator.integers(0, 256, (24, 20, 3), np.uint8)).save(picture, "PNG")
            archive.writestr(f"pictures/{number:03}.png", picture.getvalue())
    return file.getvalue()


def artifact(s3: S3Client, bench: Workbench, finished: Object) -> Interpreter:
    key = finished["status"]["artifact"]["uri"].removeprefix(f"s3://{bench.bucket}/")
    return Interpreter(model_content=s3.get_object(Bucket=bench.bucket, Key=key)["Body"].read())


def weight_types(interpreter: Interpreter) -> set[str]:
    """Name the types of tensors with two dimensions: a dense layer's weights and activations."""
    details = interpreter.get_tensor_details()
    return {np.dtype(one["dtype"]).name for one in details if len(one["shape"]) == 2}


def test_integers_are_calibrated_on_a_dataset_from_the_bucket(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    s3.put_object(Bucket=bench.bucket, Key="calibration.npz", Body=npz(x=tiny_samples()))
    dataset = f"s3://{bench.bucket}/calibration.npz"
    quantization = {"type": "Int8", "io": "UInt8", "calibration": {"dataset": dataset, "maxSamples": 40}}
    finished = bench.run(bench.conversion("int8", tiny_model, quantization=quantization))
    status = finished["status"]
    assert condition(finished, "Verified")["status"] == "True", status
    assert (status["verification"]["source"], status["verification"]["samples"]) == ("Calibration", 40)
    assert status["provenance"]["calibration"]["source"] == "Dataset"
    assert status["provenance"]["calibration"]["samples"] == 40
    assert [tensor["dtype"] for tensor in status["signature"]["inputs"]] == ["uint8"]
    assert "float32" not in weight_types(artifact(s3, bench, finished))


def test_an_artifact_is_compared_on_samples_of_the_users_own(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    s3.put_object(Bucket=bench.bucket, Key="held-out.npz", Body=npz(x=tiny_samples(7)))
    samples = {"dataset": f"s3://{bench.bucket}/held-out.npz", "maxSamples": 5}
    finished = bench.run(bench.conversion("compared", tiny_model, verification={"samples": samples}))
    assert condition(finished, "Verified")["status"] == "True", finished["status"]
    measured = finished["status"]["verification"]
    assert (measured["source"], measured["samples"]) == ("Verification", 5)


def labelled(bench: Workbench, s3: S3Client, count: int = 50) -> Object:
    """Put labels beside samples, none of which can be right: an untrained model has four outputs."""
    samples, labels = tiny_samples(count), np.arange(count) % 4
    s3.put_object(Bucket=bench.bucket, Key="labelled.npz", Body=npz(x=samples, label=labels))
    return {"dataset": f"s3://{bench.bucket}/labelled.npz"}


def test_metrics_of_model_and_artifact_are_in_the_status(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    metrics = [
        {"name": "Top1Accuracy", "output": "y", "labels": "label", "min": "0", "maxDrop": "0"},
        {"name": "TopKAccuracy", "output": "y", "labels": "label", "k": 2},
    ]
    verification = {"minSNRDecibels": 0, "samples": labelled(bench, s3), "metrics": metrics}
    finished = bench.run(
        bench.conversion("measured", tiny_model, signature={"key": "serving_default"}, verification=verification)
    )
    verified = condition(finished, "Verified")
    assert (verified["status"], verified["reason"]) == ("True", "MetricsSufficient"), finished["status"]
    shown = finished["status"]["verification"]["metrics"]
    assert [(one["name"], one["samples"], one.get("k")) for one in shown] == [
        ("Top1Accuracy", 50, None),
        ("TopKAccuracy", 50, 2),
    ]
    for one in shown:
        assert float(one["model"]["low"]) <= float(one["model"]["value"]) <= float(one["model"]["high"])
        assert one["drop"]["value"] == "0"


UNFIT: dict[str, tuple[Object, int, str, tuple[str, ...]]] = {
    "a gate that the model misses": ({"min": "0.99"}, 50, "VerificationFailed", ("The model itself", "metrics[0].min")),
    "an output that is not there": ({"output": "z"}, 50, "MetricMismatch", ("metrics[0].output names z", "y")),
    "an output of another kind": ({"name": "WordErrorRate"}, 50, "MetricMismatch", ("sequences of whole numbers",)),
    "labels that are not there": ({"labels": "kind"}, 50, "DatasetMismatch", ("the labels kind", "label, x")),
    "too few labels": ({}, 29, "TooFewLabels", ("29 labelled examples are too few", "30 are the least")),
    "labels that are no classes": ({"labels": "x"}, 50, "DatasetMismatch", ("are float32", "astype")),
}


@pytest.mark.parametrize(("changes", "count", "reason", "words"), UNFIT.values(), ids=UNFIT.keys())
def test_metrics_that_cannot_hold_stall_with_what_to_change(
    bench: Workbench,
    s3: S3Client,
    tiny_model: str,
    changes: Object,
    count: int,
    reason: str,
    words: tuple[str, ...],
) -> None:
    metric = {"name": "Top1Accuracy", "output": "y", "labels": "label", **changes}
    verification = {"samples": labelled(bench, s3, count), "metrics": [metric]}
    finished = bench.run(
        bench.conversion("unfit", tiny_model, signature={"key": "serving_default"}, verification=verification)
    )
    assert_stalled(finished, reason, *words)


def promoted(bench: Workbench, s3: S3Client, drop: str) -> Object:
    metric = {"name": "Top1Accuracy", "output": "y", "labels": "label", "maxDrop": drop, "baseline": "Published"}
    return {"minSNRDecibels": 0, "samples": labelled(bench, s3), "metrics": [metric]}


def test_an_artifact_is_held_against_the_one_that_is_published(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    """Nothing is there at first; then the artifact itself, which another version replaces if it is no worse."""
    signature = {"key": "serving_default"}
    conversion = bench.conversion("promoted", tiny_model, signature=signature, verification=promoted(bench, s3, "0.01"))
    first = bench.run(conversion)["status"]
    assert first["verification"]["baseline"] == {"source": "Model"}
    quantized = {"quantization": {"type": "DynamicRange"}, "verification": promoted(bench, s3, "0.5")}
    bench.patch("promoted", {"spec": quantized})

    def is_replaced(found: Object) -> bool:
        ready = condition(found, "Ready")
        return ready.get("status") == "True" and found["status"]["artifact"]["sha256"] != first["artifact"]["sha256"]

    second = bench.wait("promoted", is_replaced)["status"]
    assert second["verification"]["baseline"] == {"source": "Published", "sha256": first["artifact"]["sha256"]}
    (shown,) = second["verification"]["metrics"]
    assert shown["baseline"]["value"] == first["verification"]["metrics"][0]["artifact"]["value"]


def test_what_lies_at_the_destination_and_is_no_artifact_is_no_baseline(
    bench: Workbench, s3: S3Client, tiny_model: str
) -> None:
    signature = {"key": "serving_default"}
    bench.run(bench.conversion("spoilt", tiny_model, signature=signature))
    key = bench.get("spoilt")["spec"]["destination"]["s3"]["key"]
    metadata = s3.head_object(Bucket=bench.bucket, Key=key)["Metadata"]
    s3.put_object(Bucket=bench.bucket, Key=key, Body=b"hello", Metadata=metadata)
    bench.patch("spoilt", {"spec": {"verification": promoted(bench, s3, "0")}})
    stalled = bench.wait("spoilt", lambda found: condition(found, "Stalled").get("status") == "True")
    assert_stalled(stalled, "BaselineUnusable", "is another than its conversion published", "Publish under another key")


def test_an_artifact_over_its_budget_is_not_published_until_the_budget_is_raised(
    bench: Workbench, s3: S3Client, tiny_model: str
) -> None:
    finished = bench.run(bench.conversion("large", tiny_model, budget={"maxSizeBytes": 64}))
    assert_stalled(finished, "BudgetExceeded", "budget.maxSizeBytes allows 64", "Raise budget.maxSizeBytes")
    assert_bucket_is_empty(s3, bench.bucket)
    bench.patch("large", {"spec": {"budget": {"maxSizeBytes": "1Mi"}}})
    raised = bench.wait("large", lambda conversion: condition(conversion, "Ready").get("status") == "True")
    assert not condition(raised, "Stalled")
    assert raised["status"]["artifact"]["sizeBytes"] <= 1024**2


def test_time_and_memory_are_measured_and_kept_with_the_artifact(bench: Workbench, tiny_model: str) -> None:
    budget = {"maxLatencyMilliseconds": "60000", "maxRelativeLatency": "1000", "threads": 1, "maxArenaBytes": "1Mi"}
    asked = {"budget": budget, "quantization": {"type": "Float16"}}
    first = bench.run(bench.conversion("timed", tiny_model, **asked))
    assert condition(first, "Ready").get("status") == "True"
    measured = first["status"]["benchmark"]
    assert measured["runtime"].startswith("LiteRT ")
    assert (measured["threads"], measured["runs"] >= 5) == (1, True)
    assert float(measured["p50Milliseconds"]) <= float(measured["p90Milliseconds"])
    assert float(measured["relativeLatency"]) > 0
    assert 0 < measured["arenaBytes"] <= 1024**2
    # Reused it has the figures of when it was made, and says so.
    bench.delete("timed")
    again = bench.run(bench.conversion("timed", tiny_model, **asked))
    assert condition(again, "Ready")["reason"] == "Reused"
    assert "with the benchmark of when it was made" in condition(again, "Ready")["message"]
    assert again["status"]["benchmark"] == measured
    smaller = {"budget": {"maxArenaBytes": 64}, "quantization": {"type": "Float16"}}
    over = bench.run(bench.conversion("small", tiny_model, **smaller))
    assert_stalled(over, "BudgetExceeded", "budget.maxArenaBytes allows 64")


def test_images_from_the_web_are_fitted_and_normalised(
    bench: Workbench, env: Environment, s3: S3Client, classifier: str
) -> None:
    calibration = {
        "dataset": models.serve_file(env, "e2e/images/pictures.zip", images(16)),
        "images": {"mean": ["127.5"], "std": ["127.5"], "fit": "CenterCrop"},
    }
    conversion = bench.conversion("pictures", classifier, quantization={"type": "Int8", "calibration": calibration})
    finished = bench.run(conversion)
    assert condition(finished, "Verified")["status"] == "True", finished["status"]
    assert finished["status"]["verification"]["samples"] == 16
    runner = artifact(s3, bench, finished).get_signature_runner("serving_default")
    assert runner.get_input_details()["image"]["dtype"] is np.float32


@pytest.mark.parametrize(
    ("kind", "calibration", "found"),
    [
        ("Int16x8", {"synthetic": True}, "int16"),
        ("WeightOnlyInt8", None, "int8"),
        ("WeightOnlyInt4", None, "int8"),  # LiteRT's Python shows packed 4-bit weights as int8
        ("DynamicRange", None, "int8"),
        ("Float16", None, "float16"),
    ],
)
def test_the_file_has_the_type_asked_for(
    bench: Workbench, s3: S3Client, classifier: str, kind: str, calibration: Object | None, found: str
) -> None:
    quantization = {"type": kind} | ({"calibration": calibration} if calibration else {})
    conversion = bench.conversion("typed", classifier, quantization=quantization)
    finished = bench.run(conversion)
    verified = condition(finished, "Verified")
    # What was calibrated and measured on generated inputs alone has passed the gate, and is no proof.
    expected = ("Unknown", "RealDataNotSeen") if calibration else ("True", "SNRSufficient")
    assert (verified["status"], verified["reason"]) == expected, finished["status"]
    assert found in weight_types(artifact(s3, bench, finished))
    if calibration:
        assert finished["status"]["provenance"]["calibration"]["source"] == "Synthetic"


BAD_DATASETS: dict[str, tuple[bytes | None, str, tuple[str, ...]]] = {
    "absent": (None, "DatasetNotFound", ("quantization.calibration.dataset",)),
    "other size": (npz(x=tiny_samples()[:, :7]), "DatasetMismatch", ("[7]", "[8]")),
    "NaN": (npz(x=np.full((20, 8), np.nan, np.float32)), "DatasetMismatch", ("NaN", "x")),
}


@pytest.mark.parametrize("case", BAD_DATASETS)
def test_a_dataset_that_does_not_fit_stalls_with_what_to_change(
    bench: Workbench, s3: S3Client, tiny_model: str, case: str
) -> None:
    content, reason, words = BAD_DATASETS[case]
    if content is not None:
        s3.put_object(Bucket=bench.bucket, Key="calibration.npz", Body=content)
    quantization = {"type": "Int8", "calibration": {"dataset": f"s3://{bench.bucket}/calibration.npz"}}
    finished = bench.run(bench.conversion("bad", tiny_model, quantization=quantization))
    assert_stalled(finished, reason, *words)
    s3.delete_object(Bucket=bench.bucket, Key="calibration.npz")
    assert_bucket_is_empty(s3, bench.bucket)


def test_what_auto_finds_is_in_the_status_and_gives_the_same_artifact_at_once(
    bench: Workbench, s3: S3Client, classifier: str
) -> None:
    searched = {"type": "Auto", "auto": {"candidates": ["WeightOnlyInt4", "WeightOnlyInt8", "Float16"]}}
    gate = {"minSNRDecibels": 25}
    found = bench.run(bench.conversion("searched", classifier, quantization=searched, verification=gate))["status"]
    outcomes = [trial["outcome"] for trial in found["trials"]]
    assert outcomes.count("Chosen") == 1, found["trials"]
    assert found["trials"][outcomes.index("Chosen")]["sizeBytes"] == found["artifact"]["sizeBytes"]
    assert float(found["verification"]["snrDecibels"]) >= 25
    written = bench.conversion("written", classifier, quantization=found["quantization"], verification=gate)
    at_once = bench.run(written)["status"]
    assert at_once["artifact"]["sha256"] == found["artifact"]["sha256"]
    assert "trials" not in at_once
    bench.delete("searched")
    again = bench.run(bench.conversion("searched", classifier, quantization=searched, verification=gate))
    assert condition(again, "Ready")["reason"] == "Reused"
    assert again["status"]["quantization"] == found["quantization"]
    # The object's metadata have no room for the words of a trial.
    kept = ("type", "outcome", "sizeBytes", "snrDecibels", "keptLayers")
    shown = [[[trial.get(field) for field in kept] for trial in seen["trials"]] for seen in (again["status"], found)]
    assert shown[0] == shown[1]


def test_auto_that_finds_nothing_says_how_near_it_came(bench: Workbench, tiny_model: str) -> None:
    searched = {"type": "Auto", "auto": {"candidates": ["DynamicRange"]}}
    spec = {"quantization": searched, "verification": {"minSNRDecibels": 150}}
    finished = bench.run(bench.conversion("unreachable", tiny_model, **spec))
    assert_stalled(finished, "BudgetUnreachable", "verification.minSNRDecibels")
    assert [trial["outcome"] for trial in finished["status"]["trials"]] == ["Missed"]
