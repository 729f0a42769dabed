"""The informers of Jobs and pods. Every event means the same: reconcile the conversion, at once or with a delay."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tflite_operator.core.labels import Key
from tflite_operator.informer.informer import Informer
from tflite_operator.informer.object_cache import EVERYWHERE, ObjectCache
from tflite_operator.kube.client import JOBS, PODS, Client
from tflite_operator.observe.job import ObservedJob
from tflite_operator.observe.pod import ObservedPod

Add = Callable[[Key], None]


class Informers:
    """Keep the caches like the cluster, and enqueue what changed, as long as the context lasts."""

    def __init__(
        self,
        client: Client,
        caches: tuple[ObjectCache[ObservedJob], ObjectCache[ObservedPod]],
        add: Add,
        add_later: Add,
        namespaces: tuple[str, ...],
    ) -> None:
        """Take what is filled, and who is told; without namespaces all are watched.

        Args:
            client: the API server.
            caches: of Jobs and of pods.
            add: enqueues a conversion.
            add_later: enqueues a conversion that is only making progress, which may wait.
            namespaces: where to watch.
        """
        self._add = add
        self._add_later = add_later
        jobs, pods = caches
        scopes = namespaces or (EVERYWHERE,)
        watching_jobs = [Informer(client, JOBS, scope, jobs, self._on_job) for scope in scopes]
        watching_pods = [Informer(client, PODS, scope, pods, self._on_pod) for scope in scopes]
        self._runs = [one.run for one in watching_jobs] + [one.run for one in watching_pods]
        self._synced = [one.synced for one in watching_jobs] + [one.synced for one in watching_pods]
        self.tasks: list[asyncio.Task[None]] = []
        """None of them ends while all is well."""

    async def __aenter__(self) -> Self:
        """Start."""
        self.tasks = [asyncio.create_task(run()) for run in self._runs]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def synced(self) -> None:
        """Wait until all Jobs and pods are known: to a decision, what is not known yet would be gone."""
        for synced in self._synced:
            await synced.wait()

    def _on_job(self, job: ObservedJob, gone: bool) -> None:
        # That it succeeded its pod has said already, and with what result.
        later = not gone and job.end is not None and job.end.succeeded
        self._enqueue(job.key, later=later)

    def _on_pod(self, pod: ObservedPod, gone: bool) -> None:
        self._enqueue(pod.key, later=not gone and pod.is_progressing)

    def _enqueue(self, key: Key, *, later: bool) -> None:
        if key[1]:
            add = self._add_later if later else self._add
            add(key)
