"""A store whose certificate is of an authority that nobody else knows."""

from collections.abc import Iterator

import pytest
from kubernetes import client

from tests.e2e.conftest import SECRET
from tests.e2e.fixtures.conversions import Object, Workbench, condition, is_finished
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.faulty_storage import FaultyStorage, faulty_storage
from tests.e2e.spec.test_bad_input import assert_stalled
from tests.e2e.storage.test_sources import expected, files, zipped

pytestmark = pytest.mark.tensorflow

BUCKET = "private"
AUTHORITY = {"caConfigMapRef": {"name": "storage-ca", "key": "bundle.pem"}}


@pytest.fixture
def storage(env: Environment) -> Iterator[FaultyStorage]:
    with faulty_storage(env, tls=True) as running:
        running.client.create_bucket(Bucket=BUCKET)
        yield running


def at(storage: FaultyStorage, key: str, **fields: object) -> Object:
    return {"bucket": BUCKET, "key": key, "endpoint": storage.endpoint, "secretRef": {"name": SECRET}, **fields}


def keys(storage: FaultyStorage) -> set[str]:
    return {one["Key"] for one in storage.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])}


def test_a_store_is_trusted_by_the_authority_that_the_spec_names(
    bench: Workbench, env: Environment, api: client.ApiClient, storage: FaultyStorage
) -> None:
    """The model, the artifact and its deletion: prepare, publish and cleanup trust it, once there is a ConfigMap."""
    storage.client.put_object(Bucket=BUCKET, Key="tiny.zip", Body=zipped(files(env)))
    conversion = bench.conversion(
        "trusting", "", model={"s3": at(storage, "tiny.zip", **AUTHORITY)}, deletionPolicy="Delete"
    )
    conversion["spec"]["destination"]["s3"] = at(storage, "tiny.tflite", **AUTHORITY)
    bench.create(conversion)
    waiting = bench.wait("trusting", lambda seen: condition(seen, "Ready").get("reason") == "ConfigMapNotFound")
    message = condition(waiting, "Ready")["message"]
    assert "waits for key bundle.pem of ConfigMap storage-ca (" in message
    assert ".s3.caConfigMapRef): FailedMount: " in message
    assert 'configmap "storage-ca" not found' in message
    assert storage.certificate is not None
    content = {"bundle.pem": storage.certificate.read_text()}
    client.CoreV1Api(api).create_namespaced_config_map(
        bench.namespace, {"metadata": {"name": "storage-ca"}, "data": content}
    )
    # The kubelet asks again ever more rarely, after two minutes at most.
    finished = bench.wait("trusting", is_finished)
    assert condition(finished, "Ready")["status"] == "True", finished["status"]
    assert finished["status"]["provenance"]["modelDigest"] == expected(env)
    assert finished["status"]["job"]["attempt"] == 1
    assert keys(storage) == {"tiny.zip", "tiny.tflite"}
    bench.delete("trusting")
    assert keys(storage) == {"tiny.zip"}


def test_without_it_the_field_to_name_it_in_is_said(bench: Workbench, storage: FaultyStorage, tiny_model: str) -> None:
    conversion = bench.conversion("doubting", tiny_model)
    conversion["spec"]["destination"]["s3"] = at(storage, "tiny.tflite")
    finished = bench.run(conversion)
    words = ("unknown authority", "destination.s3.caConfigMapRef")
    assert_stalled(finished, "ServerUnreachable", *words, attempt=3)
    assert keys(storage) == set()
