"""What a conversion with deletionPolicy Delete leaves behind: nothing, and where that cannot be, an Event."""

import pytest
from botocore.exceptions import ClientError
from kubernetes import client
from mypy_boto3_s3 import S3Client

from tests.e2e.fixtures.conversions import Workbench, condition, is_finished
from tflite_api.names import FINALIZER

pytestmark = pytest.mark.tensorflow


def exists(s3: S3Client, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True


def events(bench: Workbench, name: str) -> str:
    return bench.kubectl("get", "events", "--field-selector", f"involvedObject.name={name}", "--no-headers")


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
def test_the_artifact_goes_with_the_conversion(
    bench: Workbench, s3: S3Client, api: client.ApiClient, tiny_model: str, propagation: str
) -> None:
    finished = bench.run(bench.conversion("taken", tiny_model, deletionPolicy="Delete"))
    assert condition(finished, "Ready")["status"] == "True"
    assert FINALIZER in finished["metadata"]["finalizers"]
    assert exists(s3, bench.bucket, "taken.tflite")
    bench.delete("taken", propagation)
    assert not exists(s3, bench.bucket, "taken.tflite")
    bench.until(lambda: "ArtifactDeleted" in events(bench, "taken"), "an Event says that the artifact was deleted")
    left = client.BatchV1Api(api).list_namespaced_job(bench.namespace).items
    assert [job for job in left if job.spec.ttl_seconds_after_finished is None] == []


def test_by_default_the_artifact_stays_and_no_job(
    bench: Workbench, s3: S3Client, api: client.ApiClient, tiny_model: str
) -> None:
    bench.run(bench.conversion("left", tiny_model))
    bench.delete("left")
    assert exists(s3, bench.bucket, "left.tflite")
    batch = client.BatchV1Api(api)
    bench.until(lambda: not batch.list_namespaced_job(bench.namespace).items, "no Job is left")


def test_another_conversions_artifact_is_left_alone(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    bench.run(bench.conversion("mine", tiny_model))
    second = bench.conversion("second", tiny_model, deletionPolicy="Delete")
    second["spec"]["destination"]["s3"]["key"] = "mine.tflite"
    assert condition(bench.run(second), "Ready")["reason"] == "Reused"
    bench.delete("second")
    assert exists(s3, bench.bucket, "mine.tflite")
    bench.until(lambda: "left alone" in events(bench, "second"), "an Event says that the object was left alone")


def test_a_conversion_deleted_while_it_runs_leaves_nothing(
    bench: Workbench, s3: S3Client, api: client.ApiClient, basic_pitch: str
) -> None:
    bench.create(bench.conversion("hasty", basic_pitch, deletionPolicy="Delete"))
    bench.wait("hasty", lambda seen: condition(seen, "Ready").get("reason") in {"Preparing", "Converting"})
    bench.delete("hasty")
    assert not exists(s3, bench.bucket, "hasty.tflite")
    core = client.CoreV1Api(api)
    running = "status.phase=Running"
    # The cleanup's own pod is over when its report is read, and called so a moment later.
    bench.until(
        lambda: not core.list_namespaced_pod(bench.namespace, field_selector=running).items, "no pod runs any more"
    )
    assert not exists(s3, bench.bucket, "hasty.tflite")


def test_a_bucket_that_is_gone_holds_the_conversion_no_longer_than_it_takes_to_find_out(
    bench: Workbench, s3: S3Client, tiny_model: str
) -> None:
    bench.run(bench.conversion("homeless", tiny_model, deletionPolicy="Delete"))
    s3.delete_object(Bucket=bench.bucket, Key="homeless.tflite")
    s3.delete_bucket(Bucket=bench.bucket)
    bench.delete("homeless")
    bench.until(lambda: "CleanupFailed" in events(bench, "homeless"), "an Event says that the cleanup failed")
    said = events(bench, "homeless")
    assert f"Bucket {bench.bucket} does not exist" in said
    # The fixture empties and deletes it.
    s3.create_bucket(Bucket=bench.bucket)


def test_a_namespace_that_is_deleted_takes_such_a_conversion_along(
    bench: Workbench, api: client.ApiClient, tiny_model: str
) -> None:
    bench.create(bench.conversion("evicted", tiny_model, deletionPolicy="Delete"))
    bench.wait("evicted", is_finished)
    core = client.CoreV1Api(api)
    core.delete_namespace(bench.namespace)
    bench.until(lambda: bench.namespace not in {one.metadata.name for one in core.list_namespace().items}, "it is gone")
