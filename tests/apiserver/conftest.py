"""Fixtures of the tests on an API server of their own."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dev.building import binaries
from dev.host.checkout import Checkout
from dev.testing.installation import NAMESPACE
from tests.apiserver.fixtures.audit import AuditLog
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.operator_process import OperatorProcess
from tests.apiserver.fixtures.proxy import Proxy
from tests.apiserver.fixtures.workbench import Workbench

_MANIFESTS = tuple(
    f"deploy/base/{name}.yaml"
    for name in ("namespace", "service_account", "operator_role", "cluster_id_role", "lease_role")
)
_PROGRAMS = ("etcd", "kube-apiserver")


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # In one process of those that run tests: an API server for each would take a tenth of a core until the last test
    # of all has ended, and these tests wait more than they work.
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("apiserver"))


@pytest.fixture(scope="session")
def session_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """An API server for the process that runs these tests."""
    checkout = Checkout.here()
    if os.environ.get("REQUIRE_CLUSTER"):
        binaries.make(checkout)
    elif absent := [name for name in _PROGRAMS if not (checkout.bin / name).exists()]:
        pytest.skip(f"no {' and no '.join(absent)} in {checkout.bin}: `make up` builds them")
    with ControlPlane(checkout, tmp_path_factory.mktemp("plane")) as plane:
        yield plane


@pytest.fixture
def plane(session_plane: ControlPlane) -> ControlPlane:
    """The API server with the CRD, and with the operator's rights as they are deployed."""
    session_plane.admin.apply_crd()
    for manifest in _MANIFESTS:
        session_plane.admin.apply_manifest(manifest)
    return session_plane


@pytest.fixture
def audit(plane: ControlPlane) -> AuditLog:
    """What the operator asks during this test."""
    return AuditLog(plane.audit_log)


@pytest.fixture
def proxy(plane: ControlPlane) -> Iterator[Proxy]:
    with Proxy(plane.address, plane.pki) as running:
        yield running


@pytest.fixture
def bench(plane: ControlPlane) -> Iterator[Workbench]:
    name = f"test-{secrets.token_hex(4)}"
    plane.admin.create("/api/v1/namespaces", {"metadata": {"name": name}})
    # A pod needs it, and no controller runs that would make it.
    plane.admin.create(f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}})
    workbench = Workbench(plane.admin, name)
    yield workbench
    workbench.clear()


Start = Callable[..., OperatorProcess]


@pytest.fixture
def start(plane: ControlPlane, tmp_path: Path) -> Iterator[Start]:
    """Start the operator: `start(proxy, NAME=value)`; without a proxy it reaches the API server directly."""
    with ExitStack() as running:
        token = plane.admin.token(NAMESPACE, "tflite-operator")

        def begin(proxy: Proxy | None = None, **settings: str) -> OperatorProcess:
            address = plane.address if proxy is None else proxy.address
            folder = tmp_path / f"operator-{secrets.token_hex(2)}"
            return running.enter_context(OperatorProcess(folder, plane.kubeconfig(address, token), settings))

        yield begin
