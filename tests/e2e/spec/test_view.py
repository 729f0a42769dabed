"""What people and tools see of a conversion through kubectl."""

import re

import pytest

from tests.e2e.conftest import kubectl
from tests.e2e.fixtures.conversions import Workbench, condition, is_finished
from tests.e2e.fixtures.environment import Environment

pytestmark = pytest.mark.tensorflow


def test_wait_for_ready_returns_when_the_artifact_is_there_and_get_shows_the_columns_a_person_needs(
    bench: Workbench, tiny_model: str
) -> None:
    bench.create(bench.conversion("seen", tiny_model, quantization={"type": "Float16"}))
    assert "condition met" in bench.kubectl("wait", "--for=condition=Ready", "--timeout=180s", "tflc/seen")
    assert "artifact" in bench.get("seen")["status"]
    header, row = bench.kubectl("get", "tflc", "seen").splitlines()
    assert header.split() == ["NAME", "READY", "REASON", "TYPE", "SIZE", "SNR", "AGE"]
    name, ready, reason, kind, size, snr, _age = row.split()
    assert (name, ready, reason, kind) == ("seen", "True", "Converted", "Float16")
    assert int(size) > 0
    assert float(snr) > 20
    wide = bench.kubectl("get", "tflc", "seen", "-o", "wide").splitlines()
    assert wide[0].split()[-1] == "URI"
    assert wide[1].split()[-1] == f"s3://{bench.bucket}/seen.tflite"


def test_the_category_and_the_short_name_are_known(env: Environment, crd: None) -> None:
    resources = kubectl(env, "api-resources", "--categories=tflite", "--no-headers")
    assert resources.split()[:2] == ["tfliteconversions", "tflc"]


def test_every_field_is_explained(env: Environment, crd: None) -> None:
    explained = kubectl(env, "explain", "tflc", "--recursive")
    assert "minSNRDecibels" in explained
    assert "Least signal-to-noise ratio" in kubectl(env, "explain", "tflc.spec.verification.minSNRDecibels")


def test_describe_tells_the_story(bench: Workbench, tiny_model: str) -> None:
    bench.run(bench.conversion("told", tiny_model, signature={"key": "predict"}))
    bench.wait("told", is_finished)
    described = bench.kubectl("describe", "tflc", "told")
    assert re.search(r"Reason:\s+SignatureNotFound", described)
    events = bench.kubectl("get", "events", "--field-selector", "involvedObject.name=told", "--no-headers")
    assert re.search(r"Warning\s+SignatureNotFound", events)
    assert "Normal" in events


def test_progress_is_shown_step_by_step_in_few_writes(bench: Workbench, basic_pitch: str) -> None:
    # Small requests: that a pod waits for a place beside other tests' pods would be told as well.
    small = {"requests": {"cpu": "50m", "memory": "256Mi"}}
    bench.create(bench.conversion("steps", basic_pitch, resources=small))
    seen = bench.history("steps", is_finished)
    reasons = [condition(one, "Ready").get("reason") for one in seen]
    assert reasons[-1] == "Converted"
    assert "Converting" in reasons
    for one in seen[:-1]:
        # Before the operator has seen it there is no condition at all; afterwards it is under way.
        if one["status"]["observedGeneration"] != -1:
            assert condition(one, "Ready")["status"] == "Unknown"
            assert condition(one, "Reconciling")["status"] == "True"
    # Each version but the first is one write of the status.
    assert len({one["metadata"]["resourceVersion"] for one in seen}) - 1 <= 5
    assert all(set(one["metadata"]) & {"annotations", "finalizers"} == set() for one in seen)
