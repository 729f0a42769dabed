"""One chaos run for the session, and everything that is known of it when it is over."""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from kubernetes import client, config
from mypy_boto3_s3 import S3Client

from dev.cluster import target
from dev.cluster.target import Own
from dev.host.checkout import Checkout
from dev.testing import installation
from dev.testing.kubectl import Kubectl
from tests.chaos import audit, image, summary
from tests.chaos.fixture import MOST_JOBS, SECRET, Fixture
from tests.chaos.injector import Injector
from tests.chaos.outcome import Outcome
from tests.chaos.scenario_runner import ScenarioRunner
from tests.e2e.fixtures import environment
from tests.e2e.fixtures.environment import Environment

_KILLS: Final = 60
_NAMESPACE: Final = installation.NAMESPACE
_DEPLOYMENT: Final = "deployment/tflite-operator"
SUMMARY: Final = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def env() -> Environment:
    absent = [*environment.missing(os.environ), *(n for n in ("AUDIT_LOG", "S3_ACCESS_LOG") if n not in os.environ)]
    if isinstance(target.decide(os.environ, Checkout.here().cache), Own):
        if not absent:
            return environment.from_variables()
        message = f"no cluster: {', '.join(absent)} not set; run `make chaos`"
        if os.environ.get("REQUIRE_CLUSTER"):
            pytest.fail(message)
        pytest.skip(message)
    pytest.skip("counts from the logs of the throw-away cluster's API server, which a given cluster does not hand out")


@pytest.fixture(scope="session")
def api(env: Environment) -> client.ApiClient:
    return config.new_client_from_config(env.kubeconfig, context=env.context)


@pytest.fixture(scope="session")
def s3(env: Environment) -> S3Client:
    return env.storage()


@pytest.fixture(scope="session")
def deployed_operator_away(env: Environment) -> Iterator[None]:
    """Everything is installed as a user installs it, but no operator runs until the session is over."""
    kubectl = Kubectl(tuple(env.kubectl), _NAMESPACE)
    # The policy on the operator's account lets it run this image and no other.
    installation.install(env.kubectl, env.operator_image, image.IMAGE)
    try:
        kubectl("scale", _DEPLOYMENT, "--replicas=0")
        kubectl("wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=tflite-operator", "--timeout=60s")
        yield
    finally:
        installation.install(env.kubectl, env.operator_image, env.converter_image)


@pytest.fixture(scope="session")
def account(env: Environment, deployed_operator_away: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the operator's own ServiceAccount: it may do here what it may do in its pod."""
    kubectl = Kubectl(tuple(env.kubectl), _NAMESPACE)
    token = kubectl("create", "token", "tflite-operator", "--duration=4h").strip()
    view = json.loads(kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
    view["users"] = [{"name": view["users"][0]["name"], "user": {"token": token}}]
    path = tmp_path_factory.mktemp("account") / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(view))
    return path


@pytest.fixture(scope="session")
def namespace(api: client.ApiClient, env: Environment) -> Iterator[str]:
    core = client.CoreV1Api(api)
    name = f"chaos-{secrets.token_hex(4)}"
    core.create_namespace({"metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    values = {"AWS_ACCESS_KEY_ID": env.access_key, "AWS_SECRET_ACCESS_KEY": env.secret_key}
    core.create_namespaced_secret(name, {"metadata": {"name": SECRET}, "stringData": values})
    # An operator that makes Jobs without end is found out before it has drowned the node in pods.
    most = {"hard": {"count/jobs.batch": str(MOST_JOBS)}}
    core.create_namespaced_resource_quota(name, {"metadata": {"name": "most-jobs"}, "spec": most})
    end = time.monotonic() + 60
    # Before its first count the API server refuses every Job.
    while not core.read_namespaced_resource_quota("most-jobs", name).status.used:
        assert time.monotonic() < end, "the Jobs of a new namespace were not counted within a minute"
        time.sleep(0.1)
    yield name
    core.delete_namespace(name)


@pytest.fixture(scope="session")
def bucket(s3: S3Client) -> Iterator[str]:
    name = f"chaos-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name)
    yield name
    for key in _keys(s3, name):
        s3.delete_object(Bucket=name, Key=key)
    s3.delete_bucket(Bucket=name)


@pytest.fixture(scope="session")
def ground(env: Environment, api: client.ApiClient, namespace: str, bucket: str) -> Iterator[Fixture]:
    made = Fixture(env, api, namespace, bucket)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def outcome(
    ground: Fixture,
    s3: S3Client,
    account: Path,
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> Outcome:
    """The run itself: CHAOS_KILLS says how long, CHAOS_SEED how."""
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(10**6))
    kills = int(os.environ.get("CHAOS_KILLS") or _KILLS)
    print(f"CHAOS_SEED={seed} CHAOS_KILLS={kills}")
    image.give(Checkout.here())
    log = tmp_path_factory.mktemp("chaos") / "operator.log"
    begun = time.monotonic()
    injector = Injector(seed, kills, _settings(account), log)
    runner = ScenarioRunner(ground, injector, seed)
    try:
        runner.run()
    finally:
        injector.stop()
    stored = {
        key: hashlib.sha256(s3.get_object(Bucket=ground.bucket, Key=key)["Body"].read()).hexdigest()
        for key in _keys(s3, ground.bucket)
    }
    found = Outcome(
        seed=seed,
        seconds=time.monotonic() - begun,
        runner=runner,
        injector=injector,
        ledger=audit.read(Path(os.environ["AUDIT_LOG"]), ground.namespace),
        stored=stored,
        uploads=audit.uploads(Path(os.environ["S3_ACCESS_LOG"]), ground.bucket),
        unfinished_uploads=[one["Key"] for one in s3.list_multipart_uploads(Bucket=ground.bucket).get("Uploads", [])],
        conversions=ground.conversions(),
        jobs=ground.jobs(),
        pods=ground.pods(),
        log=log,
    )
    pytestconfig.stash[SUMMARY] = summary.lines(found)
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(SUMMARY, []):
        terminalreporter.write_line(line)


def _settings(account: Path) -> dict[str, str]:
    return {
        "KUBECONFIG": str(account),
        "CONVERTER_IMAGE": image.IMAGE,
        "RETRY_BASE_SECONDS": "1",
        "RETRY_MAX_SECONDS": "4",
        "JOB_TTL_SECONDS": "60",
        # Both cores are busy: what is being deleted may wait long for its pod.
        "CLEANUP_SECONDS": "600",
        "HTTP_PORT": "18080",
    }


def _keys(s3: S3Client, bucket: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [found["Key"] for page in pages for found in page.get("Contents", [])]
