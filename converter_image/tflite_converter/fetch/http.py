"""Fetching an untrusted file over HTTP within limits of time, size and address."""

import asyncio
import errno
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlunsplit

import aiohttp
from aiohttp import AddrInfoType

from tflite_api import urls
from tflite_api.reasons import Reason
from tflite_api.steps.step import FetchLimits
from tflite_api.text import one_line
from tflite_converter.core.failure import NO_SPACE, OWN_CURE, StepFailure
from tflite_converter.core.progress import Progress
from tflite_converter.core.units import bytes_in_words
from tflite_converter.fetch.archive.extraction import CHUNK_BYTES
from tflite_converter.fetch.network import ca_bundle
from tflite_converter.fetch.network.address_policy import refusal, refused_meaning
from tflite_converter.fetch.network.proxy import Proxy, ProxyOptions
from tflite_converter.fetch.receiver import Receiver
from tflite_converter.fetch.store_failures import unreachable
from tflite_converter.storage.obstacles import NO_SUCH_HOST, PROXY_SILENT, Obstacle, obstacle, of_proxy
from tflite_converter.storage.store import Fault

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS: Final = 10
_CONNECT_SECONDS: Final = 30
_SILENCE_SECONDS: Final = 60


@dataclass(frozen=True)
class Subject:
    """What is fetched: the words and reasons of its failures."""

    field: str
    """Of the spec, which named the address."""
    thing: str
    not_found: Reason
    access_denied: Reason
    too_large: Reason
    unavailable: Reason


def model(field: str) -> Subject:
    """Return the archive of a model that a field of the spec names."""
    return Subject(
        field,
        "archive",
        Reason.MODEL_NOT_FOUND,
        Reason.MODEL_ACCESS_DENIED,
        Reason.MODEL_TOO_LARGE,
        Reason.MODEL_UNAVAILABLE,
    )


def dataset(field: str) -> Subject:
    """Return a dataset that a field of the spec names."""
    return Subject(
        field,
        "dataset",
        Reason.DATASET_NOT_FOUND,
        Reason.DATASET_ACCESS_DENIED,
        Reason.DATASET_TOO_LARGE,
        Reason.DATASET_UNAVAILABLE,
    )


