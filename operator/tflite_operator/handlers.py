"""All that kopf calls: the conversions' events, and what kopf needs to watch them.

Only `on.event` is registered: whatever else kopf offers keeps its state in annotations or finalizers of users' objects,
which GitOps tools would show as drift. An event says that there is something to reconcile, and no more.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, cast

import kopf

from tflite_api import names
from tflite_operator.kube.connection import Connection
from tflite_operator.kube.decoding.page_size import PAGE_ITEMS
from tflite_operator.kube.errors import ClusterError
from tflite_operator.kube.kopf_storage import NoDiffBase, NoProgress
from tflite_operator.kube.watch_monitor import WatchMonitor
from tflite_operator.settings import Settings
from tflite_operator.telemetry.log import LOGGER

REGISTRY: Final = kopf.OperatorRegistry()
_IDLE_SECONDS: Final = 0.2
"""kopf keeps a worker with its last object for each conversion until then: five thousand at a restart."""
_EXIT_SECONDS: Final = 1.0
"""Handlers do nothing that takes longer."""
_KOPF: Final = str(Path(kopf.__file__).parent)
_LOGIN_SECONDS: Final = 5.0
"""Credentials that were refused a moment ago are refused again; the client reads a new token within a minute."""


class _NotKopfs(Collection["asyncio.Task[Any]"]):
    """The tasks that kopf need not wait for, nor cancel, when it ends: all but its own, those yet to come included."""

    def __contains__(self, task: object) -> bool:
        code = getattr(cast("asyncio.Task[Any]", task).get_coro(), "cr_code", None)
        # What has no code is a generator that is being closed: so kopf ends its watches. One of its tasks waits for our
        # flag, which is set when kopf has ended.
        return code is not None and (_KOPF not in code.co_filename or code.co_name == "wait_flag")

    def __iter__(self) -> Iterator["asyncio.Task[Any]"]:
        return (task for task in asyncio.all_tasks() if task in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Conversions(Protocol):
    """Takes what kopf tells of conversions."""

    def take(self, conversion: Mapping[str, Any], *, gone: bool) -> None:
        """Take a conversion as it is now, or as it last was."""


class Memo:
    """What the handlers share."""

    def __init__(
        self, conversions: Conversions, connection: Connection, monitor: WatchMonitor, settings: Settings
    ) -> None:
        """Take who is told of conversions, the way to the API server, what sees kopf's requests, and the settings."""
        self.conversions = conversions
        self.connection = connection
        self.monitor = monitor
        self.settings = settings
        self.logins = 0

    def __copy__(self) -> "Memo":
        """Return the same: kopf copies it for each object, to hold what is known of that alone, which is nothing."""
        return self


@kopf.on.startup(registry=REGISTRY)
async def configure(settings: kopf.OperatorSettings, memo: Memo, **_: object) -> None:
    """Set what kopf leaves to its operator."""
    ours = memo.settings
    settings.posting.enabled = False  # Events are explicit, and bounded in number (reconcile/events.py)
    settings.scanning.disabled = True  # one resource, known by name: no right to read all CRDs and namespaces
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()
    settings.persistence.finalizer = ""  # kopf removes one that it does not need, and none can be empty
    settings.networking.request_timeout = ours.request_timeout_seconds  # kopf's own is five minutes
    settings.networking.connect_timeout = ours.request_timeout_seconds  # it bounds what connects for a watch, too
    settings.networking.error_backoffs = (1, 1, 2, 3, 5, 8)  # then the process ends, and begins again
    # No selector: all conversions are ours. The informers' lists of Jobs and pods have one.
    settings.watching.chunk_size = PAGE_ITEMS  # the monitor asks for fewer where they are large
    settings.watching.inactivity_timeout = ours.watch_silence_seconds  # as the informers' watches
    settings.queueing.idle_timeout = _IDLE_SECONDS
    settings.queueing.exit_timeout = _EXIT_SECONDS
    settings.process.ultimate_exiting_timeout = None  # the Deployment's grace period does that


@kopf.on.login(registry=REGISTRY)
async def login(memo: Memo, **_: object) -> kopf.AiohttpSession:
    """Return a session with our own credentials, which refuses to write: kopf does not know the lease."""
    if memo.logins:
        await asyncio.sleep(_LOGIN_SECONDS)
    memo.logins += 1
    return kopf.AiohttpSession(server=memo.connection.server, aiohttp_session=memo.connection.session(memo.monitor))


@kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=REGISTRY)
async def conversion_event(event: kopf.RawEvent, memo: Memo, **_: object) -> None:
    """Pass on a conversion that is there, has changed or is gone."""
    memo.conversions.take(event["object"], gone=event["type"] == "DELETED")


@kopf.on.cleanup(registry=REGISTRY)
async def cleanup(**_: object) -> None:
    """Record that the watch has ended; kopf closes the session."""
    LOGGER.info("no longer watching conversions")


async def watch(memo: Memo, namespaces: Iterable[str], *, stop: asyncio.Event, ready: asyncio.Event) -> None:
    """Have kopf watch the conversions until `stop` is set, or a signal reaches it.

    Args:
        memo: what the handlers share.
        namespaces: where to watch; none for all.
        stop: ends it.
        ready: is set by kopf once it has installed its signal handlers.

    Raises:
        ClusterError: kopf cannot watch any more: the resource went, or the right to it.
    """
    scopes = list(namespaces)
    try:
        tasks = await kopf.spawn_tasks(
            registry=REGISTRY,
            settings=kopf.OperatorSettings(),
            memo=memo,
            standalone=True,  # the lease is ours: kopf's peering freezes everybody at equal priority
            identity=cast("Any", names.GROUP),  # kopf's own would be the user's name, which the image's user has not
            clusterwide=not scopes,
            namespaces=scopes,
            stop_flag=stop,
            ready_flag=ready,
        )
        # Not `kopf.operator`: it takes all tasks that began after it for its own, waits 5 s for them, and cancels them.
        await kopf.run_tasks(tasks, ignored=_NotKopfs())
    except Exception as error:
        raise ClusterError(f"kopf cannot watch any more: {memo.monitor.problem or repr(error)}") from error
    stop.set()
