"""Fixtures of the tests on a real cluster. Each test has a namespace and a bucket of its own."""

import os
import secrets
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock
from kubernetes import client, config
from mypy_boto3_s3 import S3Client

from dev.testing import installation
from tests.e2e.fixtures import environment, models
from tests.e2e.fixtures.conversions import Workbench
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.recording import Recording, check

NAMESPACE_LABELS = {"pod-security.kubernetes.io/enforce": "restricted", "tflite-operator.dev/e2e": "true"}
SECRET = "s3-credentials"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def env() -> Environment:
    absent = environment.missing(os.environ)
    if absent:
        message = f'no cluster: {", ".join(absent)} not set; run `make e2e`, or `make up` and eval "$(make -s env)"'
        if os.environ.get("REQUIRE_CLUSTER"):
            pytest.fail(message)
        pytest.skip(message)
    return environment.from_variables()


@pytest.fixture(scope="session")
def api(env: Environment) -> client.ApiClient:
    return config.new_client_from_config(env.kubeconfig, context=env.context)


@pytest.fixture(scope="session")
def crd(env: Environment, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The resource is known to the API server."""
    # The operator's installation has the CRD in it, and two processes cannot create it at once.
    with FileLock(tmp_path_factory.getbasetemp().parent / "installation.lock"):
        installation.apply_crd(env.kubectl)


@pytest.fixture(scope="session")
def operator(env: Environment, tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Iterator[None]:
    """The operator of this checkout runs in the cluster, as a user installs it: the first process that asks does."""
    shared = tmp_path_factory.getbasetemp().parent
    installed = shared / f"operator-{testrun_uid}"
    with FileLock(shared / "installation.lock"):
        if not installed.exists():
            installation.install(env.kubectl, env.operator_image, env.converter_image)
            installed.touch()
    yield
    installed.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def s3(env: Environment) -> S3Client:
    return env.storage()


@pytest.fixture
def namespace(api: client.ApiClient, env: Environment) -> Iterator[str]:
    """A namespace under Pod Security restricted, with the credentials' Secret in it."""
    with new_namespace(api, env) as name:
        yield name


@contextmanager
def new_namespace(api: client.ApiClient, env: Environment) -> Iterator[str]:
    core = client.CoreV1Api(api)
    name = f"e2e-{secrets.token_hex(4)}"
    core.create_namespace({"metadata": {"name": name, "labels": NAMESPACE_LABELS}})
    core.create_namespaced_secret(name, credentials_secret(env.access_key, env.secret_key))
    yield name
    with suppress_not_found():
        core.delete_namespace(name)


@contextmanager
def suppress_not_found() -> Iterator[None]:
    """Go on where what is to be deleted is gone already."""
    try:
        yield
    except client.ApiException as error:
        if error.status not in {404, 409}:
            raise


def credentials_secret(access_key: str, secret_key: str, name: str = SECRET) -> dict[str, object]:
    values = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
    return {"metadata": {"name": name}, "stringData": values}


@pytest.fixture
def bucket(s3: S3Client) -> Iterator[str]:
    name = f"e2e-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name)
    yield name
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for found in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=found["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.fixture
def recorded(request: pytest.FixtureRequest, api: client.ApiClient, operator: None, namespace: str) -> Iterator[None]:
    """Whatever the test does: tools understand every version of its conversions, and each is as it should be."""
    recording = Recording(api, namespace)
    yield
    marker = request.node.get_closest_marker("pods")
    check(recording.finish(), marker.args[0] if marker is not None else 1)


@pytest.fixture
def bench(
    request: pytest.FixtureRequest, env: Environment, api: client.ApiClient, recorded: None, namespace: str, bucket: str
) -> Iterator[Workbench]:
    """Applies conversions into the test's namespace and bucket; explains them when the test fails."""
    workbench = Workbench(env, api, namespace, bucket, SECRET)
    yield workbench
    report = request.node.stash.get(FAILED, False)
    if report:
        print(workbench.explain())


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def basic_pitch(env: Environment) -> str:
    """Handle of a real model: Spotify's basic-pitch as its authors publish it."""
    return models.serve_basic_pitch(env)


@pytest.fixture(scope="session")
def tiny_model(env: Environment) -> str:
    """Handle of a small dense model: signature serving_default, x [-1, 8] float32 -> y [-1, 4]."""
    return models.serve_tiny(env)


def kubectl(env: Environment, *arguments: str) -> str:
    done = subprocess.run([*env.kubectl, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
