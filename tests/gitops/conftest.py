"""Flux's controllers in the throw-away cluster, and Git repositories that they fetch over http.

They are real: pods of the programs that Flux's modules make, with what those publish to install them, under
ServiceAccounts of their own (dev/testing/flux.py). Run by `make gitops` alone: building them takes minutes.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client

from dev.cluster import target
from dev.cluster.target import Own
from dev.host.checkout import Checkout
from dev.isolation import namespaces
from dev.isolation.namespaces import Namespaces
from dev.testing import flux as installation
from dev.testing.kubectl import Kubectl
from tests.e2e.conftest import (
    FAILED,
    SECRET,
    api,
    bucket,
    crd,
    env,
    namespace,
    operator,
    pytest_runtest_makereport,
    s3,
    tiny_model,
)
from tests.e2e.fixtures.conversions import Workbench
from tests.e2e.fixtures.environment import Environment
from tests.gitops.flux import Flux
from tests.gitops.repository import Repository, Server

# What is the other tests' as well, pytest finds by its name here.
__all__ = [
    "api",
    "bucket",
    "crd",
    "env",
    "namespace",
    "operator",
    "pytest_runtest_makereport",
    "s3",
    "tiny_model",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def inside(env: Environment) -> Namespaces:
    """The throw-away cluster: what its pods reach is put beside it, and no other is given another's controllers."""
    found = namespaces.find(Checkout.here())
    if found is None or not isinstance(target.decide(os.environ, Checkout.here().cache), Own):
        pytest.skip("not the throw-away cluster: Flux is not installed into a cluster of somebody's")
    return found


@pytest.fixture(scope="session")
def controllers(env: Environment, inside: Namespaces) -> Iterator[None]:
    """Flux runs in the cluster, and is gone again when the tests are over."""
    installation.install(Checkout.here(), inside, env.kubectl)
    yield
    installation.uninstall(Checkout.here(), env.kubectl)


@pytest.fixture(scope="session")
def git_server(env: Environment, inside: Namespaces) -> Iterator[Server]:
    # Not pytest's tmp_path: the folder must be seen inside.
    folder = Path(tempfile.mkdtemp(dir=Checkout.here().run, prefix="git-"))
    server = Server(inside, folder, env.s3_endpoint.partition("://")[2].partition(":")[0])
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def repository(git_server: Server, namespace: str, tmp_path: Path) -> Repository:
    """A Git repository of the test's own."""
    return Repository(git_server, namespace, tmp_path / "work")


@pytest.fixture
def bench(
    request: pytest.FixtureRequest, env: Environment, api: client.ApiClient, namespace: str, bucket: str
) -> Iterator[Workbench]:
    """What it applies, others apply here; it knows the namespace, the bucket, and how to wait."""
    workbench = Workbench(env, api, namespace, bucket, SECRET)
    yield workbench
    if request.node.stash.get(FAILED, False):
        print(workbench.explain())


@pytest.fixture
def flux(
    request: pytest.FixtureRequest, env: Environment, controllers: None, bench: Workbench, repository: Repository
) -> Iterator[Flux]:
    """Flux's resources in the test's namespace: they go before it, since their going means something."""
    made = Flux(Kubectl(tuple(env.kubectl), bench.namespace), repository)
    yield made
    if request.node.stash.get(FAILED, False):
        print(made.explain())
    made.clear()
