"""The operator's process."""

import asyncio
import gc
import os
import signal
import socket
import sys
import uuid
from typing import Final

from prometheus_client import REGISTRY

from tflite_operator.informer.object_cache import Store
from tflite_operator.informer.watching import Watching
from tflite_operator.kube.client import Cluster, ClusterError
from tflite_operator.kube.election import Election
from tflite_operator.kube.fence import Fence, LeaseLostError
from tflite_operator.reconcile.reconciler import Reconciler
from tflite_operator.reconcile.work_queue import Key, WorkQueue
from tflite_operator.settings import Settings, SettingsError
from tflite_operator.telemetry.conversion_stats import Census
from tflite_operator.telemetry.endpoints import serve
from tflite_operator.telemetry.log import LOGGER, configure
from tflite_operator.telemetry.metrics import LEADER, ConversionCollector

_RESOURCE_SECONDS: Final = 2.0
"""How often to look for the resource until it is there."""
_GARBAGE: Final = 20_000
"""Objects more than were freed, after which cycles are looked for: some megabytes at most."""
_FINISH_SECONDS: Final = 10.0
"""How long looks in hand may take to end after a signal."""


def main() -> None:
    """Run until a signal comes; the exit code says whether something else ended it."""
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        sys.exit(f"tflite-operator: {error}")
    configure(settings.log_level)
    _spare_the_collector()
    process = Process(settings)
    REGISTRY.register(ConversionCollector(process.census))
    try:
        asyncio.run(process.run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass
    except (ClusterError, LeaseLostError) as error:
        LOGGER.error("ending: %s", error)
        sys.exit(1)


def _spare_the_collector() -> None:
    """Have garbage in cycles looked for more rarely, and not in what is there for good: modules and classes.

    Next to all that a look makes is freed without it. With Python's own thresholds it took a tenth of the time.
    """
    gc.freeze()
    gc.set_threshold(_GARBAGE)


class Process:
    """The parts that run side by side, and what they say of themselves."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; nothing runs yet."""
        self._settings = settings
        self._queue = WorkQueue()
        self.census = Census()
        self._fence = Fence(settings.lease_terms)
        self._election: Election | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._leading = False
        self._watching = asyncio.Event()
        self._problem = "not started"

    async def run(self) -> None:
        """Run until a signal comes.

        Raises:
            ClusterError: there is no way to reach an API server.
            LeaseLostError: another replica may work now.
        """
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        async with (
            await Cluster.connect(self._settings.request_timeout_seconds, self._fence.write_seconds) as cluster,
            serve(self._settings.http_port, self._is_unhealthy, self._is_unready),
        ):
            if await self._resource_appears(cluster, stop):
                await self._lead(cluster, stop)

    async def _resource_appears(self, cluster: Cluster, stop: asyncio.Event) -> bool:
        """Wait for the CRD and the permissions, and say so."""
        while not stop.is_set():
            try:
                await cluster.check(self._settings.watch_namespaces)
            except ClusterError as error:
                if str(error) != self._problem:
                    LOGGER.warning("waiting for the resource: %s", error)
                self._problem = str(error)
            else:
                self._problem = ""
                return True
            try:
                await asyncio.wait_for(stop.wait(), _RESOURCE_SECONDS)
            except TimeoutError:
                continue
        return False

    async def _lead(self, cluster: Cluster, stop: asyncio.Event) -> None:
        """Work while the lease is held; without leader election at once."""
        terms, settings = self._settings.lease_terms, self._settings
        if terms is None:
            await self._operate(cluster, stop)
            return
        # Never the same twice: not even a container that was started again may take itself for its predecessor.
        identity = f"{socket.gethostname()}_{uuid.uuid4()}"
        lease = (settings.lease_namespace, settings.lease_name)
        election = self._election = Election(cluster, self._fence, terms, lease, identity)
        LOGGER.info("waiting for the lease %s/%s", *lease)
        if not await election.win(stop):
            return
        LOGGER.info("holding the lease as %s", identity)
        operating = asyncio.create_task(self._operate(cluster, stop))
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

    async def _operate(self, cluster: Cluster, stop: asyncio.Event) -> None:
        store = Store(self.census.take)
        reconciler = Reconciler(cluster, store, self._settings, instance=socket.gethostname())
        queue = self._queue

        def add_later(key: Key) -> None:
            queue.add_within(key, reconciler.patience(key))

        watching = Watching(cluster, store, queue.add, add_later, self._settings.watch_namespaces)
        self._leading = True
        LEADER.set(1)
        LOGGER.info("watching %s", ", ".join(self._settings.watch_namespaces) or "all namespaces")
        try:
            async with watching:
                if await watching.synced(stop):
                    self._watching.set()
                    self._workers = [
                        asyncio.create_task(self._queue.work(reconciler.reconcile))
                        for _ in range(self._settings.workers)
                    ]
                    await watching.until(stop)
                    self._queue.close()
                    await asyncio.wait(self._workers, timeout=_FINISH_SECONDS)
        finally:
            self._leading = False
            LEADER.set(0)
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)

    def _is_unhealthy(self) -> str:
        return "a worker ended" if self._leading and any(worker.done() for worker in self._workers) else ""

    def _is_unready(self) -> str:
        """Give what is wrong. A replica that waits for the lease is ready: it is there for the others' sake."""
        if self._problem:
            return self._problem
        if self._leading:
            return "" if self._watching.is_set() else "not watching yet"
        return self._election.problem if self._election is not None else "not started"


if __name__ == "__main__":
    main()
