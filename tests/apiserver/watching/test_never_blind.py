"""An operator that cannot watch conversions says so, and works again by itself or after it was started again."""

import time

from tests.apiserver.conftest import Start
from tests.apiserver.fixtures import rights
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.listed import of_conversions
from tests.apiserver.fixtures.proxy import Proxy
from tests.apiserver.fixtures.workbench import Workbench

NOTICED_SECONDS = 20


def test_a_resource_that_goes_and_comes_back_is_watched_again(
    plane: ControlPlane, bench: Workbench, start: Start
) -> None:
    operator = start()
    operator.until_ready()
    before = bench.create("before")
    operator.until("it has a Job", lambda: bench.has_job(before))
    plane.admin.delete_crd()
    operator.until("it is not ready", lambda: not operator.probes[-1].ready, NOTICED_SECONDS)
    blind = operator.probes[-1].moment
    operator.until("it waits for the resource", lambda: "waiting for the resource" in operator.log.read_text())
    back = time.monotonic()
    plane.admin.apply_crd()
    after = bench.create("after")
    operator.until("the new one has a Job", lambda: bench.has_job(after))
    operator.until_ready()
    assert operator.was_ready(blind, back) == []
    assert operator.exit_codes == [1]
    assert operator.metric("tflite_operator_conversions") == 1


def test_rights_that_are_withdrawn_and_given_back(
    plane: ControlPlane, proxy: Proxy, bench: Workbench, start: Start
) -> None:
    operator = start(proxy)
    operator.until_ready()

    def is_refused() -> bool:
        # A watch goes on without the right to it, and the API server takes a moment to hear of a changed role.
        proxy.cut(of_conversions)
        return "HTTP 403" in operator.probes[-1].told

    with rights.without(plane.admin, "tfliteconversions", ["list", "watch"]):
        operator.until("it says that it is refused", is_refused, NOTICED_SECONDS)
        blind = operator.probes[-1].moment
        made = bench.create("meanwhile")
        back = time.monotonic()
    operator.until("it has a Job", lambda: bench.has_job(made))
    operator.until_ready()
    assert operator.was_ready(blind, back) == []
    assert 0 not in operator.exit_codes
