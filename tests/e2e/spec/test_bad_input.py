"""Bad input ends within one attempt as Stalled, with what was found and what to change, and nothing in the bucket."""

from collections.abc import Callable

import pytest
from mypy_boto3_s3 import S3Client

from tests.e2e.fixtures import models
from tests.e2e.fixtures.conversions import Object, Workbench, condition
from tests.e2e.fixtures.environment import Environment


def assert_stalled(finished: Object, reason: str, *words: str, attempt: int = 1) -> None:
    stalled, ready = condition(finished, "Stalled"), condition(finished, "Ready")
    assert (stalled.get("status"), stalled.get("reason")) == ("True", reason), finished["status"]
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert not condition(finished, "Reconciling")
    assert finished["status"]["observedGeneration"] == finished["metadata"]["generation"]
    assert finished["status"].get("job", {}).get("attempt", 1) == attempt
    missing = [word for word in words if word not in stalled["message"]]
    assert missing == [], stalled["message"]


def assert_bucket_is_empty(s3: S3Client, bucket: str) -> None:
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def assert_nothing_published(finished: Object, s3: S3Client, bench: Workbench) -> None:
    assert "artifact" not in finished["status"]
    assert_bucket_is_empty(s3, bench.bucket)


Case = tuple[Callable[[Environment], str], Object, str, tuple[str, ...]]


def _tiny(env: Environment) -> str:
    return models.serve_tiny(env)


def pinned(name: str, *shape: int) -> Object:
    return {"signature": {"inputs": [{"name": name, "shape": list(shape)}]}}


CASES: dict[str, Case] = {
    "unknown handle": (
        lambda env: f"{env.hub_url}/nowhere/1",
        {},
        "ModelNotFound",
        ("404", "nowhere/1", "model.handle"),
    ),
    "no archive": (
        lambda env: models.serve_archive(env, "e2e/text/1", b"<html>not here</html>"),
        {},
        "NotASavedModel",
        ("archive",),
    ),
    "no SavedModel": (
        lambda env: models.serve_archive(env, "e2e/readme/1", models.archive(models.file("README.md"))),
        {},
        "NotASavedModel",
        ("saved_model.pb",),
    ),
    "damaged SavedModel": (
        lambda env: models.serve_archive(
            env, "e2e/junk/1", models.archive(models.file("saved_model.pb", b"\xff" * 64))
        ),
        {},
        "ModelLoadFailed",
        ("saved_model.pb",),
    ),
    "unknown input": (_tiny, pinned("z", 1, 8), "InputNotFound", ("z", "x", "[-1, 8]")),
    "wrong rank": (_tiny, pinned("x", 1, 8, 1), "InputShapeMismatch", ("x", "[-1, 8]", "[1, 8, 1]")),
    "contradicting dimension": (_tiny, pinned("x", 1, 9), "InputShapeMismatch", ("x", "[-1, 8]", "[1, 9]")),
    "unsupported op": (models.serve_without_lite_op, {}, "UnsupportedOperation", ("Digamma",)),
}


@pytest.mark.tensorflow
@pytest.mark.parametrize("case", CASES)
def test_bad_input_stalls_with_a_reason_that_tells_what_to_change(
    bench: Workbench, env: Environment, s3: S3Client, case: str
) -> None:
    serve, spec, reason, words = CASES[case]
    finished = bench.run(bench.conversion("bad", serve(env), **spec))
    assert_stalled(finished, reason, *words)
    assert_nothing_published(finished, s3, bench)


def test_a_digest_that_does_not_match_stalls(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    conversion = bench.conversion("pinned", tiny_model)
    conversion["spec"]["model"]["sha256"] = "0" * 64
    finished = bench.run(conversion)
    assert_stalled(finished, "DigestMismatch", "0" * 64, "model.sha256")
    assert_bucket_is_empty(s3, bench.bucket)


def test_a_failed_verification_stalls_and_shows_what_was_measured(
    bench: Workbench, s3: S3Client, tiny_model: str
) -> None:
    strict = {"quantization": {"type": "Float16"}, "verification": {"minSNRDecibels": 200}}
    finished = bench.run(bench.conversion("strict", tiny_model, **strict))
    assert_stalled(finished, "VerificationFailed", "200", "dB", "y")
    assert_nothing_published(finished, s3, bench)
    assert condition(finished, "Verified")["status"] == "False"
    assert 20 < float(finished["status"]["verification"]["snrDecibels"]) < 200


def test_out_of_memory_names_the_limit_and_is_not_tried_again(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    limits = {"resources": {"limits": {"memory": "150Mi"}, "requests": {"memory": "150Mi"}}}
    finished = bench.run(bench.conversion("small", tiny_model, **limits))
    assert_stalled(finished, "OutOfMemory", "150Mi", "convert", "resources.limits.memory")
    assert_bucket_is_empty(s3, bench.bucket)


def test_an_unknown_signature_stalls_and_goes_on_when_the_spec_is_corrected(
    bench: Workbench, s3: S3Client, tiny_model: str
) -> None:
    finished = bench.run(bench.conversion("corrected", tiny_model, signature={"key": "predict"}))
    assert_stalled(finished, "SignatureNotFound", "predict", "serving_default", "again")
    assert_nothing_published(finished, s3, bench)
    bench.patch("corrected", {"spec": {"signature": {"key": "serving_default"}}})
    again = bench.wait("corrected", lambda conversion: condition(conversion, "Ready").get("status") == "True")
    assert not condition(again, "Stalled")
