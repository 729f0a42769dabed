"""The API server goes away for some seconds, as where it is updated and runs once."""

import time

from tests.apiserver.conftest import Start
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.workbench import Workbench

LOST = 5


def test_an_operator_outlives_its_api_server(plane: ControlPlane, bench: Workbench, start: Start) -> None:
    operator = start()
    operator.until_ready()
    before = bench.create("before")
    operator.until("it has a Job", lambda: bench.has_job(before))
    with plane.without_api_server():
        operator.until("it is not ready", lambda: not operator.probes[-1].ready)
        blind = operator.probes[-1].moment
        back = time.monotonic()
    made = bench.create("meanwhile")
    operator.until("it has a Job", lambda: bench.has_job(made))
    operator.until_ready()
    assert operator.was_ready(blind, back) == []
    assert operator.metric("tflite_operator_conversions") == 2
    assert operator.exit_codes == []


def test_an_operator_waits_for_its_api_server(plane: ControlPlane, bench: Workbench, start: Start) -> None:
    made = bench.create("first")
    with plane.without_api_server():
        operator = start()
        operator.until("it waits", lambda: "waiting for the resource" in operator.log.read_text())
        assert not operator.is_ready
    operator.until("it has a Job", lambda: bench.has_job(made))
    assert operator.exit_codes == []


def test_an_api_server_that_comes_back_with_a_backup_is_believed(
    plane: ControlPlane, bench: Workbench, start: Start
) -> None:
    kept = bench.create("kept")
    plane.back_up()
    operator = start()
    operator.until("it has a Job", lambda: bench.has_job(kept))
    lost = [bench.create(f"lost-{number}") for number in range(LOST)]
    operator.until("so have the others", lambda: all(bench.has_job(one) for one in lost))
    bench.delete("kept")
    operator.until("they are counted", lambda: operator.metric("tflite_operator_conversions") == LOST)
    plane.restore()
    operator.until("it has a Job again", lambda: bench.has_job(kept))
    operator.until("nothing else is counted", lambda: operator.metric("tflite_operator_conversions") == 1)
    operator.until_ready()
    assert 0 not in operator.exit_codes