def fetch(url: str, target: Path, limits: FetchLimits, progress: Progress, subject: Subject) -> str:
    """Download `url` to `target`, which must not exist; nothing stays there on failure.

    Return its SHA-256 (64 hexadecimal digits).

    Every address connected to is checked where the connection is made, so neither a redirect nor a name that changes
    its meaning leads to an address that is refused.

    Raises:
        StepFailure: the subject's reasons, AddressRefused, ServerUnreachable, InvalidSpec (http is spoken where https
            was asked for) or OutOfDisk.
    """
    transfer = _Transfer(url, target, limits, progress, subject)
    try:
        return asyncio.run(transfer.run())
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def shown(url: str) -> str:
    """Return a URL as it may be shown: without user, query and fragment, which may hold credentials."""
    parts = urls.split(url)
    if parts is None:
        return "what is no address"
    return one_line(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")), 300)


def status_failure(status: int, url: str, subject: Subject) -> StepFailure | None:
    """Return what an HTTP status means for what is fetched; None for success."""
    where = f"{shown(url)} answered {status}"
    if status == 200:
        return None
    if status == 407:
        return StepFailure(
            subject.unavailable, f"{shown(url)} cannot be reached: the proxy answered {status}", OWN_CURE
        )
    if status in {401, 403, 451}:
        words = f"{where}: {subject.field} must be readable without credentials"
        return StepFailure(subject.access_denied, words, OWN_CURE)
    if status >= 500 or status in {408, 425, 429}:
        return StepFailure(subject.unavailable, where, OWN_CURE)
    return StepFailure(subject.not_found, where, f"correct {subject.field}")


class _Transfer:
    def __init__(self, url: str, target: Path, limits: FetchLimits, progress: Progress, subject: Subject) -> None:
        self._subject = subject
        self._url = url
        self._target = target
        self._limits = limits
        self._receiver = Receiver(limits.max_archive_bytes, limits.timeout_seconds, self._too_large, progress)
        self._refused: str | None = None
        self._proxy: Proxy | None = None

    async def run(self) -> str:
        if urls.split(self._url) is None:
            raise self._invalid()
        try:
            async with asyncio.timeout(self._limits.timeout_seconds) as deadline:
                return await self._run_with_session()
        except TimeoutError as error:
            raise self._timed_out(expired=deadline.expired()) from error
        except aiohttp.InvalidURL as error:
            raise self._invalid() from error
        except aiohttp.ClientError as error:
            raise self._broken_off(error) from error
        except UnicodeError as error:
            # Python looks up no name with two dots in a row, or with a part of more than 63 characters.
            raise self._unreachable(self._lost_name()) from error
        except OSError as error:
            if error.errno in NO_SPACE:
                words = f"No space left after {bytes_in_words(self._receiver.received)} of {self._subject.field}"
                raise StepFailure(Reason.OUT_OF_DISK, words, OWN_CURE) from error
            raise

    async def _run_with_session(self) -> str:
        connector = aiohttp.TCPConnector(
            socket_factory=self._open_socket, force_close=True, ssl=ca_bundle.client_context()
        )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", "User-Agent": "tflite-operator"},
        ) as session:
            for _ in range(_MAX_REDIRECTS + 1):
                async with session.get(self._url, allow_redirects=False, **await self._way()) as response:
                    if response.status not in _REDIRECTS or "Location" not in response.headers:
                        return await self._save(response)
                    self._follow(response.headers["Location"])
        words = f"{self._subject.field} redirects more than {_MAX_REDIRECTS} times"
        raise StepFailure(self._subject.not_found, words, OWN_CURE)

    async def _way(self) -> ProxyOptions:
        """Return the proxy to reach the address through. Then the proxy makes the connection, unchecked."""
        self._proxy = Proxy.of(self._url)
        if self._proxy is None:
            return {}
        if not self._limits.allow_local_addresses:
            # A name that only the proxy knows is for the proxy to judge.
            refused = await asyncio.to_thread(refused_meaning, self._url)
            if refused is not None:
                raise self._address_refused(refused)
        return self._proxy.options(self._url)

    def _follow(self, location: str) -> None:
        came_from, joined = self._url, urls.join(self._url, location)
        if joined is None or (parts := urls.split(joined)) is None or parts.scheme not in {"http", "https"}:
            target = shown(joined) if joined is not None else "what is no address"
            raise StepFailure(
                Reason.ADDRESS_REFUSED,
                f"{shown(came_from)} redirects to {target}: only http and https are followed",
                f"Correct {self._subject.field}",
            )
        self._url = joined

    async def _save(self, response: aiohttp.ClientResponse) -> str:
        failure = status_failure(response.status, self._url, self._subject)
        if failure is not None:
            raise failure
        self._receiver.announced = response.content_length
        self._receiver.expect(response.content_length or 0)
        with self._receiver.written(self._target) as file:
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                file.write(chunk)
        return file.sha256

    def _too_large(self, words: str) -> StepFailure:
        words = f"The {self._subject.thing} at {shown(self._url)} {words}"
        return StepFailure(self._subject.too_large, words, OWN_CURE)

    def _open_socket(self, addr_info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = addr_info
        # A proxy is the administrator's choice, wherever it is.
        trusted = self._limits.allow_local_addresses or self._proxy is not None
        if not trusted and (why := refusal(str(address[0]))) is not None:
            self._refused = f"{address[0]}, which {why}"
            raise OSError(errno.EACCES, "address refused")
        opened = socket.socket(family, kind, protocol)
        opened.setblocking(False)
        return opened

    def _invalid(self) -> StepFailure:
        words = f"{self._subject.field} leads to {shown(self._url)}, which is no valid address"
        return StepFailure(self._subject.not_found, words, f"correct {self._subject.field}")

    def _timed_out(self, *, expired: bool) -> StepFailure:
        if expired and self._receiver.received:
            return self._receiver.late()
        return StepFailure(self._subject.unavailable, f"{shown(self._url)} did not answer in time", OWN_CURE)

    def _broken_off(self, error: aiohttp.ClientError) -> StepFailure:
        if self._refused is not None and isinstance(error, aiohttp.ClientConnectorError):
            return self._address_refused(self._refused)
        if isinstance(error, aiohttp.ClientProxyConnectionError):
            return self._unreachable(PROXY_SILENT)
        if isinstance(error, aiohttp.ClientConnectorDNSError) and self._proxy is not None:
            return self._unreachable(self._lost_name())
        return self._unreachable(obstacle(error) or Obstacle(Fault.UNAVAILABLE, self._how_broken_off(error)))

    def _unreachable(self, found: Obstacle) -> StepFailure:
        return unreachable(found, shown(self._url), self._subject.field, self._subject.unavailable)

    def _lost_name(self) -> Obstacle:
        # A proxy looks up the address, so that a name nobody knows is its own.
        return NO_SUCH_HOST if self._proxy is None else PROXY_SILENT

    def _how_broken_off(self, error: aiohttp.ClientError) -> str:
        # The proxy's address may come from a Secret, and so is not shown.
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return of_proxy(error.status).words
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"cannot be reached: {error.os_error.strerror or type(error.os_error).__name__}"
        if self._receiver.received:
            return f"broke off after {bytes_in_words(self._receiver.received)}"
        return f"gave no valid answer ({type(error).__name__})"

    def _address_refused(self, meaning: str) -> StepFailure:
        words = f"{shown(self._url)} leads to {meaning}: such addresses are not allowed"
        return StepFailure(Reason.ADDRESS_REFUSED, words, OWN_CURE)
