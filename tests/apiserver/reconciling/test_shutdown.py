"""A signal ends the operator in order, whatever it is at."""

import signal

from dev.testing.installation import NAMESPACE
from tests.apiserver.conftest import Start
from tests.apiserver.fixtures.audit import AuditLog
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.workbench import Workbench

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/tflite-operator-leader"
MANY = 200
END_SECONDS = 15


def test_under_load_it_finishes_what_it_is_at_and_gives_the_lease_back(
    plane: ControlPlane, bench: Workbench, audit: AuditLog, start: Start
) -> None:
    for number in range(MANY):
        bench.create(f"many-{number}")
    operator = start(LEADER_ELECTION="true", LEASE_NAMESPACE=NAMESPACE)
    operator.until("it is at work", lambda: bool(audit.requests(lambda one: one.kind == "create jobs")))
    operator.send(signal.SIGTERM)
    operator.send(signal.SIGTERM)
    assert operator.wait(END_SECONDS) == 0
    log = operator.log.read_text()
    assert "Traceback" not in log
    assert "Unclosed" not in log
    assert "holderIdentity" not in plane.admin.get(LEASE)["spec"]
    assert audit.requests(lambda one: one.is_write)[-1].kind == "update leases"
    told = [one for one in bench.all() if "job" in one.get("status", {})]
    assert 0 < len(told) < MANY
    assert len(told) == len(bench.jobs())
