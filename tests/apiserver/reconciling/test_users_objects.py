"""kopf watches conversions, and leaves nothing on them."""

from tests.apiserver.conftest import Start
from tests.apiserver.fixtures.admin import MANAGER
from tests.apiserver.fixtures.audit import AuditLog
from tests.apiserver.fixtures.workbench import Workbench

OWN_WRITES = {
    "create jobs",
    "delete jobs",
    "patch jobs",
    "patch tfliteconversions/status",
    "create events",
}
OF_ANOTHER_KOPF = {
    "annotations": {"kopf.zalando.org/last-handled-configuration": '{"spec": {}}\n'},
    "finalizers": ["kopf.zalando.org/KopfFinalizerMarker"],
}


def test_conversions_hold_nothing_of_kopf_and_it_writes_nothing(
    bench: Workbench, audit: AuditLog, start: Start
) -> None:
    operator = start()
    operator.until_ready()
    made = bench.create("kept")
    foreign = bench.create("foreign", OF_ANOTHER_KOPF)
    operator.until("both have Jobs", lambda: bench.has_job(made) and bench.has_job(foreign))
    bench.patch("kept", {"metadata": {"labels": {"team": "a"}}, "spec": {"quantization": {"type": "Float16"}}})
    operator.until("the change is told of", lambda: bench.get("kept")["status"]["observedGeneration"] == 2)
    operator.until("it has another Job", lambda: bench.has_job(made))
    kept = bench.get("kept")["metadata"]
    bench.delete("kept")
    bench.delete("foreign")
    operator.until("one is counted", lambda: operator.metric("tflite_operator_conversions") == 1)
    waits = bench.get("foreign")["metadata"]
    bench.patch("foreign", {"metadata": {"finalizers": None}})
    operator.until("none is counted", lambda: operator.metric("tflite_operator_conversions") == 0)
    assert not {"annotations", "finalizers"} & kept.keys()
    assert OF_ANOTHER_KOPF.items() <= waits.items()
    managers = {
        (one["manager"], one.get("subresource", "")) for one in [*kept["managedFields"], *waits["managedFields"]]
    }
    assert managers == {(MANAGER, ""), ("tflite-operator", "status")}
    assert {one.kind for one in audit.requests(lambda one: one.is_write)} <= OWN_WRITES
    assert operator.complaints == []
