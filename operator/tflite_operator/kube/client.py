"""The only file that talks to the API server. Objects go in and out as plain dicts; errors come out as our own."""

import asyncio
import math
import random
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote

import aiohttp
from pydantic_core import from_json

from tflite_api import names
from tflite_operator.core.fields import integer, objects, text
from tflite_operator.core.labels import CONVERSION_LABEL, Key
from tflite_operator.kube.connection import JSON, Connection
from tflite_operator.kube.decoding.page_size import PAGE_ITEMS, PageSize, read_page
from tflite_operator.kube.decoding.protobuf import MAGIC, STREAM, read
from tflite_operator.kube.decoding.watch_stream import events
from tflite_operator.kube.errors import ClusterError, NotFoundError, PageTooLongError, error_of
from tflite_operator.kube.late_check import CHECK, Check, unchecked
from tflite_operator.telemetry.log import LOGGER
from tflite_operator.telemetry.metrics import API_REQUESTS

_CONVERSIONS: Final = f"/apis/{names.GROUP}/{names.VERSION}"
_JOBS: Final = "/apis/batch/v1"
_CORE: Final = "/api/v1"
_EVENTS: Final = "/apis/events.k8s.io/v1"
_LEASES: Final = "/apis/coordination.k8s.io/v1"
_ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1"
_UNCHECKED_FIELDS: Final = {"fieldValidation": "Ignore"}
"""Of a write. By default the server looks for unknown fields in the body, to warn of them in a header that nobody
reads: 5 to 8 % of its CPU time while 1000 conversions run at once (docs/scaling.md)."""
_WITH_FIELDS: Final = frozenset({"POST", "PUT", "PATCH"})
_PAGE_NAMES: Final = 500
"""Of a list of metadata alone."""
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources"""
_WATCH_SECONDS: Final = 300
_UNREACHABLE: Final = (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, ssl.SSLError, OSError)

Object = dict[str, Any]
T = TypeVar("T")


class _Media(NamedTuple):
    """The encodings of a request's and an answer's body, and how long the latter may be."""

    sent: str = JSON
    accepted: str = JSON
    size: PageSize | None = None


_JSON: Final = _Media()
_MERGE_PATCH: Final = _Media("application/merge-patch+json")


@dataclass(frozen=True)
class Resource:
    """A resource that is watched."""

    name: str
    root: str
    plural: str
    selector: str = ""
    is_builtin: bool = False
    """Whether the API server can send it as protobuf."""

    def path(self, namespace: str) -> str:
        """Return where a namespace's objects are, or those of all."""
        return _path(self.root, namespace, self.plural) if namespace else f"{self.root}/{self.plural}"


CONVERSIONS: Final = Resource("conversions", _CONVERSIONS, names.PLURAL)
JOBS: Final = Resource("jobs", _JOBS, "jobs", CONVERSION_LABEL, is_builtin=True)
PODS: Final = Resource("pods", _CORE, "pods", CONVERSION_LABEL, is_builtin=True)
ADMISSION_POLICIES: Final = Resource("admission policies", _ADMISSION, "validatingadmissionpolicies")
ADMISSION_BINDINGS: Final = Resource("their bindings", _ADMISSION, "validatingadmissionpolicybindings")


@dataclass(frozen=True)
class Page:
    """A part of a list."""

    items: list[Object]
    version: str
    """Of the whole list."""
    token: str
    """Asks for the next page; empty on the last one."""


