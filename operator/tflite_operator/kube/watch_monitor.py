"""What kopf's requests tell of how well it watches the conversions.

kopf says neither that a list is complete, nor that a watch cannot be had, nor that it lists again what it had listed.
So its requests are looked at as they pass.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterable
from typing import Final

import aiohttp
from aiohttp import ClientHandlerType
from aiohttp.base_protocol import BaseProtocol

from tflite_api import names
from tflite_operator.kube.client import CONVERSIONS
from tflite_operator.kube.decoding.page_size import PageSize, read_page
from tflite_operator.kube.errors import ClusterError
from tflite_operator.telemetry.metrics import API_REQUESTS

_NOT_YET: Final = "not watching yet"
_UNANSWERED: Final = "the API server has not answered yet"
_SHORT_SECONDS: Final = 1.0
"""kopf watches again as soon as a watch has ended: where each ends sooner than this, it has to wait, ever longer."""
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0


class WriteRefusedError(ClusterError):
    """kopf would have written: only what holds the lease may, and kopf does not ask."""


class WatchMonitor:
    """A middleware of kopf's HTTP session."""

    def __init__(self, scopes: Iterable[str], relisted: Callable[[str], None]) -> None:
        """Take what is watched, and who is told.

        Args:
            scopes: the namespaces that are watched, or EVERYWHERE alone.
            relisted: is told of a scope that is watched again after it was listed again: whatever vanished before that
                was told to nobody. And after the API server was away: it may have come back with a restored backup,
                and then takes a watch from a version that is yet to come, and tells nothing until that.
        """
        self._scopes = {CONVERSIONS.path(scope): scope for scope in scopes}
        self._problems = dict.fromkeys(self._scopes.values(), _NOT_YET)
        self._watched: set[str] = set()
        self._listed: set[str] = set()
        self._unsure: set[str] = set()
        self._begun = dict.fromkeys(self._problems, -math.inf)
        """When the latest watch of a scope began."""
        self._pauses = dict.fromkeys(self._problems, 0.0)
        self._page_sizes = {scope: PageSize() for scope in self._problems}
        self._relisted = relisted
        self.synced = asyncio.Event()
        """Set once all that there is was listed."""

    @property
    def problem(self) -> str:
        """Return why conversions are not watched; empty while all are."""
        return next((problem for problem in self._problems.values() if problem), "")

    async def __call__(self, request: aiohttp.ClientRequest, send: ClientHandlerType) -> aiohttp.ClientResponse:
        """Pass a request on, and take note of what comes of it."""
        if request.method != "GET":
            raise WriteRefusedError(f"kopf may not {request.method} {request.url.path}")
        scope = self._scopes.get(request.url.path)
        watch = "watch" in request.url.query
        if scope is not None and not watch and "continue" not in request.url.query:
            if scope in self._listed:
                self._unsure.add(scope)
            self._listed.add(scope)
        if scope is not None and watch:
            await self._begin(scope)
        code, problem, is_away, begun = "error", "", False, time.monotonic()
        try:
            size = self._page_sizes[scope] if scope is not None and not watch else None
            response = await (send(request) if size is None else self._page(request, send, size))
            code = str(response.status)
            problem = f"HTTP {response.status}" if response.status >= 300 else ""
            is_away = response.status >= 500
        except asyncio.CancelledError:
            # So kopf ends a watch that is not even answered.
            problem = "the API server does not answer"
            is_away = True
            raise
        except Exception as error:
            problem = f"{type(error).__name__} {error}".strip()
            is_away = True
            raise
        finally:
            if not watch:
                resource = "conversions" if scope is not None else "discovery"
                API_REQUESTS.labels("GET", resource, code).observe(time.monotonic() - begun)
            if scope is not None and (problem or watch):
                self._note(scope, problem, is_away=is_away)
        return response

    async def _page(
        self, request: aiohttp.ClientRequest, send: ClientHandlerType, size: PageSize
    ) -> aiohttp.ClientResponse:
        """Have kopf read a page that fits into memory, of however many objects."""
        while True:
            request.url = request.url.update_query(limit=str(size.items))
            response = await send(request)
            if response.status >= 300:
                return response
            content = await read_page(response, size.most_bytes)
            if content is not None:
                size.fit(len(content))
                response.content = _read_again(content)
                return response
            size.halve()

    async def _begin(self, scope: str) -> None:
        was_short = time.monotonic() - self._begun[scope] < _SHORT_SECONDS
        self._pauses[scope] = min(max(2 * self._pauses[scope], _FIRST_PAUSE), _LONGEST_PAUSE) if was_short else 0.0
        await asyncio.sleep(self._pauses[scope])
        self._begun[scope] = time.monotonic()
        self._problems[scope] = self._problems[scope] or _UNANSWERED

    def _note(self, scope: str, problem: str, *, is_away: bool) -> None:
        self._problems[scope] = f"{names.PLURAL} cannot be watched: {problem}" if problem else ""
        if is_away and scope in self._watched:
            self._unsure.add(scope)
        if problem:
            return
        self._watched.add(scope)
        if len(self._watched) == len(self._scopes):
            self.synced.set()
        if scope in self._unsure:
            self._unsure.discard(scope)
            self._relisted(scope)


def _read_again(content: bytes) -> aiohttp.StreamReader:
    """Return what was read as something to read."""
    loop = asyncio.get_running_loop()
    # No connection stands behind it that could be asked to pause.
    stream = aiohttp.StreamReader(BaseProtocol(loop), len(content), loop=loop)
    stream.feed_data(content)
    stream.feed_eof()
    return stream
