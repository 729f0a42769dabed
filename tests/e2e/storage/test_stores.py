"""What a spec says of its store, right or wrong, with the S3 server that runs here."""

import pytest
from kubernetes import client
from mypy_boto3_s3 import S3Client

from tests.e2e.conftest import credentials_secret
from tests.e2e.fixtures.conversions import Object, Workbench, condition
from tests.e2e.fixtures.environment import Environment
from tests.e2e.spec.test_bad_input import assert_stalled

pytestmark = pytest.mark.tensorflow


def at_store(bench: Workbench, name: str, handle: str, **fields: object) -> Object:
    """A conversion whose destination has other fields."""
    conversion = bench.conversion(name, handle)
    conversion["spec"]["destination"]["s3"] |= fields
    return conversion


def test_a_line_break_behind_the_keys_does_not_matter(
    bench: Workbench, env: Environment, api: client.ApiClient, tiny_model: str
) -> None:
    secret = credentials_secret(f"{env.access_key}\n", f" {env.secret_key}\r\n", "broken-lines")
    client.CoreV1Api(api).create_namespaced_secret(bench.namespace, secret)
    finished = bench.run(at_store(bench, "lines", tiny_model, secretRef={"name": "broken-lines"}))
    assert condition(finished, "Ready")["status"] == "True"


def test_white_space_in_a_key_is_named_with_its_entry(
    bench: Workbench, env: Environment, api: client.ApiClient, tiny_model: str
) -> None:
    secret = credentials_secret(f"{env.access_key} {env.access_key}", env.secret_key, "two-keys")
    client.CoreV1Api(api).create_namespaced_secret(bench.namespace, secret)
    finished = bench.run(at_store(bench, "two-keys", tiny_model, secretRef={"name": "two-keys"}))
    assert_stalled(finished, "CredentialsRefused", "AWS_ACCESS_KEY_ID of Secret two-keys")


def test_a_host_name_that_cannot_exist_is_given_up(bench: Workbench, tiny_model: str) -> None:
    finished = bench.run(at_store(bench, "nowhere", tiny_model, endpoint="http://no..store:9000"))
    words = "has a host name that does not exist: correct destination.s3"
    assert_stalled(finished, "ServerUnreachable", words, attempt=3)


def test_a_server_without_tls_is_told_from_one_that_is_down(
    bench: Workbench, env: Environment, tiny_model: str
) -> None:
    conversion = at_store(bench, "tls", tiny_model, endpoint=env.s3_endpoint.replace("http:", "https:"))
    assert_stalled(bench.run(conversion), "InvalidSpec", "write http:// in destination.s3.endpoint")


def test_a_region_that_the_store_corrects_is_used(bench: Workbench, tiny_model: str) -> None:
    finished = bench.run(at_store(bench, "region", tiny_model, region="eu-west-7"))
    assert condition(finished, "Ready")["status"] == "True"


def test_an_artifact_without_a_checksum_is_whole(bench: Workbench, s3: S3Client, tiny_model: str) -> None:
    finished = bench.run(at_store(bench, "md5", tiny_model, checksums="Never", addressingStyle="Path"))
    assert condition(finished, "Ready")["status"] == "True"
    key = finished["spec"]["destination"]["s3"]["key"]
    stored = s3.head_object(Bucket=bench.bucket, Key=key, ChecksumMode="ENABLED")
    assert stored.get("ChecksumSHA256") is None
    assert stored["ContentLength"] == finished["status"]["artifact"]["sizeBytes"]
