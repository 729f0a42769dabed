"""kopf never tells of an event twice, so whatever goes wrong with it is tried again without one."""

from tests.apiserver.conftest import Start
from tests.apiserver.fixtures import rights
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.proxy import Answer, Asked, Proxy, pass_on
from tests.apiserver.fixtures.workbench import Workbench


def test_a_job_that_the_api_server_refuses_comes_once_it_may(
    plane: ControlPlane, bench: Workbench, start: Start
) -> None:
    with rights.without(plane.admin, "jobs", ["create"]):
        operator = start()
        operator.until_ready()
        made = bench.create("refused")
        operator.until("the refusal is told", lambda: bench.reason("refused") == "JobRefused")
        assert bench.jobs_of(made) == []
    operator.until("it has a Job", lambda: bench.has_job(made))


def test_an_error_of_the_api_server_is_tried_again(proxy: Proxy, bench: Workbench, start: Start) -> None:
    def makes_a_job(asked: Asked) -> bool:
        return asked.method == "POST" and asked.path.endswith("/jobs")

    operator = start(proxy)
    operator.until_ready()
    proxy.rule = lambda asked: Answer(500, body=b"an error") if makes_a_job(asked) else None
    made = bench.create("unlucky")
    operator.until("it was tried again", lambda: proxy.count(makes_a_job) >= 2)
    assert bench.jobs_of(made) == []
    proxy.rule = pass_on
    operator.until("it has a Job", lambda: bench.has_job(made))
    assert operator.exit_codes == []
