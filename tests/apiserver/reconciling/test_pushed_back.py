"""An API server that is overloaded is left alone as long as it asks for, and one that refuses is not asked at once."""

import time

import pytest

from tests.apiserver.conftest import Start
from tests.apiserver.fixtures.listed import of_conversions
from tests.apiserver.fixtures.proxy import Answer, Asked, Proxy, pass_on
from tests.apiserver.fixtures.workbench import Workbench

Kind = tuple[str, bool, bool]

RETRY_AFTER = 2
LONGER_RETRY_AFTER = 3
"""Of what asks each two seconds anyway."""
REFUSED_SECONDS = 3
MOST_REFUSED = 30
ENDED_SECONDS = 3
MOST_ENDED = 15
WATCHES = 5
"""Of conversions, Jobs, pods, admission policies and their bindings."""


def kind(asked: Asked) -> Kind:
    """Return what is listed or watched, and whether it is the question whether there are conversions at all."""
    return asked.path.rpartition("/")[2], asked.is_watch, "limit=1" in asked.query.split("&")


WATCHING = {
    ("tfliteconversions", False, True): LONGER_RETRY_AFTER,
    ("tfliteconversions", False, False): RETRY_AFTER,
    ("tfliteconversions", True, False): RETRY_AFTER,
    ("jobs", False, False): RETRY_AFTER,
    ("jobs", True, False): RETRY_AFTER,
    ("pods", False, False): RETRY_AFTER,
    ("pods", True, False): RETRY_AFTER,
}

BEFORE_KOPF = {("tfliteconversions", False, True), ("jobs", False, False), ("pods", False, False)}


def test_whatever_is_pushed_back_waits_as_long_as_it_is_asked_to(proxy: Proxy, bench: Workbench, start: Start) -> None:
    pushed_back: dict[Kind, float] = {}

    def push_back_once(asked: Asked) -> Answer | None:
        wanted = WATCHING.get(kind(asked)) if asked.method == "GET" else None
        if wanted is None or kind(asked) in pushed_back:
            return None
        pushed_back[kind(asked)] = asked.moment
        return Answer(429, {"Retry-After": str(wanted)}, b"too many requests")

    proxy.rule = push_back_once
    made = bench.create("first")
    operator = start(proxy)
    operator.until("it has a Job", lambda: bench.has_job(made))
    operator.until("all were pushed back", lambda: pushed_back.keys() == WATCHING.keys())
    operator.until_ready()
    first_after = {
        one: min(asked.moment for asked in proxy.asked if kind(asked) == one and asked.moment > moment) - moment
        for one, moment in pushed_back.items()
    }
    assert {one: waited for one, waited in first_after.items() if waited < WATCHING[one]} == {}
    assert operator.exit_codes == []


def refuse(asked: Asked) -> Answer | None:
    """Refuse the credentials, but not before kopf's first request."""
    refused = Answer(401, {"Content-Type": "application/json"}, b'{"kind": "Status", "code": 401}')
    return None if kind(asked) in BEFORE_KOPF else refused


def is_refused(asked: Asked) -> bool:
    return refuse(asked) is not None


@pytest.mark.parametrize("watches", [False, True], ids=["at the start", "while it watches"])
def test_credentials_that_are_refused_for_a_while(
    proxy: Proxy, bench: Workbench, start: Start, *, watches: bool
) -> None:
    if not watches:
        proxy.rule = refuse
    operator = start(proxy)
    if watches:
        operator.until_ready()
        proxy.rule = refuse
    begun = time.monotonic()
    proxy.cut()
    operator.until("it is refused", lambda: not operator.is_ready and proxy.count(is_refused, since=begun) > 0)
    blind = operator.probes[-1].moment
    operator.until("some time has passed", lambda: time.monotonic() - blind > REFUSED_SECONDS)
    back = time.monotonic()
    assert operator.was_ready(blind, back) == []
    assert proxy.count(lambda _: True, since=begun) < MOST_REFUSED
    made = bench.create("meanwhile")
    proxy.rule = pass_on
    operator.until("it has a Job", lambda: bench.has_job(made))
    operator.until_ready()
    assert operator.exit_codes == []


def test_watches_that_all_end_at_once(proxy: Proxy, bench: Workbench, start: Start) -> None:
    operator = start(proxy)
    operator.until_ready()
    operator.until("all watches are there", lambda: proxy.count(lambda asked: asked.is_watch) == WATCHES)
    begun = time.monotonic()
    empty = Answer(200, {"Content-Type": "application/json"})
    proxy.rule = lambda asked: empty if asked.is_watch else None
    assert proxy.cut() == WATCHES
    operator.until("some time has passed", lambda: time.monotonic() - begun > ENDED_SECONDS)
    assert proxy.count(of_conversions, since=begun) < MOST_ENDED
    assert proxy.count(lambda _: True, since=begun) < WATCHES * MOST_ENDED
    proxy.rule = pass_on
    made = bench.create("after")
    operator.until("it has a Job", lambda: bench.has_job(made))
    assert operator.exit_codes == []
