"""Ends the process that it is in, at a chosen instant of a chosen call."""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any

import aiohttp

from tests.chaos.calls import ANSWERED, BEFORE, SENT, Lifetime, call_of


class KillPoints:
    """Counts the calls of a life, and ends it at the one that was chosen."""

    def __init__(self, lifetime: Lifetime, report: int) -> None:
        self._lifetime = lifetime
        self._report = report
        self._begun = time.monotonic()
        self._seen: set[str] = set()
        self._counted: Counter[tuple[str, str]] = Counter()

    def trace(self) -> aiohttp.TraceConfig:
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._at(BEFORE))
        trace.on_request_headers_sent.append(self._at(SENT))
        trace.on_request_chunk_sent.append(self._at(SENT))
        trace.on_request_end.append(self._at(ANSWERED))
        return trace

    def _at(self, instant: str) -> Any:
        async def look(_: aiohttp.ClientSession, __: SimpleNamespace, request: Any) -> None:
            # The headers of a request with a body are no request yet.
            if hasattr(request, "headers") and instant == SENT and request.method not in {"GET", "HEAD"}:
                return
            self._count(call_of(request.method, request.url.path, request.url.query), instant)

        return look

    def _count(self, call: str, instant: str) -> None:
        if call not in self._seen:
            self._seen.add(call)
            self._say(seen=call)
        if time.monotonic() < self._begun + self._lifetime.grace_seconds:
            return
        self._counted[call, instant] += 1
        for chosen in self._lifetime.chosen:
            if (chosen.call, chosen.instant) == (call, instant) and self._counted[call, instant] == chosen.number:
                self._die(call, instant)

    def _die(self, call: str, instant: str) -> None:
        if instant == SENT:
            # aiohttp says so just before it writes. Once on its way, the answer may or may not arrive first.
            asyncio.get_running_loop().call_later(self._lifetime.flight_seconds, self._end, call, instant)
        else:
            self._end(call, instant)

    def _end(self, call: str, instant: str) -> None:
        self._say(call=call, instant=instant)
        os.kill(os.getpid(), signal.SIGKILL)

    def _say(self, **words: str) -> None:
        os.write(self._report, json.dumps(words).encode() + b"\n")
