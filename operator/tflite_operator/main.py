"""The operator's process."""

import asyncio
import os
import signal
import socket
import sys
from typing import Final

import kopf
from kopf._core.engines.peering import Identity
from prometheus_client import REGISTRY

from tflite_operator.census import Census
from tflite_operator.cluster import Cluster, ClusterError
from tflite_operator.endpoints import serve
from tflite_operator.handlers import build_registry
from tflite_operator.log import LOGGER, configure
from tflite_operator.metrics import ConversionCollector
from tflite_operator.reconcile import Reconciler
from tflite_operator.settings import Settings, SettingsError
from tflite_operator.work_queue import WorkQueue

_RESOURCE_SECONDS: Final = 2.0
"""How often to look for the resource until it is there."""


def main() -> None:
    """Run until a signal comes; the exit code says whether something else ended it."""
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        sys.exit(f"tflite-operator: {error}")
    configure(settings.log_level)
    process = Process(settings)
    REGISTRY.register(ConversionCollector(process.census))
    try:
        asyncio.run(process.run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass
    except ClusterError as error:
        sys.exit(f"tflite-operator: {error}")


class Process:
    """The parts that run side by side, and what they say of themselves."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; nothing runs yet."""
        self._settings = settings
        self._queue = WorkQueue()
        self.census = Census()
        self._workers: list[asyncio.Task[None]] = []
        self._watching = asyncio.Event()
        self._problem = "not started"

    async def run(self) -> None:
        """Run until a signal comes.

        Raises:
            ClusterError: there is no way to reach an API server.
        """
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        async with (
            await Cluster.connect(self._settings.request_timeout_seconds) as cluster,
            serve(self._settings.http_port, self._is_unhealthy, self._is_unready),
        ):
            if await self._resource_appears(cluster, stop):
                await self._operate(cluster, stop)

    async def _resource_appears(self, cluster: Cluster, stop: asyncio.Event) -> bool:
        """Wait for the CRD and the permissions: kopf looks for the resource once, when it starts."""
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

    async def _operate(self, cluster: Cluster, stop: asyncio.Event) -> None:
        reconciler = Reconciler(cluster, self._settings, instance=socket.gethostname())
        self._workers = [
            asyncio.create_task(self._queue.work(reconciler.reconcile)) for _ in range(self._settings.workers)
        ]
        LOGGER.info("watching %s", ", ".join(self._settings.watch_namespaces) or "all namespaces")
        namespaces = self._settings.watch_namespaces
        try:
            await kopf.operator(
                registry=build_registry(self._queue.add, self.census, self._watching.set, self._settings),
                clusterwide=not namespaces,
                namespaces=namespaces,
                standalone=True,
                # Without one kopf asks for the user's name, and the user of a container has none.
                identity=Identity(socket.gethostname()),
                stop_flag=stop,
            )
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)

    def _is_unhealthy(self) -> str:
        return "a worker ended" if any(worker.done() for worker in self._workers) else ""

    def _is_unready(self) -> str:
        return self._problem or ("" if self._watching.is_set() else "not watching yet")


if __name__ == "__main__":
    main()
