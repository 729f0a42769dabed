"""Variants end as an artifact each, made in one Job; one that fails keeps no other back, and only it is made again."""

import hashlib
from typing import Any

import pytest
from mypy_boto3_s3 import S3Client

from tests.e2e.fixtures.conversions import Object, Workbench, condition, is_finished
from tests.e2e.spec.test_bad_input import assert_bucket_is_empty, assert_stalled

pytestmark = pytest.mark.tensorflow

HALVES, INTEGERS = {"name": "gpu", "quantization": {"type": "Float16"}}, {"name": "npu", "minSNRDecibels": 0}
BASE = {"type": "Int8", "calibration": {"synthetic": True, "maxSamples": 20}}


def conversion(bench: Workbench, name: str, handle: str, *variants: Object, **spec: Any) -> Object:
    made = bench.conversion(name, handle, quantization=BASE, variants=list(variants), **spec)
    made["spec"]["destination"]["s3"]["key"] = f"{name}/{{variant}}.tflite"
    return made


def keys(s3: S3Client, bench: Workbench) -> set[str]:
    return {found["Key"] for found in s3.list_objects_v2(Bucket=bench.bucket).get("Contents", [])}


def reasons(finished: Object) -> dict[str, str]:
    return {one["name"]: one["reason"] for one in finished["status"]["variants"]}


def test_each_variant_is_published_and_told_of(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    finished = bench.run(conversion(bench, "both", tiny_model, HALVES, INTEGERS, report=True, attestation={}))
    assert (condition(finished, "Ready")["status"], condition(finished, "Ready")["reason"]) == ("True", "Converted")
    assert reasons(finished) == {"gpu": "Converted", "npu": "Converted"}
    assert "artifact" not in finished["status"]
    for one in finished["status"]["variants"]:
        key = f"both/{one['name']}.tflite"
        artifact = s3.get_object(Bucket=bench.bucket, Key=key)["Body"].read()
        assert one["artifact"]["uri"] == f"s3://{bench.bucket}/{key}"
        assert one["artifact"]["reportURI"] == f"s3://{bench.bucket}/{key}.report.html"
        assert one["attestation"]["uri"] == f"s3://{bench.bucket}/{key}.intoto.jsonl"
        assert one["artifact"]["sha256"] == hashlib.sha256(artifact).hexdigest()
        assert one["artifact"]["sizeBytes"] == len(artifact)
        assert float(one["snrDecibels"]) > 0
    beside = ("", ".report.html", ".intoto.jsonl")
    assert keys(s3, bench) == {f"both/{name}.tflite{suffix}" for name in ("gpu", "npu") for suffix in beside}


def test_one_that_fails_keeps_no_other_back_and_alone_is_made_again(
    bench: Workbench, s3: S3Client, tiny_model: str
) -> None:
    strict = {**INTEGERS, "minSNRDecibels": 200}
    failed = bench.run(conversion(bench, "strict", tiny_model, HALVES, strict))
    assert_stalled(failed, "VerificationFailed", "Variant npu: ", "200")
    assert condition(failed, "Verified")["status"] == "False"
    assert reasons(failed) == {"gpu": "Converted", "npu": "VerificationFailed"}
    assert keys(s3, bench) == {"strict/gpu.tflite"}
    bench.patch("strict", {"spec": {"variants": [HALVES, INTEGERS]}})
    mended = bench.wait("strict", is_finished)
    assert condition(mended, "Ready")["status"] == "True"
    assert reasons(mended) == {"gpu": "Reused", "npu": "Converted"}
    assert keys(s3, bench) == {"strict/gpu.tflite", "strict/npu.tflite"}


def test_all_variants_are_recognised_in_the_bucket(bench: Workbench, tiny_model: str) -> None:
    wanted = conversion(bench, "again", tiny_model, HALVES, {"name": "plain", "quantization": {"type": "None"}})
    first = bench.run(wanted)
    bench.delete("again")
    second = bench.run(wanted)
    assert condition(second, "Ready")["reason"] == "Reused"
    artifacts = [[one["artifact"] for one in seen["status"]["variants"]] for seen in (first, second)]
    assert artifacts[0] == artifacts[1]


def test_what_is_wrong_with_the_model_is_wrong_with_all(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    finished = bench.run(conversion(bench, "absent", tiny_model, HALVES, INTEGERS, signature={"key": "absent"}))
    assert_stalled(finished, "SignatureNotFound", "Variant gpu: ", "absent")
    assert "variants" not in finished["status"]
    assert_bucket_is_empty(s3, bench.bucket)


def test_all_artifacts_go_with_the_conversion(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    bench.run(conversion(bench, "taken", tiny_model, HALVES, INTEGERS, report=True, deletionPolicy="Delete"))
    assert len(keys(s3, bench)) == 4
    bench.delete("taken")
    assert_bucket_is_empty(s3, bench.bucket)


def test_an_object_in_the_way_of_one_variant_is_left_alone(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    s3.put_object(Bucket=bench.bucket, Key="blocked/npu.tflite", Body=b"foreign")
    finished = bench.run(conversion(bench, "blocked", tiny_model, HALVES, INTEGERS))
    assert_stalled(finished, "DestinationConflict", "Variant npu: ", "blocked/npu.tflite")
    assert keys(s3, bench) == {"blocked/npu.tflite"}
