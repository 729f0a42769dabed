"""kopf that lists again tells nothing of what has vanished meanwhile."""

import pytest

from tests.apiserver.conftest import Start
from tests.apiserver.fixtures.admin import CRD
from tests.apiserver.fixtures.audit import AuditLog
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.listed import lists_all, lists_names, of_conversions
from tests.apiserver.fixtures.proxy import Drop, Proxy, pass_on
from tests.apiserver.fixtures.workbench import Workbench


def forget_versions(plane: ControlPlane) -> None:
    """Have the API server forget what came before: a changed CRD gets a new watch cache, and etcd is compacted."""
    known = plane.admin.get(CRD)["spec"]["names"]
    plane.admin.patch(CRD, {"spec": {"names": known | {"shortNames": [*known["shortNames"], "changed"]}}})
    plane.compact()


@pytest.mark.parametrize("namespaces", ["", "default,{}"], ids=["everywhere", "two namespaces"])
def test_what_vanishes_before_a_list_is_forgotten(
    plane: ControlPlane, proxy: Proxy, bench: Workbench, audit: AuditLog, start: Start, namespaces: str
) -> None:
    operator = start(proxy, RECHECK_SECONDS="1", WATCH_NAMESPACES=namespaces.format(bench.namespace))
    scopes = 2 if namespaces else 1
    operator.until_ready()
    stays, vanishes = bench.create("stays"), bench.create("vanishes")
    operator.until("both have Jobs", lambda: bench.has_job(stays) and bench.has_job(vanishes))
    assert len(audit.requests(lists_all)) == scopes
    assert audit.requests(lists_names) == []
    proxy.rule = lambda asked: Drop() if of_conversions(asked) else None
    assert proxy.cut(of_conversions) == scopes
    bench.delete("vanishes")
    late = bench.create("late")
    forget_versions(plane)
    proxy.rule = pass_on
    operator.until("the new one has a Job", lambda: bench.has_job(late))
    operator.until("one is forgotten", lambda: operator.metric("tflite_operator_conversions") == 2)
    forgotten = AuditLog(plane.audit_log)

    def asked_for(name: str) -> int:
        return len(forgotten.requests(lambda one: (one.namespace, one.name) == (bench.namespace, name)))

    operator.until("the others are looked at again", lambda: min(asked_for("stays"), asked_for("late")) >= 2)
    assert asked_for("vanishes") == 0
    # One list of names when the API server is back, and one after kopf's list.
    assert len(audit.requests(lists_all)) == 2 * scopes
    assert len(audit.requests(lists_names)) <= 2 * scopes
    assert operator.exit_codes == []