class Client:
    """The API server, as far as the operator needs it."""

    def __init__(
        self,
        connection: Connection,
        request_seconds: float,
        write_seconds: Callable[[], float] = lambda: math.inf,
        silence_seconds: float = math.inf,
    ) -> None:
        """Take how to reach it, and the longest time that things may take.

        Args:
            connection: where the API server is, and who asks.
            request_seconds: of any request.
            write_seconds: asked before each write for the longest time that it may take; raises when none may begin.
            silence_seconds: after which a watch that tells nothing counts as dead.
        """
        self._connection = connection
        self._request_seconds = request_seconds
        self._write_seconds = write_seconds
        self._silence_seconds = silence_seconds
        self._page_sizes: dict[tuple[str, str], PageSize] = {}

    async def check(self, namespaces: tuple[str, ...]) -> None:
        """Make sure that the conversions can be listed.

        Raises:
            ClusterError: the resource is unknown, or access to it is refused.
        """
        for path in [f"/namespaces/{quote(one)}" for one in namespaces] or [""]:
            await self._ask("GET", f"{_CONVERSIONS}{path}/{names.PLURAL}", query={"limit": "1"}, what="conversions")

    async def namespace_uid(self, name: str) -> str:
        """Return the UID of a namespace.

        Raises:
            NotFoundError: there is none of that name.
            RefusedError: it may not be read.
        """
        found = await self._ask("GET", f"{_CORE}/namespaces/{quote(name)}", what="namespaces")
        uid = text(found, "metadata", "uid")
        if not uid:
            raise NotFoundError(f"namespace {name} has no UID")
        return uid

    async def page(self, resource: Resource, namespace: str, token: str) -> Page:
        """List some objects of a resource; the first ones if there is no token.

        Raises:
            GoneError: the token is too old.
        """
        return await self._page(resource.path(namespace), _chosen(resource), token, resource.name)

    async def list_names(self, resource: Resource, namespace: str) -> tuple[dict[Key, str], str]:
        """List what there is of a resource by its metadata alone.

        Returns:
            The UID of each object, and the version of the list.
        """
        found: dict[Key, str] = {}
        token = ""
        while True:
            page = await self._page(resource.path(namespace), _chosen(resource), token, resource.name, _METADATA_ONLY)
            for item in page.items:
                key = text(item, "metadata", "namespace"), text(item, "metadata", "name")
                found[key] = text(item, "metadata", "uid")
            token = page.token
            if not token:
                return found, page.version

    async def watch(self, resource: Resource, namespace: str, version: str) -> AsyncGenerator[tuple[str, Object], None]:
        """Return what happens to a resource's objects after a version: the event's type, and the object as it then is.

        Ends when the server or the connection does, which both happens; the last event tells from where to go on.

        Raises:
            GoneError: so much has happened since that the server does not know it all.
        """
        query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"} | _chosen(resource)
        query |= {"timeoutSeconds": str(random.randint(_WATCH_SECONDS, 2 * _WATCH_SECONDS))}  # noqa: S311 - nobody guesses it
        silence = aiohttp.ClientTimeout(total=None, sock_connect=self._request_seconds, sock_read=self._silence_seconds)
        try:
            response = await self._connection.send(
                "GET", resource.path(namespace), query, None, accepted=_accepted(resource), limits=silence
            )
            if response.status >= 300:
                raise _refusal("GET", response, _parsed(await response.read()))
        except _UNREACHABLE as error:
            raise ClusterError(f"the API server does not answer: {type(error).__name__} {error}") from error
        try:
            async for kind, shown in events(response):
                if kind == "ERROR":
                    raise error_of("GET", integer(shown, "code") or 500, dict(shown))
                yield kind, dict(shown)
        except _UNREACHABLE as error:
            LOGGER.debug("a watch of %s was cut off: %s", resource.name, error)
        except ValueError as error:
            raise ClusterError(f"the API server's watch makes no sense: {error}") from error
        finally:
            response.close()

    async def conversion(self, namespace: str, name: str) -> Object:
        """Read a TFLiteConversion."""
        return await self._ask("GET", _path(_CONVERSIONS, namespace, names.PLURAL, name), what="conversions")

    async def patch_status(
        self, namespace: str, name: str, version: str, uid: str, changes: Mapping[str, Any]
    ) -> Object:
        """Merge changes into a conversion's status, unless the conversion changed since `version` or is another one."""
        body = {"metadata": {"resourceVersion": version, "uid": uid}, "status": changes}
        path = f"{_path(_CONVERSIONS, namespace, names.PLURAL, name)}/status"
        return await self._ask("PATCH", path, body=body, media=_MERGE_PATCH, what="conversions/status")

    async def set_finalizers(self, namespace: str, name: str, version: str, uid: str, finalizers: list[str]) -> Object:
        """Set a conversion's finalizers, unless it changed since `version` or is another one."""
        body = {"metadata": {"resourceVersion": version, "uid": uid, "finalizers": finalizers}}
        path = _path(_CONVERSIONS, namespace, names.PLURAL, name)
        return await self._ask("PATCH", path, body=body, media=_MERGE_PATCH, what="conversions")

    async def jobs(self, namespace: str, uid: str, read: Callable[[Object], T]) -> list[T]:
        """List the Jobs of a conversion, as far as each is read."""
        return await self._list(_path(_JOBS, namespace, "jobs"), f"{CONVERSION_LABEL}={uid}", "jobs", read)

    async def job(self, namespace: str, name: str) -> Object:
        """Read a Job by its name."""
        return await self._ask("GET", _path(_JOBS, namespace, "jobs", name), what="jobs")

    async def create_job(self, job: Object) -> Object:
        """Create a Job; ConflictError when the name is taken."""
        path = _path(_JOBS, job["metadata"]["namespace"], "jobs")
        return await self._ask("POST", path, body=job, what="jobs")

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """Delete this very Job, and its pods in the background."""
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        await self._ask("DELETE", _path(_JOBS, namespace, "jobs", name), body=body, what="jobs")

    async def set_job_ttl(self, namespace: str, name: str, uid: str, seconds: int) -> Object:
        """Let the cluster remove this very Job so long after its end."""
        body = {"metadata": {"uid": uid}, "spec": {"ttlSecondsAfterFinished": seconds}}
        path = _path(_JOBS, namespace, "jobs", name)
        return await self._ask("PATCH", path, body=body, media=_MERGE_PATCH, what="jobs")

    async def pods(self, namespace: str, uid: str, read: Callable[[Object], T]) -> list[T]:
        """List the pods of a conversion, as far as each is read."""
        return await self._list(_path(_CORE, namespace, "pods"), f"{CONVERSION_LABEL}={uid}", "pods", read)

    async def warnings(self, namespace: str, uid: str) -> list[Object]:
        """List the Warning Events about an object; nothing else says why a Job gets no pod, or a pod does not start."""
        query = {"fieldSelector": f"involvedObject.uid={uid},type=Warning", "limit": str(PAGE_ITEMS)}
        answer = await self._ask("GET", _path(_CORE, namespace, "events"), query=query, what="events")
        return [dict(item) for item in objects(answer, "items")]

    async def create_event(self, event: Object) -> None:
        """Create an Event."""
        path = _path(_EVENTS, event["metadata"]["namespace"], "events")
        await self._ask("POST", path, body=event, what="events")

    async def lease(self, namespace: str, name: str) -> Object:
        """Read a Lease."""
        return await self._ask("GET", _path(_LEASES, namespace, "leases", name), what="leases")

    async def create_lease(self, namespace: str, _: str, lease: Object) -> Object:
        """Create a Lease; ConflictError when the name is taken."""
        return await self._ask("POST", _path(_LEASES, namespace, "leases"), body=lease, what="leases", fenced=False)

    async def replace_lease(self, namespace: str, name: str, lease: Object) -> Object:
        """Replace a Lease; ConflictError when it changed since it was read."""
        return await self._ask(
            "PUT", _path(_LEASES, namespace, "leases", name), body=lease, what="leases", fenced=False
        )

    async def _list(self, path: str, selector: str, what: str, read: Callable[[Object], T]) -> list[T]:
        found: list[T] = []
        token = ""
        while True:
            page = await self._page(path, {"labelSelector": selector}, token, what)
            # At once: anybody who may make Jobs decides how many carry a label, and how large each is.
            found += [read(item) for item in page.items]
            token = page.token
            if not token:
                return found

    async def _page(self, path: str, chosen: Mapping[str, str], token: str, what: str, accepted: str = JSON) -> Page:
        most = _PAGE_NAMES if accepted == _METADATA_ONLY else PAGE_ITEMS
        size = self._page_sizes.setdefault((what, accepted), PageSize(most))
        while True:
            query = {"limit": str(size.items), **chosen} | ({"continue": token} if token else {})
            try:
                answer = await self._ask(
                    "GET", path, query=query, what=what, media=_Media(accepted=accepted, size=size)
                )
            except PageTooLongError:
                size.halve()
                continue
            return Page(
                [dict(item) for item in objects(answer, "items")],
                text(answer, "metadata", "resourceVersion"),
                text(answer, "metadata", "continue"),
            )

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, str] = MappingProxyType({}),
        body: Object | None = None,
        media: _Media = _JSON,
        fenced: bool = True,
    ) -> Object:
        seconds = self._request_seconds
        check: Check = unchecked
        if method in _WITH_FIELDS:
            query = {**query, **_UNCHECKED_FIELDS}
        if fenced and method != "GET":
            seconds, check = min(seconds, self._write_seconds()), self._write_seconds
        before = CHECK.set(check)
        code = "error"
        begun = time.monotonic()
        try:
            response, answer = await self._exchange(method, path, query, body, media, seconds)
            code = str(response.status)
        except _UNREACHABLE as error:
            raise ClusterError(f"the API server does not answer: {type(error).__name__} {error}") from error
        except ValueError as error:
            raise ClusterError("the API server does not answer in JSON") from error
        finally:
            CHECK.reset(before)
            API_REQUESTS.labels(method, what, code).observe(time.monotonic() - begun)
        if response.status >= 300:
            raise _refusal(method, response, answer)
        return answer

    async def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Object | None,
        media: _Media,
        seconds: float,
    ) -> tuple[aiohttp.ClientResponse, Object]:
        # aiohttp rounds up to whole seconds what is longer than 5 s: a write would outlast the lease.
        limits = aiohttp.ClientTimeout(total=seconds, ceil_threshold=math.inf)
        response = await self._connection.send(
            method, path, query, body, kind=media.sent, accepted=media.accepted, limits=limits
        )
        content = await (response.read() if media.size is None else _read_page(response, media.size))
        # A proxy or an overloaded server may answer in plain text.
        parsed = from_json(content) if response.status < 300 else _parsed(content)
        return response, parsed if isinstance(parsed, dict) else {}


async def _read_page(response: aiohttp.ClientResponse, size: PageSize) -> bytes:
    content = await read_page(response, size.most_bytes)
    if content is None:
        raise PageTooLongError(f"{size.items} objects at once are too many")
    size.fit(len(content))
    return content


def _chosen(resource: Resource) -> dict[str, str]:
    return {"labelSelector": resource.selector} if resource.selector else {}


def _accepted(resource: Resource) -> str:
    return f"{STREAM},{JSON}" if resource.is_builtin else JSON


def _refusal(method: str, response: aiohttp.ClientResponse, answer: Object) -> ClusterError:
    return error_of(method, response.status, answer, response.headers.get("Retry-After", ""))


def _parsed(content: bytes) -> Object:
    """Read a refusal, in whichever encoding it comes."""
    try:
        parsed = read(content) if content.startswith(MAGIC) else from_json(content)
    except ValueError:
        return {"message": content[:1024].decode(errors="replace")}
    return parsed if isinstance(parsed, dict) else {}


def _path(root: str, namespace: str, plural: str, name: str = "") -> str:
    path = f"{root}/namespaces/{quote(namespace, safe='')}/{plural}"
    return f"{path}/{quote(name, safe='')}" if name else path
