"""An S3 server that goes away, is slow, or cuts connections; credentials that change meanwhile."""

from collections.abc import Iterator

import pytest
from kubernetes import client

from tests.e2e.conftest import SECRET, credentials_secret
from tests.e2e.fixtures import models
from tests.e2e.fixtures.conversions import Object, Workbench, condition, is_finished
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.faulty_storage import FaultyStorage, faulty_storage

pytestmark = pytest.mark.tensorflow

BUCKET = "outages"


@pytest.fixture
def storage(env: Environment) -> Iterator[FaultyStorage]:
    with faulty_storage(env) as running:
        running.client.create_bucket(Bucket=BUCKET)
        yield running


@pytest.fixture(scope="session")
def large_model(env: Environment) -> str:
    """Handle of a model whose artifact has 16 MB that do not compress."""
    return models.serve_large(env)


def into(storage: FaultyStorage, bench: Workbench, name: str, handle: str) -> Object:
    conversion = bench.conversion(name, handle)
    conversion["spec"]["destination"]["s3"] |= {"bucket": BUCKET, "endpoint": storage.endpoint}
    return conversion


def waits_for_storage(conversion: Object) -> bool:
    status = conversion.get("status", {})
    return condition(conversion, "Reconciling").get("reason") == "StorageUnavailable" and "nextAttemptTime" in status


def assert_one_whole_object(storage: FaultyStorage, finished: Object) -> None:
    assert condition(finished, "Ready")["status"] == "True", finished["status"]
    artifact = finished["status"]["artifact"]
    [stored] = storage.client.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert stored["Size"] == artifact["sizeBytes"]
    assert "Uploads" not in storage.client.list_multipart_uploads(Bucket=BUCKET)


def test_a_server_that_is_down_is_waited_for(bench: Workbench, storage: FaultyStorage, tiny_model: str) -> None:
    storage.stop()
    bench.create(into(storage, bench, "waiting", tiny_model))
    waiting = bench.wait("waiting", waits_for_storage)
    assert condition(waiting, "Ready")["status"] == "Unknown"
    assert not condition(waiting, "Stalled")
    assert storage.endpoint in condition(waiting, "Reconciling")["message"]
    storage.start()
    assert_one_whole_object(storage, bench.wait("waiting", is_finished))


def test_a_server_that_goes_down_while_a_model_is_converted_costs_an_attempt_and_nothing_else(
    bench: Workbench, storage: FaultyStorage, tiny_model: str
) -> None:
    bench.create(into(storage, bench, "interrupted", tiny_model))
    bench.wait("interrupted", lambda seen: condition(seen, "Ready").get("reason") == "Converting")
    storage.stop()
    waiting = bench.wait("interrupted", waits_for_storage)
    assert waiting["status"]["job"]["attempt"] == 1
    storage.start()
    finished = bench.wait("interrupted", is_finished)
    assert_one_whole_object(storage, finished)
    assert finished["status"]["job"]["attempt"] > 1


def test_a_network_that_cuts_uploads_shows_no_part_of_an_artifact(
    bench: Workbench, storage: FaultyStorage, large_model: str
) -> None:
    bench.create(into(storage, bench, "cut", large_model))
    # Each connection ends after 2 MB of an upload of 16.
    with storage.sick("limit_data", bytes=2_000_000):
        waiting = bench.wait("cut", waits_for_storage)
        assert waiting["status"]["job"]["attempt"] == 1
        assert "Contents" not in storage.client.list_objects_v2(Bucket=BUCKET)
        assert "Uploads" not in storage.client.list_multipart_uploads(Bucket=BUCKET)
    assert_one_whole_object(storage, bench.wait("cut", is_finished))


def test_a_slow_network_shows_the_artifact_when_it_is_whole(
    bench: Workbench, storage: FaultyStorage, large_model: str
) -> None:
    bench.create(into(storage, bench, "slow", large_model))
    # 16 MB at 2 MB/s.
    with storage.sick("bandwidth", rate=2000):
        bench.wait("slow", lambda seen: condition(seen, "Ready").get("reason") == "Publishing")
        looks: list[list[int]] = []

        def is_over() -> bool:
            found = storage.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
            looks.append([one["Size"] for one in found])
            return is_finished(bench.get("slow"))

        bench.until(is_over, "the upload is over", timeout=120)
    finished = bench.get("slow")
    assert_one_whole_object(storage, finished)
    assert finished["status"]["job"]["attempt"] == 1
    # It was looked for while it was on its way, and was never there in part.
    assert looks.count([]) > 10
    assert {size for sizes in looks for size in sizes} <= {finished["status"]["artifact"]["sizeBytes"]}


def test_credentials_that_are_rotated_while_an_attempt_waits_are_those_of_the_next(
    bench: Workbench, env: Environment, api: client.ApiClient, storage: FaultyStorage, tiny_model: str
) -> None:
    core = client.CoreV1Api(api)
    core.patch_namespaced_secret(SECRET, bench.namespace, credentials_secret(env.access_key, "outdated"))
    with storage.unreachable():
        bench.create(into(storage, bench, "rotated", tiny_model))
        bench.wait("rotated", waits_for_storage)
        core.patch_namespaced_secret(SECRET, bench.namespace, credentials_secret(env.access_key, env.secret_key))
    finished = bench.wait("rotated", is_finished)
    assert_one_whole_object(storage, finished)
    assert finished["status"]["job"]["attempt"] == 2
