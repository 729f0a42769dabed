"""The three recipes end as verified artifacts in the bucket, from a real model."""

import base64
import hashlib
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from mypy_boto3_s3 import S3Client

from tests.e2e.fixtures.conversions import Object, Workbench, condition, is_finished
from tflite_api.resource.conversion import Conversion
from tflite_api.resource.recipe import recipe_hash

pytestmark = pytest.mark.tensorflow

WINDOW = [43844, 1]
RECIPES: dict[str, Object] = {
    "plain": {},
    "dynamic-range": {"quantization": {"type": "DynamicRange"}},
    "fixed-shape": {"signature": {"key": "serving_default", "inputs": [{"name": "input_2", "shape": [1, *WINDOW]}]}},
}


def run(artifact: bytes, batch: int) -> dict[str, Any]:
    interpreter = Interpreter(model_content=artifact)
    outputs: dict[str, Any] = interpreter.get_signature_runner("serving_default")(
        input_2=np.linspace(-1, 1, batch * WINDOW[0], dtype=np.float32).reshape(batch, *WINDOW)
    )
    return outputs


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_ends_ready_with_a_verified_artifact(
    bench: Workbench, s3: S3Client, basic_pitch: str, recipe: str
) -> None:
    conversion = bench.conversion(recipe, basic_pitch, **RECIPES[recipe])
    finished = bench.run(conversion)
    status = finished["status"]
    assert condition(finished, "Ready")["status"] == "True"
    assert condition(finished, "Ready")["reason"] == "Converted"
    assert condition(finished, "Verified")["status"] == "True"
    assert {one["type"] for one in status["conditions"]} == {"Ready", "Verified"}
    assert status["observedGeneration"] == finished["metadata"]["generation"]

    found = s3.get_object(Bucket=bench.bucket, Key=f"{recipe}.tflite", ChecksumMode="ENABLED")
    artifact = found["Body"].read()
    digest = hashlib.sha256(artifact)
    expected = recipe_hash(Conversion.from_object(bench.get(recipe) | {"status": None} | conversion).spec)
    assert status["artifact"]["uri"] == f"s3://{bench.bucket}/{recipe}.tflite"
    assert status["artifact"]["sha256"] == digest.hexdigest()
    assert status["artifact"]["sizeBytes"] == len(artifact)
    assert status["artifact"]["etag"].strip('"') == found["ETag"].strip('"')
    assert found["ChecksumSHA256"] == base64.b64encode(digest.digest()).decode()
    assert status["provenance"]["recipeHash"] == expected
    assert expected in found["Metadata"].values()

    (given,) = status["signature"]["inputs"]
    assert (given["name"], given["dtype"]) == ("input_2", "float32")
    assert {output["name"] for output in status["signature"]["outputs"]} == {"contour", "note", "onset"}
    assert run(artifact, 1)["note"].shape == (1, 172, 88)
    assert float(status["verification"]["snrDecibels"]) >= 20


def test_a_flexible_dimension_stays_flexible(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    inputs = [{"name": "x", "shape": [-1, 8]}]
    finished = bench.run(bench.conversion("flexible", tiny_model, signature={"key": "again", "inputs": inputs}))
    assert finished["status"]["signature"]["key"] == "again"
    assert finished["status"]["signature"]["inputs"] == [{"name": "x", "dtype": "float32", "shape": [-1, 8]}]
    artifact = s3.get_object(Bucket=bench.bucket, Key="flexible.tflite")["Body"].read()
    runner = Interpreter(model_content=artifact).get_signature_runner("again")
    assert runner(x=np.ones((3, 8), np.float32))["y"].shape == (3, 4)


def test_float16_halves_the_weights(bench: Workbench, basic_pitch: str) -> None:
    # Inputs that are all above 0 come out of this model with an error in Float16 that 35 dB do not allow.
    for name, kind in (("full", "None"), ("half", "Float16")):
        gate = {"minSNRDecibels": 20}
        bench.create(bench.conversion(name, basic_pitch, quantization={"type": kind}, verification=gate))
    sizes = {name: bench.wait(name, is_finished)["status"]["artifact"]["sizeBytes"] for name in ("full", "half")}
    assert sizes["half"] < 0.75 * sizes["full"]


def test_the_same_recipe_is_recognised_in_the_bucket_as_in_a_new_cluster(
    bench: Workbench, s3: S3Client, tiny_model: str
) -> None:
    first = bench.run(bench.conversion("again", tiny_model))
    written = s3.head_object(Bucket=bench.bucket, Key="again.tflite")["LastModified"]
    bench.delete("again")
    second = bench.run(bench.conversion("again", tiny_model))
    assert condition(second, "Ready")["reason"] == "Reused"
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    for field in ("artifact", "signature", "verification"):
        assert second["status"][field] == first["status"][field]
    assert s3.head_object(Bucket=bench.bucket, Key="again.tflite")["LastModified"] == written


def test_a_changed_spec_replaces_its_own_artifact(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    first = bench.run(bench.conversion("changing", tiny_model))
    bench.patch("changing", {"spec": {"signature": {"inputs": [{"name": "x", "shape": [1, 8]}]}}})
    second = bench.wait("changing", is_finished)
    assert second["metadata"]["generation"] == first["metadata"]["generation"] + 1
    assert condition(second, "Ready")["reason"] == "Converted"
    assert second["status"]["signature"]["inputs"][0]["shape"] == [1, 8]
    found = s3.get_object(Bucket=bench.bucket, Key="changing.tflite")["Body"].read()
    assert hashlib.sha256(found).hexdigest() == second["status"]["artifact"]["sha256"]
    assert second["status"]["artifact"]["sha256"] != first["status"]["artifact"]["sha256"]
