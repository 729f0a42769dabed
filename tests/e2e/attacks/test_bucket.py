"""Attacks by whoever may write to the bucket, and the accident of two clusters with one bucket."""

import hashlib
import json

import pytest
from mypy_boto3_s3 import S3Client

from tests.e2e.fixtures.conversions import Object, Workbench, condition, is_finished
from tests.e2e.spec.test_bad_input import assert_stalled
from tests.e2e.storage.test_deletion_policy import events, exists
from tflite_api.names import UNKNOWN_CLUSTER
from tflite_api.steps import packing
from tflite_converter.storage import object_metadata

pytestmark = pytest.mark.tensorflow

TEXT = b"Forty bytes of text that are no model..."


def metadata(s3: S3Client, bucket: str, key: str) -> dict[str, str]:
    return s3.head_object(Bucket=bucket, Key=key)["Metadata"]


def forge(s3: S3Client, bucket: str, key: str) -> None:
    """Put a text in an artifact's place whose metadata say that it is the artifact, with a better measurement."""
    told = metadata(s3, bucket, key)
    digest = hashlib.sha256(TEXT).hexdigest()
    result: Object = json.loads(packing.unpacked(told[object_metadata.RESULT]))
    result["artifact"] |= {"sha256": digest, "sizeBytes": len(TEXT)}
    result["verification"]["snrDecibels"] = "188"
    packed = packing.packed(json.dumps(result))
    forged = told | {object_metadata.SHA256: digest, object_metadata.RESULT: packed}
    s3.put_object(Bucket=bucket, Key=key, Body=TEXT, Metadata=forged)


def test_a_text_that_says_it_is_the_artifact_becomes_none(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    conversion = bench.conversion("forged", tiny_model)
    made = bench.run(conversion)
    bench.delete("forged")
    assert condition(bench.run(conversion), "Ready")["reason"] == "Reused"
    bench.delete("forged")
    forge(s3, bench.bucket, "forged.tflite")
    again = bench.run(conversion)
    assert condition(again, "Ready")["reason"] == "Converted"
    assert again["status"]["artifact"]["sha256"] == made["status"]["artifact"]["sha256"]
    assert again["status"]["verification"] == made["status"]["verification"]


def test_what_is_reused_without_a_signature_is_told_to_be_trusted(bench: Workbench, tiny_model: str) -> None:
    conversion = bench.conversion("trusted", tiny_model)
    bench.run(conversion)
    bench.delete("trusted")
    assert "whoever may write to the bucket is trusted" in condition(bench.run(conversion), "Ready")["message"]


@pytest.mark.parametrize("cluster", ["production", None], ids=["of another cluster", "from before there were ids"])
def test_an_artifact_of_another_cluster_is_reused_and_lost_to_nobody(
    bench: Workbench, s3: S3Client, tiny_model: str, cluster: str | None
) -> None:
    """Staging has production's manifests, its bucket, and deletionPolicy Delete."""
    key, conversion = "shared.tflite", bench.conversion("shared", tiny_model, deletionPolicy="Delete")
    bench.run(conversion | {"spec": conversion["spec"] | {"deletionPolicy": "Retain"}})
    bench.delete("shared")
    told = {name: text for name, text in metadata(s3, bench.bucket, key).items() if name != object_metadata.CLUSTER}
    theirs = told if cluster is None else told | {object_metadata.CLUSTER: cluster}
    content = s3.get_object(Bucket=bench.bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=bench.bucket, Key=key, Body=content, Metadata=theirs)

    assert condition(bench.run(conversion), "Ready")["reason"] == "Reused"
    bench.delete("shared")
    assert exists(s3, bench.bucket, key)
    bench.until(lambda: "left alone" in events(bench, "shared"), "an Event says that the object was left alone")

    changed = bench.conversion("shared", tiny_model, quantization={"type": "Float16"})
    name = cluster or UNKNOWN_CLUSTER
    assert_stalled(bench.run(changed), "DestinationConflict", f"of cluster {name}", f"adoptFrom (clusterID: {name})")
    assert s3.get_object(Bucket=bench.bucket, Key=key)["Body"].read() == content

    changed["spec"]["destination"]["s3"]["adoptFrom"] = {"clusterID": name}
    bench.apply(changed)
    assert condition(bench.wait("shared", is_finished), "Ready")["reason"] == "Converted"
    replaced = f"it replaced that of {bench.namespace}/shared of cluster {name}"
    bench.until(lambda: replaced in events(bench, "shared"), replaced)
    assert metadata(s3, bench.bucket, key)[object_metadata.CLUSTER] not in {name, UNKNOWN_CLUSTER}
