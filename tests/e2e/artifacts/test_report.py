"""A conversion's report page: beside its artifact, made where it is missing, and gone with the conversion."""

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from tests.e2e.fixtures.conversions import Object, Workbench, condition, is_finished

pytestmark = pytest.mark.tensorflow


def keys(s3: S3Client, bucket: str) -> set[str]:
    return {one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


def after_change(bench: Workbench, name: str, change: Object) -> Object:
    changed = bench.patch(name, {"spec": change})
    generation = changed["metadata"]["generation"]
    return bench.wait(name, lambda seen: seen["metadata"]["generation"] == generation and is_finished(seen))


def test_a_page_lies_beside_the_artifact_and_goes_with_it(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    quantization = {"type": "Int8", "calibration": {"synthetic": True}}
    conversion = bench.conversion(
        "told", tiny_model, quantization=quantization, verification={"minSNRDecibels": 0}, deletionPolicy="Delete"
    )
    plain = bench.run(conversion)
    assert condition(plain, "Ready")["status"] == "True"
    assert "reportURI" not in plain["status"]["artifact"]
    assert keys(s3, bench.bucket) == {"told.tflite"}

    told = after_change(bench, "told", {"report": True})
    # The artifact of this recipe was there, its page was not.
    assert condition(told, "Ready")["reason"] == "Converted"
    assert told["status"]["artifact"]["sha256"] == plain["status"]["artifact"]["sha256"]
    assert told["status"]["artifact"]["reportURI"] == f"s3://{bench.bucket}/told.tflite.report.html"
    page = s3.get_object(Bucket=bench.bucket, Key="told.tflite.report.html")
    assert page["ContentType"] == "text/html; charset=utf-8"
    text = page["Body"].read().decode()
    assert told["status"]["artifact"]["sha256"] in text
    assert "quantization debugger, on" in text
    assert f"{bench.namespace}/told" in text

    silent = after_change(bench, "told", {"report": False})
    assert (condition(silent, "Ready")["reason"], silent["status"]["artifact"].get("reportURI")) == ("Reused", None)
    again = after_change(bench, "told", {"report": True})
    assert condition(again, "Ready")["reason"] == "Reused"
    assert again["status"]["artifact"]["reportURI"] == told["status"]["artifact"]["reportURI"]

    bench.delete("told")
    assert keys(s3, bench.bucket) == set()


def test_what_stands_at_the_pages_place_is_not_overwritten(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    s3.put_object(Bucket=bench.bucket, Key="held.tflite.report.html", Body=b"mine")
    ended = bench.run(bench.conversion("held", tiny_model, report=True))
    stalled = condition(ended, "Stalled")
    assert stalled["reason"] == "DestinationConflict"
    assert f"s3://{bench.bucket}/held.tflite.report.html holds an object that no conversion wrote" in stalled["message"]
    assert s3.get_object(Bucket=bench.bucket, Key="held.tflite.report.html")["Body"].read() == b"mine"
    with pytest.raises(ClientError):
        s3.head_object(Bucket=bench.bucket, Key="held.tflite")
