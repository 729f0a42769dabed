"""Secrets: waited for, refused in words, and never seen anywhere but in the two containers that need them."""

import secrets

import pytest
from kubernetes import client
from mypy_boto3_s3 import S3Client

from tests.e2e.conftest import credentials_secret
from tests.e2e.fixtures.conversions import OPERATOR_PODS, Workbench, condition, holds, is_finished
from tests.e2e.fixtures.environment import Environment
from tests.e2e.spec.test_bad_input import assert_bucket_is_empty, assert_stalled

pytestmark = pytest.mark.tensorflow


def with_secret(bench: Workbench, name: str, handle: str, secret: str) -> dict[str, object]:
    conversion = bench.conversion(name, handle)
    conversion["spec"]["destination"]["s3"]["secretRef"]["name"] = secret
    return conversion


def test_a_missing_secret_is_waited_for(
    bench: Workbench, env: Environment, api: client.ApiClient, tiny_model: str
) -> None:
    bench.create(with_secret(bench, "early", tiny_model, "late"))
    waiting = bench.wait("early", lambda seen: condition(seen, "Reconciling").get("reason") == "SecretNotFound")
    assert "late" in condition(waiting, "Reconciling")["message"]
    assert "AWS_ACCESS_KEY_ID" in condition(waiting, "Reconciling")["message"]
    assert condition(waiting, "Ready")["status"] == "Unknown"
    assert not condition(waiting, "Stalled")
    client.CoreV1Api(api).create_namespaced_secret(
        bench.namespace, credentials_secret(env.access_key, env.secret_key, "late")
    )
    finished = bench.wait("early", is_finished)
    assert condition(finished, "Ready")["status"] == "True"
    assert finished["status"]["job"]["attempt"] == 1


def test_wrong_credentials_stall_without_being_shown(
    bench: Workbench, env: Environment, api: client.ApiClient, s3: S3Client, tiny_model: str
) -> None:
    canary = f"canary-{secrets.token_hex(12)}"
    client.CoreV1Api(api).create_namespaced_secret(bench.namespace, credentials_secret(env.access_key, canary, "wrong"))
    finished = bench.run(with_secret(bench, "wrong", tiny_model, "wrong"))
    assert_stalled(finished, "CredentialsRefused", "wrong", "secretRef")
    assert_bucket_is_empty(s3, bench.bucket)
    assert_unseen(bench, env, canary)


def test_a_bucket_that_does_not_exist_stalls(bench: Workbench, tiny_model: str) -> None:
    conversion = bench.conversion("nowhere", tiny_model)
    conversion["spec"]["destination"]["s3"]["bucket"] = "e2e-no-such-bucket"
    assert_stalled(bench.run(conversion), "BucketNotFound", "e2e-no-such-bucket")


def test_a_foreign_object_is_left_alone(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    s3.put_object(Bucket=bench.bucket, Key="foreign.tflite", Body=b"somebody's")
    assert_stalled(bench.run(bench.conversion("foreign", tiny_model)), "DestinationConflict", "foreign.tflite")
    assert s3.get_object(Bucket=bench.bucket, Key="foreign.tflite")["Body"].read() == b"somebody's"


def test_no_secret_value_is_seen_after_a_conversion(bench: Workbench, env: Environment, tiny_model: str) -> None:
    bench.create(bench.conversion("watched", tiny_model))
    bench.wait("watched", holds("Ready"))
    assert_unseen(bench, env, env.secret_key)


def assert_unseen(bench: Workbench, env: Environment, value: str) -> None:
    """Look for a secret value in every object but the Secret, and in every log."""
    everything = bench.kubectl("get", "tflc,jobs,pods,events,configmaps", "-o", "yaml")
    logs = bench.logs()
    assert "Looking for a finished artifact" in logs
    everything += logs
    everything += bench.kubectl("logs", "--namespace", "tflite-operator-system", *OPERATOR_PODS, "--tail=-1")
    assert "tflite" in everything
    assert value not in everything
