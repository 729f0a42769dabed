"""What can be seen of the operator from outside: a client that makes conversions and watches what becomes of them."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import aiohttp

from bench.scale.stages import spec
from dev.host.errors import DevError
from dev.isolation.network import Addresses
from tflite_api import names
from tflite_operator.core.labels import NAME_ANNOTATION

NAMESPACE: Final = "default"
_CONVERSIONS: Final = f"/apis/{names.GROUP}/{names.VERSION}/namespaces/{NAMESPACE}/{names.PLURAL}"
_JOBS: Final = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
# Of Jobs only the names and times matter: the client should take little of the machine.
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_AT_ONCE: Final = 32


@dataclass
class Seen:
    """When something of a conversion was first seen, by the monotonic clock."""

    created: dict[str, float] = field(default_factory=dict)
    job: dict[str, float] = field(default_factory=dict)
    status: dict[str, float] = field(default_factory=dict)
    ready: dict[str, float] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def conversion(self, event: dict[str, Any], now: float) -> None:
        """Take a watch event of a conversion."""
        found = event["object"]
        name = found["metadata"]["name"]
        self.created.setdefault(name, now)
        conditions = found.get("status", {}).get("conditions", ())
        if conditions:
            self.status.setdefault(name, now)
        if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
            self.ready.setdefault(name, now)

    def job_of(self, event: dict[str, Any], now: float) -> None:
        """Take a watch event of a Job."""
        if event["type"] == "ADDED":
            self.job.setdefault(event["object"]["metadata"]["annotations"][NAME_ANNOTATION], now)

    def delays(self, what: dict[str, float], of: Iterable[str]) -> list[float]:
        """Return the seconds from the creation of each conversion to an event."""
        return [what[name] - self.created[name] for name in of]


class Client:
    """The administrator's client."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """Take a session that knows the server."""
        self._session = session
        self._watches: list[asyncio.Task[None]] = []
        self.seen = Seen()

    @classmethod
    @asynccontextmanager
    async def connect(cls, addresses: Addresses, pki: Path) -> AsyncIterator[Self]:
        """Connect and watch, until the context ends."""
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        connector = aiohttp.TCPConnector(ssl=context, limit=_AT_ONCE + 2)
        timeout = aiohttp.ClientTimeout(total=None)
        base = f"https://{addresses.node}:6443"
        async with aiohttp.ClientSession(base, connector=connector, timeout=timeout, read_bufsize=2**22) as session:
            client = cls(session)
            client._watches = [
                asyncio.create_task(client._watch(_CONVERSIONS, "application/json", client.seen.conversion)),
                asyncio.create_task(client._watch(_JOBS, _METADATA_ONLY, client.seen.job_of)),
            ]
            try:
                yield client
            finally:
                for watch in client._watches:
                    watch.cancel()
                await asyncio.gather(*client._watches, return_exceptions=True)

    async def make(self, new: Iterable[str], at_once: int = _AT_ONCE) -> None:
        """Make conversions of these names."""
        limit = asyncio.Semaphore(at_once)

        async def one(name: str) -> None:
            body = {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": spec(name),
            }
            async with limit, self._session.post(_CONVERSIONS, json=body) as answer:
                if answer.status != 201:
                    raise DevError(f"conversion {name} was refused: {await answer.text()}")

        await asyncio.gather(*(one(name) for name in new))

    async def make_finished(self, new: Iterable[str], like: str) -> None:
        """Make conversions that have ended like another one, as long ago that their Jobs are gone."""
        async with self._session.get(f"{_CONVERSIONS}/{like}") as answer:
            answer.raise_for_status()
            ended = json.dumps((await answer.json())["status"])
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(name: str) -> None:
            body = {"status": json.loads(ended.replace(f"{like}.tflite", f"{name}.tflite"))}
            kind = {"Content-Type": "application/merge-patch+json"}
            async with limit, self._session.patch(f"{_CONVERSIONS}/{name}/status", json=body, headers=kind) as answer:
                answer.raise_for_status()

        names = list(new)
        await self.make(names)
        await asyncio.gather(*(one(name) for name in names))

    async def until(self, what: str, fact: Callable[[Seen], bool], check: Callable[[], None], seconds: float) -> None:
        """Wait until a fact holds of what was seen.

        Raises:
            DevError: it does not in this time, or `check` found something broken.
        """
        deadline = time.monotonic() + seconds
        while not fact(self.seen):
            if time.monotonic() > deadline:
                counts = {name: len(getattr(self.seen, name)) for name in ("created", "job", "status", "ready")}
                raise DevError(f"{what}: not within {seconds:.0f} s; seen so far: {counts}")
            check()
            for watch in self._watches:
                if watch.done():
                    watch.result()
            self.seen.changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.seen.changed.wait(), 1)

    async def _watch(self, path: str, accept: str, take: Callable[[dict[str, Any], float], None]) -> None:
        query = {"watch": "true", "timeoutSeconds": "7200"}
        while True:
            # The API server may end a watch at any time. A new one begins with all that is there.
            async with self._session.get(path, params=query, headers={"Accept": accept}) as answer:
                answer.raise_for_status()
                while line := await answer.content.readline():
                    take(json.loads(line), time.monotonic())
                    self.seen.changed.set()
