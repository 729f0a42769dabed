"""The operator's process."""

import asyncio
import gc
import os
import signal
import socket
import sys
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

from prometheus_client import REGISTRY

from tflite_operator import handlers
from tflite_operator.core.labels import Key
from tflite_operator.informer.conversion_cache import ConversionCache
from tflite_operator.informer.conversion_watch import ConversionWatch
from tflite_operator.informer.informers import Informers
from tflite_operator.informer.object_cache import EVERYWHERE, ObjectCache
from tflite_operator.kube.client import Client
from tflite_operator.kube.connection import Connection
from tflite_operator.kube.election import Election
from tflite_operator.kube.errors import ClusterError, NotFoundError, RefusedError
from tflite_operator.kube.fence import Fence, LeaseLostError
from tflite_operator.kube.watch_monitor import WatchMonitor
from tflite_operator.observe.conversion import observe_conversion
from tflite_operator.observe.job import observe_job
from tflite_operator.observe.pod import observe_pod
from tflite_operator.reconcile.admission_watch import AdmissionWatch
from tflite_operator.reconcile.observer import Caches
from tflite_operator.reconcile.reconciler import Reconciler
from tflite_operator.reconcile.work_queue import WorkQueue
from tflite_operator.settings import Settings, SettingsError
from tflite_operator.telemetry.conversion_stats import ConversionCollector, ConversionStats
from tflite_operator.telemetry.endpoints import serve
from tflite_operator.telemetry.log import LOGGER, configure
from tflite_operator.telemetry.metrics import LEADER

T = TypeVar("T")

_RESOURCE_SECONDS: Final = 2.0
"""How often to look for the resource until it is there."""
_CLUSTER_NAMESPACE: Final = "kube-system"
"""Every cluster has it, and its UID is as good as the cluster's own."""
_GARBAGE: Final = 20_000
"""Objects more than were freed, after which cycles are looked for: some megabytes at most."""
_FINISH_SECONDS: Final = 10.0
"""How long reconciles in hand may take to end after a signal."""
_KOPF_SECONDS: Final = 3.0
"""How long kopf may take to end."""
_SYNC_SECONDS: Final = 300.0
"""How long kopf may take until it watches: longer, and the resource went between two looks at it."""


