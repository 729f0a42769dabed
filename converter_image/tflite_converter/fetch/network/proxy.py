"""The proxy that the environment names for an address: HTTP_PROXY, HTTPS_PROXY and NO_PROXY."""

from dataclasses import dataclass
from typing import Self, TypedDict
from urllib.parse import SplitResult, unquote
from urllib.request import getproxies, proxy_bypass

from tflite_api import urls
from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure


@dataclass(frozen=True)
class Proxy:
    """Where requests go first."""

    url: str
    """Without user and password."""
    authorization: str | None
    """The value of Proxy-Authorization, where the environment has a user and password."""

    @classmethod
    def of(cls, url: str) -> Self | None:
        """Return the proxy for an http(s) address, or None for a direct connection."""
        parts = urls.split(url)
        named = getproxies().get(parts.scheme) if parts is not None else None
        if parts is None or not named or proxy_bypass(parts.netloc.rpartition("@")[2]):
            return None
        proxy = _parsed(parts.scheme, named)
        where = proxy._replace(netloc=proxy.netloc.rpartition("@")[2]).geturl()
        if proxy.username is None:
            return cls(where, None)
        import aiohttp  # noqa: PLC0415 - takes long, and the storage's proxy is looked at without it

        return cls(where, aiohttp.encode_basic_auth(unquote(proxy.username), unquote(proxy.password or "")))

    def options(self, url: str) -> "ProxyOptions":
        """Return the arguments of aiohttp's requests for an address."""
        told = {} if self.authorization is None else {"Proxy-Authorization": self.authorization}
        # For https aiohttp asks the proxy for a tunnel, and sends it these; else the proxy reads the request itself.
        if url.startswith("https:"):
            return {"proxy": self.url, "proxy_headers": told}
        return {"proxy": self.url, "headers": told}


def check() -> None:
    """Make sure that the environment names proxies in a way that every client understands.

    What urllib makes of an address that is none quotes it, and it may hold a password: so no client gets to see it.

    Raises:
        StepFailure: StorageUnavailable.
    """
    for scheme, named in getproxies().items():
        if scheme in {"http", "https", "all"}:
            _parsed(scheme, named)


def _parsed(scheme: str, named: str) -> SplitResult:
    proxy = urls.split(named if "://" in named else f"http://{named}")
    if proxy is None or not proxy.hostname:
        raise StepFailure(
            Reason.STORAGE_UNAVAILABLE,
            f"The variable {scheme.upper()}_PROXY of this container is no address of a proxy",
            "have the administrator write http://user:password@host:port, with %5B for [ and the like in a password",
        )
    return proxy


class ProxyOptions(TypedDict, total=False):
    """Arguments of aiohttp's requests; none if there is no proxy."""

    proxy: str
    headers: dict[str, str]
    proxy_headers: dict[str, str]
