"""/healthz, /readyz and /metrics."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Probe = Callable[[], str]
"""Returns what is wrong, or an empty string."""

_STOP_SECONDS: Final = 1.0


@asynccontextmanager
async def serve(port: int, healthy: Probe, ready: Probe) -> AsyncIterator[None]:
    """Serve the endpoints while the block runs."""
    application = web.Application()
    application.add_routes(
        [
            web.get("/healthz", _probe(healthy)),
            web.get("/readyz", _probe(ready)),
            web.get("/metrics", _metrics),
        ]
    )
    runner = web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, None, port).start()
        yield
    finally:
        await runner.cleanup()


def _probe(check: Probe) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        problem = check()
        return web.Response(text=problem or "ok", status=503 if problem else 200)

    return answer


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
