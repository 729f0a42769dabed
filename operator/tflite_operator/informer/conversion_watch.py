"""Takes what kopf tells of conversions into the cache, and finds out what kopf does not tell."""

import asyncio
from collections.abc import Callable
from typing import Final

from tflite_api.json_log import with_fields
from tflite_operator.core.fields import Object
from tflite_operator.core.labels import Key
from tflite_operator.informer.conversion_cache import ConversionCache
from tflite_operator.informer.object_cache import number, object_key
from tflite_operator.kube.client import CONVERSIONS, Client
from tflite_operator.kube.errors import ClusterError
from tflite_operator.telemetry.log import LOGGER

_FIRST_DELAY: Final = 1.0
_LONGEST_DELAY: Final = 30.0


class VersionsWentBackError(ClusterError):
    """The API server counts from an earlier version, as after a restored backup: nothing that is known holds."""


class ConversionWatch:
    """What comes of the conversions' events."""

    def __init__(self, cache: ConversionCache, client: Client, add: Callable[[Key], None]) -> None:
        """Take what is filled, where to ask, and what enqueues a conversion."""
        self._cache = cache
        self._client = client
        self._add = add
        self._listed_again: asyncio.Queue[str] = asyncio.Queue()

    def take(self, conversion: Object, *, gone: bool) -> None:
        """Take a conversion as it is now, or as it last was."""
        if gone:
            self._cache.remove(conversion)
        elif not self._cache.show(conversion):
            return
        self._add(object_key(conversion))

    def relisted(self, scope: str) -> None:
        """Take note that kopf has listed a namespace again, and said nothing of what is not there any more."""
        self._listed_again.put_nowait(scope)

    async def find_vanished(self) -> None:
        """For as long as it runs, compare the cache with a list of names whenever kopf has listed again.

        Raises:
            VersionsWentBackError: everything has to begin from the start.
        """
        while True:
            scope = await self._listed_again.get()
            delay = _FIRST_DELAY
            while (retry_after := await self._compare(scope)) is not None:
                await asyncio.sleep(max(delay, retry_after))
                delay = min(2 * delay, _LONGEST_DELAY)

    async def _compare(self, scope: str) -> float | None:
        """Compare; return None when that is done, or how long the API server asks to be left alone before."""
        try:
            listed, version = await self._client.list_names(CONVERSIONS, scope)
        except ClusterError as error:
            LOGGER.warning("listing conversions failed: %s", error, extra=with_fields(scope=scope or "all namespaces"))
            return error.retry_after
        if number(version) < self._cache.heard:
            raise VersionsWentBackError(f"the API server is at version {version}, and was at {self._cache.heard}")
        for key in self._cache.retain(listed, version, scope):
            self._add(key)
        return None
