"""What of an artifact runs on each target is found out in the cluster with the target's own tool, and held."""

import pytest
from mypy_boto3_s3 import S3Client

from tests.e2e.fixtures import models
from tests.e2e.fixtures.conversions import Object, Workbench, condition
from tests.e2e.fixtures.environment import Environment
from tests.e2e.spec.test_bad_input import assert_bucket_is_empty, assert_stalled

pytestmark = pytest.mark.tensorflow

INTEGERS = {"type": "Int8", "io": "Int8", "calibration": {"synthetic": True, "maxSamples": 20}}
UNBOUNDED: list[Object] = [
    {"name": "Microcontroller"},
    {"name": "GPU"},
    {"name": "EthosU", "config": "ethos-u55-128", "minNPUOperators": "0.5", "maxSRAMBytes": "256Ki"},
]


@pytest.fixture(scope="module")
def classifier(env: Environment) -> str:
    """Handle of a small convolutional image classifier: image [-1, 8, 8, 3] float32."""
    return models.serve_classifier(env)


def test_each_target_tells_what_of_the_artifact_runs_there(bench: Workbench, classifier: str) -> None:
    finished = bench.run(bench.conversion("everywhere", classifier, quantization=INTEGERS, targets=UNBOUNDED))
    assert condition(finished, "Ready")["status"] == "True", finished["status"]
    told = finished["status"]["targets"]
    assert [one["name"] for one in told] == ["Microcontroller", "GPU", "EthosU"]
    assert all(0 < one["onTarget"] <= one["operators"] for one in told)
    micro, gpu, npu = told
    # On a microcontroller nothing else could run them.
    assert micro["onTarget"] == micro["operators"]
    assert micro["arenaBytes"] > 0
    assert micro["tool"].startswith("tflite-micro ")
    assert gpu["tool"].startswith("rules of TensorFlow's GPU delegate")
    assert npu["config"] == "ethos-u55-128"
    assert npu["tool"].startswith("ethos-u-vela ")
    assert 0 < npu["sramBytes"] <= 256 * 1024
    assert npu["cycles"] > 0


def test_a_target_that_is_missed_keeps_the_artifact_back(bench: Workbench, s3: S3Client, classifier: str) -> None:
    targets = [{"name": "Microcontroller", "maxArenaBytes": "1Ki"}, *UNBOUNDED[1:]]
    finished = bench.run(bench.conversion("nowhere", classifier, quantization=INTEGERS, targets=targets))
    assert_stalled(finished, "TargetUnmet", "tflite-micro needs an arena of", "raise maxArenaBytes to")
    # What was found is what one needs to know to choose another bound.
    assert finished["status"]["targets"][0]["arenaBytes"] > 1024
    assert_bucket_is_empty(s3, bench.bucket)
