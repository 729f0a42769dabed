"""What is watched. Every event means the same: look at the conversion, at once or, where all goes well, by and by."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tflite_operator.core.fields import Object, text
from tflite_operator.informer.informer import Reflector
from tflite_operator.informer.object_cache import EVERYWHERE, Store
from tflite_operator.jobs.job import NAME_ANNOTATION
from tflite_operator.kube.client import CONVERSIONS, JOBS, PODS, Cluster
from tflite_operator.observe.job import observe_job
from tflite_operator.observe.pod import observe_pod
from tflite_operator.reconcile.work_queue import Key

Add = Callable[[Key], None]


class Watching:
    """Keeps the store like the cluster, and has conversions looked at, as long as the context lasts."""

    def __init__(self, cluster: Cluster, store: Store, add: Add, add_later: Add, namespaces: tuple[str, ...]) -> None:
        """Take what is filled, and who is told; without namespaces all are watched.

        Args:
            cluster: where to watch.
            store: what is filled.
            add: has a conversion looked at as soon as possible.
            add_later: has a conversion looked at when there is time for what nobody waits for.
            namespaces: where to watch.
        """
        self._add = add
        self._add_later = add_later
        watched = (
            (CONVERSIONS, store.conversions, self._on_conversion),
            (JOBS, store.jobs, self._on_job),
            (PODS, store.pods, self._on_pod),
        )
        self._reflectors = [
            Reflector(cluster, resource, scope, shelf, tell)
            for scope in namespaces or (EVERYWHERE,)
            for resource, shelf, tell in watched
        ]
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Start."""
        self._tasks = [asyncio.create_task(reflector.run()) for reflector in self._reflectors]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def synced(self, stop: asyncio.Event) -> bool:
        """Wait until all that there is is known; give False where it is to stop before.

        A decision from a part of it would take what is not there yet for gone.
        """

        async def all_synced() -> None:
            for reflector in self._reflectors:
                await reflector.synced.wait()

        known = asyncio.create_task(all_synced())
        try:
            await self._first_of(known, stop)
            return known.done()
        finally:
            known.cancel()

    async def until(self, stop: asyncio.Event) -> None:
        """Go on until it is to stop. A watch that ends before has an error in its code, which is raised."""
        await self._first_of(None, stop)

    async def _first_of(self, work: asyncio.Task[None] | None, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait(
                [stopped, *self._tasks, *([work] if work is not None else [])], return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            stopped.cancel()
        for task in self._tasks:
            if task.done():
                task.result()

    def _on_conversion(self, shown: Object, _: bool) -> None:
        self._add((text(shown, "metadata", "namespace"), text(shown, "metadata", "name")))

    def _on_job(self, shown: Object, gone: bool) -> None:
        end = observe_job(shown).end
        # Its pod has said so already, and with what result.
        self._on_part(shown, later=not gone and end is not None and end.succeeded)

    def _on_pod(self, shown: Object, gone: bool) -> None:
        self._on_part(shown, later=not gone and observe_pod(shown).goes_its_way)

    def _on_part(self, shown: Object, *, later: bool) -> None:
        name = text(shown, "metadata", "annotations", NAME_ANNOTATION)
        if name:
            add = self._add_later if later else self._add
            add((text(shown, "metadata", "namespace"), name))
