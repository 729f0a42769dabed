"""A watch that dies without a word is noticed, and what happened meanwhile is acted on."""

import time
from collections.abc import Callable

from tests.apiserver.conftest import Start
from tests.apiserver.fixtures.listed import of_conversions
from tests.apiserver.fixtures.operator_process import OperatorProcess
from tests.apiserver.fixtures.proxy import Asked, Ignore, Proxy, pass_on
from tests.apiserver.fixtures.workbench import Workbench

SILENCE_SECONDS = 2
SLACK_SECONDS = 20
"""Much less than what RECHECK_SECONDS would need to find it."""
SHORT = {"WATCH_SILENCE_SECONDS": str(SILENCE_SECONDS), "REQUEST_TIMEOUT_SECONDS": str(SILENCE_SECONDS)}


def of_jobs(asked: Asked) -> bool:
    return asked.is_of("jobs")


def of_pods(asked: Asked) -> bool:
    return asked.is_of("pods")


def mute(operator: OperatorProcess, proxy: Proxy, chosen: Callable[[Asked], bool]) -> None:
    """Let a watch die; one that is silent for as long as here is made again all the time."""
    operator.until("there is a watch", lambda: proxy.mute(chosen) == 1)


def test_a_conversion_that_a_dead_watch_does_not_tell_of(proxy: Proxy, bench: Workbench, start: Start) -> None:
    operator = start(proxy, **SHORT)
    operator.until_ready()
    mute(operator, proxy, of_conversions)
    made = bench.create("unheard")
    operator.until("it has a Job", lambda: bench.has_job(made), SILENCE_SECONDS + SLACK_SECONDS)
    assert operator.exit_codes == []


def test_a_job_and_a_pod_that_dead_watches_do_not_tell_of(proxy: Proxy, bench: Workbench, start: Start) -> None:
    operator = start(proxy, **SHORT)
    operator.until_ready()
    made = bench.create("unseen")
    operator.until("it has a Job", lambda: bench.has_job(made))
    (first,) = bench.jobs_of(made)
    mute(operator, proxy, of_jobs)
    bench.delete_job(first)
    operator.until("it has a Job again", lambda: bench.has_job(made), SILENCE_SECONDS + SLACK_SECONDS)
    (second,) = bench.jobs_of(made)
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    mute(operator, proxy, of_pods)
    bench.run_pod(second)
    operator.until("its step is told", lambda: bench.reason("unseen") == "Preparing", SILENCE_SECONDS + SLACK_SECONDS)
    assert operator.exit_codes == []


def test_a_network_that_swallows_everything_for_a_while(proxy: Proxy, bench: Workbench, start: Start) -> None:
    operator = start(proxy, **SHORT)
    operator.until_ready()
    proxy.rule = lambda _: Ignore()
    proxy.mute(lambda _: True)
    swallowed = time.monotonic()
    made = bench.create("unheard")
    operator.until("it is not ready", lambda: not operator.probes[-1].ready)
    blind = operator.probes[-1].moment
    operator.until("it has asked twice", lambda: proxy.count(of_conversions, since=swallowed) >= 2)
    assert operator.was_ready(blind) == []
    proxy.rule = pass_on
    operator.until("it has a Job", lambda: bench.has_job(made), 2 * SILENCE_SECONDS + SLACK_SECONDS)
    operator.until_ready()
    assert operator.exit_codes == []