def main() -> None:
    """Run until a signal comes; the exit code says whether something else ended it."""
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        sys.exit(f"tflite-operator: {error}")
    configure(settings.log_level)
    _spare_the_collector()
    process = Process(settings)
    REGISTRY.register(ConversionCollector(process.stats))
    try:
        asyncio.run(process.run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass
    except (ClusterError, LeaseLostError) as error:
        LOGGER.error("ending: %s", error)
        sys.exit(1)


def _spare_the_collector() -> None:
    """Collect cyclic garbage less often, and never among what is there for good: modules and classes.

    Almost all that a reconcile makes is freed without it. With Python's own thresholds it took a tenth of the time.
    """
    gc.freeze()
    gc.set_threshold(_GARBAGE)


class Process:
    """The parts that run side by side, and what they say of themselves."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; nothing runs yet."""
        self._settings = settings
        self._queue = WorkQueue()
        self.stats = ConversionStats()
        self._fence = Fence(settings.lease_terms)
        self._election: Election | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._kopf: asyncio.Task[None] | None = None
        self._monitor: WatchMonitor | None = None
        self._stop = asyncio.Event()
        self._problem = "not started"

    async def run(self) -> None:
        """Run until a signal comes.

        Raises:
            ClusterError: there is no way to reach an API server, or conversions cannot be watched any more.
            LeaseLostError: another replica may work now.
        """
        self._take_signals()
        settings = self._settings
        connection = await Connection.load(settings.lease_terms.grace if settings.lease_terms is not None else None)
        client = Client(
            connection,
            settings.request_timeout_seconds,
            self._fence.write_seconds,
            settings.watch_silence_seconds,
        )
        try:
            async with serve(settings.http_port, self._unhealthy, self._unready):
                await self._lead(client, connection)
        finally:
            # It only reads, and by now the lease is another's to take.
            if self._kopf is not None:
                await asyncio.wait([self._kopf], timeout=_KOPF_SECONDS)
            await connection.close()
            asyncio.get_running_loop().set_exception_handler(_pass_over_generators)

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)

    async def _until_answered(
        self, what: str, ask: Callable[[], Awaitable[T]], fatal: tuple[type[ClusterError], ...] = ()
    ) -> T | None:
        """Ask until there is an answer, and say once what is waited for; None where the process is to stop.

        Raises:
            ClusterError: one of the `fatal` kinds.
        """
        while not self._stop.is_set():
            try:
                answer = await ask()
            except fatal:
                raise
            except ClusterError as error:
                if str(error) != self._problem:
                    LOGGER.warning("waiting for %s: %s", what, error)
                self._problem = str(error)
                pause = max(_RESOURCE_SECONDS, error.retry_after)
            else:
                self._problem = ""
                return answer
            await _first_of([self._stop.wait(), asyncio.sleep(pause)])
        return None

    async def _resource_appears(self, client: Client) -> None:
        """Wait for the CRD and the permissions, and say so."""
        await self._until_answered("the resource", lambda: client.check(self._settings.watch_namespaces))

    async def _know_the_cluster(self, client: Client) -> None:
        """Find out what the cluster's conversions write on their objects, where the administrator does not say it.

        Raises:
            ClusterError: it cannot be found out; the message names the setting.
        """
        if self._settings.cluster_id:
            return
        try:
            uid = await self._until_answered(
                f"namespace {_CLUSTER_NAMESPACE}",
                lambda: client.namespace_uid(_CLUSTER_NAMESPACE),
                (NotFoundError, RefusedError),
            )
        except (NotFoundError, RefusedError) as error:
            raise ClusterError(
                f"namespace {_CLUSTER_NAMESPACE}, whose UID names this cluster on what it writes to buckets, cannot"
                f" be read: {error}; set CLUSTER_ID to a name that no other cluster with these buckets has, or let"
                " the operator get that namespace"
            ) from error
        if uid is not None:
            self._settings = self._settings.model_copy(update={"cluster_id": uid})
            LOGGER.info("conversions write to buckets as those of cluster %s", uid)

    async def _lead(self, client: Client, connection: Connection) -> None:
        """Work while the lease is held; without leader election at once."""
        await self._resource_appears(client)
        await self._know_the_cluster(client)
        terms, settings = self._settings.lease_terms, self._settings
        if terms is None:
            await self._operate(client, connection)
            return
        # Never the same twice: not even a container that was started again may take itself for its predecessor.
        identity = f"{socket.gethostname()}_{uuid.uuid4()}"
        lease = (settings.lease_namespace, settings.lease_name)
        election = self._election = Election(client, self._fence, terms, lease, identity)
        LOGGER.info("waiting for the lease %s/%s", *lease)
        if not await election.win(self._stop):
            return
        LOGGER.info("holding the lease as %s", identity)
        operating = asyncio.create_task(self._operate(client, connection))
        keeping = asyncio.create_task(election.keep())
        try:
            await asyncio.wait({operating, keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            operating.cancel()
            worked = (await asyncio.gather(operating, return_exceptions=True))[0]
            keeping.cancel()
            kept = (await asyncio.gather(keeping, return_exceptions=True))[0]
        if isinstance(kept, LeaseLostError):
            raise kept
        await election.release()
        if isinstance(worked, Exception):
            raise worked

    async def _operate(self, client: Client, connection: Connection) -> None:
        settings = self._settings
        # It may have gone while another replica held the lease, and kopf looks for it once.
        await self._resource_appears(client)
        caches = Caches(
            ConversionCache(lambda shown, before: observe_conversion(shown, settings, before), self.stats),
            ObjectCache(observe_job),
            ObjectCache(observe_pod),
        )
        admission = AdmissionWatch(client)
        reconciler = Reconciler(
            client, caches, settings, instance=socket.gethostname(), guarded_since=admission.guarded_since
        )

        def add_later(key: Key) -> None:
            self._queue.add_within(key, reconciler.low_priority_delay(key))

        scopes = settings.watch_namespaces or (EVERYWHERE,)
        watch = ConversionWatch(caches.conversions, client, self._queue.add)
        self._monitor = WatchMonitor(scopes, watch.relisted)
        LEADER.set(1)
        LOGGER.info("watching %s", ", ".join(settings.watch_namespaces) or "all namespaces")
        informers = Informers(client, (caches.jobs, caches.pods), self._queue.add, add_later, settings.watch_namespaces)
        try:
            async with informers:
                await _first_of([self._stop.wait(), informers.synced()], informers.tasks)
                if not self._stop.is_set():
                    self._workers = [
                        asyncio.create_task(self._queue.work(reconciler.reconcile)) for _ in range(settings.workers)
                    ]
                    await self._watch(
                        handlers.Memo(watch, connection, self._monitor, settings),
                        [
                            *informers.tasks,
                            asyncio.create_task(watch.find_vanished()),
                            asyncio.create_task(admission.run()),
                        ],
                    )
        finally:
            self._monitor = None
            LEADER.set(0)
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)

    async def _watch(self, memo: handlers.Memo, others: Iterable[asyncio.Task[None]]) -> None:
        """Have kopf watch until it is to stop, or until one of the others ends with an error."""
        kopf_stop, kopf_ready = asyncio.Event(), asyncio.Event()
        self._kopf = asyncio.create_task(
            handlers.watch(memo, self._settings.watch_namespaces, stop=kopf_stop, ready=kopf_ready)
        )
        watched = [self._kopf, *others]
        try:
            await _first_of([self._stop.wait(), kopf_ready.wait()], watched)
            # kopf takes the signals for itself: it would end first, and cancel what others have in hand.
            self._take_signals()
            async with asyncio.timeout(_SYNC_SECONDS):
                await _first_of([self._stop.wait(), memo.monitor.synced.wait()], watched)
            await _first_of([self._stop.wait(), kopf_stop.wait()], watched)
            self._queue.close()
            await asyncio.wait(self._workers, timeout=_FINISH_SECONDS)
        except TimeoutError as error:
            raise ClusterError(memo.monitor.problem or "conversions are not watched") from error
        finally:
            kopf_stop.set()
            for task in others:
                task.cancel()

    def _unhealthy(self) -> str:
        return "a worker ended" if self._monitor is not None and any(one.done() for one in self._workers) else ""

    def _unready(self) -> str:
        """Return what is wrong. A replica that waits for the lease is ready: it is there for the others' sake."""
        if self._problem:
            return self._problem
        if self._monitor is not None:
            return self._monitor.problem
        return self._election.problem if self._election is not None else "not started"


def _pass_over_generators(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report an error of the event loop, unless it is about a generator that was left for the loop to close.

    A watch of kopf's is one within another; the loop closes both at once, and the outer one finds the inner one closed.
    """
    if "asyncgen" not in context:
        loop.default_exception_handler(context)


async def _first_of(
    conditions: Iterable[Coroutine[Any, Any, object]], guarded: Iterable[asyncio.Task[None]] = ()
) -> None:
    """Wait until one condition holds. A guarded task that ends before has an error, which is raised."""
    waiting = [asyncio.ensure_future(condition) for condition in conditions]
    guards = list(guarded)
    try:
        await asyncio.wait([*waiting, *guards], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
    for task in guards:
        if task.done():
            task.result()


if __name__ == "__main__":
    main()
