"""kopf is given nothing to keep in users' objects, and nothing to do but watch them."""

import asyncio
import copy
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import kopf
import pytest
from kopf._cogs.configs.progress import ProgressRecord
from kopf._cogs.structs.finalizers import is_deletion_blocked
from kopf._cogs.structs.ids import HandlerId
from kopf._cogs.structs.references import Resource
from kopf._core.actions.lifecycles import all_at_once
from kopf._core.engines.activities import run_activity
from kopf._core.intents.causes import Activity
from kubernetes.aio.client import Configuration

from tests.unit.operator.builders import Object, conversion
from tflite_api import names
from tflite_operator import handlers
from tflite_operator.handlers import REGISTRY, Memo
from tflite_operator.kube.connection import Connection
from tflite_operator.kube.kopf_storage import NoDiffBase, NoProgress
from tflite_operator.kube.watch_monitor import WatchMonitor
from tflite_operator.settings import Settings

SETTINGS = Settings(
    converter_image="example.com/converter:1", cluster_id="prod", request_timeout_seconds=7, watch_silence_seconds=11
)
OURS = Resource(group=names.GROUP, version=names.VERSION, plural=names.PLURAL, kind=names.KIND)
QUALIFIED_NAME = re.compile(r"([-a-z0-9.]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
"""What the API server takes for a finalizer (apimachinery/pkg/util/validation, IsQualifiedName)."""


LOGIN: Any = handlers.login
EVENT: Any = handlers.conversion_event
"""kopf calls them with a dozen arguments, of which they take what they need."""


class Told:
    """Takes note of what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, bool]] = []

    def take(self, conversion: Mapping[str, Any], *, gone: bool) -> None:
        self.events.append((conversion["metadata"]["name"], gone))


def body(shown: Object) -> kopf.Body:
    return kopf.Body(cast("kopf.RawBody", shown))


def with_memo(scenario: Callable[[Memo], Awaitable[None]]) -> Told:
    """Play a scenario with what the handlers share, and return what came of the events."""
    told = Told()

    async def run() -> None:
        connection = Connection(Configuration(host="http://127.0.0.1:1"))
        try:
            await scenario(Memo(told, connection, WatchMonitor([""], lambda _: None), SETTINGS))
        finally:
            await connection.close()

    asyncio.run(run())
    return told


def test_only_events_are_handled_so_that_kopf_keeps_no_annotation_and_no_finalizer() -> None:
    for kind in (REGISTRY._indexing, REGISTRY._spawning, REGISTRY._changing, REGISTRY._webhooks):
        assert kind.get_all_handlers() == []
    [handler] = REGISTRY._watching.get_all_handlers()
    assert handler.fn is handlers.conversion_event
    assert (handler.labels, handler.annotations, handler.when, handler.field) == (None, None, None, None)


def test_events_of_conversions_are_handled_and_of_nothing_else() -> None:
    [selector] = REGISTRY._watching.get_all_selectors()
    assert selector.check(OURS)
    for other in (
        Resource("batch", "v1", "jobs", kind="Job"),
        Resource("", "v1", "pods", kind="Pod"),
        Resource(names.GROUP, "v1", names.PLURAL, kind=names.KIND),
        Resource(names.GROUP, names.VERSION, "others", kind="Other"),
        Resource("example.com", names.VERSION, names.PLURAL, kind=names.KIND),
    ):
        assert not selector.check(other)


def test_of_kopfs_activities_the_start_the_login_and_the_end_are_ours_and_nobody_elses() -> None:
    found = [(one.activity, one.fn) for one in REGISTRY._activities.get_all_handlers()]
    assert found == [
        (Activity.STARTUP, handlers.configure),
        (Activity.AUTHENTICATION, handlers.login),
        (Activity.CLEANUP, handlers.cleanup),
    ]


def test_nothing_is_registered_where_anybody_else_could_run_it() -> None:
    default = kopf.get_default_registry()
    assert default._watching.get_all_handlers() == []
    ours = {handlers.configure, handlers.login, handlers.cleanup}
    assert ours.isdisjoint(one.fn for one in default._activities.get_all_handlers())


def started() -> kopf.OperatorSettings:
    """The settings once kopf has run the startup handler."""
    settings = kopf.OperatorSettings()

    async def scenario(memo: Memo) -> None:
        await run_activity(
            lifecycle=all_at_once,
            registry=REGISTRY,
            settings=settings,
            activity=Activity.STARTUP,
            indices={},
            memo=cast("Any", memo),
        )

    with_memo(scenario)
    return settings


def test_kopf_makes_no_events_and_reads_nothing_but_conversions() -> None:
    settings = started()
    assert settings.posting.enabled is False
    assert settings.scanning.disabled is True


def test_kopf_reads_in_pages_and_waits_for_nothing_for_ever() -> None:
    settings = started()
    assert settings.watching.chunk_size in range(1, 501)
    assert settings.networking.request_timeout == 7
    assert settings.networking.connect_timeout == 7
    assert settings.watching.inactivity_timeout == 11
    # A silent watch must not be cut off before its time, nor a server that is gone be asked for ever.
    assert settings.watching.client_timeout is None
    assert isinstance(settings.networking.error_backoffs, tuple)


def test_kopfs_finalizer_is_one_that_no_object_can_have() -> None:
    default, ours = kopf.OperatorSettings().persistence.finalizer, started().persistence.finalizer
    assert QUALIFIED_NAME.fullmatch(default)
    assert QUALIFIED_NAME.fullmatch(names.FINALIZER)
    assert not QUALIFIED_NAME.fullmatch(ours)
    held = conversion()
    held["metadata"]["finalizers"] = [default, names.FINALIZER]
    assert is_deletion_blocked(body(held), default)
    assert not is_deletion_blocked(body(held), ours)


def test_kopfs_storages_are_those_that_store_nothing() -> None:
    settings = started()
    assert isinstance(settings.persistence.diffbase_storage, NoDiffBase)
    assert isinstance(settings.persistence.progress_storage, NoProgress)


def essence() -> kopf.BodyEssence:
    return cast("kopf.BodyEssence", conversion())


def test_no_last_handled_state_is_read_built_or_stored() -> None:
    storage, patch = NoDiffBase(), kopf.Patch()
    owner = conversion()
    owner["metadata"]["annotations"] = {"kopf.zalando.org/last-handled-configuration": '{"spec":{}}\n'}
    shown = body(owner)
    assert kopf.AnnotationsDiffBaseStorage().fetch(body=shown) is not None, "the default would"
    assert storage.build(body=shown) == {}
    assert storage.fetch(body=shown) is None
    storage.store(body=shown, patch=patch, essence=essence())
    assert patch == {}


def test_no_progress_is_read_or_stored() -> None:
    patch, key = kopf.Patch(), HandlerId("conversion_event")
    record = {"started": "2026-11-22T12:00:00Z", "retries": 1}
    shown = body(conversion(status={"kopf": {"progress": {key: record}}}))
    assert kopf.StatusProgressStorage().fetch(key=key, body=shown) is not None, "the default would"
    storage: kopf.ProgressStorage = NoProgress()
    assert storage.fetch(key=key, body=shown) is None
    storage.store(key=key, record=cast("ProgressRecord", record), body=shown, patch=patch)
    storage.purge(key=key, body=shown, patch=patch)
    storage.touch(body=shown, patch=patch, value="now")
    storage.flush()
    assert patch == {}
    whole = essence()
    assert storage.clear(essence=whole) is whole


def test_all_objects_share_one_memo() -> None:
    async def scenario(memo: Memo) -> None:
        assert copy.copy(memo) is memo

    with_memo(scenario)


def test_the_first_login_is_at_once_and_each_further_one_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def scenario(memo: Memo) -> None:
        for expected in ([], [5.0], [5.0, 5.0]):
            context = await LOGIN(memo=memo)
            assert pauses == expected
            assert context.server == "http://127.0.0.1:1"
            assert not context.aiohttp_session.closed
            await context.aiohttp_session.close()

    monkeypatch.setattr("tflite_operator.handlers.asyncio.sleep", pause)
    with_memo(scenario)


@pytest.mark.parametrize(("kind", "gone"), [(None, False), ("ADDED", False), ("MODIFIED", False), ("DELETED", True)])
def test_an_event_is_told_of_and_no_more(kind: str | None, gone: bool) -> None:
    shown = conversion()
    before = copy.deepcopy(shown)

    async def scenario(memo: Memo) -> None:
        assert await EVENT(event={"type": kind, "object": shown}, memo=memo) is None, "kopf would store a result"

    assert with_memo(scenario).events == [("mobile.net", gone)]
    assert shown == before
