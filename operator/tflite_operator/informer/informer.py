"""Keeps a cache like one resource of the API server: lists it once, then watches it from there."""

import asyncio
import random
from collections.abc import Callable
from contextlib import aclosing
from typing import Final, Generic, TypeVar

from tflite_api.json_log import with_fields
from tflite_operator.core.fields import Object, text
from tflite_operator.core.labels import Key
from tflite_operator.informer.object_cache import ObjectCache, Owned, object_key
from tflite_operator.kube.client import Client, Resource
from tflite_operator.kube.errors import ClusterError, GoneError, NotFoundError, RefusedError
from tflite_operator.telemetry.log import LOGGER

T = TypeVar("T", bound=Owned)
Tell = Callable[[T, bool], None]
"""Takes an object that changed, and whether it is gone."""

_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0
_PATIENCE: Final = 5
"""After so many failures in a row, some ten seconds, a watch begins with a list again."""


class Informer(Generic[T]):
    """One resource, in one namespace or in all."""

    def __init__(self, client: Client, resource: Resource, scope: str, cache: ObjectCache[T], tell: Tell[T]) -> None:
        """Take the resource, where it is watched, and who is told of changes."""
        self._client = client
        self._resource = resource
        self._scope = scope
        self._cache = cache
        self._tell = tell
        self._version = ""
        self._failures = 0
        self.synced = asyncio.Event()
        """Set while the cache holds all that there is, as far as the watch has told."""

    async def run(self) -> None:
        """List and watch for ever. Whatever goes wrong with the server is logged, and tried again ever later."""
        while True:
            try:
                if not self._version:
                    await self._list()
                    self.synced.set()
                await self._watch()
            except GoneError as error:
                # So old a version cannot be watched from: what came in between is found by listing again.
                self._begin_anew()
                await self._wait(error)
            except (NotFoundError, RefusedError) as error:
                # The resource went, or the right to it: nothing is known of what comes back.
                self._begin_anew()
                await self._wait(error)
            except ClusterError as error:
                if self._failures >= _PATIENCE:
                    # A server that was away for long may have lower versions now, from a backup.
                    self._begin_anew()
                await self._wait(error)

    def _begin_anew(self) -> None:
        self._version = ""
        self.synced.clear()

    async def _list(self) -> None:
        listed: set[Key] = set()
        token, version = await self._take_page("", listed)
        while token:
            token, version = await self._take_page(token, listed)
        for gone in self._cache.retain(listed, version, self._scope):
            self._tell(gone, True)
        self._version = version

    async def _take_page(self, token: str, listed: set[Key]) -> tuple[str, str]:
        """Take a page of the list; return the next one's token, and the version of the whole."""
        page = await self._client.page(self._resource, self._scope, token)
        if not token:
            for gone in self._cache.start_over(page.version, self._scope):
                self._tell(gone, True)
        for item in page.items:
            listed.add(object_key(item))
            changed = self._cache.show(item)
            if changed is not None:
                self._tell(changed, False)
        return page.token, page.version

    async def _watch(self) -> None:
        heard = False
        async with aclosing(self._client.watch(self._resource, self._scope, self._version)) as events:
            async for kind, shown in events:
                self._take(kind, shown)
                self._version = text(shown, "metadata", "resourceVersion") or self._version
                self._cache.hear(self._version, self._scope)
                self._failures = 0
                heard = True
        if not heard:
            # A server that ends every watch at once must not be asked without a pause.
            await self._pause()

    def _take(self, kind: str, shown: Object) -> None:
        match kind:
            case "ADDED" | "MODIFIED":
                changed = self._cache.show(shown)
                if changed is not None:
                    self._tell(changed, False)
            case "DELETED":
                self._tell(self._cache.remove(shown), True)
            case "BOOKMARK":
                pass
            case _:
                raise ClusterError(f"the watch of {self._resource.name} tells of {kind or 'nothing'}")

    async def _wait(self, error: ClusterError) -> None:
        told = with_fields(resource=self._resource.name, scope=self._scope or "all namespaces")
        LOGGER.warning("watching failed: %s", error, extra=told)
        await self._pause(error.retry_after)

    async def _pause(self, at_least: float = 0.0) -> None:
        delay = min(_FIRST_DELAY * 2**self._failures, _LONGEST_DELAY)
        self._failures = min(self._failures + 1, 10)
        # Spread, so that the watches do not all come back in the same instant.
        await asyncio.sleep(max(delay * random.uniform(0.5, 1), at_least))  # noqa: S311 - nobody guesses it
