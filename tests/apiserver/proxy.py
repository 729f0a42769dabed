"""Stands between the operator and the API server, and does to their connections what networks and overload do.

It is the only stand-in of these tests: it ends the operator's TLS and passes each request on to the real API server,
unless a rule answers it, drops it, or leaves it without an answer.
"""

import asyncio
import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import aiohttp
from aiohttp import web

_T = TypeVar("_T")
_LOOP_SECONDS: Final = 10
_HOST: Final = "127.0.0.1"
# Of one connection alone; the other has its own.
_HOP: Final = frozenset({"connection", "host", "transfer-encoding", "content-length", "keep-alive"})


@dataclass(frozen=True)
class Asked:
    """A request of the operator's."""

    moment: float
    """By the monotonic clock."""
    method: str
    path: str
    query: str

    @property
    def is_watch(self) -> bool:
        """Return whether the request is a watch."""
        return "watch=true" in self.query.split("&")

    def is_of(self, plural: str) -> bool:
        """Return whether it lists or watches a resource, in one namespace or in all."""
        return self.method == "GET" and self.path.endswith(f"/{plural}")


@dataclass(frozen=True)
class Answer:
    """What a rule answers in the API server's place."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Drop:
    """The connection is closed."""


@dataclass(frozen=True)
class Ignore:
    """Nothing is answered, and nothing is closed."""


Rule = Callable[[Asked], Answer | Drop | Ignore | None]
"""Returns what becomes of a request; None passes it on."""


def pass_on(_: Asked) -> None:
    """Pass every request on."""


@dataclass(eq=False)
class _Stream:
    asked: Asked
    transport: asyncio.Transport | None
    is_mute: bool = False


@dataclass
class Proxy:
    """Started with the block, ended with it."""

    upstream: str
    """The API server's address."""
    pki: Path
    rule: Rule = pass_on
    asked: list[Asked] = field(default_factory=list)
    """All requests so far."""
    _streams: set[_Stream] = field(default_factory=set)

    def __enter__(self) -> Self:
        """Listen."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        """Close everything."""
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LOOP_SECONDS)
        self._loop.close()

    @property
    def address(self) -> str:
        """Where the operator finds the API server."""
        return f"https://{_HOST}:{self._port}"

    def cut(self, chosen: Callable[[Asked], bool] = lambda _: True) -> int:
        """Close the connections of the chosen requests that are under way; return how many."""
        return self._run(self._cut(chosen))

    def mute(self, chosen: Callable[[Asked], bool]) -> int:
        """Pass nothing on any more to the chosen requests that are under way, and close none; return how many."""
        return self._run(self._mute(chosen))

    def count(self, chosen: Callable[[Asked], bool], since: float = 0) -> int:
        """Return how many of the chosen requests came since a moment."""
        return sum(chosen(one) for one in list(self.asked) if one.moment >= since)

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        done: Future[_T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(_LOOP_SECONDS)

    async def _start(self) -> None:
        trusted = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
        own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        own.load_cert_chain(self.pki / "apiserver.crt", self.pki / "apiserver.key")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=trusted, force_close=True),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        server = web.Server(self._handle, handler_cancellation=True)
        self._runner = web.ServerRunner(server, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, _HOST, 0, ssl_context=own)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        await self._cut(lambda _: True)
        await self._runner.cleanup()
        await self._session.close()

    async def _cut(self, chosen: Callable[[Asked], bool]) -> int:
        cut = [stream for stream in self._streams if chosen(stream.asked)]
        for stream in cut:
            _abort(stream.transport)
        return len(cut)

    async def _mute(self, chosen: Callable[[Asked], bool]) -> int:
        muted = [stream for stream in self._streams if chosen(stream.asked)]
        for stream in muted:
            stream.is_mute = True
        return len(muted)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = Asked(time.monotonic(), request.method, request.path, request.query_string)
        self.asked.append(asked)
        stream = _Stream(asked, request.transport)
        self._streams.add(stream)
        try:
            match self.rule(asked):
                case Answer(status, headers, body):
                    return web.Response(status=status, headers=headers, body=body)
                case Drop():
                    return await _dropped(request)
                case Ignore():
                    await asyncio.Event().wait()
            return await self._pass_on(request, stream)
        finally:
            self._streams.discard(stream)

    async def _pass_on(self, request: web.BaseRequest, stream: _Stream) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        body = await request.read()
        try:
            async with self._session.request(
                request.method, f"{self.upstream}{request.raw_path}", headers=headers, data=body or None
            ) as answer:
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
                response = web.StreamResponse(status=answer.status, headers=kept)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    if stream.is_mute:
                        await asyncio.Event().wait()
                    await response.write(chunk)
                await response.write_eof()
                return response
        except (aiohttp.ClientError, OSError):
            return await _dropped(request)


async def _dropped(request: web.BaseRequest) -> web.StreamResponse:
    _abort(request.transport)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    return web.Response()


def _abort(transport: asyncio.BaseTransport | None) -> None:
    if isinstance(transport, asyncio.Transport):
        transport.abort()
