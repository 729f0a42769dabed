"""How kopf is set up."""

import asyncio
from typing import Any, cast

import kopf
import pytest

from tests.unit.operator.builders import SETTINGS, conversion
from tflite_operator.census import Census
from tflite_operator.handlers import at_service_address, build_registry, set_up
from tflite_operator.job import CONVERSION_LABEL

ACCOUNT = kopf.ConnectionInfo(server="https://kubernetes.default.svc", token="token")


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [("10.96.0.1", "443", "https://10.96.0.1:443"), ("fd00::1", "6443", "https://[fd00::1]:6443")],
)
def test_the_api_server_is_found_without_dns(host: str, port: str, server: str) -> None:
    found = at_service_address(ACCOUNT, {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port})
    assert found.server == server
    assert found.token == ACCOUNT.token


def test_outside_a_pod_the_connection_stays() -> None:
    assert at_service_address(ACCOUNT, {}) == ACCOUNT


def test_nothing_is_registered_that_writes_to_users_objects() -> None:
    """Daemons and timers add a finalizer, handlers of changes an annotation; an index keeps what is gone."""
    registry = build_registry(lambda _: None, Census(), lambda: None, SETTINGS)
    assert list(registry._spawning.get_all_handlers()) == []
    assert list(registry._changing.get_all_handlers()) == []
    assert len(list(registry._watching.get_all_handlers())) == 3


def test_jobs_and_pods_are_filtered_by_the_server() -> None:
    settings = kopf.OperatorSettings()
    set_up(settings, 30)
    assert len(settings.watching.label_selectors) == 2
    assert set(settings.watching.label_selectors.values()) == {CONVERSION_LABEL}
    assert not settings.posting.enabled


def test_what_the_watch_shows_is_counted_until_it_is_deleted() -> None:
    added: list[tuple[str, str]] = []
    census = Census()
    registry = build_registry(added.append, census, lambda: None, SETTINGS)
    see = next(
        one.fn for one in registry._watching.get_all_handlers() if getattr(one.fn, "__name__", "") == "on_conversion"
    )
    body = conversion()
    for kind, number in ((None, 1), ("MODIFIED", 1), ("DELETED", 0)):
        asyncio.run(cast("Any", see)(body=body, type=kind))
        assert sum(census.counts().values()) == number
    assert set(added) == {(body["metadata"]["namespace"], body["metadata"]["name"])}
